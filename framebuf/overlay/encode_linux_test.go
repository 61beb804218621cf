package overlay_test

import (
	"context"
	"crypto/md5"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/overlay"
)

const (
	clip       = "../../testdata/motion.mov" // 30 frames a second, with sound
	clipFrames = 60                          // of its first two seconds
	clipWidth  = 284
	clipHeight = 160
)

func needFFmpeg(t testing.TB) {
	t.Helper()
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
				t.Fatalf("%s is missing", name)
			}
			t.Skipf("%s is not installed", name)
		}
	}
}

// through sends the clip through a segment into a lossless file. It begins when so
// many readers are there. o may be nil: no overlay.
func through(t *testing.T, dir string, readers int, pace capture.Pace, o encode.Overlay) (path string) {
	t.Helper()
	ctx := within(t)
	sound := encode.NewAudioQueue(0)
	c, err := capture.Open(ctx, clip, "video", &capture.Options{
		Dir: dir, Width: clipWidth, Height: clipHeight, Duration: 2 * time.Second, Pace: pace,
		Slots: 3 * interval, Linger: -1, AudioSink: sound,
	})
	require.NoError(t, err)
	captured := make(chan error, 1)
	go func() {
		err := c.Writer().AwaitReaders(ctx, readers)
		if err == nil {
			_, err = c.Run(ctx)
		}
		if closeErr := c.Close(); err == nil {
			err = closeErr
		}
		captured <- err
	}()
	path = filepath.Join(t.TempDir(), "out.mkv")
	e, err := encode.Open(ctx, "video", path, &encode.Options{
		Dir: dir, Codec: "ffv1", PixFmt: "bgr0", Overlay: o,
		Audio: encode.Audio{Queue: sound}, OutputArgs: []string{"-c:a", "pcm_s16le", "-bitexact"},
	})
	require.NoError(t, err)
	r, err := e.Run(ctx)
	require.NoError(t, e.Close())
	require.NoError(t, err)
	require.NoError(t, <-captured)
	require.EqualValues(t, clipFrames, r.FramesIn)
	return path
}

// pictures decodes a file.
func pictures(t *testing.T, path string) (list []*image.RGBA) {
	t.Helper()
	raw := output(t, "ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-")
	const size = 4 * clipWidth * clipHeight
	require.Len(t, raw, clipFrames*size)
	for ; len(raw) > 0; raw = raw[size:] {
		list = append(list, &image.RGBA{Pix: raw[:size], Stride: 4 * clipWidth, Rect: image.Rect(0, 0, clipWidth, clipHeight)})
	}
	return list
}

// sound and times are what an overlay must not touch.
func sound(t *testing.T, path string) [md5.Size]byte {
	t.Helper()
	return md5.Sum(output(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-f", "s16le", "-"))
}

func times(t *testing.T, path string) string {
	t.Helper()
	return string(output(t, "ffprobe", "-v", "error", "-show_entries", "packet=stream_index,pts,duration", "-of", "csv", path))
}

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	return out
}

// layer opens one for the detectors of the test.
func layer(t *testing.T, dir string, o overlay.Options) *overlay.Layer {
	t.Helper()
	o.Dir = dir
	o.OnNote = func(text string) { t.Log(text) }
	l, err := overlay.Open(within(t), "boxes", &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// A detector of 5 pictures a second, in a process of its own, and 30 frames a second
// in the output: each with the boxes of the last picture that was looked at, and
// otherwise as it was.
func TestSlowDetector(t *testing.T) {
	needFFmpeg(t)
	plainPath := through(t, segmentDir(t), 1, capture.PaceFast, nil)
	plain := pictures(t, plainPath)
	p := overlay.New(nil)

	for _, row := range []struct {
		name string
		die  string             // the detector is killed after the record of this frame
		want func(n uint64) int // whose record is on frame n; -1: none
	}{
		{"alive", "", func(n uint64) int { return int(n / interval * interval) }},
		{"killed", "12", func(n uint64) int {
			switch {
			case n < 12:
				return int(n / interval * interval)
			case n <= 12+30: // a second
				return 12
			}
			return -1
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := segmentDir(t, "boxes")
			startDetector(t, dir, "video", row.die)
			// The wait makes it certain which record is there for a frame.
			l := layer(t, dir, overlay.Options{Wait: time.Minute})
			path := through(t, dir, 2, capture.PaceFast, l.Frame)
			require.Equal(t, times(t, plainPath), times(t, path))
			require.Equal(t, sound(t, plainPath), sound(t, path))
			for n, got := range pictures(t, path) {
				want := &image.RGBA{Pix: append([]byte(nil), plain[n].Pix...), Stride: got.Stride, Rect: got.Rect}
				if of := row.want(uint64(n)); of >= 0 {
					p.Draw(want, found(uint64(of)), 1)
					require.NotEqual(t, plain[n].Pix, want.Pix)
				}
				require.True(t, string(want.Pix) == string(got.Pix), "frame %d", n)
			}
		})
	}
}

// Without a wait nothing holds the video up: each frame has the newest record that was
// there, and never one of a frame to come.
func TestNothingWaitsForTheDetector(t *testing.T) {
	needFFmpeg(t)
	dir := segmentDir(t)
	startDetector(t, dir, "video", "")
	l := layer(t, dir, overlay.Options{})
	shown := map[uint64]uint64{} // the record on each frame
	through(t, dir, 2, capture.PaceSource, func(ctx context.Context, info *framebuf.Info) func(*image.RGBA) {
		draw := l.Frame(ctx, info)
		if draw == nil {
			return nil
		}
		n := info.Number
		return func(picture *image.RGBA) {
			draw(picture)
			img := blank(320, 180)
			draw(img)
			shown[n] = showing(t, img)
		}
	})
	require.NotEmpty(t, shown)
	for n, of := range shown {
		require.LessOrEqual(t, of, n)
		require.Zero(t, of%interval)
	}
	require.Zero(t, l.Stats().Waited)
}
