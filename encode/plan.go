// The plan: what the output and the first frame decide, above all the arguments
// of ffmpeg.

package encode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/nut"
)

// listBytes bounds each of ffmpeg's lists of what it can do.
const listBytes = 1 << 20

// checkFFmpeg looks whether ffmpeg is there and has what this output needs.
func (e *Encode) checkFFmpeg(ctx context.Context) (*ffargs.Abilities, error) {
	// Each takes a tenth of a second, and one ffmpeg prints one list.
	names := [...]string{"version", "encoders", "muxers"}
	var texts [len(names)]string
	var errs [len(names)]error
	var lists sync.WaitGroup
	for k, name := range names {
		lists.Go(func() {
			out, err := ffproc.Output(ctx, e.ffmpeg(), ffargs.AbilityArgs(name), listBytes, &ffproc.Options{Confine: true})
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("%w: %w", ErrFFmpeg, err)
			}
			texts[k], errs[k] = string(out), err
		})
	}
	lists.Wait()
	for _, err := range errs { // one is enough: they fail for the same reason
		if err != nil {
			return nil, err
		}
	}
	able := &ffargs.Abilities{Encoders: ffargs.ParseEncoders(texts[1]), Muxers: ffargs.ParseMuxers(texts[2])}
	var err error
	if able.Version, err = ffargs.Identify(e.ffmpeg(), texts[0]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFFmpeg, err)
	}
	e.version = texts[0]
	// With any frames at all: what is wrong with the request is said before the
	// segment is waited for.
	_, _, err = e.arguments(able, ffargs.Video{PixelFormat: "rgba", Width: 64, Height: 64}, false)
	return able, err
}

// arguments are those of ffmpeg for such frames, also of one that goes on after
// another.
func (e *Encode) arguments(able *ffargs.Abilities, v ffargs.Video, resume bool) ([]string, []ffargs.Warning, error) {
	request := ffargs.Encode{
		Video: v, Output: e.output, Codec: e.opts.Codec, Preset: e.opts.Preset, CRF: e.opts.CRF, PixFmt: e.opts.PixFmt,
		OutputArgs: e.opts.OutputArgs, Overwrite: e.opts.Overwrite || !e.made || resume, Abilities: able,
		Live: e.isLive(), Resume: resume,
	}
	if e.plugins != "" {
		request.Lane = laneNumber
	}
	switch a := e.opts.Audio; {
	case a.Silent:
		request.Sound = ffargs.SilentSound
	case a.Input != "":
		in, err := ffargs.ParseInput(a.Input)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: sound: %w", ErrName, err)
		}
		request.Sound, request.AudioInput = ffargs.OtherSound, in
	case e.queue != nil:
		request.Sound = ffargs.NUTSound
	}
	args, warnings, err := request.Args()
	switch {
	case errors.Is(err, ffargs.ErrNoEncoder), errors.Is(err, ffargs.ErrNoMuxer):
		return nil, nil, fmt.Errorf("%w: %w", ErrFFmpeg, err)
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrName, err)
	}
	return append([]string{"-progress", "pipe:3"}, args...), warnings, nil
}

// plan decides everything that the first frame decides.
func (e *Encode) plan(ctx context.Context, st *framebuf.Status, able *ffargs.Abilities) error {
	first := &e.first.Info
	if _, err := newFitter(first); err != nil {
		return err
	}
	if err := e.checkOverlay(first); err != nil {
		return err
	}
	if err := e.choose(ctx, e.version, first.Format); err != nil {
		return err
	}
	// Times are kept, also a first one that is not 0. A reader that comes in the
	// middle has no use for what was before.
	late := e.pace == PaceLive || first.Number != st.FirstFrame && first.Generation == st.Generation
	var err error
	if e.clock, err = newClock(first, late); err != nil {
		return err
	}
	e.clock.relay = e.opts.Relay != nil
	var warnings []ffargs.Warning
	if e.args, warnings, err = e.arguments(able, e.video(first), false); err != nil {
		return err
	}
	if e.again, _, err = e.arguments(able, e.video(first), true); err != nil {
		return err
	}
	if err := e.clock.limit(e.finest()); err != nil {
		return err
	}
	for _, w := range warnings {
		e.note(string(w))
	}
	e.info = *first
	e.plain = len(e.opts.OutputArgs) == 0 && !e.opts.Audio.Silent && e.opts.Audio.Input == ""
	e.drain, e.patience = e.opts.Drain, e.opts.OutputTimeout
	if e.drain <= 0 {
		e.drain = defaultDrain
		if e.isLive() {
			e.drain = liveDrain
		}
	}
	switch {
	case e.patience < 0:
		e.patience = 0
	case e.patience == 0 && e.isLive():
		e.patience = defaultTimeout
	}
	if e.opts.Restart == RestartAlways && !e.isLive() {
		return e.neverAgain()
	}
	if e.output.Pipe && e.opts.Stdout == nil {
		e.opts.Stdout = os.Stdout
	}
	return nil
}

