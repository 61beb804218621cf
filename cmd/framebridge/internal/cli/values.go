package cli

// Kinds of flag values: sizes, fractions, times as ffmpeg writes them.

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// sizeValue is WIDTHxHEIGHT in pixels, or one of ffmpeg's names for it.
type sizeValue struct{ width, height int }

func (v *sizeValue) Type() string { return "WxH" }

func (v *sizeValue) String() string {
	if v.width == 0 {
		return ""
	}
	return fmt.Sprintf("%dx%d", v.width, v.height)
}

func (v *sizeValue) Set(text string) error {
	named := map[string]string{"hd480": "852x480", "hd720": "1280x720", "hd1080": "1920x1080", "uhd2160": "3840x2160", "vga": "640x480"}
	full := text
	if s, ok := named[text]; ok {
		full = s
	}
	w, h, ok := strings.Cut(full, "x")
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	if !ok || errW != nil || errH != nil || width < 1 || height < 1 || width > 1<<15 || height > 1<<15 {
		return fmt.Errorf("%q is no size; write 1280x720", text)
	}
	v.width, v.height = width, height
	return nil
}

// rateValue is frames a second: 25, 29.97, 30000/1001.
type rateValue struct{ framebuf.Rational }

func (v *rateValue) Type() string { return "N/D" }

func (v *rateValue) String() string {
	switch {
	case v.Num == 0:
		return ""
	case v.Den == 1:
		return strconv.Itoa(int(v.Num))
	}
	return v.Rational.String()
}

func (v *rateValue) Set(text string) error {
	named := map[string]string{"ntsc": "30000/1001", "pal": "25", "film": "24", "ntsc-film": "24000/1001"}
	full := text
	if s, ok := named[text]; ok {
		full = s
	}
	r, ok := parseRate(full)
	if !ok {
		return fmt.Errorf("%q is no frame rate; write 25 or 30000/1001", text)
	}
	v.Rational = r
	return nil
}

func parseRate(text string) (framebuf.Rational, bool) {
	n, d, fraction := strings.Cut(text, "/")
	if !fraction {
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(rate) || rate <= 0 || rate > 1e6 {
			return framebuf.Rational{}, false
		}
		// 29.97 and 23.976 are what people write for the rates of NTSC.
		for _, full := range []int32{24, 30, 48, 60, 120} {
			if ntsc := float64(full) * 1000 / 1001; math.Abs(rate-ntsc) < 0.005 && rate != math.Trunc(rate) {
				return framebuf.Rational{Num: full * 1000, Den: 1001}, true
			}
		}
		return reduce(int64(math.Round(rate*1000)), 1000)
	}
	num, errN := strconv.ParseInt(n, 10, 32)
	den, errD := strconv.ParseInt(d, 10, 32)
	if errN != nil || errD != nil {
		return framebuf.Rational{}, false
	}
	return reduce(num, den)
}

func reduce(num, den int64) (framebuf.Rational, bool) {
	if num <= 0 || den <= 0 || num > math.MaxInt32 || den > math.MaxInt32 {
		return framebuf.Rational{}, false
	}
	a, b := num, den
	for b != 0 {
		a, b = b, a%b
	}
	return framebuf.Rational{Num: int32(num / a), Den: int32(den / a)}, true
}

// timeValue is a length of time as ffmpeg and Go write it: 10, 1.5, 90s, 1m30s, 00:01:30.5.
type timeValue struct{ time.Duration }

func (v *timeValue) Type() string { return "time" }

func (v *timeValue) String() string {
	if v.Duration == 0 {
		return ""
	}
	return v.Duration.String()
}

func (v *timeValue) Set(text string) error {
	d, err := parseTime(text)
	if err != nil {
		return fmt.Errorf("%q is no time; write 10, 1.5, 90s or 00:01:30", text)
	}
	v.Duration = d
	return nil
}

func parseTime(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	var seconds float64
	parts := strings.Split(text, ":")
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || math.IsNaN(n) || n < 0 || len(parts) > 3 || (i > 0 && n >= 60) {
			return 0, strconv.ErrSyntax
		}
		seconds = seconds*60 + n
	}
	if seconds > 1e9 {
		return 0, strconv.ErrRange
	}
	return time.Duration(math.Round(seconds * 1e9)), nil
}

// givenDuration is a duration that may be left out.
type givenDuration struct {
	time.Duration
	given bool
}

func (v *givenDuration) Type() string { return "duration" }

func (v *givenDuration) String() string {
	if !v.given {
		return ""
	}
	return v.Duration.String()
}

func (v *givenDuration) Set(text string) error {
	d, err := parseTime(text)
	if err != nil {
		return fmt.Errorf("%q is no time; write 10s", text)
	}
	v.Duration, v.given = d, true
	return nil
}

// choice is one of a few words.
type choice struct {
	value string
	of    []string
}

func (c *choice) Type() string   { return strings.Join(c.of, "|") }
func (c *choice) String() string { return c.value }

func (c *choice) Set(text string) error {
	if !slices.Contains(c.of, text) {
		return fmt.Errorf("%q: choose one of %s", text, strings.Join(c.of, ", "))
	}
	c.value = text
	return nil
}

// splitArgs splits what stands in --input-args as a shell would: blanks, quotes, backslashes; nothing is expanded.
func splitArgs(text string) ([]string, error) {
	var args []string
	var word strings.Builder
	quote, begun := rune(0), false
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(runes):
			i++
			word.WriteRune(runes[i])
			begun = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if begun {
				args = append(args, word.String())
				word.Reset()
			}
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, usagef("%q: a quote is not closed", text)
	}
	if begun {
		args = append(args, word.String())
	}
	return args, nil
}
