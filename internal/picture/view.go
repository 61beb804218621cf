// Views: a picture seen with its corner at the origin, and copies of it.

package picture

import (
	"fmt"
	"image"
)

// AtOrigin returns a view of img whose top left pixel is (0, 0): Pix[0] is its
// first pixel, whatever img.Rect.Min is. The pixels are shared. The error,
// which wraps ErrUnusable, says what is wrong with a picture that is nil or
// empty, or whose fields contradict each other.
func AtOrigin(img *image.RGBA) (*image.RGBA, error) {
	if img == nil {
		return nil, fmt.Errorf("%w: none given", ErrUnusable)
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w <= 0 || h <= 0 {
		return nil, fmt.Errorf("%w: size %dx%d, want at least 1x1", ErrUnusable, w, h)
	}
	if img.Stride < 4*w {
		return nil, fmt.Errorf("%w: stride of %d bytes, want at least %d for %d pixels", ErrUnusable, img.Stride, 4*w, w)
	}
	if need := (h-1)*img.Stride + 4*w; len(img.Pix) < need {
		return nil, fmt.Errorf("%w: %d bytes of pixels, want at least %d for %dx%d", ErrUnusable, len(img.Pix), need, w, h)
	}
	return &image.RGBA{Pix: img.Pix, Stride: img.Stride, Rect: image.Rect(0, 0, w, h)}, nil
}

// CopyRows copies src to dst, row by row; both have the same size. One copy of
// a whole frame would be slower: copies over about 1 MiB go past the cache.
func CopyRows(dst, src *image.RGBA) {
	n := 4 * src.Rect.Dx()
	for y := range src.Rect.Dy() {
		copy(dst.Pix[y*dst.Stride:][:n], src.Pix[y*src.Stride:][:n])
	}
}
