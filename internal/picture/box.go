// Rectangles: filled, and as an outline.

package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// Fill paints r with c; a translucent c lets the picture shine through.
func Fill(dst draw.Image, r image.Rectangle, c color.RGBA) {
	fill(dst, clampRect(r.Canon(), dst.Bounds(), 0), image.NewUniform(c))
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
	ink := image.NewUniform(c)
	if r.Dx() <= 2*t || r.Dy() <= 2*t {
		fill(dst, r, ink)
		return
	}
	// The four strips do not overlap: a translucent colour stays even.
	fill(dst, image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+t), ink)
	fill(dst, image.Rect(r.Min.X, r.Max.Y-t, r.Max.X, r.Max.Y), ink)
	fill(dst, image.Rect(r.Min.X, r.Min.Y+t, r.Min.X+t, r.Max.Y-t), ink)
	fill(dst, image.Rect(r.Max.X-t, r.Min.Y+t, r.Max.X, r.Max.Y-t), ink)
}

func fill(dst draw.Image, r image.Rectangle, ink *image.Uniform) {
	c, plain := ink.C.(color.RGBA)
	if rgba, quick := dst.(*image.RGBA); quick && plain && c.A != 255 {
		veil(rgba, r, c)
		return
	}
	draw.Draw(dst, r, ink, image.Point{}, draw.Over)
}

// veil does what draw.Draw does with an even translucent colour, to the bit, but
// computes what becomes of a byte once for each value that it can have.
func veil(dst *image.RGBA, r image.Rectangle, c color.RGBA) {
	if r = r.Intersect(dst.Rect); r.Empty() {
		return
	}
	const full = 0xffff
	var out [4][256]uint8
	keep := (full - uint32(c.A)*0x101) * 0x101
	for k, v := range [4]uint8{c.R, c.G, c.B, c.A} {
		for old := range out[k] {
			out[k][old] = uint8((uint32(old)*keep/full + uint32(v)*0x101) >> 8)
		}
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := dst.Pix[dst.PixOffset(r.Min.X, y):][:4*r.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			row[0], row[1], row[2], row[3] = out[0][row[0]], out[1][row[1]], out[2][row[2]], out[3][row[3]]
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
