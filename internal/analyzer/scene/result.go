// The result: its keys and its picture.

package scene

import (
	"fmt"
	"image/color"
	"image/draw"

	"github.com/framebridge/framebridge/internal/picture"
)

// Result says whether a frame begins a new scene.
type Result struct {
	// Cut is true for the first frame of each scene but the first.
	Cut bool `json:"cut"`
	// Score is how much the frame differs from the one before, 0 to 1.
	Score float64 `json:"score"`
	// Scene counts the scenes from 1.
	Scene int `json:"scene"`
}

// Draw writes the scene's number and the score into the top left corner, and
// frames the picture at a cut.
func (r *Result) Draw(dst draw.Image, face *picture.Face) {
	plate := color.RGBA{A: 255}
	if r.Cut {
		plate = color.RGBA{R: 214, G: 40, B: 40, A: 255}
		picture.Box(dst, dst.Bounds(), plate, max(face.Height()/2, 1))
	}
	ink := color.RGBA{R: 255, G: 255, B: 255, A: 255}
	face.Label(dst, dst.Bounds().Min, fmt.Sprintf("scene %d  %.3f", r.Scene, r.Score), ink, plate)
}
