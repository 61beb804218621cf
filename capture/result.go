package capture

import (
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Result is how a capture went.
type Result struct {
	FramesIn  uint64 // frames that came from the source, or were lost on the way
	FramesOut uint64 // frames published
	// Placeholders were published beside them.
	Placeholders uint64
	// Dropped counts the difference by reason.
	Dropped map[framebuf.DropReason]uint64
	// Stalls counts silences, Restarts the starts of ffmpeg after the first one.
	Stalls, Restarts uint64
	// Seconds from the start of the run to its end.
	Seconds float64
	// FPS is FramesOut in a second.
	FPS float64
	// AudioSamples is how many samples, of all channels together, were handed on.
	AudioSamples uint64
	// Clean says that the source ended in order, or that we were asked to stop.
	Clean bool
	// Interrupted says that the context ended the capture.
	Interrupted bool
	// Reason is why the end was not clean, for people; no secrets in it.
	Reason string
	// CPU is the time that ffmpeg computed, user and system.
	CPU time.Duration
}

// DroppedFrames is the sum of Dropped.
func (r *Result) DroppedFrames() (n uint64) {
	for _, d := range r.Dropped {
		n += d
	}
	return n
}

// Progress is how far a running capture is.
type Progress struct {
	FramesIn, FramesOut, Dropped uint64
	// Position is the time of the newest frame.
	Position time.Duration
}
