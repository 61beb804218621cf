package main

// The command filter: what a user might write for run --exec, and all that can go wrong with it.

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// filter copies the frames of FRAMEBRIDGE_IN to FRAMEBRIDGE_OUT, inverted. At one of them, or at the end, it does what the
// flags say, as often as they say.
func filter() {
	at := flag.Int("at", -1, "the frame of a process at which to -do")
	do := flag.String("do", "", "kill, hang, abort, end, exit:N")
	times := flag.String("times", "", "FILE:N: -do in the first N processes only, which are counted in FILE")
	newest := flag.Bool("newest", false, "read the newest frame")
	deaf := flag.Bool("deaf", false, "ignore SIGTERM")
	last := flag.String("last", "", "as -do, when the input has ended and all is published")
	early := flag.String("early", "", "as -do, before anything is opened")
	slow := flag.Duration("slow", 0, "for each frame")
	hasty := flag.Bool("hasty", false, "publish without waiting for a reader")
	flag.Parse()
	if *deaf {
		signal.Ignore(syscall.SIGTERM)
	}
	fmt.Fprintln(os.Stderr, "pid", os.Getpid())
	if *times != "" && *at >= 0 && !firstTimes(*times) {
		*at = -1
	}
	f := &filterRun{hasty: *hasty}
	f.act(*early)
	if err := f.run(*newest, *slow, func(n int) {
		if n == *at {
			f.act(*do)
		}
	}); err != nil {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
	f.act(*last)
	if err := f.out.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
}

// firstTimes counts a process, and reports whether it is one of the first.
func firstTimes(spec string) bool {
	file, most, _ := strings.Cut(spec, ":")
	before, _ := os.ReadFile(file)
	_ = os.WriteFile(file, append(before, '.'), 0o600)
	var n int
	_, _ = fmt.Sscan(most, &n)
	return len(before) < n
}

type filterRun struct {
	out   *framebuf.Writer
	hasty bool
	early []published // to be published at once
}

type published struct {
	info    framebuf.Info
	picture []byte
}

func (f *filterRun) act(what string) {
	what, arg, _ := strings.Cut(what, ":")
	switch what {
	case "kill":
		fmt.Fprintln(os.Stderr, "now I die")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "hang":
		for {
			time.Sleep(time.Hour)
		}
	case "abort":
		f.out.SetError("enough of this")
		f.out.SetSource(framebuf.SourceFailed)
		f.out.SetLinger(-1)
		_ = f.out.Close()
		os.Exit(0)
	case "end":
		_ = f.out.Close()
		os.Exit(0)
	case "exit":
		var code int
		_, _ = fmt.Sscan(arg, &code)
		fmt.Fprintf(os.Stderr, "it went wrong with %s\n", arg)
		os.Exit(code)
	}
}

func (f *filterRun) run(newest bool, slow time.Duration, before func(n int)) error {
	ctx := context.Background()
	mode := framebuf.Lossless
	if newest {
		mode = framebuf.Newest
	}
	r, err := framebuf.Open(ctx, os.Getenv("FRAMEBRIDGE_IN"), &framebuf.ReaderOptions{Mode: mode, Label: "filter"})
	if err != nil {
		return err
	}
	defer r.Close()
	for n := 0; ; n++ {
		err := r.View(ctx, func(frame *framebuf.Frame) error {
			if f.hasty && n < 3 { // several at once, so that nobody can come in between
				f.early = append(f.early, published{frame.Info, bytes.Clone(frame.Bytes())})
				return nil
			}
			if f.out == nil {
				if err := f.create(ctx, frame.Format, newest); err != nil {
					return err
				}
			}
			before(n)
			time.Sleep(slow)
			return f.publish(ctx, &frame.Info, frame.Bytes(), true)
		})
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (f *filterRun) create(ctx context.Context, format framebuf.Format, live bool) (err error) {
	if f.out, err = framebuf.Create(os.Getenv("FRAMEBRIDGE_OUT"), format, &framebuf.Options{Live: live}); err != nil {
		return err
	}
	if !f.hasty {
		return f.out.AwaitReaders(ctx, 1)
	}
	for _, p := range f.early {
		if err := f.publish(ctx, &p.info, p.picture, false); err != nil {
			return err
		}
	}
	return nil
}

func (f *filterRun) publish(ctx context.Context, info *framebuf.Info, picture []byte, invert bool) error {
	return f.out.Publish(ctx, func(s *framebuf.Slot) error {
		s.Info.PTS, s.Info.TimeBase, s.Info.Rate = info.PTS, info.TimeBase, info.Rate
		copy(s.Bytes(), picture)
		if !invert {
			return nil
		}
		for k := range s.Bytes() {
			if k%4 != 3 {
				s.Bytes()[k] ^= 0xff
			}
		}
		return nil
	})
}
