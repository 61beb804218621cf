package cli

// dump as NUT and as YUV4MPEG2, for programs that read video.

import (
	"fmt"
	"io"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

// nutDumper writes NUT. The container knows one frame size: where the size changes a new stream begins in the same
// output.
type nutDumper struct {
	w    io.Writer
	note func(format string, args ...any)

	writer   *nut.Writer
	format   framebuf.Format
	timeBase framebuf.Rational
	shift    int64 // added to each PTS: NUT has no negative times
	last     int64 // PTS written last
}

func (d *nutDumper) frame(f *framebuf.Frame) error {
	if d.writer == nil || f.Format != d.format {
		if err := d.begin(f); err != nil {
			return err
		}
	}
	pts := inTimeBase(f.PTS, f.TimeBase, d.timeBase)
	if pts == framebuf.NoPTS {
		pts = d.last + 1
	} else {
		pts += d.shift
	}
	if pts < 0 {
		d.note("frame %d is at a negative time, which NUT does not have: all times from here on are moved by %d ticks", f.Number, -pts)
		d.shift -= pts
		pts = 0
	}
	d.last = pts
	return d.writer.WriteFrame(0, pts, f.Bytes())
}

func (d *nutDumper) begin(f *framebuf.Frame) error {
	tag, ok := nut.PixelFormatTag(f.PixelFormat.String())
	if !ok {
		return usagef("dump: --as nut has no frames of format %v: use --as raw or json", f.PixelFormat)
	}
	if d.writer != nil {
		d.note("frame %d is %v: a new NUT stream begins in the output", f.Number, f.Format)
	} else {
		d.last = -1
		d.timeBase = f.TimeBase
		if d.timeBase.Num <= 0 || d.timeBase.Den <= 0 {
			d.timeBase = framebuf.Rational{Num: 1, Den: 1000000}
		}
	}
	stream := nut.Stream{
		Class: nut.ClassVideo, Tag: tag, TimeBase: wide(d.timeBase), FrameRate: positive(f.Rate),
		Width: f.Width, Height: f.Height, SampleAspect: positive(f.Aspect),
	}
	writer, err := nut.NewWriter(d.w, []nut.Stream{stream}, nil)
	if err != nil {
		return err
	}
	d.writer, d.format = writer, f.Format
	return nil
}

// positive is a fraction, or zero for one that is unknown.
func positive(r framebuf.Rational) nut.Rational {
	if r.Num <= 0 || r.Den <= 0 {
		return nut.Rational{}
	}
	return wide(r)
}

// y4mDumper writes YUV4MPEG2, which has a constant rate and no times.
type y4mDumper struct {
	w io.Writer
	sameFormat
}

func (d *y4mDumper) frame(f *framebuf.Frame) error {
	first := !d.begun
	if err := d.check(f); err != nil {
		return err
	}
	if first {
		if err := d.begin(f); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(d.w, "FRAME\n"); err != nil {
		return err
	}
	_, err := d.w.Write(f.Bytes())
	return err
}

func (d *y4mDumper) begin(f *framebuf.Frame) error {
	space := ""
	switch f.PixelFormat {
	case framebuf.YUV420P:
		space = chromaSite(f.Color.Chroma)
	case framebuf.Gray8:
		space = "mono"
	default:
		return withTodo(usagef("dump: y4m holds yuv420p and gray8, not %v", f.PixelFormat), "capture with --pix-fmt yuv420p, or use --as nut")
	}
	// 0:0 is "unknown" for both.
	rate, aspect := positive(f.Rate), positive(f.Aspect)
	_, err := fmt.Fprintf(d.w, "YUV4MPEG2 W%d H%d F%d:%d %s A%d:%d C%s%s\n", f.Width, f.Height, rate.Num, rate.Den,
		interlacing(f.FieldOrder), aspect.Num, aspect.Den, space, colorRange(f.Color.Range))
	return err
}

// chromaSite names where chroma samples lie; the field holds H.273's location type + 1, 0 unknown.
func chromaSite(chroma uint8) string {
	switch chroma {
	case 2: // centre
		return "420jpeg"
	case 3: // top left
		return "420paldv"
	}
	return "420mpeg2" // left, which is what video has where it does not say
}

func interlacing(order framebuf.FieldOrder) string {
	switch order {
	case framebuf.TopFirst:
		return "It"
	case framebuf.BottomFirst:
		return "Ib"
	case framebuf.Progressive:
		return "Ip"
	}
	return "I?"
}

func colorRange(r framebuf.ColorRange) string {
	switch r {
	case framebuf.RangeFull:
		return " XCOLORRANGE=FULL"
	case framebuf.RangeLimited:
		return " XCOLORRANGE=LIMITED"
	}
	return ""
}
