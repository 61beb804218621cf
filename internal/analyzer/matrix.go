// Luma: how bright an RGB pixel is.

package analyzer

import "fmt"

// Matrix says how luma is made of red, green and blue. AutoMatrix chooses by
// the picture's height in pixels: BT.709 from 720 lines up and BT.601 below,
// which is what players assume of a file that does not say.
type Matrix uint8

// The matrices. Luma is full range, from 0 to 255.
const (
	AutoMatrix Matrix = iota
	BT601             // 0.299 R + 0.587 G + 0.114 B
	BT709             // 0.2126 R + 0.7152 G + 0.0722 B
)

// For returns m, or for AutoMatrix what it chooses for a picture of the given
// height in pixels.
func (m Matrix) For(height int) Matrix {
	switch {
	case m != AutoMatrix:
		return m
	case height >= 720:
		return BT709
	default:
		return BT601
	}
}

// Weights returns the shares of red, green and blue in 1/256; their sum is 256.
// AutoMatrix has those of BT.601.
func (m Matrix) Weights() (r, g, b uint32) {
	if m == BT709 {
		return 54, 183, 19
	}
	return 77, 150, 29
}

// String returns "auto", "bt601" or "bt709".
func (m Matrix) String() string {
	switch m {
	case AutoMatrix:
		return "auto"
	case BT601:
		return "bt601"
	case BT709:
		return "bt709"
	default:
		return fmt.Sprintf("Matrix(%d)", uint8(m))
	}
}
