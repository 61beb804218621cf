// The guards of frames and slots whose time is over.

package framebuf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

// Who kept the bytes and looks at them under the guard gets an error, and does not
// touch memory that may be gone.
func TestGuardAfterTheEnd(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		dir, ctx := testDir(t), within(t, 20*time.Second)
		w := mustCreate(t, dir, small, Options{})
		r := mustOpen(t, dir, ReaderOptions{Mode: mode})
		s, err := w.Begin(ctx)
		require.NoError(t, err)
		stamp.Fill(s.Bytes(), 0)
		slotBytes := s.Bytes()
		require.NoError(t, s.Publish())
		f, err := r.Next(ctx)
		require.NoError(t, err)
		frameBytes := f.Bytes()
		require.NoError(t, f.Release())
		require.NoError(t, r.Close())
		require.NoError(t, w.Close())
		require.ErrorIs(t, f.Guard(func() error { stamp.Whole(frameBytes, 0); return nil }), ErrClosed)
		require.ErrorIs(t, s.Guard(func() error { stamp.Fill(slotBytes, 1); return nil }), ErrClosed)
		require.ErrorIs(t, s.SetMeta([]byte("late")), ErrClosed)
	}
}
