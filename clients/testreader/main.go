// Command testreader prints a line for every frame of a segment, as testwriter
// does, for tests of writers in other languages:
//
//	generation number pts time_base width height format length md5
//
// and broken for a view that did not hold. Exit codes: 0 the clean end, 3 the writer died, 4 evicted, 1 anything else.
package main

import (
	"context"
	"crypto/md5"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "testreader:", err)
	switch {
	case errors.Is(err, framebuf.ErrWriterDied):
		os.Exit(3)
	case errors.Is(err, framebuf.ErrEvicted):
		os.Exit(4)
	}
	os.Exit(1)
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("testreader", flag.ContinueOnError)
	mode := flags.String("mode", "lossless", "newest, pinned or lossless")
	pause := flags.Duration("pause", 0, "how long to look at each frame")
	meta := flags.Bool("meta", false, "print the meta and the reference as well")
	if err := flags.Parse(args); err != nil {
		return err
	}
	modes := map[string]framebuf.Mode{"newest": framebuf.Newest, "pinned": framebuf.Pinned, "lossless": framebuf.Lossless}
	m, known := modes[*mode]
	if flags.NArg() != 1 || !known {
		flags.Usage()
		return flag.ErrHelp
	}
	opening, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := framebuf.Open(opening, flags.Arg(0), &framebuf.ReaderOptions{Mode: m, Wait: true, Label: "testreader"})
	if err != nil {
		return err
	}
	defer r.Close()
	for f, err := range r.Frames(ctx) {
		switch {
		case errors.Is(err, framebuf.ErrBroken):
			fmt.Println("broken")
			continue
		case errors.Is(err, framebuf.ErrOverrun):
			continue
		case err != nil:
			return err
		}
		time.Sleep(*pause)
		line := fmt.Sprintf("%s %d %d %s %d %d %s %d %x", f.Generation, f.Number, f.PTS, f.TimeBase, f.Width, f.Height, f.PixelFormat, len(f.Bytes()), md5.Sum(f.Bytes()))
		if *meta {
			line += fmt.Sprintf(" %s %v", f.Meta(), f.Reference)
		}
		if f.Valid() == nil { // a view that did not hold is void
			fmt.Println(line)
		}
	}
	if s, last := r.Source(); s == framebuf.SourceFailed {
		fmt.Println("source failed:", last)
	}
	return nil
}
