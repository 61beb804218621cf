package framebuf

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
	"github.com/framebridge/framebridge/internal/testbed"
)

// testDir is an empty directory of segments in memory, removed afterwards. It
// must hold nothing by then: what is left is a leak.
func testDir(t testing.TB) string {
	t.Helper()
	return testbed.Dir(t)
}

// within is a context that ends long after every healthy test has.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	return testbed.Within(t, d)
}

func publishStamped(ctx context.Context, t testing.TB, w *Writer) uint64 {
	t.Helper()
	var n uint64
	require.NoError(t, w.Publish(ctx, func(s *Slot) error {
		n = s.Info.Number
		s.Info.PTS = int64(n)
		stamp.Fill(s.Bytes(), n)
		return nil
	}))
	return n
}

var small = Format{PixelFormat: RGBA, Width: 64, Height: 36}

func TestEveryModeReadsWhatWasWritten(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		for _, slots := range []int{2, 3, 4, 8} {
			t.Run(mode.String()+"/"+string(rune('0'+slots)), func(t *testing.T) {
				dir, ctx := testDir(t), within(t, 20*time.Second)
				w, err := Create("cam0", small, &Options{Dir: dir, Slots: slots, Linger: -1})
				require.NoError(t, err)
				defer w.Close()
				r, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Mode: mode})
				require.NoError(t, err)
				defer r.Close()
				for range 50 {
					n := publishStamped(ctx, t, w)
					f, err := r.Next(ctx)
					require.NoError(t, err)
					require.Equal(t, n, f.Number)
					require.Equal(t, int64(n), f.PTS)
					require.True(t, stamp.Whole(f.Bytes(), n))
					require.Zero(t, f.Missed)
					require.NoError(t, f.Release())
				}
				require.NoError(t, w.Close())
				_, err = r.Next(ctx)
				require.ErrorIs(t, err, io.EOF)
			})
		}
	}
}
