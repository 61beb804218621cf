package picture_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/picture"
	"github.com/framebridge/framebridge/internal/picture/golden"
)

var (
	white  = color.RGBA{R: 255, G: 255, B: 255, A: 255}
	yellow = color.RGBA{R: 255, G: 214, B: 10, A: 255}
	black  = color.RGBA{A: 255}
	veil   = color.RGBA{R: 100, A: 128}
)

// blank returns an opaque picture.
func blank(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	picture.Fill(img, img.Rect, color.RGBA{R: 30, G: 40, B: 60, A: 255})
	return img
}

// count returns how many pixels have colour c.
func count(img *image.RGBA, c color.RGBA) (n int) {
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		for x := img.Rect.Min.X; x < img.Rect.Max.X; x++ {
			if img.RGBAAt(x, y) == c {
				n++
			}
		}
	}
	return n
}

func TestBoxPixels(t *testing.T) {
	for _, tc := range []struct {
		name      string
		r         image.Rectangle
		thickness int
		want      int
	}{
		{"inside", image.Rect(10, 10, 20, 16), 1, 10*6 - 8*4},
		{"thick", image.Rect(10, 10, 20, 16), 2, 10*6 - 6*2},
		{"no room inside", image.Rect(10, 10, 14, 14), 2, 16},
		{"thickness 0 is 1", image.Rect(10, 10, 20, 16), 0, 10*6 - 8*4},
		{"corners swapped", image.Rectangle{Min: image.Pt(20, 16), Max: image.Pt(10, 10)}, 1, 10*6 - 8*4},
		{"empty", image.Rect(10, 10, 10, 16), 1, 0},
		{"left of it", image.Rect(-50, 0, -10, 10), 3, 0},
		{"over the left border", image.Rect(-5, 10, 5, 20), 1, 5 + 5 + 8},
		{"around all", image.Rect(-10, -10, 50, 50), 3, 0},
		{"exactly around", image.Rect(0, 0, 40, 40), 1, 4*40 - 4},
		{"without end", image.Rect(math.MinInt, math.MinInt, math.MaxInt, math.MaxInt), 5, 0},
		{"without end to the right", image.Rect(30, 10, math.MaxInt, 20), 1, 10 + 10 + 8},
		{"endless thickness", image.Rect(0, 0, 40, 40), math.MaxInt, 1600},
	} {
		t.Run(tc.name, func(t *testing.T) {
			img := blank(40, 40)
			picture.Box(img, tc.r, yellow, tc.thickness)
			require.Equal(t, tc.want, count(img, yellow))
		})
	}
}

func TestTranslucentBoxIsEven(t *testing.T) {
	img := blank(40, 40)
	picture.Box(img, image.Rect(5, 5, 25, 25), veil, 3)
	mixed := img.RGBAAt(5, 5)
	require.Equal(t, uint8(255), mixed.A)
	require.Equal(t, 20*20-14*14, count(img, mixed), "corners are drawn once, like the sides")
}

// other is a draw.Image that image/draw has no quick way for.
type other struct{ *image.RGBA }

func (o other) ColorModel() color.Model { return color.RGBAModel }

func TestAnyImageLooksTheSame(t *testing.T) {
	quick, slow := blank(120, 50), blank(120, 50)
	for _, dst := range []interface {
		Bounds() image.Rectangle
		ColorModel() color.Model
		At(x, y int) color.Color
		Set(x, y int, c color.Color)
	}{quick, other{slow}} {
		picture.Box(dst, image.Rect(3, 3, 100, 40), veil, 2)
		picture.NewFace(20).Label(dst, image.Pt(10, 10), "Sgx 0.5", black, yellow)
		picture.NewFace(40).Text(dst, image.Pt(-9, 25), "veil", veil)
	}
	require.Equal(t, quick.Pix, slow.Pix)
}

// Translucent fills have a way of their own, which must be that of image/draw.
func TestAnyFillLooksTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alpha := rapid.Uint8().Draw(t, "alpha")
		part := func(name string) uint8 { return rapid.Uint8Range(0, alpha).Draw(t, name) }
		c := color.RGBA{R: part("red"), G: part("green"), B: part("blue"), A: alpha}
		quick, slow := image.NewRGBA(image.Rect(0, 0, 16, 16)), image.NewRGBA(image.Rect(0, 0, 16, 16))
		for at := range quick.Pix {
			quick.Pix[at] = byte(at / 4)
			slow.Pix[at] = byte(at / 4)
		}
		r := image.Rect(-1, 0, rapid.IntRange(0, 17).Draw(t, "right"), 17)
		picture.Fill(quick, r, c)
		picture.Fill(other{slow}, r, c)
		require.Equal(t, slow.Pix, quick.Pix)
	})
}

func TestTextGolden(t *testing.T) {
	img := blank(420, 230)
	y := 2
	for _, height := range []int{8, 10, 12, 16, 20, 32, 64} {
		f := picture.NewFace(height)
		f.Text(img, image.Pt(4, y), "0123456789 12:34:56 gjpQ@é\t", white)
		y += f.Height()
	}
	picture.NewFace(18).Label(img, image.Pt(400, 220), "0.53", black, yellow)
	picture.Box(img, image.Rect(300, 100, 500, 180), yellow, 3)
	golden.Equal(t, "text", img)
}

