// Package clock draws a clock that shows frames rather than hours: the frame's
// number and time in large figures, a hand that goes round once in 60 frames,
// a block that crosses the picture, and a stamp that programs can read
// (ReadStamp). A frame that is lost, doubled, torn or out of order is seen at
// once, or found by a test.
package clock

import (
	"fmt"
	"image"
	"image/color"
	"time"

	"github.com/framebridge/framebridge/internal/picture"
)

// Name is the generator's name.
const Name = "clock"

// Clock is the generator. It is not safe for concurrent use.
type Clock struct {
	still        *image.RGBA // what does not move, at the last size
	plan         plan
	number, time lettering
}

// lettering is a face and the height it was made with.
type lettering struct {
	face *picture.Face
	high int
}

// New returns the generator.
func New() *Clock { return &Clock{} }

// Name returns "clock".
func (c *Clock) Name() string { return Name }

// Draw draws frame n. The time is shown to the millisecond, and cut off there.
// Pictures narrower than 80 or lower than 16 pixels have no stamp.
func (c *Clock) Draw(dst *image.RGBA, n uint64, t time.Duration) error {
	img, err := picture.AtOrigin(dst)
	if err != nil {
		return fmt.Errorf("clock: frame %d: %w", n, err)
	}
	if c.still == nil || c.still.Rect != img.Rect {
		c.plan = newPlan(img.Rect.Size())
		c.still = image.NewRGBA(img.Rect)
		c.plan.drawStill(c.still)
	}
	picture.CopyRows(img, c.still)
	c.plan.drawHand(img, int(n%60))
	c.plan.drawRunner(img, n)
	bright := color.RGBA{R: 255, G: 255, B: 255, A: 255}
	soft := color.RGBA{R: 255, G: 214, B: 10, A: 255}
	c.number.write(img, c.plan.numberAt, fmt.Sprintf("%08d", n), bright)
	c.time.write(img, c.plan.timeAt, timecode(t), soft)
	WriteStamp(img, n)
	return nil
}

// write puts text into the middle of r, as large as fits, or not at all where
// it would be a smear.
func (l *lettering) write(img *image.RGBA, r image.Rectangle, text string, ink color.RGBA) {
	// A character is half as wide as its face is high, and a line a little
	// higher than that.
	high := min(r.Dy()*16/17, 2*r.Dx()/len(text))
	if high < minText {
		return
	}
	if l.face == nil || l.high != high {
		l.face, l.high = picture.NewFace(high), high
	}
	at := r.Min.Add(r.Size().Sub(image.Pt(l.face.Width(text), l.face.Height())).Div(2))
	l.face.Text(img, at, text, ink)
}

// minText is the least height of a face in pixels that can be read.
const minText = 6

// timecode returns t as HH:MM:SS.mmm, with more digits for the hours where
// needed and a minus sign before a negative time.
func timecode(t time.Duration) string {
	sign := ""
	ms := t.Milliseconds()
	if t < 0 {
		sign = "-"
		ms = -ms
	}
	s := ms / 1000
	return fmt.Sprintf("%s%02d:%02d:%02d.%03d", sign, s/3600, s/60%60, s%60, ms%1000)
}
