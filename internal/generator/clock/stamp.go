// The stamp: a frame's number as black and white blocks that a program can
// read back after the picture has been through an encoder.
//
// Two rows of 40 blocks stand at the bottom of the picture and fill its width.
// Read row by row they hold 80 bits, white for 1: the number's 64, highest
// first, and a checksum of 16 (CRC-16/CCITT-FALSE over the number's eight
// bytes, highest first). A block is a 40th of the width wide and as high, but
// no higher than an eighth of the picture: 8x8 pixels at 320x180.

package clock

import (
	"encoding/binary"
	"image"
	"image/color"

	"github.com/framebridge/framebridge/internal/picture"
)

const (
	stampCols = 40
	stampRows = 2
	// minBlock is the least side of a block in pixels that is drawn.
	minBlock = 2
)

// stampHeight is the height of one row of blocks in pixels, 0 for a picture
// that is too small for a stamp (narrower than 80 or lower than 16 pixels).
func stampHeight(w, h int) int {
	side := min(w/stampCols, h/8)
	if side < minBlock {
		return 0
	}
	return side
}

// WriteStamp draws the stamp of n at the bottom of dst. It draws nothing on a
// picture narrower than 80 or lower than 16 pixels.
func WriteStamp(dst *image.RGBA, n uint64) {
	b := dst.Bounds()
	high := stampHeight(b.Dx(), b.Dy())
	if high == 0 {
		return
	}
	black, white := color.RGBA{A: 255}, color.RGBA{R: 255, G: 255, B: 255, A: 255}
	bits := stampBits(n)
	for i, bit := range bits {
		colour := black
		if bit {
			colour = white
		}
		picture.Fill(dst, block(b, high, i), colour)
	}
}

// ReadStamp reads the stamp of a picture back. It reports false if there is
// none, or if it is damaged. The picture may have been coded, or scaled as a
// whole; it must not have been cropped or turned. A picture without a stamp
// passes for one with it in one of 65,536 cases at most, and then only if it
// is black and white in the right places.
func ReadStamp(img image.Image) (n uint64, ok bool) {
	b := img.Bounds()
	high := stampHeight(b.Dx(), b.Dy())
	if high == 0 {
		return 0, false
	}
	var bits [stampCols * stampRows]bool
	for i := range bits {
		luma := middle(img, block(b, high, i))
		if luma > 96 && luma < 160 {
			return 0, false
		}
		bits[i] = luma >= 160
	}
	for _, bit := range bits[:64] {
		n <<= 1
		if bit {
			n |= 1
		}
	}
	return n, bits == stampBits(n)
}

// block is the place of bit i in a picture with bounds b.
func block(b image.Rectangle, high, i int) image.Rectangle {
	col, row := i%stampCols, i/stampCols
	top := b.Max.Y - (stampRows-row)*high
	return image.Rect(
		b.Min.X+col*b.Dx()/stampCols, top,
		b.Min.X+(col+1)*b.Dx()/stampCols, top+high,
	)
}

// middle is the mean luma of the inner half of r, of at most some 25 points.
// The edges are left out: there the encoder mixes neighbours.
func middle(img image.Image, r image.Rectangle) int {
	left, top := r.Min.X+r.Dx()/4, r.Min.Y+r.Dy()/4
	right, bottom := max(r.Max.X-r.Dx()/4, left+1), max(r.Max.Y-r.Dy()/4, top+1)
	stepX, stepY := max((right-left)/4, 1), max((bottom-top)/4, 1)
	sum, count := 0, 0
	for y := top; y < bottom; y += stepY {
		for x := left; x < right; x += stepX {
			sum += int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			count++
		}
	}
	return sum / count
}

// stampBits returns the bits of n and of its checksum.
func stampBits(n uint64) (bits [stampCols * stampRows]bool) {
	for i := range 64 {
		bits[i] = n>>(63-i)&1 == 1
	}
	crc := checksum(n)
	for i := range 16 {
		bits[64+i] = crc>>(15-i)&1 == 1
	}
	return bits
}

// checksum is never 0 for n 0 nor all ones for n all ones: a black and a white
// picture carry no stamp.
func checksum(n uint64) uint16 {
	crc := uint16(0xffff)
	for _, b := range binary.BigEndian.AppendUint64(nil, n) {
		crc ^= uint16(b) << 8
		for range 8 {
			carry := crc & 0x8000
			crc <<= 1
			if carry != 0 {
				crc ^= 0x1021
			}
		}
	}
	return crc
}
