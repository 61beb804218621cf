// Package bars draws colour bars after SMPTE EG 1, with a line that moves
// across them.
//
// Top two thirds, in RGB of 0 to 255: grey, yellow, cyan, green, magenta, red,
// blue, each made of 0 and 75 % (191). Below them a thin row of blue, black,
// magenta, black, cyan, black, grey. At the bottom -I (0, 33, 76), white of
// 100 % (255), +Q (50, 0, 106), black, and three steps: black, black, and 4 %
// (10). The first of the steps is below black on a real signal, which RGB of
// full range cannot say. The RGB values of -I and +Q are those in common use
// (see Wikipedia, "SMPTE color bars"): neither colour is exact in RGB.
package bars

import (
	"fmt"
	"image"
	"image/color"
	"time"

	"github.com/framebridge/framebridge/internal/picture"
)

// Name is the generator's name.
const Name = "bars"

// Level75 is 75 % of 255, rounded.
const Level75 = 191

// Bars is the generator. It is not safe for concurrent use.
type Bars struct {
	still *image.RGBA // the bars without the line, at the last size
}

// New returns the generator.
func New() *Bars { return &Bars{} }

// Name returns "bars".
func (b *Bars) Name() string { return Name }

// Draw draws frame n. The line moves right by a 120th of the width with each
// frame, at least one pixel, and starts again at the left.
func (b *Bars) Draw(dst *image.RGBA, n uint64, _ time.Duration) error {
	img, err := picture.AtOrigin(dst)
	if err != nil {
		return fmt.Errorf("bars: frame %d: %w", n, err)
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if b.still == nil || b.still.Rect != img.Rect {
		b.still = image.NewRGBA(img.Rect)
		drawStill(b.still)
	}
	picture.CopyRows(img, b.still)

	step := max(w/120, 1)
	x := int(n%uint64(w)) * step % w
	// White between black, so that it is seen on every bar.
	side := max(w/480, 1)
	picture.Fill(img, image.Rect(x-side, 0, x+2*side, h), color.RGBA{A: 255})
	picture.Fill(img, image.Rect(x, 0, x+side, h), color.RGBA{R: 255, G: 255, B: 255, A: 255})
	return nil
}

// drawStill draws everything but the line.
func drawStill(img *image.RGBA) {
	const v = Level75
	var (
		grey    = color.RGBA{R: v, G: v, B: v, A: 255}
		yellow  = color.RGBA{R: v, G: v, A: 255}
		cyan    = color.RGBA{G: v, B: v, A: 255}
		green   = color.RGBA{G: v, A: 255}
		magenta = color.RGBA{R: v, B: v, A: 255}
		red     = color.RGBA{R: v, A: 255}
		blue    = color.RGBA{B: v, A: 255}
		black   = color.RGBA{A: 255}
		white   = color.RGBA{R: 255, G: 255, B: 255, A: 255}
		minusI  = color.RGBA{G: 33, B: 76, A: 255}
		plusQ   = color.RGBA{R: 50, B: 106, A: 255}
		step4   = color.RGBA{R: 10, G: 10, B: 10, A: 255}
	)
	h := img.Rect.Dy()
	row(img, 0, h*8/12, 7, grey, yellow, cyan, green, magenta, red, blue)
	row(img, h*8/12, h*9/12, 7, blue, black, magenta, black, cyan, black, grey)
	// The lowest row, in 84ths of the width: four fields of 15, the three
	// steps under the red bar of 4 each, and black.
	y := h * 9 / 12
	fields(img, y, h, 84, []field{
		{15, minusI},
		{15, white},
		{15, plusQ},
		{15, black},
		{4, black},
		{4, black},
		{4, step4},
		{12, black},
	})
}

// row draws n fields of equal width.
func row(img *image.RGBA, top, bottom, n int, colours ...color.RGBA) {
	fs := make([]field, n)
	for i := range fs {
		fs[i] = field{1, colours[i]}
	}
	fields(img, top, bottom, n, fs)
}

type field struct {
	parts  int
	colour color.RGBA
}

// fields draws fields side by side; parts of all of them make the width.
func fields(img *image.RGBA, top, bottom, parts int, fs []field) {
	at, w := 0, img.Rect.Dx()
	for _, f := range fs {
		left := at * w / parts
		at += f.parts
		picture.Fill(img, image.Rect(left, top, at*w/parts, bottom), f.colour)
	}
}
