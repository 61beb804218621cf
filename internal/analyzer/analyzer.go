// The types: Analyzer, Frame, Result.

package analyzer

import (
	"image"
	"image/draw"
	"math"
	"time"

	"github.com/framebridge/framebridge/internal/picture"
)

// NoPTS is the PTS of a frame whose time is not known.
const NoPTS time.Duration = math.MinInt64

// Frame is one frame as an analyzer sees it.
type Frame struct {
	// Image is opaque and borrowed: its pixels may lie in shared memory and
	// change once Analyze has returned. An analyzer keeps no part of it.
	Image *image.RGBA
	// Number is the frame's number. It rises by one from frame to frame, and
	// by more where frames were missed.
	Number uint64
	// PTS is the frame's time, counted as the source counts it, or NoPTS.
	PTS time.Duration
}

// Analyzer looks at the frames of one stream, in order.
//
// An Analyzer is not safe for concurrent use. A change of the picture's size
// or a number that does not rise makes it start anew, as if it had seen no
// frame before: nothing has to be told to it.
type Analyzer interface {
	// Name returns the name under which package analyzers knows it.
	Name() string
	// Analyze looks at one frame. It returns an error that wraps
	// picture.ErrUnusable for a picture that cannot be read, and has then not
	// changed its state. The result shares no memory with the analyzer.
	Analyze(f Frame) (Result, error)
}

// Result is what an analyzer found in one frame. It marshals to a JSON object
// with keys of its own, which are a promise to scripts: see Line.
type Result interface {
	// Draw marks the result on dst, a picture of the size that was analyzed
	// (that very frame, or a later one of the stream). Text is drawn with
	// face; what does not fit into dst is clipped.
	Draw(dst draw.Image, face *picture.Face)
}

// Past remembers which frame an analyzer saw last. The zero value has seen
// none.
type Past struct {
	size   image.Point
	number uint64
	seen   bool
}

// Continues reports whether a frame follows on the one before: the same size
// in pixels, a higher number. It then takes this frame as the last one.
func (p *Past) Continues(size image.Point, number uint64) bool {
	ok := p.seen && size == p.size && number > p.number
	*p = Past{size: size, number: number, seen: true}
	return ok
}
