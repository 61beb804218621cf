package capture

// The clock that notices when a source falls silent. ffmpeg's own time-outs do
// not cover all protocols.

import (
	"sync"
	"time"
)

// silenceLimits say how long a source may give no frame; 0 is without limit.
type silenceLimits struct {
	stall time.Duration // then it counts as stalled
	first time.Duration // before the first frame: then its session ends
	later time.Duration // between two frames: the same
}

// stallWatch measures the silence of one session, less the time in which nobody
// listened because a reader was waited for. Its methods are safe for concurrent
// use.
//
// As long as all is well it only notes the time. The timer looks at that when the
// silence would be too long.
type stallWatch struct {
	limits  silenceLimits
	flowing func()                      // a frame has come: the first one, or the first after a stall
	stalled func(silence time.Duration) // none has come
	stop    func(silence time.Duration) // end the session

	mu     sync.Mutex
	timer  *time.Timer // nil if nobody watches
	due    time.Time   // when it fires
	since  time.Time   // beginning of the silence
	holds  int         // how many readers are waited for
	held   time.Time   // since when nobody listens; zero if somebody does
	flows  bool        // a frame has come
	told   bool        // that it is stalled
	excuse bool        // this silence was excused once
	ended  bool
}

// begin starts the clock.
func (s *stallWatch) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Now()
	if s.limits != (silenceLimits{}) {
		s.timer = time.AfterFunc(time.Hour, func() { s.look(time.Now()) })
		s.arm(s.since)
	}
}

// hold says that the source is not listened to, because a reader is waited for: of
// the picture or of the sound, since ffmpeg gives neither without the other.
func (s *stallWatch) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holds++; s.holds == 1 {
		s.held = time.Now()
	}
}

// resume takes one hold back. After the last one the source is listened to again.
func (s *stallWatch) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holds--; s.holds == 0 {
		s.since = s.since.Add(time.Since(s.held))
		s.held = time.Time{}
	}
}

// frame says that a whole frame has come.
func (s *stallWatch) frame() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.since = time.Now()
	if s.holds > 0 { // for the sound, whose reader takes longer
		s.held = s.since
	}
	changed := s.told || !s.flows
	s.flows, s.told, s.excuse = true, false, false
	if changed {
		s.flowing()
		s.arm(s.since)
	}
}

// end ends the watch: nobody is told anything any more.
func (s *stallWatch) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// limit is the silence that ends the session.
func (s *stallWatch) limit() time.Duration {
	if s.flows {
		return s.limits.later
	}
	return s.limits.first
}

// next is the silence at which something is to be done; 0 for never.
func (s *stallWatch) next() time.Duration {
	if s.told {
		return s.limit()
	}
	return tighter(s.limits.stall, s.limit())
}

// arm sets the timer. Called with mu held.
func (s *stallWatch) arm(now time.Time) {
	next := s.next()
	if s.timer == nil || next == 0 {
		return
	}
	s.due = s.since.Add(next)
	s.timer.Reset(max(s.due.Sub(now), time.Millisecond))
}

// look is the timer's: it does what the silence asks for.
func (s *stallWatch) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next()
	if s.ended || next == 0 {
		return
	}
	if !s.held.IsZero() {
		s.since = s.since.Add(now.Sub(s.held))
		s.held = now
	}
	switch silence := now.Sub(s.since); {
	case silence < next: // there were frames
	case now.Sub(s.due) > next/2 && !s.excuse:
		// We were stopped ourselves, and what came meanwhile waits to be read.
		s.excuse = true
		s.since = now.Add(-next / 2)
	default:
		s.act(silence)
	}
	if !s.ended {
		s.arm(now)
	}
}

// act is for a silence that is too long. Called with mu held.
func (s *stallWatch) act(silence time.Duration) {
	if stall := s.limits.stall; stall > 0 && silence >= stall && !s.told {
		s.told = true
		s.stalled(silence)
	}
	if limit := s.limit(); limit > 0 && silence >= limit {
		s.ended = true
		s.stop(silence)
	}
}

// tighter is the shorter of two limits, of which 0 is none.
func tighter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
