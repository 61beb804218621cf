package ffprobe

// The two programs, and the questions put to them.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
)

const (
	maxAnswerBytes  = 8 << 20   // of one list
	maxReportBytes  = 512 << 10 // of a report; a stream takes less than 1 KiB
	abilitiesPeriod = 30 * time.Second
	probePeriod     = 15 * time.Second
)

// Tool is an ffmpeg and its ffprobe. The zero value takes both from PATH. It must not be copied after its first use; all its
// methods are safe for concurrent use.
type Tool struct {
	FFmpeg  string // path or name. Default: ffmpeg
	FFprobe string // path or name. Default: ffprobe

	mu        sync.Mutex
	abilities *ffargs.Abilities // guarded by mu
}

// FFmpegPath is the program to start for ffmpeg.
func (t *Tool) FFmpegPath() string { return orDefault(t.FFmpeg, "ffmpeg") }

// FFprobePath is the program to start for ffprobe.
func (t *Tool) FFprobePath() string { return orDefault(t.FFprobe, "ffprobe") }

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// confined are the options for a short run of one of the programs.
func confined(name string) *ffproc.Options {
	return &ffproc.Options{Name: name, Confine: true, Redact: ffargs.Redact}
}

// Abilities asks ffmpeg for its version, encoders, formats and filters, once: a good answer is kept. It returns
// ffproc.ErrNotFound if there is no ffmpeg, and ErrUnsuitable if what is there is none.
func (t *Tool) Abilities(ctx context.Context) (*ffargs.Abilities, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.abilities != nil {
		return t.abilities, nil
	}
	ctx, cancel := context.WithTimeout(ctx, abilitiesPeriod)
	defer cancel()
	ask := func(list string) (string, error) {
		out, err := ffproc.Output(ctx, t.FFmpegPath(), ffargs.AbilityArgs(list), maxAnswerBytes, confined("ffmpeg"))
		if err != nil && !errors.Is(err, ffproc.ErrNotFound) {
			err = fmt.Errorf("ffprobe: ask %s: %w: %w", t.FFmpegPath(), ErrUnsuitable, err)
		}
		return string(out), err
	}
	text, err := ask("version")
	if err != nil {
		return nil, err
	}
	version, ok := ffargs.ParseVersion(text)
	if !ok {
		return nil, fmt.Errorf("ffprobe: ask %s: %w: it does not print a version of ffmpeg", t.FFmpegPath(), ErrUnsuitable)
	}
	a := &ffargs.Abilities{Version: version}
	for list, read := range map[string]func(string){
		"encoders": func(s string) { a.Encoders = ffargs.ParseEncoders(s) },
		"muxers":   func(s string) { a.Muxers = ffargs.ParseMuxers(s) },
		"filters":  func(s string) { a.Filters = ffargs.ParseFilters(s) },
	} {
		if text, err = ask(list); err != nil {
			return nil, err
		}
		read(text)
	}
	t.abilities = a
	return a, nil
}

// overMaxPixels is what ffmpeg says of a picture that -max_pixels forbids, or that is beyond its own bounds.
var overMaxPixels = regexp.MustCompile(`Picture size (\d{1,10}x\d{1,10}) (?:exceeds specified max pixel count|is invalid)`)

// Probe runs ffprobe on an input, at most 15 s. It returns ErrNoSuchInput, ErrUnreadable, ErrNotMedia, ErrNoPicture (with
// the Info), ErrReadOnce, ffproc.ErrNotFound, or ctx.Err(). A live source is opened and left again: ask only if what it
// tells is worth a second connection.
func (t *Tool) Probe(ctx context.Context, p ffargs.Probe) (*Info, error) {
	info, err := t.probe(ctx, p)
	if err != nil {
		err = fmt.Errorf("ffprobe: %s: %w", p.Input, err)
	}
	return info, err
}

func (t *Tool) probe(ctx context.Context, p ffargs.Probe) (*Info, error) {
	if err := look(p.Input); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, probePeriod)
	defer cancel()
	options := confined("ffprobe")
	options.Redact = ffargs.NewRedactor(append(slices.Clone(p.InputArgs), p.Input.Name)...).Redact
	tooLarge := ""
	options.OnLine = func(line []byte) {
		if m := overMaxPixels.FindSubmatch(line); m != nil {
			tooLarge = string(m[1])
		}
	}
	out, err := ffproc.Output(limited, t.FFprobePath(), p.Args(), maxReportBytes, options)
	var exit *ffproc.ExitError
	switch {
	case err == nil:
		info, err := Parse(out)
		if tooLarge != "" && (err != nil || info.Picture.Width == 0) {
			return nil, refuse(tooLarge, p)
		}
		return info, err
	case errors.Is(err, ffproc.ErrTooMuchOutput):
		return nil, fmt.Errorf("%w: it has too many streams: %w", ErrNotMedia, err)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fmt.Errorf("%w: no answer within %v", ErrUnreadable, probePeriod)
	case errors.As(err, &exit) && tooLarge != "":
		return nil, refuse(tooLarge, p)
	case errors.As(err, &exit) && p.Input.Kind == ffargs.File:
		return nil, fmt.Errorf("%w: %s", ErrNotMedia, exit.LastLine())
	case errors.As(err, &exit):
		return nil, fmt.Errorf("%w: %s", ErrUnreadable, exit.LastLine())
	}
	return nil, err
}

func refuse(size string, p ffargs.Probe) error {
	return fmt.Errorf("%w: a picture of %s is larger than what is taken: %d pixels, unless more are allowed", ErrNotMedia, size, p.PixelLimit())
}

// look tells the plain mistakes apart before ffprobe does, whose messages are for people.
func look(in ffargs.Input) error {
	path := in.Path
	switch {
	case in.Kind == ffargs.Stdin:
		return ErrReadOnce
	case in.Kind == ffargs.Device && in.Scheme != "x11grab":
		path = in.Name
	case in.Kind != ffargs.File:
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return ErrNoSuchInput
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	case info.IsDir():
		return fmt.Errorf("%w: it is a directory", ErrNotMedia)
	case in.Kind == ffargs.Device && info.Mode()&os.ModeCharDevice == 0:
		return fmt.Errorf("%w: it is no device", ErrNotMedia)
	case in.Kind == ffargs.Device:
		return nil // opening it is for ffmpeg: it can start something
	case info.Mode()&os.ModeCharDevice != 0:
		return fmt.Errorf("%w: it is a device; a camera is named v4l2:/dev/video0", ErrNotMedia)
	case info.Mode()&os.ModeNamedPipe != 0:
		return fmt.Errorf("%w: it is a named pipe", ErrReadOnce)
	case info.Mode()&os.ModeSocket != 0:
		return fmt.Errorf("%w: it is a socket", ErrNotMedia)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return f.Close()
}
