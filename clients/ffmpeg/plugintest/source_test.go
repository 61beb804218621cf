package plugintest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// Every frame of a lossless segment arrives exactly once, and ffmpeg ends with it: its companion is a picture of 2x2, a frame of it for
// each of the segment, on a pipe that is closed at the end.
func TestSourceLossless(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct {
		name   string
		format framebuf.Format
	}{
		{"rgba", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 64, Height: 48}},
		{"bgra", framebuf.Format{PixelFormat: framebuf.BGRA, Width: 64, Height: 48}},
		{"odd sides", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 63, Height: 47}},
		{"odd sides, bgra", framebuf.Format{PixelFormat: framebuf.BGRA, Width: 63, Height: 47}},
		{"padded lines", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 322, Height: 242}},
		{"longest lines", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 16384, Height: 16}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			w := create(t, dir, row.format, framebuf.Options{})
			c := start(t, dir, append(source(row.format.Width, row.format.Height, "cam0|lossless"),
				"-f", "rawvideo", "-pixel_format", "gray", "-video_size", "2x2", "-framerate", "25", "-i", "pipe:0",
				"-filter_complex", "[0][1]overlay=shortest=1:format=rgb:x=W", "-f", "framemd5", "-")...)
			require.NoError(t, w.AwaitReaders(within(t), 1))
			var want []string
			for i := range 50 {
				put(t, w, i)
				want = append(want, shown(row.format, i))
				_, err := c.stdin.Write(make([]byte, 4))
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			require.NoError(t, c.stdin.Close())
			require.NoError(t, c.wait(), c.stderr.String())
			require.Equal(t, want, hashes(c.stdout.String()))
			require.Contains(t, c.stderr.String(), "cam0: 50 frames, ")
			require.Contains(t, c.stderr.String(), " 0 missed")
		})
	}
}

// A slow writer's frames are repeated.
func TestSourceRepeats(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	w := create(t, dir, small, framebuf.Options{})
	c, next := raw(t, dir, "cam0|deadline=30ms", small)
	for i := range 5 {
		put(t, w, i)
		until(t, next, shown(small, i), shown(small, i-1))
		for range 3 {
			require.Equal(t, shown(small, i), next(), "something else than the last frame is repeated")
		}
	}
	c.quit()
	require.Contains(t, c.stderr.String(), "repeated, 0 missed")
}

// The newest frame counts: what was published while ffmpeg did something else is missed, and counted.
func TestSourceNewest(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	w := create(t, dir, small, framebuf.Options{})
	for i := range 10 {
		put(t, w, i)
	}
	c, next := raw(t, dir, "cam0|newest|deadline=100ms", small)
	until(t, next, shown(small, 9))
	put(t, w, 10)
	until(t, next, shown(small, 10), shown(small, 9))
	require.NoError(t, w.Close())
	require.Equal(t, shown(small, 10), next(), "the last frame is repeated when the writer has ended")
	require.Contains(t, c.line(), "its writer ended")
	c.quit()
	require.Contains(t, c.stderr.String(), "cam0: 2 frames, ")
}

// Nobody writes: black, with one line.
func TestSourceMissing(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct{ parameters, says string }{
		{"cam0|deadline=50ms", "cam0"},
		{"Cam0|deadline=50ms", "Cam0"},
		{"../cam0|deadline=50ms", "../cam0"},
		{strings.Repeat("a", 65) + "|deadline=50ms", strings.Repeat("a", 65)},
		{"|deadline=50ms", ""},
		{"cam0|lossless|deadline=50ms", "cam0"},
	} {
		t.Run(fmt.Sprintf("%.20s", row.parameters), func(t *testing.T) {
			t.Parallel()
			c := start(t, testbed.Dir(t), append(source(16, 8, row.parameters), "-frames:v", "3", "-f", "rawvideo", "-pix_fmt", "rgba", "-")...)
			next := pictures(c, small)
			for range 3 {
				require.Equal(t, blank(small), next())
			}
			require.NoError(t, c.wait())
			require.Len(t, lines(c.stderr.String()), 2, "one line, and the sum at the end")
			require.Contains(t, lines(c.stderr.String())[0], row.says)
			require.Regexp(t, ": 0 frames, [3-9] repeated", lines(c.stderr.String())[1])
		})
	}
}

