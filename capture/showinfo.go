package capture

// ffmpeg's showinfo filter: its lines on standard error, parsed into what is
// known of each frame.

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/framebridge/framebridge/framebuf"
)

// shown is what showinfo said of one frame before ffmpeg sent it.
type shown struct {
	pts           int64 // in ticks of timeBase; framebuf.NoPTS if the frame has none
	timeBase      framebuf.Rational
	rate          framebuf.Rational // nominal frames a second
	width, height int
	aspect        framebuf.Rational
	color         framebuf.Color
	order         framebuf.FieldOrder
	format        string // ffmpeg's name of the pixel format
	key           bool
}

// showinfo puts records together from lines. ffmpeg prints two lines for a
// frame (with lines of side data between them) before the frame moves on; the
// second one, with the colours, completes the record.
//
// Not safe for concurrent use.
type showinfo struct {
	filter   []byte            // how the name of the filter's instance begins
	timeBase framebuf.Rational // of the lines to come
	rate     framebuf.Rational
	colored  framebuf.Color // of the last record: a line of another thread may tear that with the colours apart
	open     bool           // a record has begun and is not complete
	record   shown
	emit     func(shown)
}

// line takes one line of standard error and reports whether it came from the
// filter:
//
//	[showinfo@shape @ 0x5562] [info] n:   0 pts: ...
func (s *showinfo) line(line logLine) bool {
	if !bytes.HasPrefix(line.context, s.filter) {
		return false
	}
	text := bytes.TrimSpace(line.text)
	switch {
	case bytes.HasPrefix(text, []byte("n:")):
		s.flush()
		s.begin(text)
	case bytes.HasPrefix(text, []byte("color_range:")):
		s.colors(text)
		s.flush()
	case bytes.HasPrefix(text, []byte("config in ")):
		s.flush()
		s.config(text)
	}
	return true
}

// flush hands over a record that no colour line will complete.
func (s *showinfo) flush() {
	if s.open {
		s.open = false
		s.emit(s.record)
	}
}

// config reads the line that comes before the first frame and at each change
// of the filter's input.
func (s *showinfo) config(text []byte) {
	for key, value := range fields(text) {
		switch key {
		case "time_base":
			s.timeBase = parseRational(value, '/')
		case "frame_rate":
			s.rate = parseRational(value, '/')
		}
	}
}

func (s *showinfo) begin(text []byte) {
	r := shown{pts: framebuf.NoPTS, timeBase: s.timeBase, rate: s.rate, color: s.colored}
	if r.color == (framebuf.Color{}) {
		r.color.Matrix = framebuf.MatrixUnknown
	}
	for key, value := range fields(text) {
		switch key {
		case "pts":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				r.pts = n
			}
		case "fmt":
			r.format = value
		case "sar":
			r.aspect = parseRational(value, '/')
		case "s":
			size := parseRational(value, 'x')
			r.width, r.height = int(size.Num), int(size.Den)
		case "i":
			r.order = fieldOrders[value]
		case "iskey":
			r.key = value == "1"
		}
	}
	s.record, s.open = r, true
}

func (s *showinfo) colors(text []byte) {
	for key, value := range fields(text) {
		if strings.Contains(value, "[") {
			continue // where the other line begins
		}
		switch key {
		case "color_range":
			s.record.color.Range = parseRange(value)
		case "color_space":
			s.record.color.Matrix = codePoint(matrices, value)
		case "color_primaries":
			s.record.color.Primaries = codePoint(primaries, value)
		case "color_trc":
			s.record.color.Transfer = codePoint(transfers, value)
		}
	}
	s.colored = s.record.color
}

// fields ranges over the "key:value" pairs of a line, with or without space
// after the colon, with or without a comma at the end.
func fields(text []byte) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		words := bytes.Fields(text)
		for i := 0; i < len(words); i++ {
			key, value, ok := bytes.Cut(words[i], []byte(":"))
			if !ok {
				continue
			}
			if len(value) == 0 && i+1 < len(words) && !bytes.Contains(words[i+1], []byte(":")) {
				i++
				value = words[i]
			}
			if !yield(string(key), string(bytes.TrimSuffix(value, []byte(",")))) {
				return
			}
		}
	}
}

// parseRational reads "num/den", or "num:den" and "WxH" with another mark. What
// is no fraction, or one that framebuf cannot hold, is unknown.
func parseRational(text string, mark byte) framebuf.Rational {
	for i := range len(text) {
		if text[i] != mark {
			continue
		}
		num, err1 := strconv.ParseInt(text[:i], 10, 32)
		den, err2 := strconv.ParseInt(text[i+1:], 10, 32)
		if err1 != nil || err2 != nil || num <= 0 || den <= 0 {
			break
		}
		return framebuf.Rational{Num: int32(num), Den: int32(den)}
	}
	return framebuf.Rational{}
}
