//go:build linux

// A fuzz target for a whole segment: both files as somebody else wrote them.

package framebuf

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzOpenSegment changes bytes of the header of a data file (past its checksum) and of its control file, cells included,
// and then opens, reads, asks and joins. All may fail; nothing may crash, hang or reach beyond a file.
func FuzzOpenSegment(f *testing.F) {
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-fuzz-")
	require.NoError(f, err)
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	w, err := Create("cam0", Format{PixelFormat: Gray8, Width: 16, Height: 4}, &Options{Dir: dir, Slots: 2, Linger: -1})
	require.NoError(f, err)
	f.Cleanup(func() { _ = w.Close() })
	publishStamped(f.Context(), f, w)
	data, err := os.ReadFile(filepath.Join(dir, "cam0"))
	require.NoError(f, err)
	name := controlName("cam0", w.ctl.id)
	control, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(f, err)

	f.Add(uint32(0), []byte(nil), uint32(0), []byte(nil))
	f.Add(uint32(stCells), []byte{255, 255, 0, 0}, uint32(ctCells), []byte{255, 255, 0, 0})
	f.Add(uint32(stSlots), []byte{1, 0, 0, 0}, uint32(cellSize), make([]byte, cellSize))
	f.Add(uint32(staticSize), make([]byte, 512), uint32(ctMagic), []byte("x"))
	f.Fuzz(func(t *testing.T, dataAt uint32, dataBytes []byte, ctlAt uint32, ctlBytes []byte) {
		own, err := os.MkdirTemp("/dev/shm", "framebridge-fuzz-")
		require.NoError(t, err)
		defer func() { _ = os.RemoveAll(own) }()
		d, c := append([]byte(nil), data...), append([]byte(nil), control...)
		copy(d[int(dataAt)%len(d):], dataBytes)
		copy(c[int(ctlAt)%len(c):], ctlBytes)
		copy(d, seal(append([]byte(nil), d[:staticSize]...)))
		require.NoError(t, os.WriteFile(filepath.Join(own, "cam0"), d, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(own, name), c, 0o600))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, _ = Stat(own, "cam0")
		for _, mode := range []Mode{Newest, Pinned, Lossless} {
			r, err := Open(ctx, "cam0", &ReaderOptions{Dir: own, Mode: mode})
			if err != nil {
				continue
			}
			_ = r.View(ctx, func(f *Frame) error {
				require.LessOrEqual(t, len(f.Bytes()), len(d))
				return nil
			})
			_ = r.Close()
		}
	})
}
