package picture_test

import (
	"fmt"
	"image"
	"image/color"

	"github.com/framebridge/framebridge/internal/picture"
)

// A box with a label above it, as an analyzer draws it. The label moves into
// the picture where the box is too near to the border.
func Example() {
	frame := image.NewRGBA(image.Rect(0, 0, 640, 360))
	yellow, black := color.RGBA{R: 255, G: 214, B: 10, A: 255}, color.RGBA{A: 255}
	found := image.Rect(580, 5, 900, 100)

	face := picture.NewFace(picture.HeightFor(frame.Rect.Size()))
	picture.Box(frame, found, yellow, 2)
	plate := face.Label(frame, found.Min.Sub(image.Pt(0, face.Height())), "person 0.9", black, yellow)
	fmt.Println(plate)
	// Output: (576,0)-(640,13)
}
