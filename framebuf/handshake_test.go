// The protocol's moments that no scheduler can be asked for, each set up by hand.

package framebuf

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

// The writer has stored its claim and read the pins, and not yet marked the slot
// odd. A pin that comes now is too late: the reader must see the claim, or its
// view would be overwritten without having been broken.
func TestPinThatComesAfterTheClaim(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{Mode: Pinned})
	n := publishStamped(ctx, t, w)
	slot := w.front
	back := w.seg.dyn64(dyBack)
	before := back.Load()
	back.Store(pack(n+1, slot))
	f, err := r.pinFrame(n, slot)
	require.NoError(t, err)
	require.Nil(t, f)
	require.Zero(t, w.ctl.pin(r.cell, 0).Load(), "the pin is taken back")
	back.Store(before)
	f, err = r.pinFrame(n, slot)
	require.NoError(t, err)
	require.NotNil(t, f)
	require.NoError(t, f.Release())
	require.NoError(t, r.Close())
}

// A pin that was there before the claim keeps the slot, as long as there is
// another one.
func TestPinThatComesBeforeTheClaim(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 3})
	r := mustOpen(t, dir, ReaderOptions{Mode: Pinned})
	n := publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	for range 20 {
		publishStamped(ctx, t, w)
		require.True(t, stamp.Whole(f.Bytes(), n))
		require.NoError(t, f.Valid())
	}
	require.NoError(t, f.Release())
	require.NoError(t, r.Close())
}

// The published slot is never the one to write next, not even when every other one
// is pinned: then a pin is broken. Who comes while a frame is made finds the one
// before it.
func TestPublishedSlotIsNeverTaken(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 2})
	pinned := mustOpen(t, dir, ReaderOptions{Mode: Pinned})
	publishStamped(ctx, t, w)
	view, err := pinned.Next(ctx)
	require.NoError(t, err)
	n := publishStamped(ctx, t, w)
	s, err := w.Begin(ctx)
	require.NoError(t, err)
	require.NotEqual(t, w.front, s.index)
	r := mustOpen(t, dir, ReaderOptions{})
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, n, f.Number)
	require.True(t, stamp.Whole(f.Bytes(), n))
	require.NoError(t, f.Release())
	require.ErrorIs(t, view.Release(), ErrBroken)
	s.Abandon()
	require.NoError(t, r.Close())
	require.NoError(t, pinned.Close())
}

// The lock is free because the writer ended in order, after this reader had found
// it live.
func TestEndedIsSeenBehindAFreeLock(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	n := publishStamped(ctx, t, w)
	r := mustOpen(t, dir, ReaderOptions{})
	require.NoError(t, w.Close())
	_, err := r.seg.verdict(n + 2)
	require.ErrorIs(t, err, io.EOF)
	word, err := r.seg.verdict(n + 1)
	require.NoError(t, err, "the last frame comes first")
	require.Equal(t, n+1, word>>16)
	require.NoError(t, r.Close())
}

// The same for a death: what was published before it is delivered first.
func TestPublishedIsSeenBehindAFreeLock(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	defer sweep(t, dir)
	w := mustCreate(t, dir, small, Options{})
	n := publishStamped(ctx, t, w)
	r := mustOpen(t, dir, ReaderOptions{})
	crash(t, w)
	word, err := r.seg.verdict(n + 1)
	require.NoError(t, err)
	require.Equal(t, n+1, word>>16)
	_, err = r.seg.verdict(n + 2)
	require.ErrorIs(t, err, ErrWriterDied)
	require.NoError(t, r.Close())
}

// A lossless view whose reader was evicted says so at its end, and the bytes are
// another frame's.
func TestEvictedViewSaysSo(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 2, Lossless: LosslessEvict, EvictAfter: 20 * time.Millisecond})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	n := publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	for range 3 {
		publishStamped(ctx, t, w)
	}
	require.False(t, stamp.Whole(f.Bytes(), n))
	require.ErrorIs(t, f.Valid(), ErrEvicted)
	require.ErrorIs(t, f.Release(), ErrEvicted)
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, ErrEvicted)
	require.NoError(t, r.Close())
}

// A second move would take away the name by which a lossless reader finds the
// generation between: however slow it is, it gets every frame of every one.
func TestMovesWaitForEveryArrival(t *testing.T) {
	dir, ctx := testDir(t), within(t, 60*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	n := publishStamped(ctx, t, w)
	require.Zero(t, n)
	require.NoError(t, w.SetFormat(ctx, larger)) // nobody has to have arrived before the first
	publishStamped(ctx, t, w)
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, w.SetFormat(short, Format{RGBA, 256, 144}), context.DeadlineExceeded)

	const moves = 6
	wrote := make(chan error, 1)
	go func() {
		for i := range moves {
			if err := w.SetFormat(ctx, Format{RGBA, 256 + 64*i, 144}); err != nil {
				wrote <- err
				return
			}
			if err := publishWithin(t, w, 20*time.Second); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for want := range uint64(2 + moves) {
		f, err := r.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, want, f.Number)
		require.Zero(t, f.Missed)
		require.True(t, stamp.Whole(f.Bytes(), want))
		require.NoError(t, f.Release())
	}
	require.NoError(t, <-wrote)
	require.NoError(t, r.Close())
}

// A reader comes out of a moved generation and finds another chain of generations
// under the name: it is not a move, and what it means is told by whether that one
// took over from a dead writer.
func TestMoveIntoAnotherChain(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned} {
		for _, died := range []bool{false, true} {
			dir, ctx := testDir(t), within(t, 20*time.Second)
			w := mustCreate(t, dir, small, Options{})
			r := mustOpen(t, dir, ReaderOptions{Mode: mode})
			publishStamped(ctx, t, w)
			f, err := r.Next(ctx)
			require.NoError(t, err)
			require.NoError(t, f.Release())
			require.NoError(t, w.SetFormat(ctx, larger))
			if died {
				crash(t, w)
			} else {
				require.NoError(t, w.Close())
			}
			next := mustCreate(t, dir, small, Options{})
			publishStamped(ctx, t, next)
			_, err = r.Next(ctx)
			if died {
				require.ErrorIs(t, err, ErrWriterDied, mode)
			} else {
				require.ErrorIs(t, err, io.EOF, mode)
			}
			require.NoError(t, r.Close())
			require.NoError(t, next.Close())
		}
	}
}
