// Lossless reading, where it is interrupted.

package framebuf

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

// A reader that follows a restart joins anew. If the caller's context ends while
// it waits for the answer, the next call goes on joining: it neither reads
// without a promise nor takes itself for evicted.
func TestJoinGoesOnAfterContextEnded(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless, Follow: true})
	publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.NoError(t, f.Release())
	crash(t, w)

	w = mustCreate(t, dir, small, Options{})
	for range 3 {
		publishStamped(ctx, t, w)
	}
	w.mu.Lock() // no tick: nobody answers
	for registered := false; !registered; {
		short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		_, err = r.Next(short)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		r.mu.Lock()
		registered = r.ctl != nil && r.ctl.id == w.ctl.id
		r.mu.Unlock()
	}
	w.mu.Unlock()
	f, err = r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(3), f.Number, "the published frame at the time of the join")
	require.NoError(t, f.Release())
	publishStamped(ctx, t, w)
	f, err = r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(4), f.Number)
	require.NoError(t, f.Release())
	require.NoError(t, r.Close())
}

// A frame of a dead generation that is still out does not hold back the cursor in
// the next one.
func TestHeldFrameOfDeadGenerationHoldsNothing(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 3})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless, Follow: true, Hold: 1})
	publishStamped(ctx, t, w)
	old, err := r.Next(ctx)
	require.NoError(t, err)
	crash(t, w)
	w = mustCreate(t, dir, small, Options{Slots: 3})
	go func() {
		for ctx.Err() == nil {
			if w.Publish(ctx, func(s *Slot) error { stamp.Fill(s.Bytes(), s.Info.Number); return nil }) != nil {
				return
			}
		}
	}()
	short, cancel := context.WithTimeoutCause(ctx, 3*time.Second, errStuck)
	defer cancel()
	for range 20 {
		f, err := r.Next(short)
		require.NoError(t, err)
		require.NoError(t, f.Release())
	}
	require.True(t, stamp.Whole(old.Bytes(), 0))
	require.NoError(t, old.Release())
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
}

// The slots of a reader that splices stay owed for a second after its death, also
// when the next reader takes its cell at once.
func TestSplicedSlotsStayOwedAfterDeath(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 2})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless, Spliced: true})
	publishStamped(ctx, t, w)
	publishStamped(ctx, t, w)
	died := time.Now()
	kill(t, r)
	next := mustOpen(t, dir, ReaderOptions{})
	require.Equal(t, r.cell, next.cell)
	publishStamped(ctx, t, w)
	require.GreaterOrEqual(t, time.Since(died), spliceGrace)
}

type stuck struct{}

func (stuck) Error() string { return "writer and reader wait for each other" }

var errStuck = stuck{}
