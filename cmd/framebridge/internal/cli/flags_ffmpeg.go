package cli

// The flags of commands that run ffmpeg: for the source, for the output, and for both.

import (
	"github.com/spf13/pflag"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
)

// ffmpegFlags are about ffmpeg itself.
type ffmpegFlags struct {
	programs     programFlags
	transport    choice
	printCommand bool
}

func (o *ffmpegFlags) register(f *pflag.FlagSet) {
	o.transport = choice{"auto", []string{"auto", "plugin", "pipe"}}
	o.programs.register(f)
	f.Var(&o.transport, "transport", "how frames travel between ffmpeg and shared memory")
	f.BoolVar(&o.printCommand, "print-command", false, "print the exact ffmpeg command, secrets masked, and run nothing")
}

// captureTransport is how pixels travel from ffmpeg.
func (o *ffmpegFlags) captureTransport() capture.Transport {
	return map[string]capture.Transport{
		"auto": capture.TransportAuto, "plugin": capture.TransportPlugin, "pipe": capture.TransportPipe,
	}[o.transport.value]
}

// encodeTransport is how pixels travel to ffmpeg.
func (o *ffmpegFlags) encodeTransport() encode.Transport {
	return map[string]encode.Transport{
		"auto": encode.TransportAuto, "plugin": encode.TransportPlugin, "pipe": encode.TransportPipe,
	}[o.transport.value]
}

// sourceFlags are about the input and what ffmpeg does to its frames before they reach the segment.
type sourceFlags struct {
	size          sizeValue
	fps           rateValue
	seek          timeValue
	duration      timeValue
	filter        string
	loop          int
	hwaccel       string
	rtspTransport string
	maxPixels     int64
	onResize      choice
	inputArgs     string
}

func (o *sourceFlags) register(f *pflag.FlagSet) {
	o.onResize = choice{"follow", []string{"follow", "scale", "stop"}}
	f.VarP(&o.size, "size", "s", "scale the frames (default: the source's size)")
	f.VarP(&o.fps, "fps", "r", "constant frame rate (default: the source's frames at their own times)")
	f.Var(&o.seek, "ss", "start so far into the source")
	f.VarP(&o.duration, "duration", "t", "end after so much of the source")
	f.StringVar(&o.filter, "vf", "", "ffmpeg filter graph with one input and one output")
	f.IntVar(&o.loop, "loop", 0, "play a file so many times more, -1 without end")
	f.StringVar(&o.hwaccel, "hwaccel", "", "hardware decoder: auto, vaapi, cuda, …")
	f.Int64Var(&o.maxPixels, "max-pixels", 0, "the largest picture that is decoded, in pixels (default: 8192x4320)")
	f.StringVar(&o.rtspTransport, "rtsp-transport", "tcp", "tcp, udp, …")
	f.Var(&o.onResize, "on-resize", "what to do where the size changes in mid-stream")
	f.StringVar(&o.inputArgs, "input-args", "", "further ffmpeg arguments, before -i")
}

// apply puts the flags into the options of a capture. rest is what stood after --.
func (o *sourceFlags) apply(c *capture.Options, rest []string) error {
	args, err := splitArgs(o.inputArgs)
	if err != nil {
		return err
	}
	if o.loop < -1 {
		return usagef("--loop %d: a number of times, or -1", o.loop)
	}
	c.Width, c.Height, c.FPS = o.size.width, o.size.height, o.fps.Rational
	c.Seek, c.Duration, c.Loop, c.Filter = o.seek.Duration, o.duration.Duration, o.loop, o.filter
	c.HWAccel, c.RTSPTransport, c.InputArgs = o.hwaccel, o.rtspTransport, append(args, rest...)
	c.MaxPixels = o.maxPixels
	c.OnResize = map[string]capture.Resize{"follow": capture.ResizeFollow, "scale": capture.ResizeScale, "stop": capture.ResizeStop}[o.onResize.value]
	return nil
}

// outputFlags are about the encoder and the output.
type outputFlags struct {
	codec      string
	preset     string
	crf        string
	pixFmt     string
	overwrite  bool
	outputArgs string
}

func (o *outputFlags) register(f *pflag.FlagSet) {
	f.StringVar(&o.codec, "codec", "", "ffmpeg's encoder (default: what suits the output)")
	f.StringVar(&o.preset, "preset", "", "preset of the encoder")
	f.StringVar(&o.crf, "crf", "", "constant quality of the encoder")
	f.StringVar(&o.pixFmt, "pix-fmt", "", "pixel format of the output (default yuv420p, or what suits the codec)")
	f.BoolVarP(&o.overwrite, "overwrite", "y", false, "overwrite the output")
	f.StringVar(&o.outputArgs, "output-args", "", "further ffmpeg arguments, before the output's name")
}

// apply puts the flags into the options of an encode. rest is what stood after --.
func (o *outputFlags) apply(e *encode.Options, rest []string) error {
	args, err := splitArgs(o.outputArgs)
	if err != nil {
		return err
	}
	e.Codec, e.Preset, e.CRF, e.PixFmt, e.Overwrite = o.codec, o.preset, o.crf, o.pixFmt, o.overwrite
	e.OutputArgs = append(args, rest...)
	return nil
}

func newPace() choice { return choice{"auto", []string{"auto", "fast", "source", "live"}} }

func encodePace(pace string) encode.Pace {
	return map[string]encode.Pace{"fast": encode.PaceFast, "source": encode.PaceSource, "live": encode.PaceLive}[pace]
}

func capturePace(pace string) capture.Pace {
	if pace == "source" || pace == "live" {
		return capture.PaceSource
	}
	return capture.PaceFast
}

// sound puts a value of --audio into the options of an encode; auto stays for the caller.
func sound(audio string, e *encode.Options) {
	switch audio {
	case "auto", "none":
	case "silent":
		e.Audio.Silent = true
	case "segment":
		e.Audio.Segment = true
	default:
		e.Audio.Input = audio
	}
}

// ffmpegLines shows what ffmpeg prints if --verbose was given.
func (s *session) ffmpegLines() func(string) {
	if !s.verbose {
		return nil
	}
	return func(line string) { s.console.say("%s", line) }
}

// captureLossless puts the writer's flags into the options of a capture.
func (w *writeFlags) captureLossless(live bool, c *capture.Options) {
	switch policy, after := w.policy(live); policy {
	case framebuf.LosslessRefuse:
		c.NewestOnly = true
	case framebuf.LosslessEvict:
		c.EvictAfter = after
	default:
		if live || w.evict == "never" {
			c.EvictAfter = -1
		}
	}
}
