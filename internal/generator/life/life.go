// Package life draws Conway's game of life: much detail, in constant movement,
// never the same. It is hard work for an encoder.
//
// The field closes on itself at its edges. Living cells are coloured by their
// age, and dead ones glow for a while. Because a field settles down in the end,
// it is sown anew every EpochFrames frames; frame n can so be drawn without
// playing through all frames before it.
package life

import (
	"fmt"
	"image"
	"time"

	"github.com/framebridge/framebridge/internal/picture"
)

// Name is the generator's name.
const Name = "life"

// EpochFrames is after how many frames the field is sown anew.
const EpochFrames = 900

// Options of a Life. A field left zero has the default named with it.
type Options struct {
	// Seed chooses the fields. Default 0.
	Seed uint64
	// CellPixels is the side of a cell. Default: a 160th of the picture's
	// longer side, at least 1.
	CellPixels int
}

// Life is the generator. It is not safe for concurrent use.
type Life struct {
	opts    Options
	field   field
	size    image.Point
	n       uint64 // the frame that field shows; size zero: none
	palette [256][4]uint8
	line    []uint8 // one row of pixels
}

// New returns the generator; nil options mean the defaults.
func New(opts *Options) *Life {
	l := &Life{palette: newPalette()}
	if opts != nil {
		l.opts = *opts
	}
	return l
}

// Name returns "life".
func (l *Life) Name() string { return Name }

// Draw draws frame n. It costs one step of the game if n is one more than the
// last time and the size is the same, and else up to EpochFrames of them.
func (l *Life) Draw(dst *image.RGBA, n uint64, _ time.Duration) error {
	img, err := picture.AtOrigin(dst)
	if err != nil {
		return fmt.Errorf("life: frame %d: %w", n, err)
	}
	size := img.Rect.Size()
	cell := l.opts.CellPixels
	if cell <= 0 {
		cell = max(max(size.X, size.Y)/160, 1)
	}
	epoch := n / EpochFrames
	if size != l.size || n < l.n || epoch != l.n/EpochFrames {
		l.field = sow((size.X+cell-1)/cell, (size.Y+cell-1)/cell, l.opts.Seed+epoch)
		l.size, l.n = size, epoch*EpochFrames
		l.line = make([]uint8, 4*(l.field.cols*cell))
	}
	for ; l.n < n; l.n++ {
		l.field.step()
	}
	l.paint(img, cell)
	return nil
}

// paint draws the field: each row of cells once, then copied downwards.
func (l *Life) paint(img *image.RGBA, cell int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for row := range l.field.rows {
		out := l.line
		for _, age := range l.field.cells[row*l.field.cols:][:l.field.cols] {
			c := l.palette[age]
			for range cell {
				copy(out[:4], c[:])
				out = out[4:]
			}
		}
		for y := row * cell; y < min((row+1)*cell, h); y++ {
			copy(img.Pix[y*img.Stride:][:4*w], l.line)
		}
	}
}

// newPalette maps a cell to its colour: the living from white over yellow and
// orange to a deep red, the dead from blue to nearly black.
func newPalette() (p [256][4]uint8) {
	for i := range p {
		if i < alive {
			p[i] = [4]uint8{8, uint8(12 + i/4), uint8(20 + i*5/4), 255}
			continue
		}
		age := i - alive
		p[i] = [4]uint8{uint8(max(255-age/2, 150)), uint8(max(250-age*4, 30)), uint8(max(220-age*12, 40)), 255}
	}
	return p
}
