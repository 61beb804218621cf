package capture

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// watched is a clock whose time the test says.
type watched struct {
	*stallWatch
	zero          time.Time
	live, stalled int
	stopped       time.Duration
}

func newWatched(t *testing.T, l silenceLimits) *watched {
	t.Helper()
	w := &watched{zero: time.Now()}
	w.stallWatch = &stallWatch{
		limits: l, since: w.zero,
		flowing: func() { w.live++ },
		stalled: func(time.Duration) { w.stalled++ },
		stop:    func(d time.Duration) { w.stopped = d },
	}
	w.timer = time.AfterFunc(time.Hour, func() {}) // never
	t.Cleanup(w.end)
	w.arm(w.zero)
	return w
}

// at is what the timer does, so long after the beginning.
func (w *watched) at(d time.Duration) {
	w.due = w.zero.Add(d) // it is in time
	w.look(w.due)
}

// frameAt is a frame at that time.
func (w *watched) frameAt(d time.Duration) {
	w.frame()
	w.since = w.zero.Add(d)
}

func TestStallWatch(t *testing.T) {
	const s = time.Second
	t.Run("silence from the beginning", func(t *testing.T) {
		w := newWatched(t, silenceLimits{stall: 5 * s, first: 10 * s, later: 5 * s})
		w.at(4900 * time.Millisecond)
		require.Zero(t, w.stalled)
		w.at(5 * s)
		require.Equal(t, 1, w.stalled)
		require.Zero(t, w.stopped, "it may take longer for its first frame")
		w.at(9 * s)
		w.at(10 * s)
		require.Equal(t, 10*s, w.stopped)
		require.Equal(t, 1, w.stalled, "one silence is one stall")
		w.frame()
		require.Zero(t, w.live, "too late")
	})
	t.Run("silence after frames", func(t *testing.T) {
		w := newWatched(t, silenceLimits{stall: 5 * s, first: 10 * s, later: 5 * s})
		w.frameAt(4 * s)
		w.frameAt(6 * s)
		require.Equal(t, 1, w.live)
		w.at(10 * s)
		require.Zero(t, w.stalled)
		w.at(11 * s)
		require.Equal(t, 1, w.stalled)
		require.Equal(t, 5*s, w.stopped)
	})
	t.Run("only told", func(t *testing.T) {
		w := newWatched(t, silenceLimits{stall: 5 * s})
		w.at(5 * s)
		w.at(500 * s)
		require.Equal(t, 1, w.stalled)
		require.Zero(t, w.stopped)
		w.frameAt(501 * s)
		require.Equal(t, 1, w.live, "it has come back")
		w.at(506 * s)
		require.Equal(t, 2, w.stalled)
	})
	t.Run("a limit without stalls", func(t *testing.T) {
		w := newWatched(t, silenceLimits{first: 3 * s, later: 3 * s})
		w.at(3 * s)
		require.Zero(t, w.stalled)
		require.Equal(t, 3*s, w.stopped)
	})
	t.Run("nobody listens", func(t *testing.T) {
		w := newWatched(t, silenceLimits{stall: 5 * s, later: 5 * s, first: 5 * s})
		w.hold()
		w.held = w.zero.Add(1 * s)
		w.at(100 * s)
		require.Zero(t, w.stalled, "we wait for a reader")
		w.held = time.Time{} // resumed at once
		w.at(103 * s)
		require.Zero(t, w.stalled)
		w.at(104 * s)
		require.Equal(t, 1, w.stalled, "4 s before that, 1 s after")
	})
	t.Run("two are waited for", func(t *testing.T) {
		w := newWatched(t, silenceLimits{stall: 5 * s, later: 5 * s, first: 5 * s})
		w.hold()
		w.hold()
		w.resume()
		w.held = w.zero.Add(1 * s)
		w.at(100 * s)
		require.Zero(t, w.stalled, "for one of them still")
		w.frame()
		require.WithinDuration(t, w.since, w.held, 0, "the time before a frame does not count")
		w.resume()
		require.WithinDuration(t, time.Now(), w.since, time.Minute)
		require.Zero(t, w.held)
	})
	t.Run("we were stopped ourselves", func(t *testing.T) {
		w := newWatched(t, silenceLimits{stall: 5 * s, first: 5 * s, later: 5 * s})
		w.due = w.zero.Add(5 * s)
		w.look(w.zero.Add(60 * s))
		require.Zero(t, w.stalled, "frames may wait to be read")
		w.due = w.zero.Add(62500 * time.Millisecond)
		w.look(w.zero.Add(100 * s))
		require.Equal(t, 1, w.stalled, "one excuse is enough")
	})
	t.Run("the end", func(t *testing.T) {
		w := newWatched(t, silenceLimits{stall: 5 * s, first: 5 * s, later: 5 * s})
		w.end()
		w.at(50 * s)
		w.frame()
		require.Zero(t, w.stalled+w.live)
		require.Zero(t, w.stopped)
	})
}
