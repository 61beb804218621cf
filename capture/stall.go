package capture

// The clock that notices when a live source falls silent. ffmpeg's own time-outs
// do not cover all protocols.

import (
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// stallAfter is how long a live source may be silent before readers are told.
const stallAfter = 5 * time.Second

// stallWatch keeps the source state of a segment between live and stalled. Its
// methods are safe for concurrent use.
type stallWatch struct {
	w     *framebuf.Writer
	after time.Duration // 0: nobody watches

	mu    sync.Mutex
	timer *time.Timer
	state framebuf.SourceState
	ended bool
}

// newStallWatch begins to watch for the first frame, if the source is live.
func newStallWatch(w *framebuf.Writer, live bool, after time.Duration) *stallWatch {
	s := &stallWatch{w: w}
	if live {
		s.after = after
		s.timer = time.AfterFunc(after, s.silent)
	}
	return s
}

// silent is the timer's: nothing came for so long.
func (s *stallWatch) silent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.state == framebuf.SourceStalled {
		return
	}
	s.set(framebuf.SourceStalled)
	s.w.CountStall()
}

// arrived says that a frame is coming. What happens to it may take long, where a
// reader is waited for: that is not the source's silence.
func (s *stallWatch) arrived() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.after > 0 {
		s.timer.Stop()
	}
	if s.state != framebuf.SourceLive && !s.ended {
		s.set(framebuf.SourceLive)
	}
}

// await says that the next frame is waited for.
func (s *stallWatch) await() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.after > 0 && !s.ended {
		s.timer.Reset(s.after)
	}
}

// end ends the watch: the state is not touched any more.
func (s *stallWatch) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.after > 0 {
		s.timer.Stop()
	}
}

// set changes the state. Called with mu held.
func (s *stallWatch) set(state framebuf.SourceState) {
	s.state = state
	s.w.SetSource(state)
}
