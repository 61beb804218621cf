// Boxes: the convention for what was found where in a picture.

package results

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"math"
	"strings"
)

// MaxBoxes is how many boxes a record may have.
const MaxBoxes = 4096

// maxCoordinate bounds every number, so that arithmetic in pixels cannot overflow.
const maxCoordinate = 1e9

// Boxes is what an analyzer found in one picture:
//
//	{"analyzer":"NAME","boxes":[{"x":10,"y":20,"w":30,"h":40,"label":"person","score":0.93,"color":"#ff8000"}],"width":640,"height":360}
//
// A record without boxes in it says that there is nothing now. A record may have
// further keys: embed Boxes in a struct of one's own.
type Boxes struct {
	Analyzer string `json:"analyzer,omitempty"`
	// Boxes are drawn in this order.
	Boxes []Box `json:"boxes"`
	// Width and Height are the size of the space in which x, y, w and h count, such as
	// that of the smaller picture that a detector saw. Default: the size, in pixels, of
	// the frame spoken of.
	Width  float64 `json:"width,omitempty"`
	Height float64 `json:"height,omitempty"`
}

// Box is one of them. X and Y are its top left corner; it may reach out of the picture.
type Box struct {
	X     float64  `json:"x"`
	Y     float64  `json:"y"`
	W     float64  `json:"w"`
	H     float64  `json:"h"`
	Label string   `json:"label,omitempty"`
	Score *float64 `json:"score,omitempty"` // nil: none given
	Color string   `json:"color,omitempty"` // #rrggbb, #rrggbbaa or #rgb; empty: the choice of whoever draws
}

// NRGBA is the colour, of #rrggbb, #rrggbbaa with an alpha, or the short #rgb. ok is
// false if it is none.
func (b *Box) NRGBA() (c color.NRGBA, ok bool) {
	digits, found := strings.CutPrefix(b.Color, "#")
	if !found {
		return color.NRGBA{}, false
	}
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	v := [4]byte{3: 255}
	if len(digits) != 6 && len(digits) != 8 {
		return color.NRGBA{}, false
	}
	if _, err := hex.Decode(v[:], []byte(digits)); err != nil {
		return color.NRGBA{}, false
	}
	return color.NRGBA{R: v[0], G: v[1], B: v[2], A: v[3]}, true
}

// Check reports what is wrong with the boxes: nil, or an error that matches ErrBoxes.
func (b Boxes) Check() error {
	if len(b.Boxes) > MaxBoxes {
		return fmt.Errorf("%w: %d of them; at most %d", ErrBoxes, len(b.Boxes), MaxBoxes)
	}
	for _, side := range []struct {
		name  string
		value float64
	}{{"width", b.Width}, {"height", b.Height}} {
		if err := checkNumber(side.name, side.value, true); err != nil {
			return fmt.Errorf("%w: %w", ErrBoxes, err)
		}
	}
	if (b.Width > 0) != (b.Height > 0) {
		return fmt.Errorf("%w: width %v and height %v: give both, or none", ErrBoxes, b.Width, b.Height)
	}
	for i := range b.Boxes {
		if err := b.Boxes[i].check(); err != nil {
			return fmt.Errorf("%w: boxes[%d]: %w", ErrBoxes, i, err)
		}
	}
	return nil
}

func (b *Box) check() error {
	for _, n := range []struct {
		name  string
		value float64
		size  bool
	}{{"x", b.X, false}, {"y", b.Y, false}, {"w", b.W, true}, {"h", b.H, true}} {
		if err := checkNumber(n.name, n.value, n.size); err != nil {
			return err
		}
	}
	if b.Score != nil {
		if err := checkNumber("score", *b.Score, false); err != nil {
			return err
		}
	}
	if _, ok := b.NRGBA(); !ok && b.Color != "" {
		return fmt.Errorf("color %.40q: write #ff8000, or #ff800080 with an alpha", b.Color)
	}
	return nil
}

func checkNumber(name string, v float64, size bool) error {
	switch {
	case math.IsNaN(v) || math.Abs(v) > maxCoordinate:
		return fmt.Errorf("%s is %v", name, v)
	case size && v < 0:
		return fmt.Errorf("%s is %v: a size is not negative", name, v)
	}
	return nil
}

// Boxes decodes the boxes of a record, and checks them; unknown keys are left alone.
// The error names segment, record and frame. It matches ErrNoBoxes for a record that
// is about something else, ErrBoxes or ErrJSON for one that is not usable.
func (r *Record) Boxes() (Boxes, error) {
	b, err := decodeBoxes(r.JSON)
	return b, r.wrap(err)
}

func decodeBoxes(data []byte) (Boxes, error) {
	var in struct {
		Analyzer string          `json:"analyzer"`
		Boxes    json.RawMessage `json:"boxes"` // nil: there is no such key
		Width    float64         `json:"width"`
		Height   float64         `json:"height"`
	}
	// A value of the wrong type does not keep the rest from being decoded.
	err := json.Unmarshal(data, &in)
	switch {
	case errors.As(err, new(*json.SyntaxError)):
		return Boxes{}, fmt.Errorf("%w: %w", ErrJSON, err)
	case in.Boxes == nil:
		return Boxes{}, ErrNoBoxes
	case err != nil:
		return Boxes{}, fmt.Errorf("%w: %w", ErrBoxes, err)
	}
	var list []struct {
		X     *float64 `json:"x"` // nil: not given
		Y     *float64 `json:"y"`
		W     *float64 `json:"w"`
		H     *float64 `json:"h"`
		Label string   `json:"label"`
		Score *float64 `json:"score"`
		Color string   `json:"color"`
	}
	if err := json.Unmarshal(in.Boxes, &list); err != nil {
		return Boxes{}, fmt.Errorf("%w: %w", ErrBoxes, err)
	}
	b := Boxes{Analyzer: in.Analyzer, Boxes: make([]Box, len(list)), Width: in.Width, Height: in.Height}
	for i, v := range list {
		if v.X == nil || v.Y == nil || v.W == nil || v.H == nil {
			return Boxes{}, fmt.Errorf("%w: boxes[%d]: x, y, w and h are needed", ErrBoxes, i)
		}
		b.Boxes[i] = Box{X: *v.X, Y: *v.Y, W: *v.W, H: *v.H, Label: v.Label, Score: v.Score, Color: v.Color}
	}
	if err := b.Check(); err != nil {
		return Boxes{}, err
	}
	return b, nil
}