// video describes the frames for ffmpeg.
func (e *Encode) video(first *framebuf.Info) ffargs.Video {
	rate := nominalRate(first)
	v := ffargs.Video{
		PixelFormat: ffmpegName(first.PixelFormat), Width: first.Width, Height: first.Height,
		TimeBase: ffargs.Ratio(e.clock.base), Rate: ffargs.Ratio(rate),
		SampleAspect: ffargs.Ratio(aspectOf(first)), Color: colorNames(first.Color),
	}
	v.Rotation = int(first.Rotation)
	v.Crop = ffargs.Crop{Left: int(first.Crop.Left), Top: int(first.Crop.Top), Right: int(first.Crop.Right), Bottom: int(first.Crop.Bottom)}
	switch first.FieldOrder {
	case framebuf.TopFirst:
		v.FieldOrder = ffargs.TopFirst
	case framebuf.BottomFirst:
		v.FieldOrder = ffargs.BottomFirst
	case framebuf.Progressive, framebuf.FieldUnknown:
	}
	if first.PixelFormat.HasAlpha() {
		switch first.Alpha {
		case framebuf.AlphaStraight:
			v.Alpha = ffargs.AlphaStraight
		case framebuf.AlphaPremultiplied:
			v.Alpha = ffargs.AlphaPremultiplied
		case framebuf.AlphaNone:
		}
	}
	return v
}

func ffmpegName(p framebuf.PixelFormat) string {
	if p == framebuf.Gray8 {
		return "gray"
	}
	return p.String()
}

// gifGap is the shortest time that players of gif keep to: they take what is
// shorter for a tenth of a second.
var gifGap = nut.Rational{Num: 1, Den: 50}

// finest is the smallest distance of two frames in the output, and whether what
// comes closer is left out rather than moved.
func (e *Encode) finest() (gap nut.Rational, merge bool) {
	if e.output.Format == "gif" {
		return gifGap, true
	}
	for k, a := range e.args[:len(e.args)-1] {
		if a != "-enc_time_base:v" {
			continue
		}
		num, den, _ := strings.Cut(e.args[k+1], "/")
		n, err1 := strconv.ParseInt(num, 10, 32)
		d, err2 := strconv.ParseInt(den, 10, 32)
		if err1 == nil && err2 == nil && n > 0 && d > 0 {
			return nut.Rational{Num: n, Den: d}, false
		}
	}
	return e.clock.base, false
}

// colorNames are ffmpeg's names for the code points of ISO/IEC 23091-2. Those that
// its options and its filters name differently are left out, which is unknown.
func colorNames(c framebuf.Color) ffargs.Color {
	name := func(list map[uint8]string, code uint8) string { return list[code] }
	out := ffargs.Color{
		Matrix: name(map[uint8]string{
			1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc", 10: "bt2020c",
		}, c.Matrix),
		Primaries: name(map[uint8]string{
			1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428", 11: "smpte431", 12: "smpte432",
		}, c.Primaries),
		Transfer: name(map[uint8]string{
			1: "bt709", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316", 11: "iec61966-2-4", 12: "bt1361e",
			13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 17: "smpte428", 18: "arib-std-b67",
		}, c.Transfer),
	}
	switch c.Range {
	case framebuf.RangeLimited:
		out.Range = "tv"
	case framebuf.RangeFull:
		out.Range = "pc"
	case framebuf.RangeUnknown:
	}
	return out
}
