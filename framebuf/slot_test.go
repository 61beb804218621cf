// What a caller does to a slot's Info must not spoil the frame.

package framebuf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

// Filters copy the Info of the frame they read: number, shape and checksum of the
// slot stay its own.
func TestInfoOfAnotherFrameCannotSpoilTheSlot(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	foreign := Info{
		Number: 99, Generation: Generation{9}, Format: Format{YUV420P, 1920, 1080}, PTS: 42,
		Flags: FlagCRC | FlagKey, CRC: 1, PlaneCount: 7, PayloadSize: 1 << 40, TimeBase: Rational{1, 25},
	}
	require.NotPanics(t, func() {
		require.NoError(t, w.Publish(ctx, func(s *Slot) error {
			s.Info = foreign
			stamp.Fill(s.Bytes(), 0)
			return nil
		}))
	})
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, small, f.Format)
	require.Equal(t, small.Size(), f.PayloadSize)
	require.Equal(t, int64(42), f.PTS)
	require.Equal(t, FlagKey, f.Flags)
	require.Equal(t, uint64(0), f.Number)
	require.NoError(t, f.Release())
}

// A template that does not speak of colour says unknown, not RGB.
func TestColourIsUnknownUnlessSaid(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, Format{YUV420P, 16, 16}, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	publishStamped(ctx, t, w)
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, uint8(MatrixUnknown), f.Color.Matrix)
	require.NoError(t, f.Release())
}
