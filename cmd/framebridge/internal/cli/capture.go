package cli

// framebridge capture: ffmpeg decodes a source into a segment.

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
)

type captureOptions struct {
	input   string
	segment string
	rest    []string // after --: before ffmpeg's -i
	pixFmt  string
	pace    choice
	audio   choice
	source  sourceFlags
	live    liveFlags
	write   writeFlags
	ffmpeg  ffmpegFlags
}

func newCaptureCmd(s *session) *cobra.Command {
	o := &captureOptions{pace: newPace(), audio: choice{"none", []string{"none", "auto", "segment"}}}
	cmd := &cobra.Command{
		Use:   "capture INPUT SEGMENT [-- INPUT-ARGS]",
		Short: "ffmpeg decodes INPUT into SEGMENT",
		Example: `  framebridge capture clip.mp4 cam0
  framebridge capture rtsp://camera/stream cam0
  framebridge capture v4l2:/dev/video0 cam0 -s 1280x720 -r 30
  framebridge capture lavfi:testsrc2 cam0 -re`,
		Args: exactly(2, 2, true),
	}
	cmd.RunE = s.command(func(ctx context.Context, args []string) error {
		args, o.rest = splitDash(cmd, args)
		o.input, o.segment = args[0], args[1]
		return captureRun(ctx, s, o)
	})
	f := cmd.Flags()
	o.source.register(f)
	f.StringVar(&o.pixFmt, "pix-fmt", "rgba", "pixel format of the frames: rgba, bgra, rgb24, bgr24, gray8, yuv420p, nv12")
	f.Var(&o.pace, "pace", "how fast to read the source: source is ffmpeg's -re")
	f.Var(&o.audio, "audio", "segment publishes the sound, if there is any, as SEGMENT.audio")
	o.live.register(f)
	o.write.register(f)
	o.ffmpeg.register(f)
	return cmd
}

// options are those of the capture, without what belongs to a command.
func (o *captureOptions) options(s *session) (*capture.Options, error) {
	pixels, err := framebuf.ParsePixelFormat(o.pixFmt)
	if err != nil {
		return nil, err
	}
	in, err := ffargs.ParseInput(o.input)
	if err != nil {
		return nil, err
	}
	if in.Kind == ffargs.Stdin && isTerminal(s.in) {
		return nil, usagef("capture: - reads NUT or y4m from standard input, which is a terminal: pipe something into it")
	}
	c := &capture.Options{
		Dir: s.dir, Group: o.write.group, PixelFormat: pixels, Pace: capturePace(o.pace.value), Stdin: s.in, OnWait: s.onWait(o.segment),
		FFmpeg: o.ffmpeg.programs.ffmpeg, FFprobe: o.ffmpeg.programs.ffprobe, OnLine: s.ffmpegLines(),
		AudioSegment: o.audio.value != "none", Transport: o.ffmpeg.captureTransport(),
	}
	o.live.apply(s, c, o.segment)
	o.write.captureLossless(in.Live, c)
	if in.Live || o.source.loop < 0 {
		c.Linger = -1 // nobody comes late to something without end
	}
	return c, o.source.apply(c, o.rest)
}

// open opens the capture, with fewer slots if memory is short and their number was left open.
func (o *captureOptions) open(ctx context.Context, s *session, c *capture.Options) (opened *capture.Capture, err error) {
	err = s.withFewerSlots(o.write.slots, func(slots int) (err error) {
		c.Slots = slots
		opened, err = capture.Open(ctx, o.input, o.segment, c)
		return err
	})
	if err == nil && s.verbose {
		s.tellTransport(opened)
	}
	return opened, segmentErrorOf(err)
}

// tellTransport says which way the pixels take.
func (s *session) tellTransport(c *capture.Capture) {
	switch way, whyNot := c.Transport(); {
	case way == capture.TransportPlugin:
		s.note("pixels go from ffmpeg into the segment by the plug-in")
	case whyNot != nil:
		s.note("pixels go through ffmpeg's pipe, not by the plug-in: %v", whyNot)
	default:
		s.note("pixels go through ffmpeg's pipe")
	}
}

// segmentErrorOf is segmentError for errors that may be about the source as well.
func segmentErrorOf(err error) error {
	if err == nil || exitCode(err) != codeFailed {
		return err
	}
	return sourcef("%w", err)
}

func captureRun(ctx context.Context, s *session, o *captureOptions) (err error) {
	if err := errors.Join(framebuf.CheckName(o.segment), o.write.check(), o.live.check()); err != nil {
		return err
	}
	options, err := o.options(s)
	if err != nil {
		return err
	}
	if o.ffmpeg.printCommand {
		return printCaptureCommand(ctx, s, o, options)
	}
	c, err := o.open(ctx, s, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCapture(c, s.dir, err)) }()
	readers := 1
	if c.Source().Live {
		readers = 0
		s.next("analyze %s%s", o.segment, s.dirFlag())
	}
	if err := s.awaitReaders(ctx, c.Writer(), o.write.readers(readers), o.write.wait); err != nil {
		return err
	}
	stop := s.showProgress(captureSample(c, &o.source))
	result, err := c.Run(ctx)
	stop()
	if err == nil && result.Interrupted {
		err = context.Cause(ctx)
	}
	return errors.Join(err, s.summarize(summary{
		FramesIn: result.FramesIn, FramesOut: result.FramesOut, Dropped: result.DroppedFrames(),
		Seconds: result.Seconds, FPS: result.FPS, Output: o.segment, Restarts: result.Restarts,
	}, err))
}

// captureSample is how far a capture is.
func captureSample(c *capture.Capture, flags *sourceFlags) func() sample {
	total := flags.duration.Duration
	if total == 0 && flags.loop == 0 {
		total = max(c.Source().Duration-flags.seek.Duration, 0)
	}
	first := time.Duration(-1)
	return func() sample {
		p := c.Progress()
		if first < 0 && p.FramesOut > 0 {
			first = p.Position
		}
		return sample{frames: p.FramesOut, dropped: p.Dropped, covered: p.Position - max(first, 0), total: total}
	}
}

func closeCapture(c *capture.Capture, dir string, cause error) error {
	if cause != nil {
		c.Writer().SetLinger(0)
	}
	return c.Close()
}

// noteLane says of a printed command line what it is without us.
func (s *session) noteLane(c *capture.Capture) {
	if way, _ := c.Transport(); way == capture.TransportPlugin {
		s.note("pasted, it decodes but keeps no frame: the plug-in takes them only where framebridge started ffmpeg; --transport pipe prints the line that writes them out")
	}
}

// printCaptureCommand prints the ffmpeg line. Nothing is decoded and no segment keeps the name.
func printCaptureCommand(ctx context.Context, s *session, o *captureOptions, options *capture.Options) error {
	options.Linger = -1
	c, err := o.open(ctx, s, options)
	if err != nil {
		return err
	}
	command := ffargs.Quote(c.Command())
	s.noteLane(c)
	return errors.Join(c.Close(), s.printf("%s\n", command))
}
