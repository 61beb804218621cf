package capture

// The look at a source before it is decoded.

import (
	"context"
	"errors"
	"fmt"
	"math"
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
		c.source, c.stdin = s.source, s
		return ffargs.Ratio(s.base), "", nil
	}
	found, err := c.probe(ctx)
	if err != nil {
		return base, "", err
	}
	if err := c.describe(found); err != nil {
		return base, "", err
	}
	return found.Picture.TimeBase, ffargs.StreamIndex(found.Picture.Index), nil
}

// probe asks ffprobe.
func (c *Capture) probe(ctx context.Context) (*ffprobe.Info, error) {
	tool := &ffprobe.Tool{FFmpeg: c.ffmpeg, FFprobe: c.ffprobe}
	request := ffargs.Probe{Input: c.input, InputArgs: c.o.InputArgs, RTSPTransport: c.o.RTSPTransport}
	found, err := tool.Probe(ctx, request)
	if err != nil && len(request.InputArgs) > 0 && strings.Contains(err.Error(), "Option not found") {
		// ffprobe does not know all of ffmpeg's input options: that of the decoder is one.
		request.InputArgs = nil
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
