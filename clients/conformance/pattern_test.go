package conformance

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// The page for other languages gives these bytes to check one's formula with.
func TestPatternIsThatOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, row := range []struct {
		n    uint64
		f    framebuf.Format
		name string
	}{
		{0, framebuf.Format{PixelFormat: framebuf.RGBA, Width: 16, Height: 8}, "0 of rgba 16x8"},
		{5, framebuf.Format{PixelFormat: framebuf.YUV420P, Width: 15, Height: 7}, "5 of yuv420p 15x7"},
		{1<<47 - 1, framebuf.Format{}, "2^47 - 1 of data"},
	} {
		b := make([]byte, 12)
		fill(b, row.n, row.f)
		at, _ := check(b, row.n, row.f)
		require.Equal(t, -1, at)
		require.Contains(t, string(readme), fmt.Sprintf("| %s | %d | `% x` |", row.name, length(row.n, row.f), b))
	}
}

// A byte of another frame is found, wherever it is.
func TestCheckFindsEveryForeignByte(t *testing.T) {
	f := framebuf.Format{PixelFormat: framebuf.Gray8, Width: 15, Height: 3}
	for n := range uint64(50) {
		b, other := make([]byte, f.Size()), make([]byte, f.Size())
		fill(b, n, f)
		fill(other, n+1, f)
		for i := range b {
			torn := append([]byte(nil), b...)
			torn[i] ^= 0x10
			at, want := check(torn, n, f)
			require.Equal(t, i, at)
			require.Equal(t, b[i], want)
			copy(torn, b)
			copy(torn[i:], other[i:])
			at, _ = check(torn, n, f)
			if i+8 <= len(b) { // the last few bytes of two frames may be equal
				require.GreaterOrEqual(t, at, i)
			}
		}
	}
}
