// Overlays: drawing on frames between the segment and ffmpeg.

package encode

import (
	"context"
	"fmt"
	"image"

	"github.com/framebridge/framebridge/framebuf"
)

// Overlay says what is drawn on a frame before it is encoded; nil is nothing, and
// such a frame is sent as it is, without a copy. It is called for each frame that is
// encoded, in their order, at its time, on the goroutine of Run. It may wait, until
// ctx ends at the latest, but holds back a writer that a lossless reader may hold
// back. info is the frame's, and stays as it is until draw returns.
//
// The picture that draw gets is a private copy, the size of the frame, with its top
// left pixel at (0, 0), before ffmpeg crops or turns it. It is good until draw
// returns. In a bgra frame red and blue of it are exchanged; if Info.Alpha is
// AlphaStraight, its bytes are those of an image.NRGBA.
//
// An overlay changes pixels and nothing else: not the number of frames, not their
// times, not the sound.
type Overlay func(ctx context.Context, info *framebuf.Info) (draw func(picture *image.RGBA))

// checkOverlay refuses frames that cannot be drawn on.
func (e *Encode) checkOverlay(first *framebuf.Info) error {
	if e.opts.Overlay == nil || first.PixelFormat == framebuf.RGBA || first.PixelFormat == framebuf.BGRA {
		return nil
	}
	return fmt.Errorf("%w: the frames are %v, an overlay needs rgba or bgra: %w", ErrOverlay, first.PixelFormat, framebuf.ErrFormat)
}

// canvas is a private copy of the frame that is drawn on. It is for one goroutine.
type canvas struct {
	info framebuf.Info
	pix  []byte
}

// take copies a frame's rows, packed.
func (c *canvas) take(i *framebuf.Info, b []byte) error {
	row, src := 4*i.Width, i.Plane[0]
	if i.PlaneCount != 1 || row > int(src.Stride) || i.Height > int(src.Rows) {
		return fmt.Errorf("%w: frame %d: its plane is too small for %v", framebuf.ErrFormat, i.Number, i.Format)
	}
	c.info = *i
	c.info.Plane[0] = i.Format.Planes()[0]
	if c.info.PayloadSize = i.Format.Size(); len(c.pix) != c.info.PayloadSize {
		c.pix = make([]byte, c.info.PayloadSize)
	}
	b = b[src.Offset:]
	// Row by row: one copy of a whole frame would go past the cache, and be slower.
	for y := range i.Height {
		copy(c.pix[y*row:][:row], b[y*int(src.Stride):])
	}
	return nil
}

func (c *canvas) draw(with func(*image.RGBA)) {
	with(&image.RGBA{Pix: c.pix, Stride: 4 * c.info.Width, Rect: image.Rect(0, 0, c.info.Width, c.info.Height)})
}
