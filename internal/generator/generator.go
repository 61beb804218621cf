// The interface.

package generator

import (
	"image"
	"time"
)

// Generator draws the frames of one stream. It is not safe for concurrent use.
type Generator interface {
	// Name returns the name under which package generators knows it.
	Name() string
	// Draw draws frame n, shown at time t, on the whole of dst; all pixels
	// become opaque. What is drawn depends on n, t and dst's size alone: not
	// on what dst held before (slots rotate), nor on earlier calls. The error
	// wraps picture.ErrUnusable for a picture that cannot be drawn on.
	// Frames in order are drawn fastest.
	Draw(dst *image.RGBA, n uint64, t time.Duration) error
}
