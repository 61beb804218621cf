package cli

// How long frames were on their way.

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/shm"
)

// latency collects the time from a frame's arrival in capture to its handing over to the encoder. record is for one
// goroutine; percentiles are asked for when it has ended.
type latency struct{ h *hdrhistogram.Histogram }

func (l *latency) record(info *framebuf.Info, at time.Time) {
	if l.h == nil {
		l.h = hdrhistogram.New(1, int64(time.Hour/time.Microsecond), 3)
	}
	if info.Captured <= 0 {
		return
	}
	handed := time.Duration(shm.Mono()) - time.Since(at) // at, on the clock that all processes share
	_ = l.h.RecordValue(max(1, int64((handed-info.Captured)/time.Microsecond)))
}

// percentiles are p50 and p99 in milliseconds, nil if no frame has passed.
func (l *latency) percentiles() (p50, p99 *float64) {
	if l.h == nil || l.h.TotalCount() == 0 {
		return nil, nil
	}
	ms := func(percentile float64) *float64 {
		v := float64(l.h.ValueAtQuantile(percentile)) / 1000
		return &v
	}
	return ms(50), ms(99)
}
