package cli

// framebridge run: the whole bridge in one command. This file is the command line; bridge.go runs the parts.

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/analyzer/analyzers"
	"github.com/framebridge/framebridge/internal/ffargs"
)

type runOptions struct {
	input    string
	output   string
	rest     []string // after --: before the output's name
	name     string   // of the segment
	analyzer string
	config   string // of the analyzer
	exec     execFlags
	pace     choice
	audio    string
	lossless bool
	newest   bool
	slots    int
	evict    string
	group    string
	sealed   bool
	source   sourceFlags
	lost     liveFlags
	again    choice // of a live output
	out      outputFlags
	ffmpeg   ffmpegFlags

	live bool // the source cannot wait
}

func newRunCmd(s *session) *cobra.Command {
	o := &runOptions{pace: newPace(), again: choice{"auto", []string{"auto", "never", "always"}}}
	cmd := &cobra.Command{
		Use:   "run INPUT OUTPUT [-- OUTPUT-ARGS]",
		Short: "Capture, (analyze,) encode: the whole bridge in one command",
		Long: `Captures INPUT into a segment named after it (or by --name), and encodes to OUTPUT what is read from there.

With --analyzer another process of framebridge reads the frames and publishes them as NAME.out, with what it found drawn
in. With --exec the shell runs COMMAND for that, with FRAMEBRIDGE_IN and FRAMEBRIDGE_OUT, the names of the segments to
read and to publish, and FRAMEBRIDGE_DIR. It must open FRAMEBRIDGE_IN within 10 seconds, should wait for a reader of
FRAMEBRIDGE_OUT before it publishes there, and ends that when FRAMEBRIDGE_IN has ended. With --sealed FRAMEBRIDGE_IN is
fd:3,4, two descriptors that the command inherits; commands of framebridge take it as the name of a segment, ls and info
cannot see it. What the command prints comes on standard error, with its name in front of each line.

A command that dies is started again where the source is live (--exec-restart auto), after 0.5 s, 1 s, … up to 30 s; capture
and encode go on meanwhile, the output has a gap. With files it is not, because frames would be lost: with --exec-restart
always it is all the same, the source waits, and the next process joins at the newest frame: what the dead one had taken and
what lay in between, at most as many frames as there are slots and a few, is counted as missed. A command that ends its output
in order before the source has ended ends the run, in order. One that ended otherwise has failed: exit code 1.

Files lose no frame: every reader may hold the source back. Live sources are read newest first.`,
		Example: `  framebridge run clip.mp4 out.mp4 --analyzer motion
  framebridge run clip.mp4 out.mp4 --exec 'python3 mine.py'
  framebridge run rtsp://camera/stream rtmp://server/live/key`,
		Args: exactly(2, 2, true),
	}
	cmd.RunE = s.command(func(ctx context.Context, args []string) error {
		args, o.rest = splitDash(cmd, args)
		o.input, o.output = args[0], args[1]
		return runRun(ctx, s, o)
	})
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "name of the segment (default: after the input)")
	f.StringVar(&o.analyzer, "analyzer", "", "what looks at the frames: "+strings.Join(analyzers.Names(), ", "))
	f.StringVar(&o.config, "config", "", "with --analyzer: "+configFlagHelp)
	o.exec.register(f)
	o.source.register(f)
	o.lost.register(f)
	f.Var(&o.again, "restart-output", "start a live output that fails again: once it has worked (auto), never, or always; files never are")
	o.out.register(f)
	f.Var(&o.pace, "pace", "fast, at the speed of the source (-re), or live")
	f.StringVar(&o.audio, "audio", "auto", "auto (the source's), none, silent, or a file or URL")
	f.BoolVar(&o.lossless, "lossless", false, "every frame in order (default for files)")
	f.BoolVar(&o.newest, "newest", false, "the newest frame, what was missed is counted (default for live sources)")
	f.IntVar(&o.slots, "slots", 0, "number of slots, from 2 (default 4, or 3 where memory is short)")
	f.StringVar(&o.evict, "evict", "", "D|never: how long a lossless reader may stand still (default 5s for live sources, else never)")
	f.StringVar(&o.group, "group", "", "group, by name or number, whose members may read the segments (default: this user alone)")
	f.BoolVar(&o.sealed, "sealed", false, "hand the frames to --exec or --analyzer as descriptors of sealed memory: no name, nobody else can reach or change them")
	o.ffmpeg.register(f)
	return cmd
}

