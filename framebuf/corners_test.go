// Where the promises were once broken: deaths in a row, ends beside moves, joins
// that are interrupted, foreign Info.

package framebuf

import (
	"context"
	"errors"
	"image"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

func publishWithin(t testing.TB, w *Writer, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errStuck)
	defer cancel()
	return w.Publish(ctx, func(s *Slot) error { stamp.Fill(s.Bytes(), s.Info.Number); return nil })
}

// A lossless reader is killed; the next owner of its cell is killed as well,
// before the writer has looked. Nobody lives: the writer must go on.
func TestTwoDeadOwnersOfOneCellDoNotStallTheWriter(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 2})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	publishStamped(ctx, t, w)
	publishStamped(ctx, t, w)
	w.mu.Lock() // between two ticks
	kill(t, r)
	next := mustOpen(t, dir, ReaderOptions{})
	require.Equal(t, r.cell, next.cell)
	kill(t, next)
	w.mu.Unlock()
	require.NoError(t, publishWithin(t, w, 3*time.Second))
	require.NoError(t, w.Close())
}

// An orderly end evicts nobody: the ended segment keeps its name for a reader
// that has not come over.
func TestEndDoesNotEvictWhoHasNotArrived(t *testing.T) {
	ctx := within(t, 60*time.Second)
	for range 10 {
		dir := testDir(t)
		w := mustCreate(t, dir, small, Options{Lossless: LosslessEvict, EvictAfter: 100 * time.Millisecond})
		r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
		publishStamped(ctx, t, w)
		require.NoError(t, w.SetFormat(ctx, larger))
		publishStamped(ctx, t, w)
		require.NoError(t, w.Close())
		var got []uint64
		for f, err := range r.Frames(ctx) {
			require.NoError(t, err)
			got = append(got, f.Number)
		}
		require.NoError(t, r.Close())
		sweep(t, dir)
		require.Equal(t, []uint64{0, 1}, got)
	}
}

// A lossless reader that was evicted in a generation it never saw is told so also
// when the segment has gone in the meantime; never a clean end with frames missing.
func TestLosslessLossIsNeverACleanEnd(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 2, Lossless: LosslessEvict, EvictAfter: 100 * time.Millisecond})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	publishStamped(ctx, t, w)
	require.NoError(t, w.SetFormat(ctx, larger))
	for range 5 { // evicts r, which still has frame 0 in the first generation
		publishStamped(ctx, t, w)
	}
	require.NoError(t, w.Close())
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.NoError(t, f.Release())
	_, err = r.Next(ctx)
	require.False(t, errors.Is(err, io.EOF), "frames 1 to 5 are missing, and the reader is told of a clean end")
	require.NoError(t, r.Close())
}

// A pinned reader that follows must get over a generation whose control file
// went away while it registered.
func TestPinnedFollowsPastAVanishedControlFile(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	defer sweep(t, dir)
	first := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{Mode: Pinned, Follow: true})
	crash(t, first)
	second := mustCreate(t, dir, small, Options{})
	seg, err := openData(second.dir, "cam0", false, false) // as find does
	require.NoError(t, err)
	require.NoError(t, second.Close()) // both names go, then:
	_ = r.adopt(ctx, seg)
	third := mustCreate(t, dir, small, Options{})
	publishStamped(ctx, t, third)
	f, err := r.Next(within(t, 3*time.Second))
	require.NoError(t, err)
	require.NoError(t, f.Release())
	require.NoError(t, r.Close())
	require.NoError(t, third.Close())
}

// A generation in which nothing was published and nobody answered is no gap.
func TestEmptyGenerationIsNoGap(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless, Follow: true})
	for range 3 {
		publishStamped(ctx, t, w)
		f, err := r.Next(ctx)
		require.NoError(t, err)
		require.NoError(t, f.Release())
	}
	crash(t, w)
	w = mustCreate(t, dir, small, Options{})
	crash(t, w)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err := r.Next(short) // goes through the empty one
	require.ErrorIs(t, err, context.DeadlineExceeded)
	w = mustCreate(t, dir, small, Options{})
	got := make(chan *Frame, 1)
	go func() {
		f, err := r.Next(ctx)
		if err == nil {
			got <- f
		}
		close(got)
	}()
	require.NoError(t, w.AwaitReaders(ctx, 1))
	publishStamped(ctx, t, w)
	f := <-got
	require.NotNil(t, f)
	require.Equal(t, uint64(3), f.Number)
	require.Zero(t, f.Missed)
	require.NoError(t, f.Release())
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
}

