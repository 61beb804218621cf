package capture

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// The same frames as ffmpeg: number, content and times. Times are compared with
// ffmpeg's own list, within one tick, except where the source's times repeat or
// jump back: there ffmpeg's list has times that it made up (the last one plus a
// tick), and ours must be the source's. They are the same whichever way they take.
func TestSameFramesAsFFmpeg(t *testing.T) {
	longRun(t)
	testbed.ByPlugin(t)
	for _, name := range []string{
		"motion.mov", "vfr.mp4", "vfr.mkv", "ntsc.mp4", "start10s.mkv", "equalpts.mkv", "jumpback.mkv", "rot90.mp4", "odd.webm",
		"sar12x11.mp4", "sizechange.ts", "turn.ts", "tenbit.mkv", "fullrange.mp4", "gray.mkv", "alpha.mov", "alpha-vp9.webm",
		"interlaced.ts", "slow.gif", "fast.gif", "late-picture.mkv", "late-picture.mp4", "truncated.avi",
	} {
		t.Run(name, func(t *testing.T) {
			sameFrames(t, clip(name))
		})
	}
}

// TestSameFramesInFolder does it for the clips of one's own folder.
func TestSameFramesInFolder(t *testing.T) {
	folder := os.Getenv("FRAMEBRIDGE_MEDIA")
	if folder == "" {
		t.Skip("FRAMEBRIDGE_MEDIA names no folder")
	}
	testbed.ByPlugin(t)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, f := range files {
		path := filepath.Join(folder, f.Name())
		if f.IsDir() || !hasPicture(path) {
			continue
		}
		t.Run(f.Name(), func(t *testing.T) {
			sameFrames(t, path)
		})
	}
}

func hasPicture(path string) bool {
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "V:0", "-show_entries", "stream=codec_name", "-of", "csv=p=0", path).Output()
	return err == nil && len(strings.TrimSpace(string(out))) > 0
}

func sameFrames(t *testing.T, path string) {
	t.Helper()
	var want []frame
	var source []int64
	for _, way := range []struct {
		name      string
		transport Transport
	}{{"pipe", TransportPipe}, {"plug-in", TransportPlugin}} {
		t.Run(way.name, func(t *testing.T) {
			got := take(t, path, &Options{Transport: way.transport})
			base := got.source.TimeBase
			if source == nil {
				want = reference(t, nil, path, "-map", "0:V:0", "-enc_time_base", base.String())
				source = decodedTimes(t, path)
			}
			require.Len(t, got.frames, len(want))
			jumps := !rising(source)
			for i, f := range got.frames {
				require.Equal(t, want[i].hash, f.hash, "frame %d", i)
				require.Equal(t, want[i].size, f.PayloadSize, "frame %d", i)
				require.Equal(t, uint64(i), f.Number)
				require.Equal(t, base, f.TimeBase)
				if jumps {
					require.Equal(t, source[i]-source[0], f.PTS-got.frames[0].PTS, "time of frame %d", i)
					continue
				}
				ticks := math.Abs(want[i].time-float64(f.PTS)*base.Float()) / base.Float()
				require.LessOrEqual(t, ticks, 1.0001, "time of frame %d: %d ticks of %s", i, f.PTS, base)
			}
			t.Logf("%d frames, clean: %v %s", got.result.FramesOut, got.result.Clean, got.result.Reason)
		})
	}
}

// decodedTimes are the times of the decoded frames, in ticks of the source.
func decodedTimes(t *testing.T, path string) (pts []int64) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "V:0", "-show_entries", "frame=best_effort_timestamp", "-of", "json", path).Output()
	require.NoError(t, err)
	var list struct {
		Frames []struct {
			Time int64 `json:"best_effort_timestamp"`
		} `json:"frames"`
	}
	require.NoError(t, json.Unmarshal(out, &list))
	for _, f := range list.Frames {
		pts = append(pts, f.Time)
	}
	return pts
}

func rising(pts []int64) bool {
	for i := 1; i < len(pts); i++ {
		if pts[i] <= pts[i-1] {
			return false
		}
	}
	return true
}

// The exceptions, each with its rule.

func TestTimesThatJumpBack(t *testing.T) {
	got := take(t, clip("jumpback.mkv"), nil)
	require.NoError(t, got.err)
	jumps := 0
	for i, f := range got.frames[1:] {
		back := f.PTS < got.frames[i].PTS
		require.Equal(t, back, f.Flags&framebuf.FlagDiscontinuity != 0, "frame %d", i+1)
		if back {
			jumps++
			require.EqualValues(t, 160, f.PTS)
		}
	}
	require.Equal(t, 1, jumps)
}

func TestEqualTimes(t *testing.T) {
	got := take(t, clip("equalpts.mkv"), nil)
	require.NoError(t, got.err)
	require.Len(t, got.frames, 12)
	for i := 0; i < 12; i += 2 {
		require.Equal(t, got.frames[i].PTS, got.frames[i+1].PTS, "both of a pair have their own, equal time")
	}
}

