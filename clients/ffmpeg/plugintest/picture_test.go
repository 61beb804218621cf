package plugintest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// source is the argument of lavfi that reads a segment.
func source(width, height int, parameters string) []string {
	return []string{"-f", "lavfi", "-i", fmt.Sprintf("frei0r_src=size=%dx%d:framerate=25:filter_name=framebridge_src:filter_params='%s'", width, height, parameters)}
}

// draw fills a picture of four bytes a pixel so that each frame, and each pixel of it, is another one.
func draw(b []byte, number int) {
	for i := range b {
		b[i] = byte(i*7 + i/251 + number*31)
	}
}

// shown is the hash of that picture as rgba.
func shown(f framebuf.Format, number int) string {
	b := make([]byte, f.Size())
	draw(b, number)
	if f.PixelFormat == framebuf.BGRA {
		for i := 0; i < len(b); i += 4 {
			b[i], b[i+2] = b[i+2], b[i]
		}
	}
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

func create(t testing.TB, dir string, f framebuf.Format, o framebuf.Options) *framebuf.Writer {
	t.Helper()
	o.Dir, o.Linger = dir, -1
	w, err := framebuf.Create("cam0", f, &o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// put publishes picture number.
func put(t testing.TB, w *framebuf.Writer, number int) {
	t.Helper()
	require.NoError(t, w.Publish(within(t), func(s *framebuf.Slot) error {
		draw(s.Bytes(), number)
		return nil
	}))
}

// pictures reads raw pictures from ffmpeg's output as they come.
func pictures(c *child, f framebuf.Format) func() string {
	at, size := 0, f.Size()
	return func() string {
		eventually(c.t, func() bool { return len(c.stdout.String()) >= at+size }, "no picture; ffmpeg said:\n%s", c.stderr.String())
		sum := md5.Sum([]byte(c.stdout.String()[at : at+size]))
		at += size
		return hex.EncodeToString(sum[:])
	}
}

var small = framebuf.Format{PixelFormat: framebuf.RGBA, Width: 16, Height: 8}

// raw reads the segment into ffmpeg and out of it again, frame by frame.
func raw(t testing.TB, dir, parameters string, f framebuf.Format) (*child, func() string) {
	t.Helper()
	c := start(t, dir, append(source(f.Width, f.Height, parameters), "-f", "rawvideo", "-pix_fmt", "rgba", "-flush_packets", "1", "-")...)
	return c, pictures(c, f)
}

// until takes pictures until one is want. Those before it must be among others: ffmpeg asks for a frame or two in advance.
func until(t testing.TB, next func() string, want string, others ...string) {
	t.Helper()
	for sum := next(); sum != want; sum = next() {
		require.Contains(t, others, sum)
	}
}

// line waits for the first line of a plug-in. A second one fails the test.
func (c *child) line() string {
	c.t.Helper()
	eventually(c.t, func() bool { return len(lines(c.stderr.String())) > 0 }, "nothing was said")
	require.Len(c.t, lines(c.stderr.String()), 1)
	return lines(c.stderr.String())[0]
}

func blank(f framebuf.Format) string {
	sum := md5.Sum(bytes.Repeat([]byte{0, 0, 0, 255}, f.Size()/4))
	return hex.EncodeToString(sum[:])
}
