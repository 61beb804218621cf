package cli

// run --print-command: both ffmpeg lines, exactly, and that of --exec between them; nothing is run.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
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
	lines := []string{ffargs.Quote(c.Command()), ffargs.Quote(e.Command())}
	if o.exec.command != "" {
		lines = slices.Insert(lines, 1, printedExec(s, o))
	}
	s.noteLane(c)
	return s.printf("%s\n", strings.Join(lines, "\n"))
}

// printedExec is the command in between, with the variables of ours that it gets.
func printedExec(s *session, o *runOptions) string {
	in := o.inName()
	if o.sealed {
		in = framebuf.InheritedName(3, 4)
	}
	c := &command{s: s, o: o}
	path, args := ffproc.Shell(o.exec.command)
	words := append([]string{"env"}, c.environment(in)...)
	return s.console.redact.Redact(ffargs.Quote(append(append(words, path), args...)))
}
