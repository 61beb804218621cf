// Telling death from silence.

package framebuf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A peer that wakes everybody all the time (a monitor that opens and closes a
// reader in a loop does) must not keep others from noticing a death.
func TestWakesDoNotHideDeath(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	defer sweep(t, dir)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	s := mustOpen(t, dir, ReaderOptions{})
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				s.nudge()
			}
		}
	}()
	crash(t, w)
	_, err := r.Next(within(t, 3*time.Second))
	close(stop)
	<-done
	require.ErrorIs(t, err, ErrWriterDied)
	require.NoError(t, ctx.Err())
}

// A wake that brings no frame, as of another reader that leaves, does not begin the
// time until the next judgement anew.
func TestAWakeDoesNotDelayDeath(t *testing.T) {
	dir := testDir(t)
	defer sweep(t, dir)
	w := mustCreate(t, dir, small, Options{})
	other := mustOpen(t, dir, ReaderOptions{})
	crash(t, w)
	best := time.Hour // a busy machine may delay some, not all
	for range 5 {
		r := mustOpen(t, dir, ReaderOptions{})
		start := time.Now()
		late := time.AfterFunc(waitTick*8/10, other.nudge)
		_, err := r.Next(within(t, 3*time.Second))
		best = min(best, time.Since(start))
		late.Stop()
		require.ErrorIs(t, err, ErrWriterDied)
	}
	require.Less(t, best, waitTick*16/10, "the wake put the judgement off")
}
