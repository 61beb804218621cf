package cli

// framebridge encode: the frames of a segment to a file or a stream.

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
)

type encodeOptions struct {
	segment string
	output  string
	rest    []string // after --: before the output's name
	pace    choice
	restart choice
	audio   string
	follow  bool // --follow was given
	read    readFlags
	out     outputFlags
	overlay overlayFlags
	ffmpeg  ffmpegFlags
}

func newEncodeCmd(s *session) *cobra.Command {
	o := &encodeOptions{pace: newPace(), restart: choice{"auto", []string{"auto", "never", "always"}}}
	cmd := &cobra.Command{
		Use:   "encode SEGMENT OUTPUT [-- OUTPUT-ARGS]",
		Short: "Frames of SEGMENT to a file or a live stream",
		Example: `  framebridge encode cam0 out.mp4 -crf 20
  framebridge encode cam0 rtmp://server/live/key --pace live
  framebridge encode cam0 hls:www/live.m3u8
  framebridge encode cam0 marked.mp4 --overlay cam0.boxes`,
		Args: exactly(2, 2, true),
	}
	cmd.RunE = s.command(func(ctx context.Context, args []string) error {
		args, o.rest = splitDash(cmd, args)
		o.segment, o.output = args[0], args[1]
		o.follow = cmd.Flags().Changed("follow")
		return encodeRun(ctx, s, o)
	})
	f := cmd.Flags()
	o.out.register(f)
	f.Var(&o.pace, "pace", "when frames are sent: at once, at their own times, or live (auto: live if the source is)")
	f.StringVar(&o.audio, "audio", "auto", "auto, none, silent, segment, or a file or URL; auto takes SEGMENT.audio if it is there")
	f.Var(&o.restart, "restart", "start a live output that fails again: once it has worked (auto), never, or always; files never are")
	o.overlay.register(f)
	o.read.register(f, "default for files")
	s.registerTrust(f)
	o.ffmpeg.register(f)
	return cmd
}

// options are those of the encode, without the reading mode and --audio auto.
func (o *encodeOptions) options(s *session) (*encode.Options, error) {
	e := &encode.Options{
		Dir: s.dir, TrustUID: s.trust.uids, Wait: -1, Pace: encodePace(o.pace.value), Follow: o.read.follow || o.pace.value == "live" && !o.follow,
		FFmpeg: o.ffmpeg.programs.ffmpeg, OnLine: s.ffmpegLines(), OnNote: func(text string) { s.note("%s", text) },
		Restart: encodeRestart(o.restart.value), OnEvent: s.outputEvents(), Transport: o.ffmpeg.encodeTransport(),
	}
	if mode, ok := o.read.chosen(); ok {
		e.Mode = &mode
	}
	sound(o.audio, e)
	return e, o.out.apply(e, o.rest)
}

func encodeRestart(restart string) encode.Restart {
	return map[string]encode.Restart{"never": encode.RestartNever, "always": encode.RestartAlways}[restart]
}

// outputEvents tells when an output is lost, and when it is back.
func (s *session) outputEvents() func(encode.Event) {
	return func(ev encode.Event) {
		switch {
		case ev.State == encode.Reconnecting:
			s.note("%s; starting it again in %.1f s", message(ev.Err), ev.Pause.Seconds())
		case ev.State == encode.Live && ev.Restarts > 0:
			s.note("the output is back (restarts: %d)", ev.Restarts)
		}
	}
}

// refuseExisting finds out early that the output is there already. It also says whether it is our standard output.
func refuseExisting(output string, overwrite bool) (toStdout bool, err error) {
	out, err := ffargs.ParseOutput(output)
	if err != nil {
		return false, err
	}
	if out.Local && !overwrite {
		if st, err := os.Stat(out.Path); err == nil && st.Mode().IsRegular() {
			return false, existsError(output)
		}
	}
	return out.Pipe, nil
}

func encodeRun(ctx context.Context, s *session, o *encodeOptions) (err error) {
	if err := errors.Join(framebuf.CheckSource(o.segment), o.read.check(), o.overlay.check()); err != nil {
		return err
	}
	options, err := o.options(s)
	if err != nil {
		return err
	}
	toStdout, err := refuseExisting(o.output, o.out.overwrite)
	if err != nil {
		return err
	}
	if toStdout {
		s.out = s.console.w // standard output is the stream's
	}
	if _, err := s.awaitSegment(ctx, o.segment, o.read.wait); err != nil {
		return err
	}
	if o.audio == "auto" && framebuf.CheckName(audioName(o.segment)) == nil {
		st, err := framebuf.Stat(s.dir, audioName(o.segment), s.trust.uids...)
		// What a killed capture left is no sound of this picture.
		options.Audio.Segment = err == nil && (st.Alive || st.State == framebuf.Ended)
	}
	layer, err := o.overlay.open(ctx, s)
	if err != nil {
		return err
	}
	if layer != nil {
		defer layer.Close()
		defer s.tellSkipped(layer)
		options.Overlay = layer.Frame
	}
	var m meter
	options.OnFrame = m.onFrame
	e, err := encode.Open(ctx, o.segment, o.output, options)
	if err != nil {
		return overlayError(readError(err))
	}
	defer e.Close()
	if o.ffmpeg.printCommand {
		return s.printf("%s\n", ffargs.Quote(e.Command()))
	}
	stop := s.showProgress(m.sample)
	result, err := e.Run(ctx)
	stop()
	if err == nil && result.Interrupted {
		err = context.Cause(ctx)
	}
	return errors.Join(err, s.summarize(encodeSummary(&result, o.output), err))
}

func encodeSummary(r *encode.Result, output string) summary {
	return summary{
		FramesIn: r.FramesIn, FramesOut: r.FramesOut, Dropped: r.Missed + r.Merged,
		Seconds: r.Elapsed.Seconds(), FPS: r.FPS, Output: ffargs.RedactName(output), Restarts: r.Restarts,
	}
}
