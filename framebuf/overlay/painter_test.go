package overlay_test

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/framebuf/overlay"
	"github.com/framebridge/framebridge/framebuf/results"
	"github.com/framebridge/framebridge/internal/picture"
	"github.com/framebridge/framebridge/internal/picture/golden"
)

var ground = color.RGBA{R: 30, G: 40, B: 60, A: 255}

// blank is an opaque picture.
func blank(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	picture.Fill(img, img.Rect, ground)
	return img
}

// count is how many pixels have colour c.
func count(img *image.RGBA, c color.RGBA) (n int) {
	for at := 0; at < len(img.Pix); at += 4 {
		if (color.RGBA{R: img.Pix[at], G: img.Pix[at+1], B: img.Pix[at+2], A: img.Pix[at+3]}) == c {
			n++
		}
	}
	return n
}

func score(v float64) *float64 { return &v }

// scene has everything that can go wrong at an edge, in a space of 640x360.
func scene() results.Boxes {
	return results.Boxes{Width: 640, Height: 360, Boxes: []results.Box{
		{X: 60, Y: 100, W: 120, H: 160, Label: "person", Score: score(0.93), Color: "#ff8000"},
		{X: 250, Y: 4, W: 100, H: 90, Label: "top", Score: score(0.5)},
		{X: -40, Y: -30, W: 140, H: 90, Label: "corner"},
		{X: 560, Y: 280, W: 200, H: 200, Label: "wide label", Score: score(1)},
		{X: 220, Y: 150, W: 130, H: 60, Label: "Straßenbahn é"},
		{X: 220, Y: 260, W: 130, H: 60, Label: "собака\n\xff", Color: "#0af"},
		{X: 400, Y: 120, W: 60, H: 80, Color: "#ffffff80"},
		{X: 500, Y: 120, W: 0, H: 0, Label: "point"},
	}}
}

func TestDrawGolden(t *testing.T) {
	for _, row := range []struct {
		name    string
		style   *overlay.Style
		opacity float64
	}{
		{"boxes", nil, 1},
		{"half", nil, 0.5},
		{"styled", &overlay.Style{
			LineWidth: 4, TextHeight: 18, MinScore: 0.6, HideScores: true,
			Colors: []color.NRGBA{{R: 255, A: 255}}, Background: &color.NRGBA{A: 128},
		}, 1},
		{"bare", &overlay.Style{HideLabels: true}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			img := blank(320, 180)
			overlay.New(row.style).Draw(img, scene(), row.opacity)
			golden.Equal(t, row.name, img)
		})
	}
}

func TestBoxPixels(t *testing.T) {
	red := color.RGBA{R: 255, A: 255}
	for _, row := range []struct {
		name          string
		box           results.Box
		width, height float64 // of the record's space
		want          int     // red pixels
	}{
		{"as it is", results.Box{X: 10, Y: 10, W: 10, H: 6}, 0, 0, 10*6 - 8*4},
		{"scaled down", results.Box{X: 100, Y: 100, W: 100, H: 60}, 400, 400, 10*6 - 8*4},
		{"scaled up", results.Box{X: 0.25, Y: 0.25, W: 0.25, H: 0.15}, 1, 1, 10*6 - 8*4},
		{"scaled by two numbers", results.Box{X: 5, Y: 100, W: 5, H: 60}, 20, 400, 10*6 - 8*4},
		{"fractions", results.Box{X: 9.6, Y: 10.4, W: 10, H: 6}, 0, 0, 10*6 - 8*4},
		{"a point", results.Box{X: 10, Y: 10}, 0, 0, 1},
		{"over the left edge", results.Box{X: -5, Y: 10, W: 10, H: 10}, 0, 0, 5 + 5 + 8},
		{"around everything", results.Box{X: -1e300, Y: -1e300, W: 2e300, H: 2e300}, 0, 0, 0},
		{"right at the edge", results.Box{W: 40, H: 40}, 0, 0, 4*40 - 4},
		{"outside", results.Box{X: 40, Y: 10, W: 10, H: 10}, 0, 0, 0},
		{"far away", results.Box{X: 1e300, Y: 10, W: 10, H: 10}, 0, 0, 0},
		{"no number", results.Box{X: math.NaN(), Y: 10, W: 10, H: 10}, 0, 0, 0},
		{"endless", results.Box{X: 10, Y: 10, W: math.Inf(1), H: 10}, 0, 0, 0},
		{"sum overflows", results.Box{X: math.MaxFloat64, Y: 10, W: math.MaxFloat64, H: 10}, 0, 0, 0},
		{"negative width", results.Box{X: 20, Y: 10, W: -10, H: 10}, 0, 0, 0},
		{"space without a size", results.Box{X: 10, Y: 10, W: 10, H: 6}, math.Inf(1), math.NaN(), 10*6 - 8*4},
		{"negative space", results.Box{X: 10, Y: 10, W: 10, H: 6}, -1, -1, 10*6 - 8*4},
		{"tiny space", results.Box{X: 1, Y: 1, W: 1, H: 1}, 5e-324, 5e-324, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			img := blank(40, 40)
			row.box.Color = "#f00"
			overlay.New(nil).Draw(img, results.Boxes{Width: row.width, Height: row.height, Boxes: []results.Box{row.box}}, 1)
			require.Equal(t, row.want, count(img, red))
			require.Equal(t, 1600-row.want, count(img, ground))
		})
	}
}

