// Package pause says how long to wait between the starts of what failed. Sources
// and outputs, which ffmpeg is started again for, keep the same times.
package pause

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Schedule is a row of pauses, each twice the one before, up to a fifth shorter or
// longer: many that lost one server do not come back at the same moment.
type Schedule struct {
	First   time.Duration // the first pause, before jitter
	Longest time.Duration // before jitter
	Steady  time.Duration // of success, after which the pauses begin anew
}

// Usual pauses 0.5, 1, 2, 4, 8, 16 and then 25 s, so that none is over 30 s with
// its jitter, and begins anew after a minute.
func Usual() Schedule {
	return Schedule{First: 500 * time.Millisecond, Longest: 25 * time.Second, Steady: time.Minute}
}

// Start is the row from its beginning. It is for one goroutine.
func (s Schedule) Start() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: s.First, MaxInterval: s.Longest, Multiplier: 2, RandomizationFactor: 0.2}
}

// Sleep waits for d. It reports false if ctx ends first, or has ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
