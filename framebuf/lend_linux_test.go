// What a plug-in gets: the memory of a segment, without the writer's locks.

package framebuf

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/internal/stamp"
)

// borrow maps what a writer lends, for another process to write to.
func borrow(t testing.TB, w *Writer) []byte {
	t.Helper()
	f, err := w.Lend()
	require.NoError(t, err)
	defer f.Close()
	st, err := f.Stat()
	require.NoError(t, err)
	m, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(m)) })
	return m
}

// publishLent publishes a frame that is written through a mapping of the lent file alone.
func publishLent(t testing.TB, w *Writer, memory []byte) uint64 {
	t.Helper()
	s, err := w.Begin(within(t, 20*time.Second))
	require.NoError(t, err)
	offset, length := s.Place()
	require.EqualValues(t, len(s.Bytes()), length)
	stamp.Fill(memory[offset:offset+length], s.Info.Number)
	require.True(t, stamp.Whole(s.Bytes(), s.Info.Number), "the place is not where Bytes are")
	require.NoError(t, s.Publish())
	return s.Info.Number
}

func requireNewest(t testing.TB, r *Reader, n uint64) {
	t.Helper()
	f, err := r.Next(within(t, 20*time.Second))
	require.NoError(t, err)
	require.Equal(t, n, f.Number)
	require.True(t, stamp.Whole(f.Bytes(), n))
	require.NoError(t, f.Release())
}

// Frames that another mapping wrote, in every slot, of sizes with and without padded lines.
func TestLentPlaces(t *testing.T) {
	for _, row := range []struct {
		name   string
		format Format
	}{
		{"even", small},
		{"odd", Format{PixelFormat: RGBA, Width: 63, Height: 7}},
		{"wide", Format{PixelFormat: BGRA, Width: 16384, Height: 2}},
		{"not rgba", Format{PixelFormat: NV12, Width: 62, Height: 8}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, before := testDir(t), openDescriptors(t)
			w := mustCreate(t, dir, row.format, Options{Slots: 3})
			r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
			memory := borrow(t, w)
			for range 7 {
				requireNewest(t, r, publishLent(t, w, memory))
			}
			require.NoError(t, r.Close())
			require.NoError(t, w.Close())
			require.Equal(t, before, openDescriptors(t))
		})
	}
}

// After a move to a larger generation the places are in another file, and whoever still has the first one spoils nothing.
func TestLentAfterAMove(t *testing.T) {
	dir := testDir(t)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	first := borrow(t, w)
	requireNewest(t, r, publishLent(t, w, first))
	generation := w.Generation()
	require.NoError(t, w.SetFormat(within(t, 20*time.Second), Format{PixelFormat: RGBA, Width: 400, Height: 300}))
	require.NotEqual(t, generation, w.Generation())
	second := borrow(t, w)
	require.Greater(t, len(second), len(first))
	n := publishLent(t, w, second)
	clear(first[len(first)-small.Size():]) // of its last slot
	requireNewest(t, r, n)

	generation = w.Generation()
	require.NoError(t, w.SetFormat(within(t, 20*time.Second), small)) // there is room for it
	require.Equal(t, generation, w.Generation())
	requireNewest(t, r, publishLent(t, w, second))
}

// A process that keeps the lent file, and lives on, keeps neither a dead writer alive nor a new one away.
func TestLentWithoutLocks(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	requireNewest(t, r, publishLent(t, w, borrow(t, w)))
	f, err := w.Lend()
	require.NoError(t, err)
	child := exec.Command("sleep", "1000")
	child.ExtraFiles = []*os.File{f}
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	require.NoError(t, f.Close())

	crash(t, w)
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, ErrWriterDied)
	next := mustCreate(t, dir, small, Options{})
	again := mustOpen(t, dir, ReaderOptions{})
	requireNewest(t, again, publishLent(t, next, borrow(t, next)))
	require.NoError(t, child.Process.Signal(unix.Signal(0)), "it lives, and has the file")
}

func TestLendRefuses(t *testing.T) {
	sealed := mustCreate(t, "/nonexistent", small, Options{Sealed: true})
	_, err := sealed.Lend()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "sealed")
	w := mustCreate(t, testDir(t), small, Options{})
	require.NoError(t, w.Close())
	_, err = w.Lend()
	require.ErrorIs(t, err, ErrClosed)
}