// inName is the segment of the source, outName that of the frames to encode where an analyzer or a command makes them.
func (o *runOptions) inName() string  { return o.name }
func (o *runOptions) outName() string { return o.name + ".out" }

// between reports whether something stands between capture and encode.
func (o *runOptions) between() bool { return o.analyzer != "" || o.exec.command != "" }

func (o *runOptions) mode() framebuf.Mode {
	if o.newest || o.live && !o.lossless {
		return framebuf.Newest
	}
	return framebuf.Lossless
}

// check finds what is wrong before anything starts, and fills in the name.
func (o *runOptions) check() error {
	in, err := ffargs.ParseInput(o.input)
	if err != nil {
		return err
	}
	if o.name == "" {
		o.name = segmentName(in)
	}
	o.live = in.Live
	if o.audio == "segment" {
		return usagef("run: --audio segment is for encode; auto takes the sound of INPUT")
	}
	if o.analyzer != "" {
		if o.exec.command != "" {
			return usagef("--analyzer and --exec exclude each other")
		}
		if _, err := analyzers.New(o.analyzer); err != nil {
			return err
		}
	}
	if o.config != "" && o.analyzer == "" {
		return usagef("--config is for --analyzer; a command of yours reads its configuration by itself")
	}
	if err := checkConfigName(o.config); err != nil {
		return err
	}
	if o.sealed && !o.between() {
		return usagef("--sealed is for what reads in between: with --exec or --analyzer")
	}
	if o.between() {
		if err := framebuf.CheckName(o.outName()); err != nil {
			return err
		}
	}
	return errors.Join(framebuf.CheckName(o.inName()), o.writing().check(), o.lost.check())
}

// writing are the flags of a capture that are those of run.
func (o *runOptions) writing() *writeFlags {
	return &writeFlags{slots: o.slots, lossless: o.lossless, newest: o.newest, evict: o.evict, group: o.group, await: awaitUnset}
}

// capturing is run as a capture.
func (o *runOptions) capturing() *captureOptions {
	return &captureOptions{
		input: o.input, segment: o.inName(), pixFmt: "rgba", pace: o.pace, audio: choice{value: "none"},
		source: o.source, live: o.lost, write: *o.writing(), ffmpeg: o.ffmpeg,
	}
}

// encoding is run as an encode.
func (o *runOptions) encoding() *encodeOptions {
	e := &encodeOptions{
		segment: o.inName(), output: o.output, rest: o.rest, pace: o.pace, restart: o.again, audio: o.audio, follow: true, out: o.out, ffmpeg: o.ffmpeg,
	}
	if e.pace.value == "source" {
		e.pace.value = "fast" // capture keeps the time
	}
	if o.between() {
		e.segment = o.outName()
	}
	e.read.lossless, e.read.newest = o.mode() == framebuf.Lossless, o.mode() == framebuf.Newest
	return e
}

// segmentName makes a segment's name of an input's: clip for dir/Clip.mp4.
func segmentName(in ffargs.Input) string {
	name := path.Base(in.Path)
	switch in.Kind {
	case ffargs.File:
		name = strings.TrimSuffix(name, path.Ext(name))
	case ffargs.Lavfi:
		name, _, _ = strings.Cut(in.Graph, "=")
	case ffargs.Stdin:
		name = "stdin"
	default:
		name = strings.TrimSuffix(path.Base(in.String()), path.Ext(in.String()))
	}
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	name = strings.TrimLeft(name, "._-")
	name = strings.TrimRight(name[:min(len(name), 56)], "._-")
	if name == "" {
		return "run"
	}
	return name
}

func runRun(ctx context.Context, s *session, o *runOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	toStdout, err := refuseExisting(o.output, o.out.overwrite)
	if err != nil {
		return err
	}
	if toStdout {
		s.out = s.console.w // standard output is the stream's
	}
	if o.ffmpeg.printCommand {
		return printRunCommands(ctx, s, o)
	}
	if o.config != "" {
		s.noteConfig(o.config)
	}
	b := &bridge{s: s, o: o}
	err = b.run(ctx)
	return errors.Join(err, s.summarize(b.summary(), err))
}
