// Rectangles: filled, and as an outline.

package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// Fill paints r with c; a translucent c lets the picture shine through.
func Fill(dst draw.Image, r image.Rectangle, c color.RGBA) {
	newInk(c).fill(dst, clampRect(r.Canon(), dst.Bounds(), 0))
}

// Box draws the outline of r, thickness pixels wide and all of it inside r.
// Corners in the wrong order are put right, a thickness under 1 counts as 1,
// and a box with no room for its inside is filled.
func Box(dst draw.Image, r image.Rectangle, c color.RGBA, thickness int) {
	b := dst.Bounds()
	t := min(max(thickness, 1), max(b.Dx(), b.Dy(), 1))
	// An edge further out than t shows nothing of itself, so that clamping
	// to there changes no pixel and no sum below can overflow.
	r = clampRect(r.Canon(), b, t)
	pen := newInk(c)
	if r.Dx() <= 2*t || r.Dy() <= 2*t {
		pen.fill(dst, r)
		return
	}
	// The four strips do not overlap: a translucent colour stays even.
	pen.fill(dst, image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+t))
	pen.fill(dst, image.Rect(r.Min.X, r.Max.Y-t, r.Max.X, r.Max.Y))
	pen.fill(dst, image.Rect(r.Min.X, r.Min.Y+t, r.Min.X+t, r.Max.Y-t))
	pen.fill(dst, image.Rect(r.Max.X-t, r.Min.Y+t, r.Max.X, r.Max.Y-t))
}

// ink is a colour to fill with.
type ink struct {
	color color.RGBA
	even  *image.Uniform // of color
	// after is what becomes of a byte of a pixel, for each value that it can have; nil:
	// not computed yet.
	after *[4][256]uint8
}

func newInk(c color.RGBA) *ink { return &ink{color: c, even: image.NewUniform(c)} }

func (k *ink) fill(dst draw.Image, r image.Rectangle) {
	if rgba, quick := dst.(*image.RGBA); quick && k.color.A != 255 {
		k.veil(rgba, r.Intersect(rgba.Rect))
		return
	}
	draw.Draw(dst, r, k.even, image.Point{}, draw.Over)
}

// veil does what draw.Draw does with an even translucent colour, to the bit.
func (k *ink) veil(dst *image.RGBA, r image.Rectangle) {
	if r.Empty() {
		return
	}
	if k.after == nil {
		k.mix()
	}
	red, green, blue, alpha := &k.after[0], &k.after[1], &k.after[2], &k.after[3]
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := dst.Pix[dst.PixOffset(r.Min.X, y):][:4*r.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			row[0], row[1], row[2], row[3] = red[row[0]], green[row[1]], blue[row[2]], alpha[row[3]]
		}
	}
}

func (k *ink) mix() {
	const full = 0xffff
	k.after = new([4][256]uint8)
	keep := (full - uint32(k.color.A)*0x101) * 0x101
	for part, v := range [4]uint8{k.color.R, k.color.G, k.color.B, k.color.A} {
		for old := range k.after[part] {
			k.after[part][old] = uint8((uint32(old)*keep/full + uint32(v)*0x101) >> 8)
		}
	}
}

// clampRect moves the edges of r that lie further than margin outside b to
// that distance.
func clampRect(r, b image.Rectangle, margin int) image.Rectangle {
	clamp := func(v, lo, hi int) int { return min(max(v, lo-margin), hi+margin) }
	return image.Rectangle{
		Min: image.Pt(clamp(r.Min.X, b.Min.X, b.Max.X), clamp(r.Min.Y, b.Min.Y, b.Max.Y)),
		Max: image.Pt(clamp(r.Max.X, b.Min.X, b.Max.X), clamp(r.Max.Y, b.Min.Y, b.Max.Y)),
	}
}
