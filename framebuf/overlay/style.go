// Style: what boxes and labels look like.

package overlay

import (
	"hash/fnv"
	"image"
	"image/color"

	"github.com/framebridge/framebridge/framebuf/results"
	"github.com/framebridge/framebridge/internal/picture"
)

// Style is what boxes and labels look like. The zero value, or nil, means the
// defaults.
type Style struct {
	// LineWidth is how thick the outline of a box is, in pixels. Default: what suits
	// the picture, a 360th of its shorter side (3 pixels at 1080p), at least 1.
	LineWidth int
	// TextHeight is the height of a label, in pixels. Default: what suits the picture,
	// a 40th of its shorter side (27 pixels at 1080p), at least 12.
	TextHeight int
	// MinScore leaves out boxes with a lower score. Those without one are drawn
	// always. Default: 0.
	MinScore float64
	// Colors are what a box without a colour of its own gets, by its label: equal
	// labels have equal colours, in every run. Default: twelve that are easy to tell
	// apart.
	Colors []color.NRGBA
	// Background is what is behind a label; transparent colours let the picture
	// shine through. Default: the colour of its box. The text is black or white,
	// whatever is easier to read.
	Background *color.NRGBA
	// HideLabels draws boxes only. Default: false.
	HideLabels bool
	// HideScores leaves the score out of the label. Default: false.
	HideScores bool
}

// palette is the default of Style.Colors.
func palette() []color.NRGBA {
	return []color.NRGBA{
		{R: 255, G: 214, B: 10, A: 255},
		{R: 48, G: 209, B: 88, A: 255},
		{R: 100, G: 210, B: 255, A: 255},
		{R: 255, G: 69, B: 58, A: 255},
		{R: 191, G: 90, B: 242, A: 255},
		{R: 255, G: 159, B: 10, A: 255},
		{R: 10, G: 132, B: 255, A: 255},
		{R: 255, G: 105, B: 180, A: 255},
		{R: 0, G: 199, B: 190, A: 255},
		{R: 162, G: 222, B: 60, A: 255},
		{R: 172, G: 142, B: 104, A: 255},
		{R: 235, G: 235, B: 245, A: 255},
	}
}

// colorOf is the colour of a box: its own, else that of its label.
func (s *Style) colorOf(b *results.Box) color.NRGBA {
	if c, ok := b.NRGBA(); ok {
		return c
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(b.Label))
	return s.Colors[h.Sum32()%uint32(len(s.Colors))]
}

func (s *Style) lineWidth(size image.Point) int {
	if s.LineWidth > 0 {
		return s.LineWidth
	}
	return max((min(size.X, size.Y)+180)/360, 1)
}

func (s *Style) textHeight(size image.Point) int {
	if s.TextHeight > 0 {
		return s.TextHeight
	}
	return picture.HeightFor(size)
}

// shade is a colour as it is drawn: premultiplied, with an opacity of 0 to 256.
func shade(c color.NRGBA, opacity uint32) color.RGBA {
	a := uint32(c.A) * opacity / 256
	by := func(v uint8) uint8 { return uint8((uint32(v)*a + 127) / 255) }
	return color.RGBA{R: by(c.R), G: by(c.G), B: by(c.B), A: uint8(a)}
}

// inkOn is the colour of text on a background.
func inkOn(c color.NRGBA) color.NRGBA {
	// The luma of ITU-R BT.601, in thousandths.
	if 299*int(c.R)+587*int(c.G)+114*int(c.B) < 128_000 {
		return color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	}
	return color.NRGBA{A: 255}
}
