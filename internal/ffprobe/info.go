package ffprobe

// What is in an input.

import (
	"time"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// Info is what a probe found. What is unknown has its zero value, unless a field says otherwise.
type Info struct {
	Format   string        // ffmpeg's names of the container, such as "mov,mp4,m4a,3gp,3g2,mj2"
	Duration time.Duration // of the whole; 0 is unknown, as for a live source
	Start    time.Duration // of the first sound or picture; may be negative
	Picture  Picture       // the stream to decode; Picture.Index is -1 if there is none
	Audio    []Audio
}

// Picture is the first video stream that is no cover art.
type Picture struct {
	Index         int // of the stream in the input
	Codec         string
	Profile       string
	Width, Height int // as coded, before a player turns it by Rotation
	SampleAspect  ffargs.Ratio
	PixelFormat   string
	Bits          int // of one component
	Color         ffargs.Color
	FieldOrder    string       // progressive, tt, bb, tb, bt
	TimeBase      ffargs.Ratio // of the stream's times
	AvgRate       ffargs.Ratio // frames divided by duration
	RealRate      ffargs.Ratio // the rate in which all times can be written; a guess
	Frames        int64        // as the container claims, often a little wrong
	Duration      time.Duration
	Start         time.Duration
	Rotation      int // clockwise degrees by which ffmpeg turns it when it decodes: 0, 90, 180, 270
}

// DisplaySize is the size of the frames that ffmpeg gives out: with the rotation done.
func (p Picture) DisplaySize() (width, height int) {
	if p.Rotation%180 == 90 {
		return p.Height, p.Width
	}
	return p.Width, p.Height
}

// Rate is the best guess of the nominal rate: the average, if it is known.
func (p Picture) Rate() ffargs.Ratio {
	if p.AvgRate.Known() {
		return p.AvgRate
	}
	return p.RealRate
}

// Audio is a sound stream.
type Audio struct {
	Index    int // of the stream in the input
	Codec    string
	Rate     int // samples a second
	Channels int
	Layout   string // mono, stereo, 5.1
}
