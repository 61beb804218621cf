// Package golden compares pictures with PNG files that somebody has looked at.
// It is for tests.
package golden

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Equal fails the test unless img has the same pixels as testdata/<name>.png.
// With FRAMEBRIDGE_UPDATE_GOLDEN set it writes that file instead; look at it
// before it is committed.
func Equal(t testing.TB, name string, img *image.RGBA) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	if os.Getenv("FRAMEBRIDGE_UPDATE_GOLDEN") != "" {
		var buf bytes.Buffer
		require.NoError(t, png.Encode(&buf, img))
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, buf.Bytes(), 0o644))
		return
	}
	f, err := os.Open(path)
	require.NoError(t, err, "set FRAMEBRIDGE_UPDATE_GOLDEN=1 to write it")
	defer func() { _ = f.Close() }()
	decoded, err := png.Decode(f)
	require.NoError(t, err)
	want := image.NewRGBA(decoded.Bounds())
	draw.Draw(want, want.Rect, decoded, want.Rect.Min, draw.Src)
	require.Equal(t, want.Rect.Size(), img.Rect.Size(), "size of %s", path)
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			got := img.RGBAAt(img.Rect.Min.X+x, img.Rect.Min.Y+y)
			if want.RGBAAt(x, y) != got {
				t.Fatalf("pixel (%d, %d) is %v, but in %s it is %v", x, y, got, path, want.RGBAAt(x, y))
			}
		}
	}
}
