package capture

// Opening: what the source is, what ffmpeg will be asked for, and the segment.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
)

// versionTime bounds the question which ffmpeg it is.
const versionTime = 10 * time.Second

// shapeFilter is how the log context of our showinfo begins.
const shapeFilter = "Parsed_showinfo_"

// Open makes the segment for a source. Nothing is decoded yet: readers can come
// before the first frame does. nil options are the defaults.
//
// A file, and anything else of which only a look can tell whether it is live, is
// looked at before, and Source then knows it. A live source is left alone until
// Run: it is opened only once, and readers find the segment while it connects. The
// frame size is unknown then, unless Options.Width and Height say it; with the
// first frame the segment moves to a generation that has room for it.
//
// The input is a file, a URL (rtsp, rtmp, srt, http and others), a device
// (v4l2:/dev/video0, x11grab::0), lavfi:GRAPH, or - for Options.Stdin. A local
// name that looks like a scheme needs ./ in front. ctx bounds the opening only.
//
// Errors match ErrInput, ErrMissing, ErrUnreadable, ErrNotMedia, ErrNoPicture,
// ErrFFmpeg, or are those of framebuf.Create.
func Open(ctx context.Context, input, segment string, o *Options) (*Capture, error) {
	c := &Capture{schedule: usualSchedule(), placeholderEvery: placeholderEvery}
	if o != nil {
		c.o = *o
	}
	c.redact = ffargs.NewRedactor(append([]string{input}, c.o.InputArgs...)...).Redact
	if err := c.open(ctx, input, segment); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("capture: open %s: %w", c.redact(input), c.redacted(err))
	}
	return c, nil
}

func (c *Capture) open(ctx context.Context, input, segment string) error {
	if err := framebuf.CheckName(segment); err != nil {
		return err
	}
	if c.o.PixelFormat == framebuf.Data {
		c.o.PixelFormat = framebuf.RGBA
	}
	in, err := ffargs.ParseInput(input)
	if err != nil {
		return is(ErrInput, err)
	}
	c.input = in
	if in.Kind == ffargs.Stdin && c.o.Restart == RestartAlways {
		return fmt.Errorf("%w: standard input cannot be opened again, so there is no RestartAlways", ErrInput)
	}
	version, err := c.findFFmpeg(ctx)
	if err != nil {
		return err
	}
	base, picture, err := c.look(ctx)
	if err != nil {
		return err
	}
	if err := c.plan(base, picture, version); err != nil {
		return err
	}
	return c.create(segment)
}

// findFFmpeg looks for both programs and asks for the version.
func (c *Capture) findFFmpeg(ctx context.Context) (ffargs.Version, error) {
	var err error
	if c.ffmpeg, err = ffproc.Look(orDefault(c.o.FFmpeg, "ffmpeg")); err != nil {
		return ffargs.Version{}, is(ErrFFmpeg, err)
	}
	if c.ffprobe, err = ffproc.Look(orDefault(c.o.FFprobe, "ffprobe")); err != nil {
		return ffargs.Version{}, is(ErrFFmpeg, err)
	}
	ctx, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	text, err := ffproc.Output(ctx, c.ffmpeg, ffargs.AbilityArgs("version"), 1<<20, &ffproc.Options{Confine: true})
	if err != nil {
		return ffargs.Version{}, is(ErrFFmpeg, err)
	}
	version, err := ffargs.Identify(c.ffmpeg, string(text))
	if err != nil {
		return ffargs.Version{}, fmt.Errorf("%w: %w", ErrFFmpeg, err)
	}
	return version, c.choose(ctx, string(text))
}

