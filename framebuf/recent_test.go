//go:build linux

package framebuf

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/stamp"
)

// lookBack is the numbers of the frames that can be looked at; every byte of them is
// checked.
func lookBack(ctx context.Context, t require.TestingT, r *Reader) (numbers []uint64) {
	for f, err := range r.Recent(ctx) {
		require.NoError(t, err)
		require.True(t, stamp.Whole(f.Bytes(), f.Number), "frame %d", f.Number)
		require.Equal(t, int64(f.Number), f.PTS)
		numbers = append(numbers, f.Number)
	}
	return numbers
}

// newestFirst is the numbers from last down, n of them or as many as there are.
func newestFirst(last, n int) (numbers []uint64) {
	for i := last; i >= 0 && len(numbers) < n; i-- {
		numbers = append(numbers, uint64(i))
	}
	return numbers
}

func TestRecentIsWhatTheSlotsHold(t *testing.T) {
	t.Parallel() // the end of each lossless writer takes a tick
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		t.Run(mode.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				dir, ctx := testDir(t), within(t, 20*time.Second)
				slots := rapid.IntRange(2, 6).Draw(rt, "slots")
				w := mustCreate(t, dir, small, Options{Slots: slots})
				r := mustOpen(t, dir, ReaderOptions{Mode: mode})
				require.Empty(rt, lookBack(ctx, rt, r))
				for n := range rapid.IntRange(1, 12).Draw(rt, "frames") {
					publishStamped(ctx, t, w)
					require.Equal(rt, newestFirst(n, slots), lookBack(ctx, rt, r))
					f, err := r.Next(ctx) // it has its own place
					require.NoError(rt, err)
					require.Equal(rt, uint64(n), f.Number)
					require.Zero(rt, f.Missed)
					require.NoError(rt, f.Release())
				}
				before := r.Stats()
				held := lookBack(ctx, rt, r)
				require.Equal(rt, before, r.Stats(), "looking back is not reading")
				require.NoError(rt, w.Close())
				require.Equal(rt, held, lookBack(ctx, rt, r), "an ended segment still has its frames")
				_, err := r.Next(ctx)
				require.ErrorIs(rt, err, io.EOF)
				require.NoError(rt, r.Close())
				for _, err := range r.Recent(ctx) {
					require.ErrorIs(rt, err, ErrClosed)
				}
			})
		})
	}
}

// A slot that is being written is not looked at, and a frame that was completed but
// never published neither.
func TestRecentLeavesOutTheUnfinished(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 3})
	r := mustOpen(t, dir, ReaderOptions{})
	for range 3 {
		publishStamped(ctx, t, w)
	}
	s, err := w.Begin(ctx)
	require.NoError(t, err)
	require.Equal(t, []uint64{2, 1}, lookBack(ctx, t, r), "the slot of frame 0 is being written")
	w.seg.sequence(s.index).Store(2*3 + 2) // as if it had died before the publish word
	require.Equal(t, []uint64{2, 1}, lookBack(ctx, t, r))
	s.Abandon()
}

// While frames come as fast as they can, whatever is handed out is whole.
func TestRecentUnderFire(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	c := start(t, "writer", play{Dir: dir, Format: small, Slots: 4})
	c.event(t, "ready")
	r := mustOpen(t, dir, ReaderOptions{})
	frames := 0
	for end := time.Now().Add(torture(t) / 2); time.Now().Before(end); {
		numbers := lookBack(ctx, t, r)
		require.True(t, slices.IsSortedFunc(numbers, func(a, b uint64) int { return int(b) - int(a) }), numbers)
		frames += len(numbers)
	}
	require.Positive(t, frames)
	c.stop(t)
}

// With Follow it is the segment that has the name now.
func TestRecentFollows(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	follows, stays := mustOpen(t, dir, ReaderOptions{Follow: true}), mustOpen(t, dir, ReaderOptions{})
	for range 2 {
		publishStamped(ctx, t, w)
	}
	crash(t, w)
	next := mustCreate(t, dir, small, Options{})
	publishStamped(ctx, t, next)
	require.Equal(t, []uint64{2}, lookBack(ctx, t, follows))
	require.Equal(t, []uint64{1, 0}, lookBack(ctx, t, stays))
	f, err := follows.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), f.Number)
}

// A segment that moved has its frames in the next generation.
func TestRecentAfterAMove(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	publishStamped(ctx, t, w)
	require.NoError(t, w.SetFormat(ctx, Format{PixelFormat: RGBA, Width: 128, Height: 72}))
	publishStamped(ctx, t, w)
	require.Equal(t, []uint64{1}, lookBack(ctx, t, r))
}
