// Text: one monospaced face at any height, and labels with a plate behind.
//
// Glyphs are scaled from a bitmap font with whole numbers. An outline font
// would be rasterised in floating point, whose last bit differs between
// processors, and test pictures could not be compared exactly.

package picture

import (
	"image"
	"image/color"
	"image/draw"
	"unicode/utf8"

	"golang.org/x/image/font/inconsolata"
	"golang.org/x/image/math/fixed"
)

// The bitmap font's own line height and advance, in pixels.
const (
	fontHeight  = 16
	fontAdvance = 8
)

// DefaultHeight is the text height, in pixels, of a Face made with height 0.
const DefaultHeight = 16

// maxHeight keeps one glyph under 3 MB.
const maxHeight = 2048

// Face is text of one height. It keeps the glyphs it has drawn. A Face is not
// safe for concurrent use; each goroutine makes its own.
type Face struct {
	height int
	glyphs map[rune]*image.Alpha
}

// NewFace returns a face with lines of height pixels; each character is half
// as wide. 0 or less means DefaultHeight, and 2048 is the most.
func NewFace(height int) *Face {
	if height <= 0 {
		height = DefaultHeight
	}
	return &Face{height: min(height, maxHeight), glyphs: make(map[rune]*image.Alpha)}
}

// HeightFor returns a text height that suits annotations on a picture of the
// given size in pixels: a fortieth of its shorter side, but at least 12.
func HeightFor(size image.Point) int { return max(min(size.X, size.Y)/40, 12) }

// Height returns the height of a line in pixels, descenders included.
func (f *Face) Height() int { return f.scale(fontHeight + 1) }

// Width returns the width of text in pixels.
func (f *Face) Width(text string) int {
	return utf8.RuneCountInString(text) * f.scale(fontAdvance)
}

// Text draws one line of text in colour c with its top left corner at at.
// Characters that the font lacks, control characters among them, become hollow
// boxes.
func (f *Face) Text(dst draw.Image, at image.Point, text string, c color.RGBA) {
	b := dst.Bounds()
	if at.Y >= b.Max.Y || at.Y <= b.Min.Y-2*maxHeight || at.X >= b.Max.X || at.X <= b.Min.X-f.Width(text)-maxHeight {
		return
	}
	rgba, quick := dst.(*image.RGBA)
	ink := image.NewUniform(c)
	side := f.scale(1) // glyphs reach a little to the left of their cell
	for _, r := range text {
		if at.X-side >= b.Max.X {
			return
		}
		mask := f.glyph(r)
		cell := mask.Rect.Add(at).Sub(image.Pt(side, 0))
		if quick {
			stamp(rgba, cell, mask, c)
		} else {
			draw.DrawMask(dst, cell, ink, image.Point{}, mask, image.Point{}, draw.Over)
		}
		at.X += f.scale(fontAdvance)
	}
}

// Label draws text on a plate and returns the plate's rectangle. The plate's
// top left corner is at at, moved just so far that all of it lies in the
// picture; where it does not fit, its left and top are kept.
func (f *Face) Label(dst draw.Image, at image.Point, text string, ink, plate color.RGBA) image.Rectangle {
	pad := max(f.scale(2), 1)
	w, h := f.Width(text)+2*pad, f.Height()
	b := dst.Bounds()
	at.X = max(min(at.X, b.Max.X-w), b.Min.X)
	at.Y = max(min(at.Y, b.Max.Y-h), b.Min.Y)
	r := image.Rect(at.X, at.Y, at.X+w, at.Y+h)
	Fill(dst, r, plate)
	f.Text(dst, image.Pt(at.X+pad, at.Y), text, ink)
	return r.Intersect(b)
}

