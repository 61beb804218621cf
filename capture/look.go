package capture

// The look at a source before it is decoded.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffprobe"
	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/nut"
)

// look fills in the source. It returns the time base of the picture and its
// stream specifier, empty for the first one.
func (c *Capture) look(ctx context.Context) (base ffargs.Ratio, picture string, err error) {
	if c.input.Kind == ffargs.Stdin {
		if c.o.Stdin == nil {
			return base, "", fmt.Errorf("%w: there is no standard input to read", ErrInput)
		}
		s, err := sniffWithin(ctx, c.o.Stdin)
		if err != nil {
			return base, "", err
		}
		if most := c.pixelLimit(); int64(s.source.Width)*int64(s.source.Height) > most {
			return base, "", fmt.Errorf("%w: standard input: a picture of %dx%d is larger than what is taken: %d pixels, unless more are allowed",
				ErrNotMedia, s.source.Width, s.source.Height, most)
		}
		c.source, c.stdin = s.source, s
		return ffargs.Ratio(s.base), "", nil
	}
	if c.unseen = c.isLive(); c.unseen {
		c.source = SourceInfo{Live: true, Color: framebuf.Color{Matrix: framebuf.MatrixUnknown}}
		return base, "", c.lookForDevice()
	}
	found, err := c.probe(ctx)
	if err != nil {
		return base, "", err
	}
	if err := c.describe(found); err != nil {
		return base, "", err
	}
	if err := c.listenAhead(ctx); err != nil {
		return base, "", err
	}
	return found.Picture.TimeBase, ffargs.StreamIndex(found.Picture.Index), nil
}

func (c *Capture) pixelLimit() int64 {
	return (&ffargs.Probe{MaxPixels: c.o.MaxPixels}).PixelLimit()
}

// unknownSide is the width and height of a segment whose source nobody has seen.
// It is even, for formats with chroma of half the size.
const unknownSide = 2

// isLive reports whether the source is known to be live without a look at it. A
// look would be a second connection, and some give only one.
func (c *Capture) isLive() bool {
	switch {
	case (c.o.OnResize == ResizeScale || c.o.Sealed) && c.o.Width == 0:
		return false // the size must be known
	case c.input.Live:
		return true
	}
	return c.o.Restart == RestartAlways && c.input.Kind == ffargs.URL // it need not be there yet
}

// lookForDevice finds a mistake in the name of a device, unless it may come later.
func (c *Capture) lookForDevice() error {
	if c.input.Kind != ffargs.Device || c.input.Scheme == "x11grab" || c.o.Restart == RestartAlways {
		return nil
	}
	info, err := os.Stat(c.input.Name)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrMissing, err)
	case info.Mode()&os.ModeCharDevice == 0:
		return fmt.Errorf("%w: %s is no device", ErrNotMedia, c.input.Name)
	}
	return nil
}

// knownSound takes what is known of the sound.
func (c *Capture) knownSound(rate, channels int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source.AudioRate, c.source.AudioChannels = rate, channels
}

// meet takes what is known of the source from the first frame of a session, if
// nobody has looked at it before, or if it has been away.
func (c *Capture) meet(s *session, said shown, ok bool) {
	if !c.unseen && s.number == 0 || !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := s.lines.banner.said()
	i := &c.source
	i.Container, i.Codec, i.PixelFormat, i.AudioCodec = known.Container, known.Codec, known.PixelFormat, known.AudioCodec
	i.Width, i.Height, i.Aspect, i.Color, i.FieldOrder = known.Width, known.Height, said.aspect, said.color, said.order
	if i.Width == 0 {
		i.Width, i.Height = said.width, said.height
	}
	i.Rate, i.TimeBase = said.rate, c.pump.timeBase
	i.Format = framebuf.Format{PixelFormat: c.o.PixelFormat, Width: said.width, Height: said.height}
	if c.pump.adopt {
		i.TimeBaseFrom = "source"
	}
	c.pump.line.set(i.TimeBase, i.Rate)
	c.w.SetTemplate(c.template())
}

