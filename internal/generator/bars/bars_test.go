package bars_test

import (
	"fmt"
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/generator/bars"
)

func TestColours(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 840, 480))
	require.NoError(t, bars.New().Draw(img, 119, 0)) // the line at the right border
	for _, tc := range []struct {
		name string
		x, y int
		want color.RGBA
	}{
		{"grey", 60, 10, color.RGBA{191, 191, 191, 255}},
		{"yellow", 180, 10, color.RGBA{191, 191, 0, 255}},
		{"cyan", 300, 10, color.RGBA{0, 191, 191, 255}},
		{"green", 420, 10, color.RGBA{0, 191, 0, 255}},
		{"magenta", 540, 319, color.RGBA{191, 0, 191, 255}},
		{"red", 660, 10, color.RGBA{191, 0, 0, 255}},
		{"blue", 780, 10, color.RGBA{0, 0, 191, 255}},
		{"blue of the thin row", 60, 340, color.RGBA{0, 0, 191, 255}},
		{"grey of the thin row", 780, 340, color.RGBA{191, 191, 191, 255}},
		{"-I", 70, 400, color.RGBA{0, 33, 76, 255}},
		{"white", 220, 400, color.RGBA{255, 255, 255, 255}},
		{"+Q", 370, 400, color.RGBA{50, 0, 106, 255}},
		{"black step", 660, 400, color.RGBA{0, 0, 0, 255}},
		{"4 percent step", 700, 479, color.RGBA{10, 10, 10, 255}},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, img.RGBAAt(tc.x, tc.y)) })
	}
}

func TestLineMoves(t *testing.T) {
	img, b := image.NewRGBA(image.Rect(0, 0, 840, 480)), bars.New()
	for n, want := range map[uint64]int{0: 0, 1: 7, 119: 833, 120: 0, 1<<63 + 8: int((1<<63 + 8) % uint64(840) * 7 % 840)} {
		require.NoError(t, b.Draw(img, n, 0))
		require.Equal(t, color.RGBA{255, 255, 255, 255}, img.RGBAAt(want, 5), "frame %d", n)
		require.Equal(t, color.RGBA{0, 0, 0, 255}, img.RGBAAt(want+1, 5), "frame %d", n)
	}
}

func Example() {
	frame := image.NewRGBA(image.Rect(0, 0, 320, 180))
	if err := bars.New().Draw(frame, 100, 0); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(frame.RGBAAt(60, 20)) // yellow
	// Output: {191 191 0 255}
}
