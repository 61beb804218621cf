package capture

import (
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// SourceInfo is what is known of a source before it is decoded. Zero values are
// unknown.
type SourceInfo struct {
	Container   string // ffmpeg's name of the format
	Codec       string
	PixelFormat string // as decoded, ffmpeg's name
	// Width and Height in pixels, as shown: after rotation.
	Width, Height int
	Rotation      int // degrees clockwise that ffmpeg turns each frame
	Aspect        framebuf.Rational
	Color         framebuf.Color
	FieldOrder    framebuf.FieldOrder
	// Rate is the nominal frame rate.
	Rate framebuf.Rational
	// Frames is how many frames the container says there are. It may be one off.
	Frames   uint64
	Duration time.Duration // of the picture
	Live     bool          // the source cannot wait

	// Format is that of the frames in the segment, to begin with.
	Format framebuf.Format
	// TimeBase is that of the frames in the segment, and TimeBaseFrom says where it
	// comes from: "source", "fps" or "microseconds".
	TimeBase     framebuf.Rational
	TimeBaseFrom string

	// AudioCodec, AudioRate (samples a second) and AudioChannels describe the sound,
	// if the source has any.
	AudioCodec    string
	AudioRate     int
	AudioChannels int
}
