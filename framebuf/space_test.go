//go:build linux

// A directory that is too small.

package framebuf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/internal/stamp"
)

// tinyDir is a tmpfs of its own with so many bytes. Mounting needs root: without
// it the test is skipped.
func tinyDir(t testing.TB, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,"+options); err != nil {
		t.Skipf("mounting a small tmpfs needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	return dir
}

func TestNoSpace(t *testing.T) {
	dir := tinyDir(t, "size=1m")
	_, err := Create("cam0", Format{RGBA, 1280, 720}, &Options{Dir: dir})
	var space *SpaceError
	require.ErrorAs(t, err, &space)
	require.ErrorIs(t, err, ErrNoSpace)
	require.Greater(t, space.Needed, int64(4*1280*720*4))
	require.Greater(t, space.Free, int64(900<<10))
	require.LessOrEqual(t, space.Free, int64(1<<20))
	require.Contains(t, err.Error(), dir)
	require.Contains(t, err.Error(), "docker run --shm-size=1g", "what a container needs")
	require.Empty(t, entries(t, dir), "nothing is left")
	w := mustCreate(t, dir, small, Options{})
	require.NoError(t, w.Close())
}

// Where only one segment fits, the one after a crash must fit as well: nobody
// cleans by hand.
func TestRestartWhereOnlyOneFits(t *testing.T) {
	dir, ctx := tinyDir(t, "size=5m"), within(t, 20*time.Second)
	hd := Format{RGBA, 800, 480} // 2 slots: 3.1 MB
	for range 3 {
		w := mustCreate(t, dir, hd, Options{Slots: 2})
		first := publishStamped(ctx, t, w)
		crash(t, w)
		w = mustCreate(t, dir, hd, Options{Slots: 2})
		require.Greater(t, publishStamped(ctx, t, w), first)
		require.NoError(t, w.Close())
	}
}

// A move that does not fit leaves the old format running.
func TestMoveWithoutSpace(t *testing.T) {
	dir, ctx := tinyDir(t, "size=1m"), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	publishStamped(ctx, t, w)
	require.ErrorIs(t, w.SetFormat(ctx, Format{RGBA, 1920, 1080}), ErrNoSpace)
	require.Equal(t, small, w.Format())
	publishStamped(ctx, t, w)
	for n := range uint64(2) {
		f, err := r.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, n, f.Number)
		require.NoError(t, f.Release())
	}
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	require.Empty(t, entries(t, dir))
}

// A read-only mount, as a container gets it, is enough for the newest frame; the
// other modes say what they lack.
func TestReadOnlyMount(t *testing.T) {
	dir, ctx := tinyDir(t, "size=1m"), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	ro := t.TempDir()
	require.NoError(t, unix.Mount(dir, ro, "", unix.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(ro, 0)) })
	require.NoError(t, unix.Mount("", ro, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	r := mustOpen(t, ro, ReaderOptions{})
	n := publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.True(t, stamp.Whole(f.Bytes(), n))
	require.NoError(t, f.Release())
	require.NoError(t, r.Close())
	for _, m := range []Mode{Pinned, Lossless} {
		_, err := Open(ctx, "cam0", &ReaderOptions{Dir: ro, Mode: m})
		require.ErrorIs(t, err, ErrReadOnly, m)
	}
	_, err = Stat(ro, "cam0")
	require.NoError(t, err)
	_, err = Create("cam1", small, &Options{Dir: ro})
	require.Error(t, err)
	require.NoError(t, w.Close())
}