// An option that is none has no effect but a line.
func TestSourceBadOptions(t *testing.T) {
	needPlugins(t)
	for _, option := range []string{"deadline=x", "deadline=3601", "lossless=2", "slots=3", "black=-1"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			w := create(t, dir, small, framebuf.Options{})
			put(t, w, 0)
			c, next := raw(t, dir, "cam0|deadline=100ms|"+option, small)
			require.Equal(t, shown(small, 0), next())
			require.Contains(t, c.line(), option)
			c.kill()
		})
	}
}

// A picture of another size is centred, and cut where it is larger.
func TestSourceOtherSize(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct {
		name                 string
		pixels               framebuf.PixelFormat
		width, height        int
		x, y, fromX, fromY   int
		shownWide, shownHigh int
	}{
		{"smaller", framebuf.RGBA, 10, 4, 3, 2, 0, 0, 10, 4},
		{"larger", framebuf.RGBA, 20, 10, 0, 0, 2, 1, 16, 8},
		{"wider, less high", framebuf.BGRA, 18, 4, 0, 2, 1, 0, 16, 4},
		{"one line", framebuf.RGBA, 1, 1, 7, 3, 0, 0, 1, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			f := framebuf.Format{PixelFormat: row.pixels, Width: row.width, Height: row.height}
			w := create(t, dir, f, framebuf.Options{})
			put(t, w, 3)
			c, next := raw(t, dir, "cam0|deadline=100ms", small)
			from := make([]byte, f.Size())
			draw(from, 3)
			want := bytes.Repeat([]byte{0, 0, 0, 255}, small.Size()/4)
			for y := range row.shownHigh {
				for x := range row.shownWide {
					p := from[4*((row.fromY+y)*row.width+row.fromX+x):][:4]
					if row.pixels == framebuf.BGRA {
						p = []byte{p[2], p[1], p[0], p[3]}
					}
					copy(want[4*((row.y+y)*small.Width+row.x+x):], p)
				}
			}
			next()
			require.Equal(t, want, []byte(c.stdout.String())[:len(want)])
			require.Contains(t, c.line(), fmt.Sprintf("size=%dx%d", row.width, row.height))
			c.kill()
		})
	}
}

// The size changes in mid-stream, and back.
func TestSourceSizeChange(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	w := create(t, dir, small, framebuf.Options{})
	put(t, w, 0)
	c, next := raw(t, dir, "cam0|deadline=100ms", small)
	until(t, next, shown(small, 0))
	require.NoError(t, w.SetFormat(within(t), framebuf.Format{PixelFormat: framebuf.RGBA, Width: 64, Height: 48}))
	put(t, w, 1)
	other := shown(small, 0)
	for other == shown(small, 0) {
		other = next()
	}
	require.NotEqual(t, blank(small), other)
	require.Contains(t, c.line(), "size=64x48")
	require.NoError(t, w.SetFormat(within(t), small))
	put(t, w, 2)
	until(t, next, shown(small, 2), other)
	put(t, w, 3)
	until(t, next, shown(small, 3), shown(small, 2))
	c.kill()
}

// A format that cannot be shown is one line, and black.
func TestSourceOtherFormat(t *testing.T) {
	needPlugins(t)
	for _, pixels := range []framebuf.PixelFormat{framebuf.Gray8, framebuf.YUV420P, framebuf.RGB24, framebuf.Data} {
		t.Run(pixels.String(), func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			f := framebuf.Format{PixelFormat: pixels, Width: 16, Height: 8}
			if pixels == framebuf.Data {
				f = framebuf.Format{PixelFormat: framebuf.Data}
			}
			w := create(t, dir, f, framebuf.Options{})
			put(t, w, 0)
			c, next := raw(t, dir, "cam0|deadline=50ms", small)
			require.Equal(t, blank(small), next())
			put(t, w, 1)
			require.Equal(t, blank(small), next())
			require.Equal(t, blank(small), next())
			require.Contains(t, c.line(), pixels.String())
			c.kill()
		})
	}
}

