// A control file that somebody truncates or scribbles over costs availability,
// never more.

package framebuf

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

func truncateControl(t testing.TB, dir string, w *Writer) {
	t.Helper()
	require.NoError(t, os.Truncate(filepath.Join(dir, controlName("cam0", w.ctl.id)), 0))
}

// A copying reader does not need the control file: it goes on, over missed frames
// and over a move.
func TestNewestSurvivesTruncatedControl(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	read := func(missed uint64) {
		t.Helper()
		f, err := r.Next(ctx)
		require.NoError(t, err)
		require.True(t, stamp.Whole(f.Bytes(), f.Number))
		require.Equal(t, missed, f.Missed)
		require.NoError(t, f.Release())
	}
	publishStamped(ctx, t, w)
	read(0)
	truncateControl(t, dir, w)
	for range 5 {
		publishStamped(ctx, t, w)
	}
	read(4)
	require.NoError(t, w.SetFormat(ctx, larger))
	publishStamped(ctx, t, w)
	read(0)
	require.Equal(t, uint64(4), r.Stats().Missed)
	require.NoError(t, w.Close())
}

// Frames that are out when the control file goes can be released, and asking on
// gives an error, not a panic.
func TestPinnedWithTruncatedControl(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 16})
	r, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Mode: Pinned, Hold: pins - 1})
	require.NoError(t, err)
	var out []*Frame
	for range pins {
		publishStamped(ctx, t, w)
		f, err := r.Next(ctx)
		require.NoError(t, err)
		out = append(out, f)
	}
	truncateControl(t, dir, w)
	for _, f := range out {
		_ = f.Release()
	}
	publishStamped(ctx, t, w)
	require.NotPanics(t, func() { // no Close after a panic: a mutex may be left locked
		_, err := r.Next(ctx)
		require.ErrorIs(t, err, ErrDamaged)
	})
	require.NoError(t, r.Close())
}
