//go:build linux

// Feeding ffmpeg: a segment, beside a raw file in memory and beside programs that do
// nothing but write raw frames into ffmpeg's standard input.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
)

// encode feeds raw frames into an encoder that does nothing.
func (b *bench) encode() error {
	const unique, loops = 240, 24
	const n = unique * loops // enough that the start of the processes hardly counts
	raw := filepath.Join(b.tmp, "raw.rgba")
	err := b.do("-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=60", "-frames:v", strconv.Itoa(unique), "-f", "rawvideo", "-pix_fmt", "rgba", raw)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(raw) }()
	file := way{"ffmpeg reads a raw file in memory", func() (int, error) {
		return n, b.do("-stream_loop", strconv.Itoa(loops-1), "-f", "rawvideo", "-video_size", "1920x1080", "-pixel_format", "rgba", "-framerate", "60", "-i", raw,
			"-fps_mode", "passthrough", "-c:v", "wrapped_avframe", "-f", "null", "-")
	}}
	frames, err := mapFrames(filepath.Join(b.tmp, "bare.rgba"), bareFrames*hd.Size())
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(frames); _ = os.Remove(filepath.Join(b.tmp, "bare.rgba")) }()
	bare := func(name string, pair func() (r, w int, err error)) way {
		return way{name, func() (int, error) { return n, b.pour(n, frames, pair) }}
	}
	pipe, socket := bare("bare program, pipe", widePipe), bare("bare program, socket", wideSocket)
	feed := func(name string, o encode.Options) way {
		return way{name, func() (int, error) { return b.feed(n, o) }}
	}
	write := feed("segment, by write", encode.Options{Transport: encode.TransportPipe})
	splice := feed("segment, by vmsplice", encode.Options{Splice: true})
	plugged := feed("segment, by plug-in", encode.Options{Transport: encode.TransportPlugin})
	for _, ways := range [][]way{{file, pipe}, {file, socket, splice, write, plugged}} {
		last := len(ways) - 1
		against := make([]string, last)
		for i, w := range ways[:last] {
			against[i] = w.name
		}
		if err := b.compare(ways, against...); err != nil {
			return err
		}
	}
	return nil
}

// bareFrames is how many different frames the bare programs write, in turn.
const bareFrames = 8

// pour is the bare program: it writes n raw frames into ffmpeg's standard input, and
// has neither times nor a segment.
func (b *bench) pour(n int, frames []byte, pair func() (r, w int, err error)) error {
	r, w, err := pair()
	if err != nil {
		return err
	}
	cmd, said := b.command("-f", "rawvideo", "-video_size", "1920x1080", "-pixel_format", "rgba", "-framerate", "60", "-i", "pipe:0",
		"-fps_mode", "passthrough", "-c:v", "wrapped_avframe", "-f", "null", "-")
	in := os.NewFile(uintptr(r), "in")
	cmd.Stdin = in
	err = cmd.Start()
	_ = in.Close()
	size := hd.Size()
	for i := 0; i < n && err == nil; i++ {
		err = putAll(w, frames[i%bareFrames*size:][:size], unix.Write)
	}
	_ = unix.Close(w)
	if werr := cmd.Wait(); werr != nil {
		return fmt.Errorf("%w: %s", errors.Join(err, werr), said)
	}
	return err
}

// feed publishes n frames, which cost nothing to make, and encodes them.
func (b *bench) feed(n int, o encode.Options) (int, error) {
	w, err := framebuf.Create("feed", hd, &framebuf.Options{
		Dir: b.dir, Linger: -1,
		Template: framebuf.Info{TimeBase: framebuf.Rational{Num: 1, Den: 60}, Rate: framebuf.Rational{Num: 60, Den: 1}},
	})
	if err != nil {
		return 0, err
	}
	defer w.Close()
	ctx, cancel := context.WithCancelCause(b.ctx)
	defer cancel(nil)
	one := func(i int) error {
		return w.Publish(ctx, func(slot *framebuf.Slot) error { slot.Info.PTS = int64(i); return nil })
	}
	if err := one(0); err != nil {
		return 0, err
	}
	o.Dir, o.FFmpeg, o.Codec, o.PixFmt = b.dir, b.ffmpeg, "wrapped_avframe", "rgba"
	e, err := encode.Open(ctx, "feed", "null:-", &o)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	published := make(chan error, 1)
	go func() {
		var err error
		for i := 1; i < n && err == nil; i++ {
			err = one(i)
		}
		if err == nil {
			err = w.Close()
		} else {
			cancel(err)
		}
		published <- err
	}()
	r, err := e.Run(ctx)
	if err != nil {
		cancel(err)
	}
	return int(r.FramesOut), errors.Join(err, <-published)
}