// What is left out, and what bounds a record.
func TestWhichBoxes(t *testing.T) {
	red := color.RGBA{R: 255, A: 255}
	point := func(x float64, s *float64) results.Box { return results.Box{X: x, Color: "#f00", Score: s} }
	draw := func(s *overlay.Style, opacity float64, boxes ...results.Box) int {
		img := blank(2000, 1)
		overlay.New(s).Draw(img, results.Boxes{Boxes: boxes}, opacity)
		return count(img, red)
	}
	bare := &overlay.Style{MinScore: 0.5, HideLabels: true}
	require.Equal(t, 2, draw(bare, 1, point(1, score(0.5)), point(2, score(0.49)), point(3, nil)))
	require.Equal(t, 1, draw(bare, 7, point(1, nil)), "more than all")
	for _, opacity := range []float64{0, -1, math.NaN(), math.Inf(-1)} {
		require.Zero(t, draw(bare, opacity, point(1, nil)), "%v", opacity)
	}
	many := make([]results.Box, 1500)
	for k := range many {
		many[k] = point(float64(k), nil)
	}
	require.Equal(t, 1000, draw(bare, 1, many...))
}

func TestColors(t *testing.T) {
	at := func(b results.Box) color.RGBA {
		img := blank(4, 4)
		b.W, b.H = 4, 4
		overlay.New(&overlay.Style{HideLabels: true}).Draw(img, results.Boxes{Boxes: []results.Box{b}}, 1)
		return img.RGBAAt(0, 0)
	}
	require.Equal(t, color.RGBA{R: 0x12, G: 0x34, B: 0x56, A: 255}, at(results.Box{Color: "#123456"}))
	require.Equal(t, color.RGBA{R: 0x11, G: 0x22, B: 0xff, A: 255}, at(results.Box{Color: "#12F"}))
	require.Equal(t, ground, at(results.Box{Color: "#12345600"}), "transparent")
	require.Equal(t, at(results.Box{Label: "cat"}), at(results.Box{Label: "cat", Color: "red"}), "a colour that is none")
	different := map[color.RGBA]bool{}
	for k := range 100 {
		c := at(results.Box{Label: fmt.Sprint("thing ", k)})
		require.NotEqual(t, ground, c)
		different[c] = true
	}
	require.Greater(t, len(different), 8)
}

// Frames of pixel format bgra get the same colours as those of rgba.
func TestBGRA(t *testing.T) {
	want, got := blank(320, 180), blank(320, 180)
	exchange := func(img *image.RGBA) {
		for at := 0; at < len(img.Pix); at += 4 {
			img.Pix[at], img.Pix[at+2] = img.Pix[at+2], img.Pix[at]
		}
	}
	exchange(got)
	p := overlay.New(nil)
	p.Draw(want, scene(), 0.7)
	p.DrawBGRA(got, scene(), 0.7)
	exchange(got)
	require.Equal(t, want.Pix, got.Pix)
}