func TestWidthIsWhatIsDrawn(t *testing.T) {
	for _, height := range []int{12, 16, 40, 101} {
		f := picture.NewFace(height)
		img := image.NewRGBA(image.Rect(0, 0, 6*height, 2*height))
		f.Text(img, image.Pt(height/2, 0), "MMMM", white)
		left, right, bottom := img.Rect.Max.X, 0, 0
		for y := range img.Rect.Dy() {
			for x := range img.Rect.Dx() {
				if img.RGBAAt(x, y).A > 128 {
					left, right, bottom = min(left, x), max(right, x), max(bottom, y)
				}
			}
		}
		require.InDelta(t, height/2, left, float64(height)/8+1)
		require.InDelta(t, height/2+f.Width("MMMM"), right, float64(height)/8+1)
		require.Greater(t, bottom, height/2)
		require.Less(t, bottom, f.Height())
	}
}

func TestUnknownCharacterIsABox(t *testing.T) {
	a, b := blank(40, 20), blank(40, 20)
	picture.NewFace(0).Text(a, image.Pt(0, 0), "\n\U0001f600\xff", white)
	f := picture.NewFace(16)
	f.Text(b, image.Pt(0, 0), "\uFFFD\uFFFD\uFFFD", white)
	require.Equal(t, b.Pix, a.Pix)
	require.Equal(t, 3*(6*10-4*8), count(a, white), "hollow boxes")
	c := blank(40, 20)
	f.Text(c, image.Pt(0, 0), "???", white)
	require.NotEqual(t, c.Pix, a.Pix)
}

func TestLabelStaysInside(t *testing.T) {
	f := picture.NewFace(16)
	for _, tc := range []struct {
		name string
		at   image.Point
	}{
		{"inside", image.Pt(50, 50)},
		{"left top", image.Pt(-300, -300)},
		{"right bottom", image.Pt(300, 300)},
		{"far away", image.Pt(math.MaxInt, math.MinInt)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			img := blank(200, 100)
			plate := f.Label(img, tc.at, "motion", black, yellow)
			require.Equal(t, image.Pt(f.Width("motion")+4, f.Height()), plate.Size())
			require.True(t, plate.In(img.Rect))
			require.Equal(t, yellow, img.RGBAAt(plate.Min.X, plate.Min.Y))
		})
	}
	narrow := blank(20, 10)
	require.Equal(t, narrow.Rect, f.Label(narrow, image.Pt(3, 3), "motion", black, yellow))
}

func TestNothingPanicsOrLeavesTheView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		anyInt := rapid.OneOf(rapid.IntRange(-300, 300), rapid.Int())
		point := func(name string) image.Point { return image.Pt(anyInt.Draw(t, name+"x"), anyInt.Draw(t, name+"y")) }
		// A view into a larger picture: what lies around it must stay.
		whole := blank(60, 60)
		view := whole.SubImage(image.Rect(20, 20,
			rapid.IntRange(20, 40).Draw(t, "right"), rapid.IntRange(20, 40).Draw(t, "bottom"))).(*image.RGBA)
		r := image.Rectangle{Min: point("min"), Max: point("max")}
		f := picture.NewFace(rapid.IntRange(-5, 40).Draw(t, "height"))
		text := rapid.String().Draw(t, "text")
		picture.Fill(view, r, yellow)
		picture.Box(view, r, veil, anyInt.Draw(t, "thickness"))
		f.Text(view, point("text"), text, white)
		f.Label(view, point("label"), text, white, black)
		for y := range 60 {
			for x := range 60 {
				require.Equal(t, uint8(255), whole.RGBAAt(x, y).A, "alpha at %d,%d", x, y)
				if !image.Pt(x, y).In(view.Rect) {
					require.Equal(t, color.RGBA{R: 30, G: 40, B: 60, A: 255}, whole.RGBAAt(x, y), "outside at %d,%d", x, y)
				}
			}
		}
	})
}

func TestAtOrigin(t *testing.T) {
	whole := blank(10, 10)
	view, err := picture.AtOrigin(whole.SubImage(image.Rect(3, 4, 8, 9)).(*image.RGBA))
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 5, 5), view.Rect)
	view.SetRGBA(1, 2, white)
	require.Equal(t, white, whole.RGBAAt(4, 6), "pixels are shared")

	for _, tc := range []struct {
		name, text string
		img        *image.RGBA
	}{
		{"nil", "none given", nil},
		{"empty", "size 0x0", &image.RGBA{}},
		{"swapped corners", "size -2x-2", &image.RGBA{Rect: image.Rectangle{Min: image.Pt(2, 2)}}},
		{"stride", "stride of 7 bytes", &image.RGBA{Pix: make([]byte, 99), Stride: 7, Rect: image.Rect(0, 0, 2, 2)}},
		{"pixels", "15 bytes of pixels, want at least 16", &image.RGBA{Pix: make([]byte, 15), Stride: 8, Rect: image.Rect(0, 0, 2, 2)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := picture.AtOrigin(tc.img)
			require.ErrorIs(t, err, picture.ErrUnusable)
			require.ErrorContains(t, err, tc.text)
		})
	}
}

func TestCopyRowsKeepsPadding(t *testing.T) {
	dst := &image.RGBA{Pix: make([]byte, 3*20), Stride: 20, Rect: image.Rect(0, 0, 4, 3)}
	picture.CopyRows(dst, blank(4, 3))
	for y := range 3 {
		require.Equal(t, color.RGBA{R: 30, G: 40, B: 60, A: 255}, dst.RGBAAt(3, y))
		require.Equal(t, make([]byte, 4), dst.Pix[y*20+16:y*20+20])
	}
}

func BenchmarkCopyRows1080p(b *testing.B) {
	src, dst := blank(1920, 1080), blank(1920, 1080)
	b.SetBytes(int64(len(src.Pix)))
	for b.Loop() {
		picture.CopyRows(dst, src)
	}
}

func BenchmarkLabel(b *testing.B) {
	img, f := blank(1920, 1080), picture.NewFace(27)
	for b.Loop() {
		f.Label(img, image.Pt(100, 100), "motion 0.53", black, yellow)
	}
}
