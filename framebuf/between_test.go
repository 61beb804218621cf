//go:build linux

// What a writer can do between two loads of a reader that joins: faults that the
// model in internal/model found.

package framebuf

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// half is a lossless reader that has stored its token and looks for no answer yet.
func half(t *testing.T, dir string, before func()) *Reader {
	t.Helper()
	r := &Reader{name: "cam0", opts: ReaderOptions{Dir: dir, Mode: Lossless}}
	t.Cleanup(func() { _ = r.Close() })
	seg, err := r.find(t.Context(), Generation{}, false)
	require.NoError(t, err)
	before()
	r.seg, r.scratch = seg, make([]byte, seg.st.slotRecord)
	require.NoError(t, r.register())
	require.Equal(t, asked, r.stand)
	return r
}

func nothing() {}

// The writer answers, and then moves or ends, while a joining reader has asked
// whether anybody writes and not yet looked for its answer. What the writer kept
// for it must come.
func TestAnswerBeforeTheEnd(t *testing.T) {
	for _, row := range []struct {
		name string
		then func(*testing.T, *Writer)
	}{
		{"moved", func(t *testing.T, w *Writer) { require.NoError(t, w.SetFormat(t.Context(), larger)) }},
		{"ended", func(t *testing.T, w *Writer) { require.NoError(t, w.Close()) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, ctx := testDir(t), within(t, 20*time.Second)
			w := mustCreate(t, dir, small, Options{Linger: -1})
			publishStamped(ctx, t, w)
			r := half(t, dir, nothing)
			idle := r.seg.idle()
			require.False(t, idle)
			require.NoError(t, w.AwaitReaders(ctx, 1)) // it has answered
			publishStamped(ctx, t, w)
			row.then(t, w)
			done, err := r.answered(r.seg, idle)
			require.NoError(t, err)
			require.True(t, done)
			for n := range uint64(2) {
				f, err := r.Next(ctx)
				require.NoError(t, err)
				require.Equal(t, n, f.Number)
				require.NoError(t, f.Release())
			}
		})
	}
}

// A generation that has moved is not one that nobody writes any more: its reader
// goes on to the next one, and hears there that it was evicted.
func TestMovedIsNotIdle(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Linger: -1, Slots: 2, Lossless: LosslessEvict, EvictAfter: time.Millisecond})
	r := half(t, dir, w.mu.Lock) // no tick answers
	w.seg.dyn32(dyState).Store(uint32(Moved))
	idle := r.seg.idle()
	done, err := r.answered(r.seg, idle)
	w.seg.dyn32(dyState).Store(uint32(Live))
	w.mu.Unlock()
	require.True(t, idle)
	require.False(t, done)
	require.ErrorIs(t, err, errMoved)
	require.Equal(t, asked, r.stand)
	require.NoError(t, r.finishJoining(ctx))
}

// A reader that was never answered was promised nothing: the end is an end.
func TestUnansweredIsNotLost(t *testing.T) {
	ctx := within(t, 20*time.Second)
	unanswered := func() bool {
		w := mustCreate(t, testDir(t), small, Options{Linger: -1})
		r := half(t, w.dir.Path(), func() { require.NoError(t, w.SetFormat(ctx, larger)) })
		require.NoError(t, w.Close())
		if w.cells[r.cell].token != 0 {
			return false // a tick was faster
		}
		require.ErrorIs(t, r.finishJoining(ctx), io.EOF)
		return true
	}
	for !unanswered() {
		require.NoError(t, ctx.Err())
	}
}

// A clean end stays one when the next writer under the name has moved.
func TestEndIsNoDeathAfterTheNextOneMoved(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Linger: -1})
	r := mustOpen(t, dir, ReaderOptions{})
	publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.NoError(t, f.Release())
	require.NoError(t, w.SetFormat(ctx, larger))
	require.NoError(t, w.Close())
	next := mustCreate(t, dir, small, Options{Linger: -1})
	require.NoError(t, next.SetFormat(ctx, larger))
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, io.EOF)
}

// And a death stays one.
func TestDeathAfterTheNextOneMoved(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Linger: -1})
	r := mustOpen(t, dir, ReaderOptions{})
	publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.NoError(t, f.Release())
	require.NoError(t, w.SetFormat(ctx, larger))
	crash(t, w)
	next := mustCreate(t, dir, small, Options{Linger: -1})
	require.NoError(t, next.SetFormat(ctx, larger))
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, ErrWriterDied)
}
