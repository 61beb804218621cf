// Changing generations: what readers see of a segment that moves.

package framebuf

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var larger = Format{PixelFormat: RGBA, Width: 128, Height: 72}

// A segment that moved and then ended in order has ended in order, also for a
// reader that was elsewhere in the meantime.
func TestCleanEndAfterMoveIsNoDeath(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		t.Run(mode.String(), func(t *testing.T) {
			dir, ctx := testDir(t), within(t, 20*time.Second)
			w := mustCreate(t, dir, small, Options{})
			r := mustOpen(t, dir, ReaderOptions{Mode: mode})
			publishStamped(ctx, t, w)
			require.NoError(t, w.SetFormat(ctx, larger))
			publishStamped(ctx, t, w)
			closed := make(chan error, 1)
			go func() { closed <- w.Close() }()
			eventually(t, 5*time.Second, "the writer ends", func() bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.closed
			})
			if mode != Lossless {
				require.NoError(t, <-closed)
				closed <- nil
			} else {
				time.Sleep(3 * tickEvery) // a slow reader
			}
			var got []uint64
			for {
				f, err := r.Next(ctx)
				if err != nil {
					require.ErrorIs(t, err, io.EOF)
					break
				}
				got = append(got, f.Number)
				require.NoError(t, f.Release())
			}
			if mode == Lossless {
				require.Equal(t, []uint64{0, 1}, got)
			}
			require.NoError(t, r.Close())
			require.NoError(t, <-closed)
		})
	}
}
