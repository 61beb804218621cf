package capture

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// makeClip runs ffmpeg for a file of a test's own.
func makeClip(t testing.TB, name string, args ...string) string {
	t.Helper()
	needFFmpeg(t)
	path := t.TempDir() + "/" + name
	out, err := exec.Command("ffmpeg", append(append([]string{"-nostdin", "-v", "error"}, args...), path)...).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// A constant rate above what the source's time base can say: without a time base
// of its own the times would be 0 0 1 1.
func TestConstantRate(t *testing.T) {
	slow := makeClip(t, "slow.avi", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=15:d=1", "-c:v", "mpeg4")
	got := take(t, slow, &Options{FPS: framebuf.Rational{Num: 60, Den: 1}})
	require.NoError(t, got.err)
	require.Equal(t, "1/60", got.source.TimeBase.String())
	require.Equal(t, "fps", got.source.TimeBaseFrom)
	require.InDelta(t, 60, len(got.frames), 3)
	for i, f := range got.frames {
		require.EqualValues(t, i, f.PTS)
		require.Equal(t, "60/1", f.Rate.String())
	}
}

// A filter makes times that the source's time base cannot say.
func TestFilterTimes(t *testing.T) {
	got := take(t, clip("gray.mkv"), &Options{Filter: "setpts=0.33333*PTS,pad=200:100"})
	require.NoError(t, got.err)
	require.Equal(t, "microseconds", got.source.TimeBaseFrom)
	require.Len(t, got.frames, 10)
	require.Equal(t, "rgba 200x100", got.frames[0].Format.String())
	for i, f := range got.frames {
		require.InDelta(t, float64(i)*0.04*0.33333, float64(f.PTS)/1e6, 0.0011, "showinfo's ticks here are ms")
	}
}

func TestSize(t *testing.T) {
	got := take(t, clip("motion.mov"), &Options{Width: 64, Height: 48, Duration: time.Second})
	require.NoError(t, got.err)
	require.Len(t, got.frames, 30)
	require.Equal(t, "rgba 64x48", got.source.Format.String())
	require.Equal(t, "rgba 64x48", got.frames[0].Format.String())
	require.Equal(t, "source", got.source.TimeBaseFrom, "scaling changes no times")
}

func TestSeekDurationLoop(t *testing.T) {
	all := take(t, clip("motion.mov"), nil)
	part := take(t, clip("motion.mov"), &Options{Seek: 2 * time.Second, Duration: time.Second})
	require.NoError(t, part.err)
	require.Len(t, part.frames, 30)
	for i, f := range part.frames {
		require.Equal(t, all.frames[60+i].hash, f.hash)
		require.Equal(t, all.frames[i].PTS, f.PTS, "times begin at the place")
	}

	twice := take(t, clip("gray.mkv"), &Options{Loop: 1})
	require.NoError(t, twice.err)
	require.Len(t, twice.frames, 20)
	for i, f := range twice.frames[10:] {
		require.Equal(t, twice.frames[i].hash, f.hash)
		require.Greater(t, f.PTS, twice.frames[9+i].PTS, "times go on")
	}
}

func TestPaceOfTheSource(t *testing.T) {
	got := take(t, "lavfi:testsrc2=s=32x32:r=25:d=0.6", &Options{Pace: PaceSource})
	require.NoError(t, got.err)
	require.Len(t, got.frames, 15)
	require.Greater(t, got.frames[14].Published-got.frames[0].Published, 400*time.Millisecond)
}

func TestGenerator(t *testing.T) {
	got := take(t, "lavfi:testsrc2=s=96x64:r=30000/1001:d=1", nil)
	require.NoError(t, got.err)
	require.False(t, got.source.Live)
	want := reference(t, []string{"-f", "lavfi"}, "testsrc2=s=96x64:r=30000/1001:d=1")
	require.Len(t, got.frames, len(want))
	for i, f := range got.frames {
		require.Equal(t, want[i].hash, f.hash)
		require.InDelta(t, want[i].time, float64(f.PTS)*f.TimeBase.Float(), 1e-6)
	}
}

// streamed is what ffmpeg writes to a pipe for standard input.
func streamed(t testing.TB, args ...string) []byte {
	t.Helper()
	needFFmpeg(t)
	out, err := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...).Output()
	require.NoError(t, err)
	return out
}

func TestStandardInput(t *testing.T) {
	for _, row := range []struct {
		name string
		args []string
		base string
	}{
		{"y4m", []string{"-i", clip("fullrange.mp4"), "-f", "yuv4mpegpipe", "-strict", "-1", "-"}, "1/25"},
		{"nut", []string{"-i", clip("vfr.mkv"), "-fps_mode", "passthrough", "-c:v", "rawvideo", "-pix_fmt", "yuv420p", "-enc_time_base", "1/1000", "-f", "nut", "-"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			needFFmpeg(t)
			data := streamed(t, row.args...)
			file := t.TempDir() + "/stream"
			require.NoError(t, os.WriteFile(file, data, 0o600))
			got := take(t, "-", &Options{Stdin: bytes.NewReader(data)})
			require.NoError(t, got.err)
			want := reference(t, nil, file, "-enc_time_base", got.source.TimeBase.String())
			require.Len(t, got.frames, len(want))
			if row.base != "" {
				require.Equal(t, row.base, got.source.TimeBase.String())
			}
			for i, f := range got.frames {
				require.Equal(t, want[i].hash, f.hash)
				require.InDelta(t, want[i].time, float64(f.PTS)*f.TimeBase.Float(), 1.001*f.TimeBase.Float())
			}
		})
	}
}

// A size change in mid-stream: the other two answers to it.
func TestOnResize(t *testing.T) {
	t.Run("scale", func(t *testing.T) {
		got := take(t, clip("sizechange.ts"), &Options{OnResize: ResizeScale})
		require.NoError(t, got.err)
		require.Len(t, got.frames, 24)
		for _, f := range got.frames {
			require.Equal(t, "rgba 320x240", f.Format.String())
		}
	})
	t.Run("stop", func(t *testing.T) {
		got := take(t, clip("sizechange.ts"), &Options{OnResize: ResizeStop})
		require.ErrorIs(t, got.err, ErrGeometryChanged)
		require.Len(t, got.frames, 12, "what came before is delivered")
		require.False(t, got.result.Clean)
		require.Equal(t, framebuf.SourceFailed, got.state)
	})
	t.Run("one size asked for", func(t *testing.T) {
		got := take(t, clip("turn.ts"), &Options{Width: 64, Height: 64})
		require.NoError(t, got.err)
		require.Len(t, got.frames, 16)
		require.Equal(t, "rgba 64x64", got.frames[15].Format.String())
	})
}

func TestChecksum(t *testing.T) {
	got := take(t, clip("gray.mkv"), &Options{Checksum: true})
	require.NoError(t, got.err)
	for _, f := range got.frames {
		require.NotZero(t, f.Flags&framebuf.FlagCRC)
	}
}
