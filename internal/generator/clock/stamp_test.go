package clock_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/draw"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/generator/clock"
	"github.com/framebridge/framebridge/internal/picture"
)

func TestStampReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(80, 400).Draw(t, "w"), rapid.IntRange(16, 300).Draw(t, "h")
		n := rapid.OneOf(rapid.Uint64Range(0, 1000), rapid.Uint64()).Draw(t, "n")
		whole := image.NewRGBA(image.Rect(-2, -2, w+9, h+9))
		view := whole.SubImage(image.Rect(5, 7, 5+w, 7+h)).(*image.RGBA)
		clock.WriteStamp(view, n)
		got, ok := clock.ReadStamp(view)
		require.True(t, ok)
		require.Equal(t, n, got)
	})
}

func TestNoStamp(t *testing.T) {
	plain := func(c color.RGBA) *image.RGBA {
		img := image.NewRGBA(image.Rect(0, 0, 320, 180))
		picture.Fill(img, img.Rect, c)
		return img
	}
	damaged := plain(color.RGBA{A: 255})
	clock.WriteStamp(damaged, 12345)
	picture.Fill(damaged, image.Rect(0, 164, 8, 172), color.RGBA{R: 255, G: 255, B: 255, A: 255})
	veiled := plain(color.RGBA{A: 255})
	clock.WriteStamp(veiled, 12345)
	picture.Fill(veiled, veiled.Rect, color.RGBA{R: 128, G: 128, B: 128, A: 128}) // black becomes grey
	small := image.NewRGBA(image.Rect(0, 0, 79, 90))
	clock.WriteStamp(small, 7)
	for _, tc := range []struct {
		name string
		img  image.Image
	}{
		{"black", plain(color.RGBA{A: 255})},
		{"white", plain(color.RGBA{R: 255, G: 255, B: 255, A: 255})},
		{"one block flipped", damaged},
		{"grey for black", veiled},
		{"too small", small},
		{"empty", image.NewRGBA(image.Rectangle{})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, ok := clock.ReadStamp(tc.img)
			require.False(t, ok, "read %d", n)
		})
	}
}

func TestStampSurvivesScaling(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 1280, 720))
	require.NoError(t, clock.New().Draw(src, 987654321, time.Minute))
	for _, size := range []image.Point{{640, 360}, {320, 180}, {1920, 1080}, {426, 240}} {
		dst := image.NewRGBA(image.Rectangle{Max: size})
		draw.BiLinear.Scale(dst, dst.Rect, src, src.Rect, draw.Src, nil)
		n, ok := clock.ReadStamp(dst)
		require.True(t, ok, "%v", size)
		require.Equal(t, uint64(987654321), n)
	}
}

// Every frame is known again after lossy coding.
func TestStampSurvivesH264(t *testing.T) {
	ffmpeg := needFFmpeg(t)
	const frames = 40
	for _, tc := range []struct {
		w, h, crf int
	}{{160, 90, 28}, {320, 180, 28}, {642, 362, 28}, {320, 180, 40}} {
		t.Run(fmt.Sprintf("%dx%d-crf%d", tc.w, tc.h, tc.crf), func(t *testing.T) {
			var raw bytes.Buffer
			g, img := clock.New(), image.NewRGBA(image.Rect(0, 0, tc.w, tc.h))
			first := uint64(0xfffffff0) // carries into the upper half on the way
			for n := first; n < first+frames; n++ {
				require.NoError(t, g.Draw(img, n, time.Duration(n)*time.Millisecond))
				raw.Write(img.Pix)
			}
			size := fmt.Sprintf("%dx%d", tc.w, tc.h)
			file := filepath.Join(t.TempDir(), "clock.mp4")
			run(t, &raw, io.Discard, ffmpeg, "-f", "rawvideo", "-pix_fmt", "rgba", "-s", size, "-r", "30", "-i", "-",
				"-c:v", "libx264", "-threads", "1", "-crf", fmt.Sprint(tc.crf), "-pix_fmt", "yuv420p", file)
			var back bytes.Buffer
			run(t, nil, &back, ffmpeg, "-i", file, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-")
			require.Equal(t, frames*len(img.Pix), back.Len())
			for n := first; n < first+frames; n++ {
				img.Pix = back.Next(len(img.Pix))
				got, ok := clock.ReadStamp(img)
				require.True(t, ok, "frame %d", n)
				require.Equal(t, n, got)
			}
		})
	}
}

func needFFmpeg(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
			t.Fatalf("FRAMEBRIDGE_NEED_FFMPEG is set, but: %v", err)
		}
		t.Skip("ffmpeg is not installed")
	}
	return path
}

func run(t testing.TB, in io.Reader, out io.Writer, ffmpeg string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), ffmpeg, append([]string{"-v", "error", "-nostdin", "-y"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &stderr
	require.NoError(t, cmd.Run(), "%s", stderr.String())
}
