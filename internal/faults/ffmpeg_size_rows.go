//go:build linux

// F11: pictures that change their size in mid-stream.

package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
)

// shape is a size in pixels.
type shape struct{ w, h int }

// changing is a clip whose size changes, and what ffmpeg alone makes of it.
type changing struct {
	path    string
	shapes  []shape  // of each frame
	sums    []string // of each frame
	scaled  []string // of each frame, at the size of the first
	changes int
	before  int // frames before the first change
}

// sums are those of the frames that ffmpeg alone decodes.
func (t *trial) sums(ctx context.Context, path string, more ...string) (all []string) {
	args := append([]string{"-v", "error", "-nostdin", "-i", path, "-fps_mode", "passthrough", "-pix_fmt", "rgba"}, more...)
	out, err := exec.CommandContext(ctx, "ffmpeg", append(args, "-f", "framemd5", "-")...).Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, strings.TrimSpace(line[strings.LastIndex(line, ",")+1:]))
		}
	}
	return all
}

// changing makes one of random sizes, all of them even or not. The second half is
// a turned picture, which has as many bytes as the one before.
func (t *trial) changing(ctx context.Context, dir string, odd bool) (c changing) {
	source, codec := "testsrc2", []string{"mpeg2video", "-bf", "0"}
	side := func() int { return 32 + 16*rand.N(10) }
	if odd {
		source, codec = "testsrc", []string{"libx264", "-pix_fmt", "yuv444p"} // the others cut an odd line off
		side = func() int { return 32 + rand.N(160) }
	}
	first := shape{side(), side() + 8}
	parts := []shape{first, {side() + 4, side()}, {}, {side(), side()}}
	parts[2] = shape{parts[1].h, parts[1].w}
	var whole bytes.Buffer
	known := map[string]shape{}
	for i, p := range parts {
		path := filepath.Join(dir, fmt.Sprintf("%d.ts", i))
		require.NoError(t, ffmpegRun(ctx, "-f", "lavfi", "-i", fmt.Sprintf("%s=s=%dx%d:r=25:d=1", source, p.w, p.h), "-frames:v", fmt.Sprint(5+rand.N(8)),
			"-c:v", codec[0], codec[1], codec[2], path))
		for _, sum := range t.sums(ctx, path) {
			known[sum] = p
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		whole.Write(text)
	}
	c.path = filepath.Join(dir, "whole.ts")
	require.NoError(t, os.WriteFile(c.path, whole.Bytes(), 0o600))
	c.sums = t.sums(ctx, c.path, "-noautoscale")
	c.scaled = t.sums(ctx, c.path)
	for i, sum := range c.sums {
		p, ok := known[sum]
		require.True(t, ok, "frame %d of %d is in none of the parts", i, len(c.sums))
		c.shapes = append(c.shapes, p)
		if i > 0 && c.shapes[i-1] != p {
			if c.changes++; c.changes == 1 {
				c.before = i
			}
		}
	}
	require.GreaterOrEqual(t, c.changes, 2)
	return c
}

// sizeChanges captures such clips through the pipe.
func sizeChanges(ctx context.Context, t *trial) {
	t.needFFmpeg()
	t.changeSizes(ctx, capture.TransportPipe, false)
}

// changeSizes captures such clips in each of the three ways.
func (t *trial) changeSizes(ctx context.Context, transport capture.Transport, odd bool) {
	const side = 2
	dirs, clips := t.dirs(side), t.of(2, 100)
	var followed, frames, scaled, ended atomic.Int64
	scratches := make([]string, side)
	for i := range scratches {
		scratches[i] = t.scratch()
	}
	t.lanes(ctx, side, clips, func(lane, i int) {
		c := t.changing(ctx, scratches[lane], odd)
		for _, way := range []capture.Resize{capture.ResizeFollow, capture.ResizeScale, capture.ResizeStop} {
			n, wrong := 0, ""
			check := func(f *framebuf.Frame) {
				sum := md5.Sum(f.Bytes())
				is, at := hex.EncodeToString(sum[:]), shape{f.Width, f.Height}
				want, as := c.sums, c.shapes[min(n, len(c.shapes)-1)]
				if way == capture.ResizeScale {
					want, as = c.scaled, c.shapes[0]
				}
				switch {
				case n >= len(want):
					wrong = "too many frames"
				case at != as && wrong == "":
					wrong = fmt.Sprintf("frame %d is %v, not %v", n, at, as)
				case is != want[n] && wrong == "":
					wrong = fmt.Sprintf("frame %d (%v) has other bytes", n, at)
				}
				n++
			}
			b := t.bridge(ctx, bridge{Dir: dirs[lane], Input: c.path, Transport: transport, Resize: way, Readers: 1})
			if err := b.watched(ctx, check)(); !errors.Is(err, io.EOF) {
				t.Errorf("the reader ended with %v", err)
			}
			b.close()
			o := b.over("capture")
			all := len(c.sums)
			if way == capture.ResizeStop {
				all = c.before
			}
			if wrong != "" || n != all || o.Clean == (way == capture.ResizeStop) {
				t.Errorf("resize %d: %s, %d of %d frames: %+v", way, wrong, n, all, o)
			}
			frames.Add(int64(n))
			switch way {
			case capture.ResizeFollow:
				followed.Add(int64(c.changes))
			case capture.ResizeScale:
				scaled.Add(1)
			case capture.ResizeStop:
				if !strings.Contains(o.Text, capture.ErrGeometryChanged.Error()) {
					t.Errorf("stop: %q", o.Text)
				}
				ended.Add(1)
			}
		}
	})
	t.reached("%d clips: %d changes followed, each with its first frame; %d scaled, %d ended with ErrGeometryChanged; %d frames, each equal to ffmpeg's, 0 sheared",
		clips, followed.Load(), scaled.Load(), ended.Load(), frames.Load())
}
