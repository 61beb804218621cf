//go:build linux

// The two sides of ffmpeg, beside what people do today.

package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/framebridge/framebridge/capture"
)

// frigate is the way Frigate and many Python programs do it: a pipe is read into
// bytes, which are copied into shared memory.
//
//go:embed frigate.py
var frigate string

// command runs ffmpeg quietly; its error carries what it said.
func (b *bench) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(b.ctx, b.ffmpeg, append([]string{"-nostdin", "-v", "error"}, args...)...)
	said := &bytes.Buffer{}
	cmd.Stderr = said
	return cmd, said
}

func (b *bench) do(args ...string) error {
	cmd, said := b.command(args...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// source is the 1080p clip, made from the test clip if none was given.
func (b *bench) source() (string, error) {
	if b.clip != "" {
		return b.clip, nil
	}
	clip := filepath.Join(b.tmp, "1080p.mp4")
	err := b.do("-stream_loop", "-1", "-i", filepath.Join("testdata", "motion.mov"), "-an", "-frames:v", strconv.Itoa(b.frames),
		"-vf", "scale=1920:1080,setsar=1", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", clip)
	if err != nil {
		return "", err
	}
	b.clip = clip
	return clip, nil
}

func (b *bench) capture() error {
	clip, err := b.source()
	if err != nil {
		return err
	}
	size := hd.Size()
	floor := way{"floor: decode to rgba, drop", func() (int, error) {
		return b.frames, b.do("-i", clip, "-map", "0:v:0", "-vf", "format=rgba", "-fps_mode", "passthrough", "-f", "null", "-")
	}}
	slice := way{"Go pipe into a slice", func() (int, error) {
		cmd, said := b.command("-i", clip, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "pipe:1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			return 0, err
		}
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		frame, n := make([]byte, size), 0
		for {
			if _, err := io.ReadFull(out, frame); err != nil {
				break
			}
			n++
		}
		if err := cmd.Wait(); err != nil {
			return n, fmt.Errorf("%w: %s", err, said)
		}
		return n, nil
	}}
	python := way{"Python pipe into SharedMemory", func() (int, error) {
		cmd := exec.CommandContext(b.ctx, b.python, "-c", frigate, b.ffmpeg, clip, strconv.Itoa(size))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(string(bytes.TrimSpace(out)))
	}}
	ours := func(name string, t capture.Transport) way {
		return way{name, func() (int, error) {
			c, err := capture.Open(b.ctx, clip, "bench", &capture.Options{Dir: b.dir, FFmpeg: b.ffmpeg, Linger: -1, Transport: t})
			if err != nil {
				return 0, err
			}
			defer c.Close()
			r, err := c.Run(b.ctx)
			return int(r.FramesOut), err
		}}
	}
	pipe, plugged := ours("capture through the pipe", capture.TransportPipe), ours("capture by the plug-in", capture.TransportPlugin)
	if err := b.compare([]way{floor, slice, python, pipe}, slice.name, python.name, floor.name); err != nil {
		return err
	}
	return b.compare([]way{floor, pipe, plugged}, floor.name, pipe.name)
}
