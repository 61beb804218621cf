package capture

// How a capture ended. Exit code 0 of ffmpeg is not a clean end: it is what a
// cut AVI, a damaged H.264 stream and a vanished RTMP source give as well.

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/framebridge/framebridge/internal/ffproc"
)

const (
	// A file may be so much shorter than it says without anything being wrong:
	// headers count frames that decoders do not give.
	slackFrames = 2
	slackShare  = 0.02
	// slackTime holds where the container counts no frames, and its duration may be
	// that of something else.
	slackTime = time.Second
)

// ending is everything that the verdict depends on.
type ending struct {
	live     bool
	complete bool  // a live source was to be captured for a time, and that has passed
	exit     error // of ffmpeg
	pipe     error // of reading its pipe; nil at a proper end
	short    bool  // it ended inside a frame
	frames   uint64
	errors   uint64 // while decoding
	first    string // the first of them
	early    string // an error before the first frame

	expectFrames uint64        // as the container says; 0 unknown
	expectEnd    time.Duration // on the clock of end; 0 unknown
	end          time.Duration // when the last frame ends
	tick         time.Duration // nominal duration of a frame; 0 unknown
}

// verdict is nil for a clean end.
func (e *ending) verdict() error {
	var exit *ffproc.ExitError
	switch {
	case e.frames == 0 && (e.exit != nil || e.pipe != nil || e.first != "" || e.early != ""):
		return e.neverBegan()
	case e.frames == 0:
		return fmt.Errorf("%w: the source ended before the first one", ErrNoFrames)
	case e.live && e.complete && e.exit == nil && e.pipe == nil:
		return nil
	case e.live:
		return fmt.Errorf("%w: %s", ErrSourceLost, e.whyLost())
	case errors.As(e.exit, &exit) && exit.Signal != 0:
		return fmt.Errorf("%w: %w", ErrEndedBadly, e.exit)
	case e.pipe != nil:
		return fmt.Errorf("%w: %w", ErrEndedBadly, e.pipe)
	case e.exit != nil:
		return fmt.Errorf("%w: %w", ErrEndedBadly, e.exit)
	case e.short:
		return fmt.Errorf("%w: it stops inside a frame", ErrEndedBadly)
	case e.errors > 0:
		return fmt.Errorf("%w: damaged, %d errors while decoding: %s", ErrEndedBadly, e.errors, e.first)
	}
	if early := e.expectEnd - e.end; e.endsEarly(early) {
		return fmt.Errorf("%w: %.2f s before its end, after %d frames", ErrEndedBadly, early.Seconds(), e.frames)
	}
	return nil
}

// endsEarly reports whether so much is missing at the end that the source must
// have been cut. Frames that are missing elsewhere do not count: there are
// containers that count a frame for every tick.
func (e *ending) endsEarly(early time.Duration) bool {
	if e.expectEnd <= 0 || early <= max(slackFrames*e.tick, time.Duration(slackShare*float64(e.expectEnd))) {
		return false
	}
	if e.expectFrames == 0 {
		return early > slackTime
	}
	slack := max(slackFrames, uint64(slackShare*float64(e.expectFrames)))
	return e.frames+slack < e.expectFrames
}

// neverBegan is the error of a source without a frame.
func (e *ending) neverBegan() error {
	why := cmp.Or(e.first, e.early)
	switch {
	case strings.Contains(why, "not a suitable output format"), strings.Contains(why, "pipe:1: Invalid argument"):
		return fmt.Errorf("%w: it does not write NUT, which frames travel in: %s", ErrFFmpeg, why)
	case why == "" && e.exit != nil:
		why = e.exit.Error()
	case why == "":
		why = e.pipe.Error()
	}
	if e.live {
		return fmt.Errorf("%w: %w: %s", ErrNoFrames, ErrSourceLost, why)
	}
	return fmt.Errorf("%w: %s", ErrNoFrames, why)
}

func (e *ending) whyLost() string {
	switch {
	case e.exit != nil:
		return e.exit.Error()
	case e.pipe != nil:
		return e.pipe.Error()
	case e.errors > 0:
		return e.first
	}
	return "it ended"
}
