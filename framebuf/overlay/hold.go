// The age of a record, and what it does to its looks.

package overlay

import (
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/results"
)

// Hold says how long a record stays, in the time of the video. The zero value means
// the defaults.
type Hold struct {
	// For is how long after the frame that it speaks of a record is shown, unless
	// another one replaces it. Default: 1 s; negative: until it is replaced.
	For time.Duration
	// Fade is how long it takes to vanish after that. Default: at once.
	Fade time.Duration
}

const defaultHold = time.Second

// Opacity is how visible a record of an age is: 1 fully, 0 not at all. It is 0 for a
// negative age, which is that of a frame to come.
func (h Hold) Opacity(age time.Duration) float64 {
	if h.For == 0 {
		h.For = defaultHold
	}
	switch {
	case age < 0:
		return 0
	case h.For < 0 || age <= h.For:
		return 1
	case age-h.For >= h.Fade:
		return 0
	}
	return 1 - float64(age-h.For)/float64(h.Fade)
}

// fallbackRate is the nominal rate of a video that tells none, in frames a second.
const fallbackRate = 30

// ageOf is how long after the frame that a record speaks of a frame comes: by their
// times, and where those are not known or run backwards, by their numbers. The frame
// is not before the one spoken of.
func ageOf(rec *results.Record, i *framebuf.Info) time.Duration {
	then, known := rec.Time()
	if !known { // a writer that gave the PTS of its frame only
		then, known = (&framebuf.Info{PTS: rec.Reference.PTS, TimeBase: i.TimeBase}).Time()
	}
	if now, ok := i.Time(); ok && known && now >= then {
		return now - then
	}
	rate := i.Rate.Float()
	if !(rate > 0) {
		rate = fallbackRate
	}
	seconds := float64(i.Number-rec.Reference.Frame) / rate
	return time.Duration(min(seconds, 1e9) * float64(time.Second))
}
