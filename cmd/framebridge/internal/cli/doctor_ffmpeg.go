package cli

// What doctor asks of ffmpeg.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
)

const installFFmpeg = "sudo apt install ffmpeg"

// programChecks looks at ffmpeg and ffprobe.
func programChecks(ctx context.Context, p *programFlags) []check {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	checks := []check{programCheck(ctx, "ffmpeg", p.ffmpeg), programCheck(ctx, "ffprobe", p.ffprobe)}
	if checks[0].State == checkFail {
		return checks
	}
	for _, a := range abilities() {
		checks = append(checks, abilityCheck(ctx, p.ffmpeg, a))
	}
	return append(checks, pluginCheck(ctx, p.ffmpeg))
}

// programCheck finds a program and asks for its version.
func programCheck(ctx context.Context, name, program string) check {
	c := check{Check: name, State: checkFail, code: codeFFmpeg}
	path, err := ffproc.Look(program)
	if err != nil {
		c.Detail, c.Remedy = message(err), installFFmpeg
		if program != name && !errors.Is(err, fs.ErrNotExist) {
			c.Remedy = "unset " + variable(name)
		}
		if _, set := os.LookupEnv(variable(name)); set {
			c.Remedy = "unset " + variable(name)
		}
		return c
	}
	out, err := ffproc.Output(ctx, path, []string{"-hide_banner", "-version"}, 1<<20, &ffproc.Options{Confine: true})
	if err != nil {
		c.Detail, c.Remedy = message(err), installFFmpeg
		return c
	}
	version, err := ffargs.Identify(path, string(out))
	if err != nil {
		c.Detail, c.Remedy = message(err), installFFmpeg
		return c
	}
	first, _, _ := strings.Cut(string(out), "\n")
	c.State, c.Detail = checkOK, path+", "+first
	if i := strings.Index(first, " Copyright"); i > 0 {
		c.Detail = path + ", " + first[:i]
	}
	if !version.Tried() {
		c.State, c.Remedy = checkWarn, installFFmpeg
		c.Detail += ": older than 5.1, the oldest one that was tried"
	}
	return c
}

// ability is something that ffmpeg was built with or not.
type ability struct {
	check    string
	list     string   // the option that lists it
	needed   []string // names that must be there
	optional []string // names that are good to have
	column   int      // the field of the list that holds the name
}

func abilities() []ability {
	return []ability{
		{check: "formats", list: "-formats", needed: []string{"nut", "rawvideo"}, optional: []string{"mp4", "matroska", "hls", "mpegts", "gif"}, column: 1},
		{check: "filters", list: "-filters", needed: []string{"scale", "format", "showinfo", "fps"}, optional: []string{"frei0r"}, column: 1},
		{check: "encoders", list: "-encoders", needed: []string{"rawvideo"}, optional: []string{"libx264", "libvpx-vp9", "aac", "libopus", "gif"}, column: 1},
		{check: "protocols", list: "-protocols", needed: []string{"pipe", "file"}, optional: []string{"rtmp", "srt", "https", "tcp"}},
	}
}

func abilityCheck(ctx context.Context, ffmpeg string, a ability) check {
	c := check{Check: "ffmpeg " + a.check, State: checkFail, code: codeFFmpeg}
	out, err := ffproc.Output(ctx, ffmpeg, []string{"-hide_banner", a.list}, 4<<20, &ffproc.Options{Confine: true})
	if err != nil {
		c.Detail = message(err)
		return c
	}
	have := listed(string(out), a.column)
	lacking := func(names []string) (missing []string) {
		for _, n := range names {
			if !have[n] {
				missing = append(missing, n)
			}
		}
		return missing
	}
	missing, poorer := lacking(a.needed), lacking(a.optional)
	switch {
	case len(missing) > 0:
		c.Detail, c.Remedy = "this ffmpeg has no "+strings.Join(missing, ", "), installFFmpeg
	case len(poorer) > 0:
		c.State, c.Detail = checkWarn, fmt.Sprintf("without %s", strings.Join(poorer, ", "))
	default:
		c.State, c.Detail = checkOK, strings.Join(append(a.needed, a.optional...), ", ")
	}
	return c
}

// listed is the names in one of ffmpeg's lists; several names of one thing are joined by commas.
func listed(out string, column int) map[string]bool {
	have := map[string]bool{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) <= column {
			continue
		}
		for name := range strings.SplitSeq(fields[column], ",") {
			have[name] = true
		}
	}
	return have
}