// A filter copies the Info of the frame it reads; the picture of the slot stays
// the slot's.
func TestSlotImageHasTheSlotsShape(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	foreign := Info{Format: Format{RGBA, 1920, 1080}}
	foreign.Plane, foreign.PlaneCount = foreign.Format.planes()
	err := w.Publish(ctx, func(s *Slot) error {
		s.Info = foreign
		var img *image.RGBA
		var err error
		require.NotPanics(t, func() { img, err = s.RGBA() })
		require.NoError(t, err)
		require.Equal(t, image.Rect(0, 0, 64, 36), img.Rect)
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

// A newcomer that takes the cell of a dead splicing reader and leaves again does
// not end the grace.
func TestSplicedGraceOutlivesAVisitor(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 2})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless, Spliced: true})
	publishStamped(ctx, t, w)
	publishStamped(ctx, t, w)
	died := time.Now()
	kill(t, r)
	eventually(t, 5*time.Second, "the writer sees the death", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.cells[r.cell].deadSince != 0
	})
	next := mustOpen(t, dir, ReaderOptions{})
	require.Equal(t, r.cell, next.cell)
	require.NoError(t, next.Close())
	publishStamped(ctx, t, w)
	require.GreaterOrEqual(t, time.Since(died), spliceGrace)
	require.NoError(t, w.Close())
}

// The name was removed by hand and taken by another writer: a move must not put
// its new generation over a living segment.
func TestMoveNeverReplacesAnotherWriter(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	a := mustCreate(t, dir, small, Options{})
	publishStamped(ctx, t, a)
	require.NoError(t, os.Remove(filepath.Join(dir, "cam0")))
	b := mustCreate(t, dir, small, Options{})
	err := a.SetFormat(ctx, larger)
	require.True(t, b.dir.Is("cam0", b.seg.file), "the living segment of another writer lost its name")
	require.ErrorIs(t, err, ErrUnlinked)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// Frames may be released from any goroutine, also while the reader joins the next
// writer. Says something with -race only.
func TestReleaseWhileJoining(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 8})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless, Follow: true, Hold: 4})
	for range 5 {
		var held []*Frame
		for range 4 {
			publishStamped(ctx, t, w)
			f, err := r.Next(ctx)
			require.NoError(t, err)
			held = append(held, f)
		}
		crash(t, w)
		w = mustCreate(t, dir, small, Options{Slots: 8})
		publishStamped(ctx, t, w)
		var done sync.WaitGroup
		done.Go(func() {
			for _, f := range held {
				_ = f.Release()
				time.Sleep(20 * time.Millisecond)
			}
		})
		f, err := r.Next(ctx)
		require.NoError(t, err)
		done.Wait()
		require.NoError(t, f.Release())
	}
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
}

// A picture of a frame that was released is an error, not a panic.
func TestImageAfterRelease(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.NoError(t, f.Release())
	require.NotPanics(t, func() { _, err = f.Image() })
	require.Error(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
}

// GC holds the lock of a dead segment for a moment. A start beside it is not told
// that a living writer holds the name.
func TestStartBesideCleanerIsNotBusy(t *testing.T) {
	dir, ctx := testDir(t), within(t, 60*time.Second)
	stop := make(chan struct{})
	var done sync.WaitGroup
	for range 2 {
		done.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, _ = GC(ctx, dir)
			}
		})
	}
	busy := 0
	for range 100 {
		w, err := Create("cam0", small, &Options{Dir: dir, Linger: -1})
		if errors.Is(err, ErrBusy) {
			busy++
			continue
		}
		require.NoError(t, err)
		publishStamped(ctx, t, w)
		crash(t, w)
	}
	close(stop)
	done.Wait()
	sweep(t, dir)
	require.Zero(t, busy)
}
