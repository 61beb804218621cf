package cli

// What long work shows: one line that is redrawn on a terminal, one line every ten seconds elsewhere.

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// sample is how far a command is.
type sample struct {
	frames, dropped uint64
	covered         time.Duration // of the source's own time
	total           time.Duration // the same for all of it; 0 unknown
}

// meter counts frames as they pass. frame is for one goroutine at a time, sample for any.
type meter struct {
	frames  atomic.Uint64
	first   atomic.Int64 // time of the first frame, ns
	covered atomic.Int64 // ns
}

// frame counts one frame.
func (m *meter) frame(info *framebuf.Info) {
	n := m.frames.Add(1)
	if t, ok := info.Time(); ok {
		if n == 1 {
			m.first.Store(int64(t))
		}
		if covered := int64(t) - m.first.Load(); covered > m.covered.Load() {
			m.covered.Store(covered)
		}
	}
}

func (m *meter) sample() sample {
	return sample{frames: m.frames.Load(), covered: time.Duration(m.covered.Load())}
}

const (
	progressRedraw = 200 * time.Millisecond
	progressLine   = 10 * time.Second
)

// showProgress begins to show how a command gets on, unless --quiet was given. stop ends it and takes the line away;
// it is idempotent.
func (s *session) showProgress(now func() sample) (stop func()) {
	if s.quiet {
		return func() {}
	}
	every := progressLine
	if s.console.terminal {
		every = progressRedraw
	}
	began, quit := time.Now(), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-quit:
				return
			case <-t.C:
				if line := progressText(now(), time.Since(began)); s.console.terminal {
					s.console.draw(line)
				} else {
					s.note("%s", line)
				}
			}
		}
	})
	var once sync.Once
	return func() {
		once.Do(func() { close(quit) })
		done.Wait()
		s.console.clear()
	}
}

func progressText(at sample, wall time.Duration) string {
	speed := at.covered.Seconds() / wall.Seconds()
	parts := []string{fmt.Sprintf("%d frames", at.frames), fmt.Sprintf("%.1f fps", float64(at.frames)/wall.Seconds())}
	if at.covered > 0 {
		parts = append(parts, fmt.Sprintf("%.2fx", speed))
	}
	parts = append(parts, fmt.Sprintf("dropped %d", at.dropped))
	if left := at.total - at.covered; at.total > 0 && speed > 0 && left > 0 {
		parts = append(parts, "left "+time.Duration(float64(left)/speed).Round(time.Second).String())
	}
	return strings.Join(parts, "  ")
}

// onFrame is encode.Options.OnFrame.
func (m *meter) onFrame(info *framebuf.Info, _ time.Time) { m.frame(info) }
