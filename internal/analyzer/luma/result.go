// The result: its keys and its picture.

package luma

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"github.com/framebridge/framebridge/internal/picture"
)

// Result is the brightness of one frame. Luma goes from 0 to 255.
type Result struct {
	Mean   float64 `json:"mean"`
	Min    int     `json:"min"`
	Max    int     `json:"max"`
	Stddev float64 `json:"stddev"`
	// P1, P50 and P99 are the luma that 1, 50 and 99 percent of the pixels do
	// not exceed.
	P1  int `json:"p1"`
	P50 int `json:"p50"`
	P99 int `json:"p99"`
	// BlackFraction and WhiteFraction are the shares of pixels, 0 to 1, that
	// are clipped.
	BlackFraction float64 `json:"black_fraction"`
	WhiteFraction float64 `json:"white_fraction"`
	// Matrix is "bt601" or "bt709".
	Matrix string `json:"matrix"`
}

// Draw writes the figures into the top left corner.
func (r *Result) Draw(dst draw.Image, face *picture.Face) {
	ink, plate := color.RGBA{R: 255, G: 255, B: 255, A: 255}, color.RGBA{A: 255}
	at := dst.Bounds().Min
	for _, line := range []string{
		fmt.Sprintf("luma %5.1f +-%5.1f  %3d..%3d", r.Mean, r.Stddev, r.Min, r.Max),
		fmt.Sprintf("p1 %3d  p50 %3d  p99 %3d", r.P1, r.P50, r.P99),
		fmt.Sprintf("black %4.1f%%  white %4.1f%%", 100*r.BlackFraction, 100*r.WhiteFraction),
	} {
		face.Label(dst, at, line, ink, plate)
		at = at.Add(image.Pt(0, face.Height()))
	}
}
