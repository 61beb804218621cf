package encode

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/plugin"
	"github.com/framebridge/framebridge/internal/testbed"
)

func hashes(t *testing.T, path string) string {
	t.Helper()
	sums, err := exec.Command("ffmpeg", "-v", "error", "-copyts", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-").Output()
	require.NoError(t, err)
	return string(sums)
}

// Whatever the frames are, the file is the same by either transport.
func TestPluginWritesTheSameFiles(t *testing.T) {
	needFFmpeg(t)
	testbed.ByPlugin(t)
	newest := framebuf.Newest
	size := func(p framebuf.PixelFormat, w, h int) clip {
		c := testClip(12)
		c.format = framebuf.Format{PixelFormat: p, Width: w, Height: h}
		return c
	}
	variable := testClip(0)
	variable.pts = []int64{0, 7, 24, 231, 448, 455, 700, 1033, 1500}
	resized := size(framebuf.RGBA, 64, 48)
	resized.each = func(w *framebuf.Writer, k int) error {
		f := resized.format
		if k >= 6 {
			f.Width, f.Height = 96, 96
		}
		return w.SetFormat(t.Context(), f)
	}
	for _, row := range []struct {
		name   string
		c      clip
		o      Options
		byPipe bool // also when it may go by the plug-in
	}{
		{"rgba", size(framebuf.RGBA, 64, 48), Options{}, false},
		{"bgra", size(framebuf.BGRA, 64, 48), Options{}, false},
		{"odd sides", size(framebuf.RGBA, 63, 47), Options{}, false},
		{"padded lines", size(framebuf.RGBA, 322, 24), Options{}, false},
		{"longest lines", size(framebuf.RGBA, 16384, 8), Options{}, false},
		{"less than the packet's", size(framebuf.RGBA, 4, 2), Options{}, false},
		{"too small", size(framebuf.RGBA, 2, 2), Options{}, true},
		{"planes", size(framebuf.YUV420P, 64, 48), Options{}, true},
		{"variable rate", variable, Options{}, false},
		{"resized", resized, Options{}, false},
		{"with an overlay", size(framebuf.RGBA, 64, 48), Options{Overlay: mark(3)}, false},
		{"private copies", size(framebuf.RGBA, 64, 48), Options{Mode: &newest, Pace: PaceSource}, false},
		{"with silence", size(framebuf.RGBA, 64, 48), Options{Audio: Audio{Silent: true}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var files []string
			for _, transport := range []Transport{TransportPipe, TransportAuto} {
				o := row.o
				o.Transport, o.Codec = transport, "ffv1"
				path := output(t, "out.mkv")
				r, err := encodeTo(t, row.c, path, &o)
				require.NoError(t, err)
				require.Equal(t, transport == TransportAuto && !row.byPipe, r.ByPlugin)
				if row.o.Mode == nil {
					require.EqualValues(t, len(row.c.pts), r.FramesOut)
				}
				files = append(files, hashes(t, path))
			}
			if row.o.Mode == nil {
				require.Equal(t, files[0], files[1])
			}
			require.NotZero(t, strings.Count(files[1], "\n0,"))
		})
	}
}

func TestPluginOrNothing(t *testing.T) {
	needFFmpeg(t)
	folder := testbed.Plugins(t)
	foreign := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, plugin.Lane+".so"), []byte("no library"), 0o600))
	planes := testClip(5)
	planes.format.PixelFormat = framebuf.YUV420P
	without := filepath.Join(t.TempDir(), "ffmpeg")
	require.NoError(t, os.WriteFile(without, []byte("#!/bin/sh\nffmpeg \"$@\" | sed s/--enable-frei0r//\n"), 0o700))
	for _, row := range []struct {
		name, folder string
		c            clip
		o            Options
		text         string
	}{
		{"missing", t.TempDir(), testClip(5), Options{}, "plug-in not found"},
		{"no plug-in", foreign, testClip(5), Options{}, "does not load the plug-in " + foreign},
		{"another format", folder, planes, Options{}, "rgba and bgra only, not yuv420p"},
		{"no frei0r", folder, testClip(5), Options{FFmpeg: without}, "built without frei0r"},
		{"spliced", folder, testClip(5), Options{Splice: true}, "take one of the two"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv(plugin.Variable, row.folder)
			row.o.Dir, row.o.Transport = segmentDir(t), TransportPlugin
			kind := ErrName
			if !row.o.Splice {
				kind = ErrFFmpeg
				row.c.publish(t, row.o.Dir, "cam")
			}
			_, err := Open(within(t), "cam", output(t, "out.mkv"), &row.o)
			require.ErrorIs(t, err, kind)
			require.ErrorContains(t, err, row.text)
		})
	}
}

// An ffmpeg that stands still in the middle is noticed while a picture is to be drawn, and a file's end in order.
func TestPluginStandsStill(t *testing.T) {
	needFFmpeg(t)
	testbed.ByPlugin(t)
	dir, path := segmentDir(t), output(t, "out.mkv")
	testClip(50).publish(t, dir, "cam")
	sent := 0
	e, err := Open(within(t), "cam", path, &Options{Dir: dir, OutputTimeout: time.Second, OnFrame: func(*framebuf.Info, time.Time) {
		if sent++; sent == 20 {
			require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGSTOP))
		}
	}})
	require.NoError(t, err)
	defer e.Close()
	r, err := e.Run(within(t))
	require.ErrorIs(t, err, ErrOutput)
	require.ErrorContains(t, err, "taken nothing for 1s")
	require.True(t, r.ByPlugin)
	require.Less(t, r.FramesIn, uint64(50))
	require.Empty(t, children(t))
}

// The pixels are gone when ffmpeg draws them: an error, not a signal.
func TestPluginReadsATruncatedSegment(t *testing.T) {
	needFFmpeg(t)
	testbed.ByPlugin(t)
	dir, path := segmentDir(t), output(t, "out.mkv")
	c := testClip(4) // as many as there are slots: nothing is written any more
	published, over := make(chan struct{}), make(chan struct{})
	c.then = func(*framebuf.Writer) { close(published); <-over }
	c.publish(t, dir, "cam")
	defer close(over)
	e, err := Open(within(t), "cam", path, &Options{Dir: dir, OnFrame: func(info *framebuf.Info, _ time.Time) {
		if info.Number == 0 {
			<-published
			const tables = 64 << 10 // which stay
			require.NoError(t, os.Truncate(filepath.Join(dir, "cam"), tables))
		}
	}})
	require.NoError(t, err)
	defer e.Close()
	r, err := e.Run(within(t))
	require.ErrorIs(t, err, framebuf.ErrDamaged)
	require.ErrorContains(t, err, "the plug-in")
	require.True(t, r.ByPlugin)
	require.Empty(t, children(t))
}
