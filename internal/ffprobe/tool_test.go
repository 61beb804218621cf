//go:build unix

package ffprobe_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffprobe"
	"github.com/framebridge/framebridge/internal/ffproc"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/framebridge/framebridge/internal/ffproc.runStarter"))
}

// needFFmpeg skips a test on a machine without ffmpeg; in CI it fails instead.
func needFFmpeg(t testing.TB) {
	t.Helper()
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if _, err := ffproc.Look(name); err != nil {
			if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

func ffmpeg(t testing.TB, args ...string) {
	t.Helper()
	_, err := ffproc.Output(t.Context(), "ffmpeg", append([]string{"-nostdin", "-loglevel", "error", "-y"}, args...), 1<<20, nil)
	require.NoError(t, err)
}

func probe(t testing.TB, name string) (*ffprobe.Info, error) {
	t.Helper()
	in, err := ffargs.ParseInput(name)
	require.NoError(t, err)
	var tool ffprobe.Tool
	return tool.Probe(t.Context(), ffargs.Probe{Input: in})
}

func TestProbeErrors(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	video := filepath.Join(dir, "v.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=d=1", "-c:v", "mpeg4", video)
	sound := filepath.Join(dir, "s.wav")
	ffmpeg(t, "-f", "lavfi", "-i", "sine=d=1", sound)
	cover, song := filepath.Join(dir, "cover.png"), filepath.Join(dir, "song.mp3")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2", "-frames:v", "1", cover)
	ffmpeg(t, "-i", sound, "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic", song)
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))

	for _, tt := range []struct {
		name, input string
		want        error
	}{
		{"missing", filepath.Join(dir, "none.mp4"), ffprobe.ErrNoSuchInput},
		{"missing device", "v4l2:/dev/none", ffprobe.ErrNoSuchInput},
		{"directory", dir, ffprobe.ErrNotMedia},
		{"text", file("a.mp4", "hello, this is no video\n"), ffprobe.ErrNotMedia},
		{"empty", file("e.mp4", ""), ffprobe.ErrNotMedia},
		{"concat list in disguise", file("c.mp4", "ffconcat version 1.0\nfile v.mp4\n"), ffprobe.ErrNotMedia},
		{"playlist in disguise", file("h.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"+video+"\n#EXT-X-ENDLIST\n"), ffprobe.ErrNotMedia},
		{"sound", sound, ffprobe.ErrNoPicture},
		{"cover art", song, ffprobe.ErrNoPicture},
		{"standard input", "-", ffprobe.ErrReadOnce},
		{"named pipe", fifo, ffprobe.ErrReadOnce},
		{"nobody listens", "tcp://127.0.0.1:1", ffprobe.ErrUnreadable},
		{"no such option", "lavfi:testsrc2=nosuchoption=1", ffprobe.ErrUnreadable},
		{"character device", "/dev/zero", ffprobe.ErrNotMedia},
		{"no camera", "v4l2:/dev/shm/../zero", ffprobe.ErrUnreadable},
		{"a folder is no device", "v4l2:/dev/fd/", ffprobe.ErrNotMedia},
	} {
		t.Run(tt.name, func(t *testing.T) {
			info, err := probe(t, tt.input)
			require.ErrorIs(t, err, tt.want)
			if errors.Is(tt.want, ffprobe.ErrNoPicture) {
				require.Len(t, info.Audio, 1)
			} else {
				require.Nil(t, info)
			}
		})
	}
	t.Run("unreadable", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root may read everything")
		}
		require.NoError(t, os.Chmod(video, 0))
		_, err := probe(t, video)
		require.ErrorIs(t, err, ffprobe.ErrUnreadable)
	})
	t.Run("a file is no device", func(t *testing.T) {
		f, err := os.CreateTemp("/dev/shm", "framebridge-test-")
		if err != nil {
			t.Skip("no folder for files in /dev: ", err)
		}
		defer os.Remove(f.Name())
		require.NoError(t, f.Close())
		_, err = probe(t, "v4l2:"+f.Name())
		require.ErrorIs(t, err, ffprobe.ErrNotMedia)
		require.ErrorContains(t, err, "no device")
	})
	t.Run("secret in the error", func(t *testing.T) {
		_, err := probe(t, "rtsp://admin:hunter2@127.0.0.1:1/x")
		require.ErrorIs(t, err, ffprobe.ErrUnreadable)
		require.NotContains(t, err.Error(), "hunter2")
	})
}

