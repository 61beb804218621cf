// The result: its keys and its picture.

package motion

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"github.com/framebridge/framebridge/internal/picture"
)

// Result is what moved in one frame. Its keys are those of results.Boxes, so that
// whoever draws boxes can draw these.
type Result struct {
	// Boxes are the parts that move, the largest first; never nil.
	Boxes []Box `json:"boxes"`
	// MovingFraction is the share of the picture that differs from the
	// background, 0 to 1, specks that made no box included.
	MovingFraction float64 `json:"moving_fraction"`
	// Width and Height are the size of the picture in pixels, in which the boxes
	// count.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
}

// Box is one moving part, in pixels from the picture's top left corner.
type Box struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
	// Score is how much the part stands out from its background: the mean
	// difference of luma, 0 to 1, in steps of 0.001.
	Score float64 `json:"score"`
}

// Draw draws each box with its score above it.
func (r *Result) Draw(dst draw.Image, face *picture.Face) {
	ink := color.RGBA{R: 255, G: 214, B: 10, A: 255}
	text := color.RGBA{A: 255}
	b := dst.Bounds()
	thickness := max(face.Height()/8, 1)
	for _, box := range r.Boxes {
		at := b.Min.Add(image.Pt(box.X, box.Y))
		picture.Box(dst, image.Rectangle{Min: at, Max: at.Add(image.Pt(box.W, box.H))}, ink, thickness)
		face.Label(dst, image.Pt(at.X, at.Y-face.Height()), fmt.Sprintf("%.2f", box.Score), text, ink)
	}
}
