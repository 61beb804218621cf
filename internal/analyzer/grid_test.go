package analyzer_test

import (
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/picture"
)

func TestGridOfEvenCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 90).Draw(t, "w"), rapid.IntRange(1, 90).Draw(t, "h")
		cell := rapid.IntRange(1, 40).Draw(t, "cell")
		cols, rows := (w+cell-1)/cell, (h+cell-1)/cell
		// A picture whose cells are even: the average is exact wherever the
		// samples lie, also in cells that the border cuts.
		whole := image.NewRGBA(image.Rect(0, 0, w+3, h+1))
		img := whole.SubImage(image.Rect(0, 0, w, h)).(*image.RGBA)
		want := make([]uint8, cols*rows)
		for i := range want {
			want[i] = uint8(i*37 + 5)
			x, y := i%cols*cell, i/cols*cell
			picture.Fill(img, image.Rect(x, y, x+cell, y+cell), color.RGBA{R: want[i], G: want[i], B: want[i], A: 255})
		}
		var g analyzer.Grid
		g.Fill(img, 7) // whatever it held before
		g.Fill(img, cell)
		require.Equal(t, []int{cols, rows, cell}, []int{g.Cols, g.Rows, g.CellPixels})
		require.Equal(t, want, g.Luma)
	})
}

func TestGridAverages(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	picture.Fill(img, image.Rect(0, 0, 4, 8), color.RGBA{R: 255, G: 255, B: 255, A: 255})
	picture.Fill(img, image.Rect(4, 0, 8, 4), color.RGBA{G: 255, A: 255})
	var g analyzer.Grid
	g.Fill(img, 8)
	require.Equal(t, []uint8{165}, g.Luma, "(32·255 + 16·150·255/256) / 64, rounded")
}

func TestMatrix(t *testing.T) {
	for _, m := range []analyzer.Matrix{analyzer.AutoMatrix, analyzer.BT601, analyzer.BT709} {
		r, g, b := m.Weights()
		require.Equal(t, uint32(256), r+g+b, "white stays white: %v", m)
	}
	require.Equal(t, "bt601", analyzer.AutoMatrix.For(719).String())
	require.Equal(t, "bt709", analyzer.AutoMatrix.For(720).String())
	require.Equal(t, "bt601", analyzer.BT601.For(1080).String())
	require.Equal(t, "Matrix(9)", analyzer.Matrix(9).String())
}

func TestPast(t *testing.T) {
	var p analyzer.Past
	for _, tc := range []struct {
		name   string
		w      int
		number uint64
		want   bool
	}{
		{"first", 4, 0, false},
		{"next", 4, 1, true},
		{"frames missed", 4, 9, true},
		{"the same again", 4, 9, false},
		{"back", 4, 3, false},
		{"next after back", 4, 4, true},
		{"other size", 5, 5, false},
		{"next of that size", 5, 6, true},
	} {
		require.Equal(t, tc.want, p.Continues(image.Pt(tc.w, 4), tc.number), tc.name)
	}
}

func BenchmarkGrid1080p(b *testing.B) {
	img := image.NewRGBA(image.Rect(0, 0, 1920, 1080))
	b.SetBytes(int64(len(img.Pix)))
	var g analyzer.Grid
	for b.Loop() {
		g.Fill(img, 8)
	}
}