// One painter for pictures of several sizes looks like one for each.
func TestPictureSizeMayChange(t *testing.T) {
	p := overlay.New(nil)
	for _, size := range []image.Point{{320, 180}, {1280, 720}, {320, 180}, {7, 3}, {1, 1}} {
		got, want := blank(size.X, size.Y), blank(size.X, size.Y)
		p.Draw(got, scene(), 1)
		overlay.New(nil).Draw(want, scene(), 1)
		require.Equal(t, want.Pix, got.Pix, "%v", size)
	}
	p.Draw(nil, scene(), 1)
	p.Draw(&image.RGBA{}, scene(), 1)
	p.Draw(&image.RGBA{Rect: image.Rect(0, 0, 4, 4), Stride: 16, Pix: make([]byte, 63)}, scene(), 1)
}

func TestLongLabelsAreCut(t *testing.T) {
	draw := func(label string) []byte {
		img := blank(1000, 40)
		overlay.New(nil).Draw(img, results.Boxes{Boxes: []results.Box{{X: 3, Y: 30, W: 5, H: 5, Label: label, Color: "#fff"}}}, 1)
		return img.Pix
	}
	long := strings.Repeat("é", 48)
	require.NotEqual(t, draw(long), draw(long[2:]))
	require.Equal(t, draw(strings.Repeat("é", 47)+"…"), draw(long+"é"))
	require.Equal(t, draw(long+"é"), draw(strings.Repeat("é", 1_000_000)))
}

// Whatever a record holds, nothing panics, nothing outside the picture changes, and
// an opaque picture stays opaque.
func TestAnyRecord(t *testing.T) {
	number := rapid.OneOf(rapid.Float64Range(-100, 100), rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -0.}))
	box := rapid.Custom(func(t *rapid.T) results.Box {
		b := results.Box{X: number.Draw(t, "x"), Y: number.Draw(t, "y"), W: number.Draw(t, "w"), H: number.Draw(t, "h")}
		b.Label = rapid.String().Draw(t, "label")
		b.Color = rapid.OneOf(rapid.StringMatching(`#[0-9a-f]{3,8}`), rapid.String()).Draw(t, "color")
		if rapid.Bool().Draw(t, "scored") {
			b.Score = score(number.Draw(t, "score"))
		}
		return b
	})
	rapid.Check(t, func(t *rapid.T) {
		whole := blank(60, 60)
		view := whole.SubImage(image.Rect(20, 20, rapid.IntRange(20, 40).Draw(t, "right"), rapid.IntRange(20, 40).Draw(t, "bottom"))).(*image.RGBA)
		p := overlay.New(&overlay.Style{LineWidth: rapid.IntRange(-1, 9).Draw(t, "line"), TextHeight: rapid.IntRange(-1, 30).Draw(t, "text")})
		p.Draw(view, results.Boxes{
			Width: number.Draw(t, "width"), Height: number.Draw(t, "height"), Boxes: rapid.SliceOfN(box, 0, 5).Draw(t, "boxes"),
		}, number.Draw(t, "opacity"))
		for y := range 60 {
			for x := range 60 {
				c := whole.RGBAAt(x, y)
				require.Equal(t, uint8(255), c.A, "alpha at %d,%d", x, y)
				if !image.Pt(x, y).In(view.Rect) {
					require.Equal(t, ground, c, "outside at %d,%d", x, y)
				}
			}
		}
	})
}

// BenchmarkDraw is the cost for a frame of 1920x1080.
func BenchmarkDraw(b *testing.B) {
	for _, row := range []struct {
		name    string
		boxes   int
		opacity float64
	}{{"20 boxes", 20, 1}, {"20 boxes fading", 20, 0.5}, {"500 boxes", 500, 1}} {
		b.Run(row.name, func(b *testing.B) {
			r := results.Boxes{Width: 1920, Height: 1080}
			for k := range row.boxes {
				r.Boxes = append(r.Boxes, results.Box{
					X: float64(k * 83 % 1600), Y: float64(k * 47 % 800), W: 300, H: 250,
					Label: []string{"person", "bicycle", "traffic light", "dog"}[k%4], Score: score(0.5 + float64(k%50)/100),
				})
			}
			img, p := blank(1920, 1080), overlay.New(nil)
			for b.Loop() {
				p.Draw(img, r, row.opacity)
			}
		})
	}
}