// ffmpeg's own VP9 decoder drops alpha. Whoever wants it names the other one.
func TestAlphaOfVP9(t *testing.T) {
	o := &Options{InputArgs: []string{"-c:v", "libvpx-vp9"}}
	got := take(t, clip("alpha-vp9.webm"), o)
	want := reference(t, o.InputArgs, clip("alpha-vp9.webm"), "-map", "0:V:0")
	require.Len(t, got.frames, len(want))
	for i, f := range got.frames {
		require.Equal(t, want[i].hash, f.hash)
		require.Equal(t, framebuf.AlphaStraight, f.Alpha)
	}
}

// Delays under 20 ms mean 100 ms to ffmpeg, as to browsers.
func TestFastGIF(t *testing.T) {
	got := take(t, clip("fast.gif"), nil)
	require.Len(t, got.frames, 8)
	for i, f := range got.frames {
		at, ok := f.Time()
		require.True(t, ok)
		require.InDelta(t, float64(i)*0.1, at.Seconds(), 0.0101)
	}
}

func TestWhatTravelsWithFrames(t *testing.T) {
	longRun(t)
	for _, row := range []struct {
		name  string
		check func(t *testing.T, s SourceInfo, frames []got)
	}{
		{"motion.mov", func(t *testing.T, s SourceInfo, frames []got) {
			require.Equal(t, "1/600", s.TimeBase.String())
			require.Equal(t, "source", s.TimeBaseFrom)
			require.EqualValues(t, 243, s.Frames)
			require.NotZero(t, s.AudioRate)
			require.Equal(t, "30/1", frames[0].Rate.String())
			require.Equal(t, framebuf.Color{Range: framebuf.RangeLimited, Matrix: 1, Primaries: 1, Transfer: 1}, frames[9].Color)
			require.NotZero(t, frames[0].Flags&framebuf.FlagKey)
			require.Zero(t, frames[1].Flags&framebuf.FlagKey)
		}},
		{"rot90.mp4", func(t *testing.T, s SourceInfo, frames []got) {
			require.Equal(t, framebuf.Format{PixelFormat: framebuf.RGBA, Width: 90, Height: 160}, frames[0].Format)
			require.Equal(t, frames[0].Format, s.Format, "known before decoding")
			require.Zero(t, frames[0].Rotation)
			require.Equal(t, 90, s.Rotation)
		}},
		{"sar12x11.mp4", func(t *testing.T, _ SourceInfo, frames []got) { require.Equal(t, "12/11", frames[0].Aspect.String()) }},
		{"interlaced.ts", func(t *testing.T, _ SourceInfo, frames []got) {
			require.Equal(t, framebuf.TopFirst, frames[0].FieldOrder)
		}},
		{"fullrange.mp4", func(t *testing.T, _ SourceInfo, frames []got) {
			require.Equal(t, framebuf.RangeFull, frames[0].Color.Range)
			require.Equal(t, framebuf.AlphaNone, frames[0].Alpha)
		}},
		{"alpha.mov", func(t *testing.T, _ SourceInfo, frames []got) {
			require.Equal(t, framebuf.AlphaStraight, frames[0].Alpha)
		}},
		{"start10s.mkv", func(t *testing.T, _ SourceInfo, frames []got) { require.Zero(t, frames[0].PTS) }},
		{"sizechange.ts", func(t *testing.T, s SourceInfo, frames []got) {
			require.Equal(t, 320, s.Format.Width)
			require.Equal(t, 320, frames[11].Width)
			require.Equal(t, "rgba 640x360", frames[12].Format.String())
		}},
		{"turn.ts", func(t *testing.T, _ SourceInfo, frames []got) {
			require.Equal(t, "rgba 640x368", frames[7].Format.String())
			require.Equal(t, "rgba 368x640", frames[8].Format.String())
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := take(t, clip(row.name), nil)
			require.NoError(t, got.err)
			require.NotEmpty(t, got.frames)
			require.Equal(t, framebuf.SourceEnded, got.state)
			row.check(t, got.source, got.frames)
		})
	}
}

// Every pixel format of a segment holds what ffmpeg makes of it.
func TestPixelFormats(t *testing.T) {
	longRun(t)
	for _, name := range framebuf.PixelFormats() {
		t.Run(name, func(t *testing.T) {
			p, err := framebuf.ParsePixelFormat(name)
			require.NoError(t, err)
			got := take(t, clip("odd.webm"), &Options{PixelFormat: p})
			require.NoError(t, got.err)
			ours := strings.TrimSuffix(name, "8")
			out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-i", clip("odd.webm"), "-fps_mode", "passthrough", "-pix_fmt", ours, "-f", "framemd5", "-").Output()
			require.NoError(t, err)
			i := 0
			for _, line := range strings.Split(string(out), "\n") {
				if cell := strings.Split(line, ","); len(cell) == 6 && !strings.HasPrefix(line, "#") {
					require.Equal(t, strings.TrimSpace(cell[5]), got.frames[i].hash)
					require.Equal(t, strings.TrimSpace(cell[4]), strconv.Itoa(got.frames[i].PayloadSize))
					i++
				}
			}
			require.Equal(t, i, len(got.frames))
			if p == framebuf.YUV420P {
				require.Equal(t, framebuf.AlphaNone, got.frames[0].Alpha)
			}
		})
	}
}