func TestProbe(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	plain, turned := filepath.Join(dir, "p.mp4"), filepath.Join(dir, "t.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=320x240:r=30000/1001", "-f", "lavfi", "-i", "sine=r=48000", "-t", "1", "-vf", "setsar=12/11", "-c:v", "libx264", "-pix_fmt", "yuv420p",
		"-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-c:a", "aac", "-ac", "2", plain)
	ffmpeg(t, "-i", plain, "-c", "copy", "-metadata:s:v", "rotate=270", turned) // writes a matrix that turns clockwise by 90

	info, err := probe(t, plain)
	require.NoError(t, err)
	p := info.Picture
	require.Equal(t, ffprobe.Picture{
		Index: 0, Codec: "h264", Profile: "High", Width: 320, Height: 240, SampleAspect: ffargs.Ratio{Num: 12, Den: 11}, PixelFormat: "yuv420p", Bits: 8,
		Color: ffargs.Color{Range: "tv", Matrix: "bt709", Primaries: "bt709", Transfer: "bt709"}, FieldOrder: "progressive",
		TimeBase: ffargs.Ratio{Num: 1, Den: 30000}, AvgRate: ffargs.Ratio{Num: 30000, Den: 1001}, RealRate: ffargs.Ratio{Num: 30000, Den: 1001},
		Frames: 30, Duration: 1001 * time.Millisecond,
	}, p)
	require.Equal(t, []ffprobe.Audio{{Index: 1, Codec: "aac", Rate: 48000, Channels: 2, Layout: "stereo"}}, info.Audio)
	require.Contains(t, info.Format, "mp4")
	require.InDelta(t, 1.0, info.Duration.Seconds(), 0.1)

	info, err = probe(t, turned)
	require.NoError(t, err)
	require.Equal(t, 90, info.Picture.Rotation)
	w, h := info.Picture.DisplaySize()
	require.Equal(t, []int{240, 320}, []int{w, h})

	info, err = probe(t, "lavfi:testsrc2=s=64x48:r=5")
	require.NoError(t, err)
	require.Equal(t, 64, info.Picture.Width)
	require.Zero(t, info.Duration)
}

func TestProbeCanBeCancelled(t *testing.T) {
	needFFmpeg(t)
	in, err := ffargs.ParseInput("udp://127.0.0.1:45454")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var tool ffprobe.Tool
	_, err = tool.Probe(ctx, ffargs.Probe{Input: in})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAbilities(t *testing.T) {
	needFFmpeg(t)
	var tool ffprobe.Tool
	a, err := tool.Abilities(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, a.Version.Major, 4)
	require.True(t, a.Encoders["rawvideo"])
	require.False(t, a.Encoders["="])
	require.True(t, a.Muxers["nut"])
	require.True(t, a.Filters["showinfo"])
	again, err := tool.Abilities(t.Context())
	require.NoError(t, err)
	require.Same(t, a, again)
}

func TestAbilitiesOfSomethingElse(t *testing.T) {
	other := ffprobe.Tool{FFmpeg: "/bin/echo"}
	_, err := other.Abilities(t.Context())
	require.ErrorIs(t, err, ffprobe.ErrUnsuitable)
	missing := ffprobe.Tool{FFmpeg: "/nonexistent/ffmpeg"}
	_, err = missing.Abilities(t.Context())
	require.ErrorIs(t, err, ffproc.ErrNotFound)
}

// A picture beyond the bound is refused with its size, and what a file says of itself does not come into this process.
func TestProbeBounds(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	still, clip := filepath.Join(dir, "large.png"), filepath.Join(dir, "tags.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", "color=s=640x480", "-frames:v", "1", still)
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=d=0.2", "-c:v", "mpeg4", "-metadata", "title=hunter2", "-metadata:s:v", "comment=hunter2", clip)
	var tool ffprobe.Tool
	in, err := ffargs.ParseInput(still)
	require.NoError(t, err)
	_, err = tool.Probe(t.Context(), ffargs.Probe{Input: in, MaxPixels: 640*480 - 1})
	require.ErrorIs(t, err, ffprobe.ErrNotMedia)
	require.ErrorContains(t, err, "640x480")
	require.ErrorContains(t, err, "307199")
	info, err := tool.Probe(t.Context(), ffargs.Probe{Input: in, MaxPixels: 640 * 480})
	require.NoError(t, err)
	require.Equal(t, 640, info.Picture.Width)

	in, err = ffargs.ParseInput(clip)
	require.NoError(t, err)
	out, err := ffproc.Output(t.Context(), "ffprobe", (&ffargs.Probe{Input: in}).Args(), 1<<20, nil)
	require.NoError(t, err)
	require.NotContains(t, string(out), "hunter2")
	require.Contains(t, string(out), `"width": 320`)
}
