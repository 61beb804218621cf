// A publish word that names no whole frame: its writer broke the protocol.

package framebuf

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/seqlock"
)

// While the writer lives it may yet put it right: that is an overrun. After it,
// nobody will, and a reader that asks again as it was told must not ask for ever.
func TestPublishedFrameThatIsNotWhole(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned} {
		for _, ends := range []bool{false, true} {
			dir, ctx := testDir(t), within(t, 20*time.Second)
			w := mustCreate(t, dir, small, Options{})
			r := mustOpen(t, dir, ReaderOptions{Mode: mode})
			n := publishStamped(ctx, t, w)
			seqlock.BeginWrite(w.seg.sequence(w.front), n) // odd again

			_, err := r.Next(ctx)
			require.ErrorIs(t, err, ErrOverrun)
			require.Equal(t, uint64(tries), r.Stats().Retries)
			gone, cancel := context.WithCancel(ctx)
			cancel()
			_, err = r.Next(gone)
			require.ErrorIs(t, err, context.Canceled)

			want := ErrWriterDied
			if ends {
				require.NoError(t, w.Close())
				want = ErrDamaged
			} else {
				crash(t, w)
			}
			_, err = r.Next(ctx)
			require.ErrorIs(t, err, want)
			require.NoError(t, r.Close())
			sweep(t, dir)
		}
	}
}

// The next writer of the name makes it good.
func TestFollowPastAFrameThatIsNotWhole(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{Follow: true})
	n := publishStamped(ctx, t, w)
	seqlock.BeginWrite(w.seg.sequence(w.front), n)
	crash(t, w)
	w = mustCreate(t, dir, small, Options{})
	next := publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, next, f.Number)
	require.NoError(t, f.Release())
	require.NoError(t, r.Close())
}
