// Where everything stands, and what does not need letters.
//
// All of it is computed in whole numbers, so that a frame is the same on every
// machine.

package clock

import (
	"image"
	"image/color"

	"github.com/framebridge/framebridge/internal/picture"
)

// plan is the layout for one size of picture, with its corner at the origin.
type plan struct {
	size             image.Point
	centre           image.Point // of the dial
	radius           int
	numberAt, timeAt image.Rectangle
	track            image.Rectangle // of the block that crosses the picture
}

func newPlan(size image.Point) plan {
	p := plan{size: size}
	bottom := size.Y - stampRows*stampHeight(size.X, size.Y)
	p.track = image.Rect(0, bottom-max(size.Y/30, 1), size.X, bottom)
	left, free := 0, p.track.Min.Y
	p.radius = min(free, size.X/3) * 9 / 20
	text := image.Rect(0, 0, size.X, free)
	if size.X >= size.Y { // the dial at the left, the text beside it
		left = min(free, size.X/3)
		p.centre = image.Pt(left/2, free/2)
		text = image.Rect(left, 0, size.X-size.X/40, free)
	} else { // the dial above, the text below it
		p.radius = min(free/2, size.X) * 9 / 20
		p.centre = image.Pt(size.X/2, free/3)
		text = image.Rect(size.X/20, min(p.centre.Y+p.radius, free), size.X-size.X/20, free)
	}
	middle := text.Min.Y + text.Dy()*11/20
	p.numberAt = image.Rect(text.Min.X, text.Min.Y+text.Dy()/8, text.Max.X, middle)
	p.timeAt = image.Rect(text.Min.X, middle, text.Max.X, text.Max.Y-text.Dy()/6)
	return p
}

// drawStill draws the background: a shade from top to bottom, a grid, and the
// dial with its 60 marks.
func (p plan) drawStill(img *image.RGBA) {
	w, h := p.size.X, p.size.Y
	for y := range h {
		shade := y * 32 / h
		c := color.RGBA{R: uint8(18 + shade/2), G: uint8(22 + shade), B: uint8(44 + shade*3/2), A: 255}
		picture.Fill(img, image.Rect(0, y, w, y+1), c)
	}
	line := color.RGBA{R: 16, G: 16, B: 16, A: 16} // lightens
	for i := 1; i < 16; i++ {
		picture.Fill(img, image.Rect(w*i/16, 0, w*i/16+1, h), line)
	}
	for i := 1; i < 9; i++ {
		picture.Fill(img, image.Rect(0, h*i/9, w, h*i/9+1), line)
	}
	picture.Fill(img, p.track, color.RGBA{R: 10, G: 12, B: 24, A: 255})
	p.drawDisc(img)
	for i := range 60 {
		side, from := max(p.radius/60, 1), p.radius*92/100
		if i%5 == 0 {
			side, from = max(p.radius/24, 1), p.radius*88/100
		}
		p.drawRay(img, i, from, p.radius*97/100, side, color.RGBA{R: 220, G: 226, B: 240, A: 255})
	}
}

// drawDisc draws the dial's face.
func (p plan) drawDisc(img *image.RGBA) {
	face := color.RGBA{R: 30, G: 40, B: 72, A: 255}
	for dy := -p.radius; dy <= p.radius; dy++ {
		dx := 0
		// Half the width of the disc in this row, by whole numbers.
		for dx*dx+dy*dy <= p.radius*p.radius {
			dx++
		}
		picture.Fill(img, image.Rect(p.centre.X-dx+1, p.centre.Y+dy, p.centre.X+dx, p.centre.Y+dy+1), face)
	}
}

// drawHand draws the hand at the given 60th of a turn.
func (p plan) drawHand(img *image.RGBA, sixtieth int) {
	c := color.RGBA{R: 255, G: 92, B: 70, A: 255}
	p.drawRay(img, sixtieth, 0, p.radius*85/100, max(p.radius/18, 1), c)
}

// drawRay draws a piece of a ray from the dial's centre, as a row of squares.
func (p plan) drawRay(img *image.RGBA, sixtieth, from, to, side int, c color.RGBA) {
	x, y := sine(sixtieth), -sine(sixtieth+15)
	for r := from; r <= to; r += max(side/4, 1) {
		at := p.centre.Add(image.Pt(x*r/sineOne, y*r/sineOne)).Sub(image.Pt(side/2, side/2))
		picture.Fill(img, image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}, c)
	}
}

// drawRunner draws the block that crosses the picture in 60 frames.
func (p plan) drawRunner(img *image.RGBA, n uint64) {
	w := p.size.X
	x := int(n%60) * w / 60
	r := image.Rect(x, p.track.Min.Y, x+max(w/30, 1), p.track.Max.Y)
	picture.Fill(img, r, color.RGBA{R: 64, G: 220, B: 140, A: 255})
}

// sineOne is the sine of a right angle.
const sineOne = 16384

// sine returns the sine of so many 60ths of a turn, times sineOne.
func sine(sixtieths int) int {
	quarter := [16]int{
		0, 1713, 3406, 5063, 6664, 8192, 9630, 10963,
		12176, 13255, 14189, 14968, 15582, 16026, 16294, 16384,
	}
	i := sixtieths % 60
	switch {
	case i <= 15:
		return quarter[i]
	case i <= 30:
		return quarter[30-i]
	case i <= 45:
		return -quarter[i-30]
	default:
		return -quarter[60-i]
	}
}