// plan decides what ffmpeg is asked for.
func (c *Capture) plan(base ffargs.Ratio, picture string, version ffargs.Version) error {
	o, s := &c.o, &c.source
	input := c.input
	input.Live = s.Live // of http only a look can tell
	c.request = ffargs.Capture{
		Input: input, InputArgs: o.InputArgs, Picture: picture,
		Audio: c.wantsSound() && (s.AudioRate > 0 || c.unseen), AudioFormat: ffargs.AudioFormat{Rate: s.AudioRate, Layout: c.audioLayout},
		HWAccel: o.HWAccel, RTSPTransport: o.RTSPTransport, MaxPixels: o.MaxPixels,
		Seek: o.Seek, Duration: o.Duration, Loop: o.Loop, Realtime: o.Pace == PaceSource,
		Filter: o.Filter, Rate: ffargs.Ratio{Num: int64(o.FPS.Num), Den: int64(o.FPS.Den)},
		Width: o.Width, Height: o.Height,
		PixelFormat: formatName(o.PixelFormat),
		FFmpeg:      version,
	}
	request := &c.request
	request.Lane = c.laneNumber(request.Audio)
	s.TimeBaseFrom = "source"
	request.TimeBase = request.ChooseTimeBase(base)
	switch s.TimeBase = ratio(request.TimeBase); {
	case request.Rate.Known():
		s.TimeBaseFrom = "fps"
		s.Rate = o.FPS
	case s.TimeBase.Num == 0: // does not fit a frame's header
		request.TimeBase = ffargs.Ratio{Num: 1, Den: 1_000_000}
		s.TimeBase = framebuf.Rational{Num: 1, Den: 1_000_000}
		s.TimeBaseFrom = "microseconds"
	case request.TimeBase != base:
		s.TimeBaseFrom = "microseconds"
	}
	s.Format = framebuf.Format{PixelFormat: o.PixelFormat, Width: s.Width, Height: s.Height}
	switch {
	case o.Width > 0:
		s.Format.Width, s.Format.Height = o.Width, o.Height
	case c.unseen:
		s.Format.Width, s.Format.Height = unknownSide, unknownSide
	}
	switch {
	case o.OnResize != ResizeScale || o.Width > 0:
	case o.Filter != "":
		return fmt.Errorf("%w: to scale what comes out of a filter graph, the size must be given", ErrInput)
	default:
		request.Width, request.Height = s.Format.Width, s.Format.Height
	}
	var err error
	if c.args, err = request.Args(); err != nil {
		return is(ErrInput, err)
	}
	return nil
}

// create makes the segments, and what fills them.
func (c *Capture) create(segment string) error {
	opt := c.o.segment(c.source.Live)
	opt.Template = c.template()
	// The sound first: who finds the picture and looks for sound finds both.
	audio := newAudioOut(c.o.AudioSink)
	audio.known = c.knownSound
	if c.o.AudioSegment && (c.source.AudioRate > 0 || c.unseen) {
		w, err := createAudio(segment, c.source.Live, &c.o)
		if err != nil {
			return err
		}
		c.audioWriter, audio.w = w, w
	}
	w, err := framebuf.Create(segment, c.source.Format, opt)
	if err != nil {
		if c.audioWriter != nil {
			err = errors.Join(err, discard(c.audioWriter))
		}
		return err
	}
	c.w = w
	c.state = &announcer{writers: []*framebuf.Writer{w}, onEvent: c.o.OnEvent}
	if c.audioWriter != nil {
		c.state.writers = append(c.state.writers, c.audioWriter)
	}
	c.pump = newPump(w, audio, c.source.TimeBase, c.source.Rate, c.o.PixelFormat)
	c.pump.resize, c.pump.meet = c.o.OnResize, c.meet
	c.pump.adopt = c.unseen && c.o.Filter == "" && c.o.FPS.Num == 0
	return nil
}

func (c *Capture) wantsSound() bool { return c.o.AudioSink != nil || c.o.AudioSegment }

// template is what all frames of the source have in common.
func (c *Capture) template() framebuf.Info {
	s := &c.source
	t := framebuf.Info{
		Alpha: framebuf.AlphaNone, TimeBase: s.TimeBase, Rate: s.Rate, Aspect: s.Aspect, Color: s.Color, FieldOrder: s.FieldOrder,
	}
	if hasAlpha(s.PixelFormat) && c.o.PixelFormat.HasAlpha() {
		t.Alpha = framebuf.AlphaStraight
	}
	return t
}

// formatName is ffmpeg's name of a format.
func formatName(p framebuf.PixelFormat) string {
	if p == framebuf.Gray8 {
		return "gray"
	}
	return p.String()
}

func isRGB(p framebuf.PixelFormat) bool {
	switch p {
	case framebuf.RGBA, framebuf.BGRA, framebuf.RGB24, framebuf.BGR24:
		return true
	}
	return false
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// is gives err a kind without changing its text.
func is(kind, err error) error { return &kindError{kind, err} }

type kindError struct{ kind, err error }

func (e *kindError) Error() string   { return e.err.Error() }
func (e *kindError) Unwrap() []error { return []error{e.kind, e.err} }

// discard ends a segment that nobody has seen.
func discard(w *framebuf.Writer) error {
	w.SetLinger(0)
	return w.Close()
}
