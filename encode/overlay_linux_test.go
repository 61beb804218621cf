package encode

import (
	"context"
	"image"
	"image/color"
	drawing "image/draw"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// lossless are options of an output that has every pixel as it was.
func lossless(o Overlay) *Options {
	return &Options{Codec: "ffv1", PixFmt: "bgr0", Overlay: o}
}

// decode returns every picture of a file, as rgba.
func decode(t *testing.T, path string, width, height int) (frames []*image.RGBA) {
	t.Helper()
	raw, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-").Output()
	require.NoError(t, err)
	size := 4 * width * height
	require.Zero(t, len(raw)%size)
	for ; len(raw) > 0; raw = raw[size:] {
		frames = append(frames, &image.RGBA{Pix: raw[:size], Stride: 4 * width, Rect: image.Rect(0, 0, width, height)})
	}
	return frames
}

// mark draws a red square on frames from number on.
func mark(number uint64) Overlay {
	return func(_ context.Context, info *framebuf.Info) func(*image.RGBA) {
		if info.Number < number {
			return nil
		}
		return func(picture *image.RGBA) {
			c := color.RGBA{R: 255, A: 255}
			if info.PixelFormat == framebuf.BGRA {
				c = color.RGBA{B: 255, A: 255}
			}
			drawing.Draw(picture, image.Rect(8, 8, 16, 16), image.NewUniform(c), image.Point{}, drawing.Src)
		}
	}
}

// Only the pixels that are drawn change, on the frames that are drawn on.
func TestOverlay(t *testing.T) {
	for _, format := range []framebuf.PixelFormat{framebuf.RGBA, framebuf.BGRA} {
		t.Run(format.String(), func(t *testing.T) {
			c := testClip(0)
			c.format.PixelFormat = format
			c.pts = []int64{0, 40, 100, 101, 180, 500, 540, 580}
			plain, _ := encodeClip(t, c, "plain.mkv", lossless(nil))
			path, r := encodeClip(t, c, "drawn.mkv", lossless(mark(3)))
			require.EqualValues(t, len(c.pts), r.FramesIn)
			require.EqualValues(t, len(c.pts), r.FramesOut)
			require.Equal(t, probe(t, plain).times(t, "video"), probe(t, path).times(t, "video"))

			want, got := decode(t, plain, 64, 48), decode(t, path, 64, 48)
			require.Len(t, got, len(c.pts))
			for k := range want {
				if k >= 3 {
					drawing.Draw(want[k], image.Rect(8, 8, 16, 16), image.NewUniform(color.RGBA{R: 255, A: 255}), image.Point{}, drawing.Src)
				}
				require.Equal(t, want[k].Pix, got[k].Pix, "frame %d", k)
			}
		})
	}
}

// A frame of another size is drawn on before it is scaled, so that what is drawn
// stays where it belongs.
func TestOverlayOfAnotherSize(t *testing.T) {
	c := testClip(4)
	c.o.Capacity = 4 * 128 * 96
	c.each = func(w *framebuf.Writer, k int) error {
		if k == 2 {
			return w.SetFormat(context.Background(), framebuf.Format{PixelFormat: framebuf.RGBA, Width: 128, Height: 96})
		}
		return nil
	}
	c.paint = func(b []byte, _ int) {
		for at := range b {
			b[at] = byte(at % 4 / 3 * 255) // black
		}
	}
	path, r := encodeClip(t, c, "out.mkv", lossless(mark(0)))
	require.EqualValues(t, 2, r.Resized)
	got := decode(t, path, 64, 48)
	require.Len(t, got, 4)
	red, black := color.RGBA{R: 255, A: 255}, color.RGBA{A: 255}
	for k, at := range []int{12, 12, 6, 6} {
		require.Equal(t, red, got[k].RGBAAt(at, at), "frame %d", k)
	}
	require.Equal(t, black, got[3].RGBAAt(12, 12))
}

func TestOverlayIsRefused(t *testing.T) {
	needFFmpeg(t)
	t.Run("pixel format", func(t *testing.T) {
		dir := segmentDir(t)
		c := testClip(3)
		c.format.PixelFormat = framebuf.YUV420P
		c.publish(t, dir, "cam")
		_, err := Open(within(t), "cam", output(t, "out.mkv"), &Options{Dir: dir, Overlay: mark(0)})
		require.ErrorIs(t, err, ErrOverlay)
		require.ErrorIs(t, err, framebuf.ErrFormat)
		require.ErrorContains(t, err, "yuv420p")
	})
	t.Run("splice", func(t *testing.T) {
		_, err := Open(within(t), "cam", output(t, "out.mkv"), &Options{Dir: segmentDir(t), Overlay: mark(0), Splice: true})
		require.ErrorIs(t, err, ErrName)
		require.ErrorContains(t, err, "spliced")
	})
}

// An overlay that waits does so no longer than the context of Run lasts, and the
// output is finished in order.
func TestOverlayWaitEndsWithRun(t *testing.T) {
	needFFmpeg(t)
	dir, path := segmentDir(t), output(t, "out.mkv")
	c := testClip(2)
	c.publish(t, dir, "cam")
	ctx, cancel := context.WithCancel(within(t))
	e, err := Open(ctx, "cam", path, &Options{Dir: dir, Overlay: func(ctx context.Context, info *framebuf.Info) func(*image.RGBA) {
		if info.Number == 1 {
			cancel()
			<-ctx.Done()
		}
		return nil
	}})
	require.NoError(t, err)
	defer e.Close()
	r, err := e.Run(ctx)
	require.NoError(t, err)
	require.True(t, r.Interrupted)
	require.EqualValues(t, 2, r.FramesOut, "the frame that was waited for is kept")
}

// Rows that are padded, or too short.
func TestCanvas(t *testing.T) {
	i := framebuf.Info{Format: framebuf.Format{PixelFormat: framebuf.RGBA, Width: 2, Height: 2}, PlaneCount: 1}
	i.Plane[0] = framebuf.Plane{Offset: 3, Stride: 12, Rows: 2}
	b := make([]byte, 3+24)
	for at := range b {
		b[at] = byte(at)
	}
	var c canvas
	require.NoError(t, c.take(&i, b))
	require.Equal(t, []byte{3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20, 21, 22}, c.pix)
	fit, err := newFitter(&i)
	require.NoError(t, err)
	require.True(t, fit.fits(&c.info))
	for _, bad := range []framebuf.Plane{{Stride: 7, Rows: 2}, {Stride: 8, Rows: 1}} {
		i.Plane[0] = bad
		require.ErrorIs(t, c.take(&i, b), framebuf.ErrFormat)
	}
}

// What an overlay costs beside the drawing.
func BenchmarkCanvas1080p(b *testing.B) {
	i := framebuf.Info{Format: framebuf.Format{PixelFormat: framebuf.RGBA, Width: 1920, Height: 1080}, PlaneCount: 1}
	i.Plane[0] = i.Format.Planes()[0]
	payload := make([]byte, i.Format.Size())
	for at := range payload {
		payload[at] = byte(at) // pages of its own
	}
	var c canvas
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		_ = c.take(&i, payload)
	}
}
