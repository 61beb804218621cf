package cli

// The flags of an overlay: boxes from a segment of results, drawn on frames that are encoded.

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/pflag"

	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/overlay"
	"github.com/framebridge/framebridge/framebuf/results"
)

type overlayFlags struct {
	results string // empty: no overlay
	hold    time.Duration
	fade    time.Duration
	wait    time.Duration
}

func (o *overlayFlags) register(f *pflag.FlagSet) {
	f.StringVar(&o.results, "overlay", "", "draw the boxes of this segment of results: on each frame the newest of it or of one before")
	f.DurationVar(&o.hold, "overlay-hold", time.Second, "how long boxes stay, in the video's time, if no others replace them (negative: for ever)")
	f.DurationVar(&o.fade, "overlay-fade", 0, "how long they take to vanish after that")
	f.DurationVar(&o.wait, "overlay-wait", 0, "how long a frame waits for the detector to get to it; the source must be able to wait too")
}

func (o *overlayFlags) check() error {
	switch {
	case o.results == "":
		return nil
	case o.fade < 0:
		return usagef("--overlay-fade %v: not a time", o.fade)
	case o.wait < 0:
		return usagef("--overlay-wait %v: not a time to wait", o.wait)
	}
	return framebuf.CheckSource(o.results)
}

// open makes the overlay that the flags ask for. It returns nil without one.
func (o *overlayFlags) open(ctx context.Context, s *session) (*overlay.Layer, error) {
	if o.results == "" {
		return nil, nil
	}
	hold := overlay.Hold{For: o.hold, Fade: o.fade}
	if hold.For == 0 {
		hold.For = 1 // the shortest: the frame spoken of
	}
	layer, err := overlay.Open(ctx, o.results, &overlay.Options{
		Dir: s.dir, TrustUID: s.trust.uids, Hold: hold, Wait: o.wait, OnNote: func(text string) { s.note("%s", message(errors.New(text))) },
	})
	if errors.Is(err, results.ErrNotResults) {
		err = withTodo(err, "--overlay takes the name of the segment that a detector publishes its results in")
	}
	return layer, readError(err)
}

// overlayError says what to do about frames that cannot be drawn on.
func overlayError(err error) error {
	if errors.Is(err, encode.ErrOverlay) {
		return withTodo(err, "capture with --pix-fmt rgba, or leave --overlay out")
	}
	return err
}

// tellSkipped says how many records were not usable, which was said of the first one only.
func (s *session) tellSkipped(layer *overlay.Layer) {
	if n := layer.Stats().Skipped; n > 1 {
		s.note("%d records were left out", n)
	}
}
