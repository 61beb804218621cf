// Command testwriter publishes frames whose every byte is known, for tests of
// clients in other languages. It prints one line a frame:
//
//	generation number pts time_base width height format length md5
//
// so that a client's output can be compared with it, line by line.
package main

import (
	"context"
	"crypto/md5"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testwriter:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("testwriter", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: testwriter NAME FRAMES FPS [SLOTS] [FORMAT]\n\n"+
			"FPS 0: as fast as the readers allow, beginning with the first one that registers.\n"+
			"MOVE=1 in the environment: from the middle on the picture is larger than the slots.")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < 3 {
		flags.Usage()
		return flag.ErrHelp
	}
	frames, err := strconv.Atoi(flags.Arg(1))
	if err != nil {
		return err
	}
	fps, err := strconv.Atoi(flags.Arg(2))
	if err != nil {
		return err
	}
	slots, name := 4, "rgba"
	if flags.NArg() > 3 {
		if slots, err = strconv.Atoi(flags.Arg(3)); err != nil {
			return err
		}
	}
	if flags.NArg() > 4 {
		name = flags.Arg(4)
	}
	pix, err := framebuf.ParsePixelFormat(name)
	if err != nil {
		return err
	}
	return publish(ctx, flags.Arg(0), frames, fps, slots, pix)
}

func publish(ctx context.Context, name string, frames, fps, slots int, pix framebuf.PixelFormat) error {
	f := framebuf.Format{PixelFormat: pix}
	if pix != framebuf.Data {
		f.Width, f.Height = 64, 36
	}
	w, err := framebuf.Create(name, f, &framebuf.Options{
		Slots: slots, Linger: 2 * time.Second,
		Template: framebuf.Info{TimeBase: framebuf.Rational{Num: 1, Den: 90000}},
	})
	if err != nil {
		return err
	}
	defer w.Close()
	if fps == 0 {
		if err := w.AwaitReaders(ctx, 1); err != nil {
			return err
		}
	}
	for i := range frames {
		if os.Getenv("MOVE") == "1" && i == frames/2 && pix != framebuf.Data {
			f.Width, f.Height = 128, 72
			if err := w.SetFormat(ctx, f); err != nil {
				return err
			}
		}
		if err := w.Publish(ctx, func(s *framebuf.Slot) error { return fill(s, i) }); err != nil {
			return err
		}
		if fps > 0 {
			time.Sleep(time.Second / time.Duration(fps))
		}
	}
	return w.Close()
}

// fill makes frame i and prints its line. Data frames differ in length.
func fill(s *framebuf.Slot, i int) error {
	if s.Info.PixelFormat == framebuf.Data {
		if err := s.SetLength(i * 37 % s.Capacity()); err != nil {
			return err
		}
	}
	b := s.Bytes()
	for k := range b {
		b[k] = byte(i*7 + k*13 + k>>8)
	}
	s.Info.PTS = int64(i) * 3003
	if err := s.SetMeta(fmt.Appendf(nil, `{"i":%d}`, i)); err != nil {
		return err
	}
	n := &s.Info
	_, err := fmt.Printf("%s %d %d %s %d %d %s %d %x\n", n.Generation, n.Number, n.PTS, n.TimeBase, n.Width, n.Height, n.PixelFormat, len(b), md5.Sum(b))
	return err
}
