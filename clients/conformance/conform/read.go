// conform read: reads frames and checks every byte.

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/framebridge/framebridge/clients/conformance"
	"github.com/framebridge/framebridge/framebuf"
)

// frameLine is what read tells of a frame.
type frameLine struct {
	Number     uint64 `json:"number"`
	Generation string `json:"generation"`
	PTS        int64  `json:"pts"`
	Missed     uint64 `json:"missed"`
	Format     string `json:"format"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	Length     int    `json:"length"`
}

func read(ctx context.Context, name string, args []string) error {
	flags := flag.NewFlagSet("read", flag.ContinueOnError)
	modeName := flags.String("mode", "newest", "newest, pinned or lossless")
	frames := flags.Int("frames", 0, "frames to read; 0: to the end")
	wait := flags.Float64("wait", 0, "seconds to wait for the segment to appear")
	follow := flags.Bool("follow", false, "go on with the next writer until told to stop")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return fmt.Errorf("%w: read: %v", errUsage, args)
	}
	modes := map[string]framebuf.Mode{"newest": framebuf.Newest, "pinned": framebuf.Pinned, "lossless": framebuf.Lossless}
	mode, ok := modes[*modeName]
	if !ok {
		return fmt.Errorf("%w: --mode %s", errUsage, *modeName)
	}
	r, err := open(ctx, name, seconds(*wait), framebuf.ReaderOptions{Mode: mode, Follow: *follow, Label: "conform go"})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := tell(map[string]bool{"ready": true}); err != nil {
		return err
	}
	end, err := readAll(ctx, r, *frames)
	if err != nil {
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	return tell(map[string]string{"end": end})
}

// open opens a segment, waiting for it if asked. The time to wait is not the time to
// join.
func open(ctx context.Context, name string, wait time.Duration, o framebuf.ReaderOptions) (*framebuf.Reader, error) {
	if wait > 0 {
		o.Wait = true
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	return framebuf.Open(ctx, name, &o)
}

func readAll(ctx context.Context, r *framebuf.Reader, frames int) (end string, err error) {
	for i := 0; frames == 0 || i < frames; {
		f, err := r.Next(ctx)
		switch {
		case errors.Is(err, framebuf.ErrOverrun):
			continue
		case errors.Is(err, io.EOF):
			return "eof", nil
		case errors.Is(err, errTold):
			return "told", nil
		case err != nil:
			return "", err
		}
		line := frameLine{
			Number: f.Number, Generation: f.Generation.String(), PTS: f.PTS, Missed: f.Missed,
			Format: f.PixelFormat.String(), Width: f.Width, Height: f.Height, Length: f.PayloadSize,
		}
		wrong := f.Guard(func() error { return conformance.Verify(f) })
		// A view that did not hold may say anything: what counts is that it is known.
		if err := f.Release(); errors.Is(err, framebuf.ErrBroken) {
			continue
		} else if err != nil {
			return "", err
		}
		if wrong != nil {
			return "", fmt.Errorf("%w: %w", errMismatch, wrong)
		}
		if err := tell(line); err != nil {
			return "", err
		}
		i++
	}
	return "frames", nil
}
