//go:build linux

package framebuf

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A writer with nothing to say never finds out that its name is gone; those who
// wait for it do, also when it would never speak again.
func TestReadersNoticeThatTheNameIsGone(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			dir, ctx := testDir(t), within(t, 20*time.Second)
			w := mustCreate(t, dir, small, Options{})
			r := mustOpen(t, dir, ReaderOptions{Mode: mode})
			n := publishStamped(ctx, t, w)
			require.NoError(t, os.Remove(filepath.Join(dir, "cam0")))
			f, err := r.Next(ctx)
			require.NoError(t, err, "what was published comes first")
			require.Equal(t, n, f.Number)
			require.NoError(t, f.Release())
			_, err = r.Next(ctx)
			require.ErrorIs(t, err, ErrUnlinked)
			require.NoError(t, r.Close())
			require.NoError(t, w.Close())
		})
	}
}
