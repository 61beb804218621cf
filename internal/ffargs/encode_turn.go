package ffargs

// What the frames say about themselves beside pixels and colours: crop, rotation, field order. Filters do it, not marks in
// the file: MPEG-TS, FLV and what is sent over a network have no such marks.

import (
	"strconv"

	ff "github.com/u2takey/ffmpeg-go"
)

// Crop is how many pixels to cut off at each side.
type Crop struct{ Left, Top, Right, Bottom int }

// FieldOrder says which field of interlaced frames comes first.
type FieldOrder int

// The field orders.
const (
	Progressive FieldOrder = iota // or unknown
	TopFirst
	BottomFirst
)

// orient makes b.Video what is to be seen of the frames, and b.sent what can be done to them. b.Encode becomes a copy.
func (b *encoding) orient() {
	e := *b.Encode
	b.Encode = &e
	v, sent := &e.Video, &b.sent
	c := sent.Crop
	width, height := v.Width-c.Left-c.Right, v.Height-c.Top-c.Bottom
	if width < 1 || height < 1 || c.Left < 0 || c.Top < 0 || c.Right < 0 || c.Bottom < 0 {
		b.warn("the frames of %dx%d cannot be cropped by %d, %d, %d and %d: they stay whole", v.Width, v.Height, c.Left, c.Top, c.Right, c.Bottom)
		sent.Crop, width, height = Crop{}, v.Width, v.Height
	}
	switch sent.Rotation {
	case 0, 180:
	case 90, 270:
		width, height = height, width
		if v.SampleAspect.Known() {
			v.SampleAspect = v.SampleAspect.Inverse()
		}
	default:
		b.warn("frames cannot be turned by %d degrees: they stay as they are", sent.Rotation)
		sent.Rotation = 0
	}
	v.Width, v.Height = width, height
	switch {
	case sent.FieldOrder == Progressive:
	case sent.Rotation != 0:
		b.warn("interlaced frames are turned: the output no longer says that they are")
		sent.FieldOrder = Progressive
	case sent.Crop.Top%2 == 1:
		sent.FieldOrder = TopFirst + BottomFirst - sent.FieldOrder
	}
}

func (b *encoding) interlaced() bool { return b.sent.FieldOrder != Progressive }

// turn is the filters for all that.
func (b *encoding) turn(s *ff.Stream) *ff.Stream {
	v := b.sent
	if c := v.Crop; c != (Crop{}) {
		s = filter(s, "crop", opts{
			"w": strconv.Itoa(v.Width - c.Left - c.Right), "h": strconv.Itoa(v.Height - c.Top - c.Bottom),
			"x": strconv.Itoa(c.Left), "y": strconv.Itoa(c.Top), "exact": "1",
		})
	}
	switch v.Rotation {
	case 90:
		s = filter(s, "transpose", opts{"dir": "clock"})
	case 180:
		s = filter(filter(s, "hflip", nil), "vflip", nil)
	case 270:
		s = filter(s, "transpose", opts{"dir": "cclock"})
	}
	switch v.FieldOrder {
	case TopFirst:
		s = filter(s, "setfield", opts{"mode": "tff"})
	case BottomFirst:
		s = filter(s, "setfield", opts{"mode": "bff"})
	case Progressive:
	}
	return s
}