// The writer, an ffmpeg with a tap, is killed, and another one comes.
func TestSourceWriterKilled(t *testing.T) {
	needPlugins(t)
	for _, mode := range []string{"newest", "lossless"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			writer := endless(t, dir, "cam0|lossless")
			writer.goesOn()
			c := start(t, dir, append(source(64, 48, "cam0|deadline=200ms|"+mode), "-progress", "pipe:1", "-stats_period", "0.05", "-f", "null", "-")...)
			c.goesOn()
			writer.kill()
			c.says("its writer died")
			c.goesOn()
			writer = endless(t, dir, "cam0|lossless")
			eventually(t, func() bool { return !silent(t, dir) }, "nobody writes")
			c.goesOn()
			c.quit()
			writer.quit()
		})
	}
}

// silent says whether nothing is published under cam0 for a while.
func silent(t testing.TB, dir string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir})
	if err != nil {
		return true
	}
	defer func() { _ = r.Close() }()
	for range 2 {
		if _, err := r.Next(ctx); err != nil {
			return true
		}
	}
	return false
}

// Black after a while without a new frame.
func TestSourceBlack(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	w := create(t, dir, small, framebuf.Options{})
	put(t, w, 0)
	c, next := raw(t, dir, "cam0|deadline=20ms|black=300ms", small)
	require.Equal(t, shown(small, 0), next())
	for sum := next(); sum != blank(small); sum = next() {
		require.Equal(t, shown(small, 0), sum)
	}
	put(t, w, 1)
	for next() == blank(small) {
	}
	c.kill()
}

// The memory is taken away under the source: one line, no crash; a later writer is found.
func TestSourceTruncated(t *testing.T) {
	needPlugins(t)
	for _, mode := range []string{"newest", "lossless"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			w := create(t, dir, small, framebuf.Options{})
			put(t, w, 0)
			c, next := raw(t, dir, "cam0|deadline=100ms|"+mode, small)
			require.Equal(t, shown(small, 0), next())
			require.NoError(t, os.Truncate(filepath.Join(dir, "cam0"), 0))
			require.Equal(t, shown(small, 0), next(), "the last frame is repeated")
			c.says("cam0")
			require.NoError(t, os.Remove(filepath.Join(dir, "cam0")))
			_ = w.Close()
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				require.NoError(t, os.Remove(filepath.Join(dir, e.Name())))
			}
			w = create(t, dir, small, framebuf.Options{})
			put(t, w, 1)
			for i := 1; next() != shown(small, 1); i++ {
				put(t, w, 1)
			}
			c.kill()
		})
	}
}

// A segment of another layout version is one line, and black.
func TestSourceOtherVersion(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	w := create(t, dir, small, framebuf.Options{})
	put(t, w, 0)
	data, err := os.OpenFile(filepath.Join(dir, "cam0"), os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = data.WriteAt([]byte{9, 0}, 8)
	require.NoError(t, err)
	require.NoError(t, data.Close())
	c := start(t, dir, append(source(16, 8, "cam0|deadline=50ms"), "-frames:v", "2", "-f", "rawvideo", "-pix_fmt", "rgba", "-")...)
	require.NoError(t, c.wait())
	require.Len(t, lines(c.stderr.String()), 2)
	require.Contains(t, lines(c.stderr.String())[0], "layout 9.")
}

// ffmpeg ends soon after it is asked to, also where the source waits.
func TestSourceQuit(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	w := create(t, dir, small, framebuf.Options{})
	put(t, w, 0)
	c, next := raw(t, dir, "cam0|deadline=300ms", small)
	next()
	c.quit()
}
