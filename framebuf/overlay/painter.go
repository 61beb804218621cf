// The painter: boxes and labels onto a picture.

package overlay

import (
	"image"
	"image/color"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/framebridge/framebridge/framebuf/results"
	"github.com/framebridge/framebridge/internal/picture"
)

// What bounds the work of one Draw, whatever a record says.
const (
	maxBoxes = 1000
	maxRunes = 48 // of a label
)

// Painter draws boxes. It keeps the glyphs that it has drawn. A Painter is not safe
// for concurrent use; each goroutine makes its own.
type Painter struct {
	style Style
	face  *picture.Face
	tall  int // of face
	marks []mark
}

// mark is a box as it is drawn.
type mark struct {
	at    image.Rectangle
	color color.NRGBA
	text  string
}

// New returns a painter. nil is the default style.
func New(s *Style) *Painter {
	p := &Painter{}
	if s != nil {
		p.style = *s
	}
	if len(p.style.Colors) == 0 {
		p.style.Colors = palette()
	}
	return p
}

// Draw draws boxes on dst, the first thousand of them. Their coordinates are
// scaled from the record's space to the picture, and what lies outside of it is
// clipped. Opacity is from 0, nothing, to 1. A label stands above its box, or in it
// where there is no room above, and is moved so far that all of it is in the
// picture; a long one is cut. A box whose numbers make no rectangle (not finite,
// negative width) is left out, and a colour that is none is that of the label.
//
// On an opaque picture everything stays opaque. Others are taken for premultiplied,
// as image.RGBA says, which matters for translucent colours only.
func (p *Painter) Draw(dst *image.RGBA, boxes results.Boxes, opacity float64) {
	p.draw(dst, boxes, opacity, false)
}

// DrawBGRA is Draw for a picture whose red and blue are exchanged, as the frames of
// pixel format bgra are.
func (p *Painter) DrawBGRA(dst *image.RGBA, boxes results.Boxes, opacity float64) {
	p.draw(dst, boxes, opacity, true)
}

func (p *Painter) draw(dst *image.RGBA, boxes results.Boxes, opacity float64, exchange bool) {
	if !(opacity > 0) { // also for NaN
		return
	}
	view, err := picture.AtOrigin(dst)
	if err != nil {
		return // no pixels, no drawing
	}
	size := view.Rect.Size()
	strength := uint32(min(opacity, 1)*256 + 0.5)
	ready := func(c color.NRGBA) color.RGBA {
		if exchange {
			c.R, c.B = c.B, c.R
		}
		return shade(c, strength)
	}
	p.measure(size, boxes)
	width := p.style.lineWidth(size)
	for _, m := range p.marks {
		picture.Box(view, m.at, ready(m.color), width)
	}
	if p.style.HideLabels {
		return
	}
	if tall := p.style.textHeight(size); p.face == nil || p.tall != tall {
		p.face, p.tall = picture.NewFace(tall), tall
	}
	// After all boxes, so that no box crosses a label.
	for _, m := range p.marks {
		if m.text == "" {
			continue
		}
		background := m.color
		if p.style.Background != nil {
			background = *p.style.Background
		}
		at := image.Pt(m.at.Min.X, m.at.Min.Y-p.face.Height())
		if at.Y < 0 {
			at.Y = max(m.at.Min.Y, 0)
		}
		p.face.Label(view, at, m.text, ready(inkOn(background)), ready(background))
	}
}

// measure makes marks of the boxes that touch the picture.
func (p *Painter) measure(size image.Point, boxes results.Boxes) {
	p.marks = p.marks[:0]
	x, y := scale(size.X, boxes.Width), scale(size.Y, boxes.Height)
	for i := range boxes.Boxes[:min(len(boxes.Boxes), maxBoxes)] {
		b := &boxes.Boxes[i]
		if b.Score != nil && *b.Score < p.style.MinScore {
			continue
		}
		left, right, ok1 := edges(b.X, b.W, x)
		top, bottom, ok2 := edges(b.Y, b.H, y)
		at := image.Rect(left, top, right, bottom)
		if !ok1 || !ok2 || !at.Overlaps(image.Rectangle{Max: size}) {
			continue
		}
		p.marks = append(p.marks, mark{at: at, color: p.style.colorOf(b), text: p.text(b)})
	}
}

// scale is how many pixels a unit of a record's space has.
func scale(pixels int, units float64) float64 {
	if units > 0 && !math.IsInf(units, 0) {
		return float64(pixels) / units
	}
	return 1
}

// edges are the first pixel of a box and the one after its last, in one direction.
func edges(at, length, scale float64) (from, to int, ok bool) {
	const far = 1 << 24 // beyond any picture, and sums of it are small
	a, b := at*scale, (at+length)*scale
	if math.IsNaN(a) || math.IsNaN(b) || math.IsInf(a, 0) || math.IsInf(b, 0) || length < 0 {
		return 0, 0, false
	}
	pixel := func(v float64) int { return int(math.Round(min(max(v, -far), far))) }
	from, to = pixel(a), pixel(b)
	return from, max(to, from+1), true
}

// text is the label of a box.
func (p *Painter) text(b *results.Box) string {
	text := clip(b.Label)
	if b.Score == nil || p.style.HideScores {
		return text
	}
	format, digits := byte('f'), 2
	if math.Abs(*b.Score) >= 1000 {
		format, digits = 'g', 3
	}
	if text != "" {
		text += " "
	}
	return text + strconv.FormatFloat(*b.Score, format, digits, 64)
}

// clip shortens a long label.
func clip(label string) string {
	if len(label) <= maxRunes {
		return label
	}
	seen := 0
	for i := range label {
		if seen++; seen == maxRunes && utf8.RuneCountInString(label[i:]) > 1 {
			return label[:i] + "…"
		}
	}
	return label
}
