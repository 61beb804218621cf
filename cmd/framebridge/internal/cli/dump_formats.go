package cli

// The shapes of dump: raw, framemd5, json. NUT and YUV4MPEG2 stand in dump_video.go.

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

// dumper writes frames. It looks at the pixels during the call only.
type dumper interface {
	frame(f *framebuf.Frame) error
}

// newDumper makes a dumper; note tells people what they should know of the result.
type newDumper func(w io.Writer, note func(format string, args ...any)) dumper

func dumpNames() []string { return []string{"raw", "framemd5", "json", "nut", "y4m"} }

func dumperByName(name string) (newDumper, error) {
	switch name {
	case "raw":
		return func(w io.Writer, _ func(string, ...any)) dumper { return &rawDumper{w: w} }, nil
	case "framemd5":
		return func(w io.Writer, _ func(string, ...any)) dumper { return &md5Dumper{w: w} }, nil
	case "json":
		return func(w io.Writer, _ func(string, ...any)) dumper { return &jsonDumper{w: w} }, nil
	case "nut":
		return func(w io.Writer, note func(string, ...any)) dumper { return &nutDumper{w: w, note: note} }, nil
	case "y4m":
		return func(w io.Writer, _ func(string, ...any)) dumper { return &y4mDumper{w: w} }, nil
	}
	return nil, usagef("dump: --as %s: choose one of %s", name, strings.Join(dumpNames(), ", "))
}

// sameFormat refuses a frame of another format than the first one, where nothing in the output could tell.
type sameFormat struct {
	first framebuf.Format
	begun bool
}

func (s *sameFormat) check(f *framebuf.Frame) error {
	if !s.begun {
		s.first, s.begun = f.Format, true
	}
	if f.Format == s.first {
		return nil
	}
	return withTodo(sourcef("frame %d is %v, those before were %v: the output ends here", f.Number, f.Format, s.first),
		"--as nut, framemd5 and json go on where the size changes")
}

// rawDumper writes payloads, nothing between them.
type rawDumper struct {
	w io.Writer
	sameFormat
}

func (d *rawDumper) frame(f *framebuf.Frame) error {
	if err := d.check(f); err != nil {
		return err
	}
	_, err := d.w.Write(f.Bytes())
	return err
}

// md5Dumper writes the list that `ffmpeg -f framemd5` writes, without #software and #sar.
type md5Dumper struct {
	w        io.Writer
	timeBase framebuf.Rational // zero before the first frame
}

func (d *md5Dumper) frame(f *framebuf.Frame) error {
	if d.timeBase == (framebuf.Rational{}) {
		d.timeBase = f.TimeBase
		if d.timeBase.Num == 0 {
			d.timeBase = framebuf.Rational{Num: 1, Den: 1000000}
		}
		if _, err := fmt.Fprintf(d.w, "#format: frame checksums\n#version: 2\n#hash: MD5\n#tb 0: %v\n#media_type 0: video\n"+
			"#codec_id 0: rawvideo\n#dimensions 0: %dx%d\n#stream#, dts,        pts, duration,     size, hash\n",
			d.timeBase, f.Width, f.Height); err != nil {
			return err
		}
	}
	pts := inTimeBase(f.PTS, f.TimeBase, d.timeBase)
	_, err := fmt.Fprintf(d.w, "0, %10d, %10d, %8d, %8d, %s\n", pts, pts, 0, len(f.Bytes()), digest(f))
	return err
}

// inTimeBase converts a PTS; one that is unknown stays so.
func inTimeBase(pts int64, from, to framebuf.Rational) int64 {
	if from == to || pts == framebuf.NoPTS {
		return pts
	}
	out, _, err := nut.Rescale(pts, wide(from), wide(to))
	if err != nil {
		return framebuf.NoPTS
	}
	return out
}

func wide(r framebuf.Rational) nut.Rational {
	return nut.Rational{Num: int64(r.Num), Den: int64(r.Den)}
}

func digest(f *framebuf.Frame) string {
	sum := md5.Sum(f.Bytes())
	return hex.EncodeToString(sum[:])
}

// jsonDumper writes an object a frame.
type jsonDumper struct{ w io.Writer }

// frameJSON is one frame. The keys are a promise; null means unknown.
type frameJSON struct {
	Generation  string   `json:"generation"`
	Frame       uint64   `json:"frame"`
	PTS         *int64   `json:"pts"` // in units of time_base
	TimeBase    *string  `json:"time_base"`
	PTSSeconds  *float64 `json:"pts_seconds"`
	Width       int      `json:"width"`
	Height      int      `json:"height"`
	PixelFormat string   `json:"pixel_format"`
	Bytes       int      `json:"bytes"`
	MD5         string   `json:"md5"`
	Flags       []string `json:"flags"`
}

func (d *jsonDumper) frame(f *framebuf.Frame) error {
	out := frameJSON{
		Generation: f.Generation.String(), Frame: f.Number, TimeBase: fraction(f.TimeBase), Width: f.Width, Height: f.Height,
		PixelFormat: f.PixelFormat.String(), Bytes: len(f.Bytes()), MD5: digest(f), Flags: flagNames(f.Flags),
	}
	if f.PTS != framebuf.NoPTS {
		out.PTS, out.PTSSeconds = &f.PTS, ptsSeconds(f.PTS, f.TimeBase)
	}
	return writeJSON(d.w, out)
}

// ptsSeconds is a PTS in seconds; nil if it is unknown.
func ptsSeconds(pts int64, timeBase framebuf.Rational) *float64 {
	if pts == framebuf.NoPTS || timeBase.Den == 0 {
		return nil
	}
	seconds := float64(pts) * float64(timeBase.Num) / float64(timeBase.Den)
	return &seconds
}

func flagNames(flags framebuf.Flags) []string {
	names := []string{}
	if flags&framebuf.FlagKey != 0 {
		names = append(names, "key")
	}
	if flags&framebuf.FlagDiscontinuity != 0 {
		names = append(names, "discontinuity")
	}
	if flags&framebuf.FlagPlaceholder != 0 {
		names = append(names, "placeholder")
	}
	return names
}