// probe asks ffprobe.
func (c *Capture) probe(ctx context.Context) (*ffprobe.Info, error) {
	tool := &ffprobe.Tool{FFmpeg: c.ffmpeg, FFprobe: c.ffprobe}
	request := ffargs.Probe{Input: c.input, InputArgs: c.o.InputArgs, RTSPTransport: c.o.RTSPTransport, MaxPixels: c.o.MaxPixels}
	if stall := c.stall(); stall > 0 && strings.HasPrefix(c.input.Scheme, "http") {
		// A server that says nothing. What the user gave comes later, and wins.
		request.InputArgs = append([]string{"-rw_timeout", strconv.FormatInt(stall.Microseconds(), 10)}, request.InputArgs...)
	}
	found, err := tool.Probe(ctx, request)
	if err != nil && len(c.o.InputArgs) > 0 && strings.Contains(err.Error(), "Option not found") {
		// ffprobe does not know all of ffmpeg's input options: that of the decoder is one.
		request.InputArgs = request.InputArgs[:len(request.InputArgs)-len(c.o.InputArgs)]
		found, err = tool.Probe(ctx, request)
	}
	for from, to := range map[error]error{
		ffprobe.ErrNoSuchInput: ErrMissing, ffprobe.ErrUnreadable: ErrUnreadable, ffprobe.ErrReadOnce: ErrUnreadable,
		ffprobe.ErrNotMedia: ErrNotMedia, ffprobe.ErrNoPicture: ErrNoPicture, ffproc.ErrNotFound: ErrFFmpeg,
	} {
		if errors.Is(err, from) {
			return nil, is(to, err)
		}
	}
	return found, err
}

// describe fills in the source from a probe.
func (c *Capture) describe(found *ffprobe.Info) error {
	v := found.Picture
	width, height := v.DisplaySize()
	if width < 1 || height < 1 {
		return fmt.Errorf("%w: the size of the picture (%s) cannot be found out", ErrNotMedia, v.Codec)
	}
	aspect := ratio(v.SampleAspect)
	if width != v.Width { // turned by a quarter, and the pixels with it
		aspect.Num, aspect.Den = aspect.Den, aspect.Num
	}
	s := &c.source
	*s = SourceInfo{
		Container: found.Format, Codec: v.Codec, PixelFormat: v.PixelFormat, Width: width, Height: height,
		Rotation: v.Rotation, Aspect: aspect, FieldOrder: codedOrder(v.FieldOrder), Rate: nominalRate(v),
		Color: framebuf.Color{
			Range: parseRange(v.Color.Range), Matrix: codePoint(matrices, v.Color.Matrix),
			Primaries: codePoint(primaries, v.Color.Primaries), Transfer: codePoint(transfers, v.Color.Transfer),
		},
		Frames: uint64(max(0, v.Frames)), Duration: v.Duration,
		Live: c.input.Live || c.input.Kind == ffargs.URL && found.Duration == 0,
	}
	if len(found.Audio) > 0 {
		a := found.Audio[0]
		s.AudioCodec, s.AudioRate, s.AudioChannels = a.Codec, a.Rate, a.Channels
		c.audioLayout = a.Layout
	}
	c.expectEnd = pictureEnd(found)
	if s.Duration == 0 {
		s.Duration = c.expectEnd
	}
	return nil
}

// pictureEnd is when the picture should end, on the clock of the frames, which
// ffmpeg starts at the earliest stream; 0 is unknown.
func pictureEnd(found *ffprobe.Info) time.Duration {
	switch {
	case found.Picture.Duration > 0:
		return found.Picture.Start + found.Picture.Duration - found.Start
	case len(found.Audio) > 0:
		return 0 // the container's duration is that of its longest stream
	case strings.Contains(found.Format, "matroska"):
		return max(0, found.Duration-found.Start) // it counts from 0, not from the start
	}
	return found.Duration
}

// codedOrder reads ffprobe's names: how the frame is coded, then how it is shown.
func codedOrder(name string) framebuf.FieldOrder {
	switch name {
	case "progressive":
		return framebuf.Progressive
	case "tt", "tb":
		return framebuf.TopFirst
	case "bb", "bt":
		return framebuf.BottomFirst
	}
	return framebuf.FieldUnknown
}

// nominalRate is the rate that most frames keep, unless the average says that
// they do not.
func nominalRate(v ffprobe.Picture) framebuf.Rational {
	often, average := ratio(v.RealRate), ratio(v.AvgRate)
	if average.Num == 0 || often.Num > 0 && math.Abs(often.Float()/average.Float()-1) < 0.05 {
		return often
	}
	return average
}

// ratio is a fraction as frames carry it; unknown if it does not fit.
func ratio(r ffargs.Ratio) framebuf.Rational { return narrow(nut.Rational(r)) }
