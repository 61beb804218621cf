package cli

// run --print-command: both ffmpeg lines, exactly, and nothing is run.

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
)

// printRunCommands asks capture and encode for their lines. Encode's depends on the first frame, so there is a blank
// one, in a segment of a name of its own that is gone afterwards.
func printRunCommands(ctx context.Context, s *session, o *runOptions) (err error) {
	co, eo := o.capturing(), o.encoding()
	co.segment = fmt.Sprintf("print-command.%d", os.Getpid())
	eo.segment = co.segment
	eo.read = readFlags{newest: true}
	captureOptions, err := co.options(s)
	if err != nil {
		return err
	}
	captureOptions.Linger = -1
	encodeOptions, err := eo.options(s)
	if err != nil {
		return err
	}
	var queue *encode.AudioQueue
	if o.audio == "auto" {
		queue = encode.NewAudioQueue(0)
		captureOptions.AudioSink, encodeOptions.Audio.Queue = queue, queue
	}
	c, err := co.open(ctx, s, captureOptions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if src := c.Source(); queue != nil && src.AudioRate > 0 {
		queue.Start(src.AudioRate, src.AudioChannels)
	} else if queue != nil {
		queue.End()
	}
	blank := func(slot *framebuf.Slot) error { slot.Info.PTS = 0; return nil }
	if err := c.Writer().Publish(ctx, blank); err != nil {
		return err
	}
	e, err := encode.Open(ctx, eo.segment, o.output, encodeOptions)
	if err != nil {
		return segmentError(err)
	}
	defer e.Close()
	return s.printf("%s\n%s\n", ffargs.Quote(c.Command()), ffargs.Quote(e.Command()))
}