// stamp does what draw.DrawMask does with an even colour, to the bit, but mixes
// no pixel that a glyph leaves alone or covers: most of those of a large text.
func stamp(dst *image.RGBA, cell image.Rectangle, mask *image.Alpha, c color.RGBA) {
	r := cell.Intersect(dst.Rect)
	if r.Empty() {
		return
	}
	const full = 0xffff
	sr, sg, sb, sa := c.RGBA()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		cover := mask.Pix[(y-cell.Min.Y)*mask.Stride+r.Min.X-cell.Min.X:][:r.Dx()]
		out := dst.Pix[dst.PixOffset(r.Min.X, y):][:4*r.Dx()]
		for i, v := range cover {
			if v == 0 {
				continue
			}
			p := out[4*i : 4*i+4 : 4*i+4]
			if v == 255 && c.A == 255 {
				p[0], p[1], p[2], p[3] = c.R, c.G, c.B, c.A
				continue
			}
			in := uint32(v) * 0x101
			keep := (full - sa*in/full) * 0x101
			p[0] = uint8((uint32(p[0])*keep + sr*in) / full >> 8)
			p[1] = uint8((uint32(p[1])*keep + sg*in) / full >> 8)
			p[2] = uint8((uint32(p[2])*keep + sb*in) / full >> 8)
			p[3] = uint8((uint32(p[3])*keep + sa*in) / full >> 8)
		}
	}
}

// scale turns a length of the bitmap font into pixels of this face.
func (f *Face) scale(v int) int { return (v*f.height + fontHeight/2) / fontHeight }

func (f *Face) glyph(r rune) *image.Alpha {
	if !inFont(r) {
		r = missing
	}
	if g, ok := f.glyphs[r]; ok {
		return g
	}
	var small *image.Alpha
	if r == missing {
		small = hollow()
	} else {
		cell, mask, at, _, _ := inconsolata.Bold8x16.Glyph(fixed.Point26_6{}, r)
		small = image.NewAlpha(image.Rectangle{Max: cell.Size()})
		draw.Draw(small, small.Rect, mask, at, draw.Src)
	}
	g := enlarge(small, f.height)
	f.glyphs[r] = g
	return g
}

// missing stands for every character that the font lacks.
const missing = '\uFFFD'

// hollow is the glyph of missing: a box as high as a capital letter.
func hollow() *image.Alpha {
	g := image.NewAlpha(image.Rect(0, 0, fontAdvance+1, fontHeight))
	draw.Draw(g, image.Rect(2, 3, 8, 13), image.Opaque, image.Point{}, draw.Src)
	draw.Draw(g, image.Rect(3, 4, 7, 12), image.Transparent, image.Point{}, draw.Src)
	return g
}

func inFont(r rune) bool {
	for _, rng := range inconsolata.Bold8x16.Ranges {
		if rng.Low <= r && r < rng.High {
			return true
		}
	}
	return false
}

// enlarge scales a glyph by height/fontHeight: linear interpolation, and then
// a rise in contrast by the same factor, which keeps edges one pixel soft
// however large the glyph.
func enlarge(src *image.Alpha, height int) *image.Alpha {
	if height == fontHeight {
		return src
	}
	const one = 1 << 8
	sw, sh := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewAlpha(image.Rect(0, 0, (sw*height+fontHeight-1)/fontHeight, (sh*height+fontHeight-1)/fontHeight))
	at := func(x, y int) int {
		if x < 0 || y < 0 || x >= sw || y >= sh {
			return 0
		}
		return int(src.Pix[y*src.Stride+x])
	}
	// Pixel centres of dst, in 1/256 pixel of src.
	place := func(v int) (whole, part int) {
		p := (2*v+1)*fontHeight*one/(2*height) - one/2
		return p >> 8, p & (one - 1)
	}
	for y := range dst.Rect.Dy() {
		sy, fy := place(y)
		for x := range dst.Rect.Dx() {
			sx, fx := place(x)
			top := at(sx, sy)*(one-fx) + at(sx+1, sy)*fx
			bottom := at(sx, sy+1)*(one-fx) + at(sx+1, sy+1)*fx
			v := (top*(one-fy) + bottom*fy) >> 16
			if height > fontHeight {
				v = (v-128)*height/fontHeight + 128
			}
			dst.Pix[y*dst.Stride+x] = uint8(min(max(v, 0), 255))
		}
	}
	return dst
}
