package main

// The filter that stands in the examples, whole: ten lines of Python between ffmpeg and ffmpeg.

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pythonWith is a Python that has a module.
func pythonWith(t testing.TB, module string) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import "+module).Run() == nil {
			return python
		}
	}
	if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
		t.Fatalf("no python3 with %s", module)
	}
	t.Skipf("no python3 with %s", module)
	return ""
}

func blurCommand(t testing.TB) string {
	t.Helper()
	script, err := filepath.Abs("../../clients/python/examples/blur.py")
	require.NoError(t, err)
	return pythonWith(t, "numpy") + " '" + script + "'"
}

// ffmpegOutput is what an ffmpeg command writes to standard output.
func ffmpegOutput(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-v", "error", "-nostdin"}, args...)...).Output()
	require.NoError(t, err)
	return out
}

// A real clip: as many frames, their times and the sound are those of the source, and each picture is its own, blurred.
func TestPythonBlursAClip(t *testing.T) {
	longRun(t)
	needFFmpeg(t)
	command, source, work := blurCommand(t), clip(t, "motion.mov"), t.TempDir()
	env := []string{"FRAMEBRIDGE_DIR=" + segmentDir(t)}
	exact := []string{"--codec", "ffv1", "--pix-fmt", "bgra", "--output-args", "-c:a pcm_s16le", "--json"}
	plain, blurred := filepath.Join(work, "plain.mkv"), filepath.Join(work, "blurred.mkv")
	got := framebridge(t, env, append([]string{"run", source, plain}, exact...)...)
	require.Zero(t, got.code, got.stderr)
	got = framebridge(t, env, append([]string{"run", source, blurred, "--exec", command}, exact...)...)
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, `"frames_in":242,"frames_out":242,"dropped":0`)
	require.Contains(t, got.stdout, `"exec":{"restarts":0,"frames_in":242,"frames_out":242,"missed":0,"exit":0}`)

	times, want := videoTimes(t, blurred), videoTimes(t, source)
	require.Len(t, times, len(want))
	for k := range want {
		require.InDelta(t, want[k], times[k], 0.0011, "frame %d", k)
	}
	sound := func(file string) string {
		return string(ffmpegOutput(t, "-i", file, "-map", "0:a", "-c:a", "pcm_s16le", "-f", "md5", "-"))
	}
	require.Equal(t, sound(source), sound(blurred))

	var width, height int
	size, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0", plain).Output()
	require.NoError(t, err)
	_, err = fmt.Sscanf(string(size), "%d,%d", &width, &height)
	require.NoError(t, err)
	for _, n := range []int{0, 100, 241} {
		frame := func(file string) []byte {
			return ffmpegOutput(t, "-i", file, "-vf", fmt.Sprintf("select=eq(n\\,%d)", n), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgba", "-")
		}
		before, after := frame(plain), frame(blurred)
		require.Len(t, after, width*height*4)
		require.NotEqual(t, before, after)
		require.True(t, bytes.Equal(boxBlurred(before, width, height), after), "frame %d is not that frame, blurred", n)
	}
}

// boxBlurred is what blur.py makes of a picture: the mean of nine rows, then of nine columns, around the edges.
func boxBlurred(rgba []byte, width, height int) []byte {
	mean := func(from []byte, dx, dy int) []byte {
		to := make([]byte, len(from))
		for y := range height {
			for x := range width {
				for c := range 4 {
					sum := 0
					for k := -4; k <= 4; k++ {
						sum += int(from[((y+k*dy+height)%height*width+(x+k*dx+width)%width)*4+c])
					}
					to[(y*width+x)*4+c] = byte(sum / 9)
				}
			}
		}
		return to
	}
	return mean(mean(rgba, 0, 1), 1, 0)
}

// The same ten lines for a live source, which waits for nobody.
func TestPythonBlursALiveSource(t *testing.T) {
	longRun(t)
	needFFmpeg(t)
	command := blurCommand(t)
	address := udpAddress(t)
	startSender(t, address)
	env, out := []string{"FRAMEBRIDGE_DIR=" + segmentDir(t)}, filepath.Join(t.TempDir(), "out.mkv")
	got := framebridge(t, env, "run", address, out, "--name", "live", "-t", "2", "--exec", command)
	require.Zero(t, got.code, got.stderr)
	require.NotEmpty(t, videoTimes(t, out))
}
