package ffargs_test

// The argument lists on a real ffmpeg: what is built here must run, and give what it says.

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffprobe"
	"github.com/framebridge/framebridge/internal/ffproc"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/framebridge/framebridge/internal/ffproc.runStarter"))
}

var tool ffprobe.Tool

// needFFmpeg skips a test on a machine without ffmpeg; in CI it fails instead. What ffmpeg does with our arguments is
// nothing that the race detector, with which -short is used, could see: this package has no goroutines.
func needFFmpeg(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to the run without -short")
	}
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if _, err := ffproc.Look(name); err != nil {
			if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// needEncoder skips a test whose encoder this ffmpeg lacks.
func needEncoder(t testing.TB, name string) {
	t.Helper()
	a, err := tool.Abilities(t.Context())
	require.NoError(t, err)
	if !a.Encoders[name] {
		t.Skip("this ffmpeg has no " + name)
	}
}

// run runs ffmpeg with in as its standard input ("" is none), out as its standard output and out.sound as descriptor 3, and
// returns the lines of its log.
func run(t testing.TB, args []string, in, out string) ([]string, error) {
	t.Helper()
	var mu sync.Mutex
	var log []string
	opt := &ffproc.Options{Confine: true, Redact: ffargs.Redact, OnLine: func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, string(b))
	}}
	if in != "" {
		f, err := os.Open(in)
		require.NoError(t, err)
		defer f.Close()
		opt.Stdin, opt.StdinFile = ffproc.File, f
	}
	if out != "" {
		f, err := os.Create(out)
		require.NoError(t, err)
		defer f.Close()
		opt.Stdout, opt.StdoutFile = ffproc.File, f
		opt.Inherit = []*os.File{soundFile(t, out)}
	}
	p, err := ffproc.Start(t.Context(), "ffmpeg", args, opt)
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Wait(t.Context())
	return log, err
}

// soundFile is the file out.sound, open for writing.
func soundFile(t testing.TB, out string) *os.File {
	t.Helper()
	f, err := os.Create(out + ".sound")
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func ffmpeg(t testing.TB, args ...string) string {
	t.Helper()
	out, err := ffproc.Output(t.Context(), "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "error", "-y"}, args...), 64<<20, nil)
	require.NoError(t, err)
	return string(out)
}

// capture runs a request into a NUT file and returns its name and the log.
func capture(t testing.TB, c ffargs.Capture) (nut string, log []string) {
	t.Helper()
	args, err := c.Args()
	require.NoError(t, err)
	nut = filepath.Join(t.TempDir(), "out.nut")
	log, err = run(t, args, "", nut)
	require.NoError(t, err, ffargs.Quote(args))
	return nut, log
}

// packets lists stream, pts in seconds and size of each packet that ffprobe finds.
func packets(t testing.TB, file, stream, entries string) []string {
	t.Helper()
	out, err := ffproc.Output(t.Context(), "ffprobe", []string{
		"-v", "error", "-select_streams", stream, "-show_entries", entries, "-of", "csv=p=0", "-i", file,
	}, 1<<22, nil)
	require.NoError(t, err)
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if line = strings.Trim(strings.TrimSpace(line), ","); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// frames lists the frames of a file as framemd5 sees them in a pixel format: time in microseconds, size, hash.
func frames(t testing.TB, file, pixFmt string, inputArgs ...string) []string {
	t.Helper()
	args := append(inputArgs, "-copyts", "-i", file, "-map", "0:V:0", "-fps_mode", "passthrough", "-enc_time_base", "1/1000000", "-pix_fmt", pixFmt, "-f", "framemd5", "-")
	var lines []string
	for _, line := range strings.Split(ffmpeg(t, args...), "\n") {
		if f := strings.Split(strings.ReplaceAll(line, " ", ""), ","); len(f) == 6 && !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.Join([]string{f[2], f[4], f[5]}, " "))
		}
	}
	return lines
}

func TestCaptureGivesFFmpegsOwnFrames(t *testing.T) {
	needFFmpeg(t)
	src := filepath.Join(t.TempDir(), "src.mkv")
	// Variable rate: every fourth frame is missing.
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=160x120:r=30:d=2", "-f", "lavfi", "-i", "sine=d=2", "-vf", `select=mod(n\,4)`, "-fps_mode", "passthrough", "-c:v", "mpeg4", "-c:a", "pcm_s16le", src)
	c := ffargs.Capture{Input: input(t, src), PixelFormat: "rgba", Audio: true}
	c.TimeBase = c.ChooseTimeBase(ffargs.Ratio{Num: 1, Den: 1000})
	nut, log := capture(t, c)

	want := frames(t, src, "rgba")
	require.Len(t, want, 45)
	require.Equal(t, want, frames(t, nut, "rgba"))
	info := 0
	for _, line := range log {
		if strings.HasPrefix(line, "[Parsed_showinfo_") && strings.Contains(line, " pts:") {
			require.Contains(t, line, "s:160x120")
			info++
		}
	}
	require.Equal(t, 45, info, "one showinfo line a frame")
	bytes := 0
	for _, size := range packets(t, nut+".sound", "a", "packet=size") {
		n := 0
		_, err := fmt.Sscan(size, &n)
		require.NoError(t, err)
		bytes += n
	}
	require.Equal(t, 2*2*44100, bytes, "all of the sound")
	begin, err := strconv.ParseFloat(packets(t, nut+".sound", "a", "packet=pts_time")[0], 64)
	require.NoError(t, err)
	require.InDelta(t, ffargs.SoundOffset.Seconds(), begin, 0.002)
}

// A source without sound, or whose user wants none, has an output for it all the same: ffmpeg must not refuse that.
func TestCaptureOfSoundThatIsNotThere(t *testing.T) {
	needFFmpeg(t)
	src := filepath.Join(t.TempDir(), "src.mkv")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=64x48:r=30:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v", "mpeg4", "-c:a", "pcm_s16le", src)
	for name, c := range map[string]ffargs.Capture{
		"none":             {Input: input(t, "lavfi:testsrc2=s=64x48:r=30:d=1")},
		"not wanted":       {Input: input(t, src), InputArgs: []string{"-an"}},
		"known, and kept":  {Input: input(t, src), AudioFormat: ffargs.AudioFormat{Rate: 44100, Layout: "mono"}},
		"known, and not":   {Input: input(t, src), InputArgs: []string{"-an"}, AudioFormat: ffargs.AudioFormat{Rate: 44100, Layout: "mono"}},
		"made another one": {Input: input(t, src), AudioFormat: ffargs.AudioFormat{Rate: 8000, Layout: "5.1(side)"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.PixelFormat, c.Audio = "rgba", true
			nut, _ := capture(t, c)
			require.Len(t, packets(t, nut, "v", "packet=pts_time"), 30)
			want := []string(nil)
			switch {
			case c.AudioFormat.Rate == 8000:
				want = []string{"8000,6"}
			case name == "known, and kept":
				want = []string{"44100,1"}
			}
			require.Equal(t, want, packets(t, nut+".sound", "a", "stream=sample_rate,channels"))
		})
	}
}

// Sound that begins late holds nothing back, however large the frames are, and comes at its time.
func TestCaptureOfLateSound(t *testing.T) {
	needFFmpeg(t)
	src := filepath.Join(t.TempDir(), "src.ts")
	ffmpeg(t, "-copyts", "-f", "lavfi", "-i", "color=s=320x240:r=25:d=16", "-f", "lavfi", "-i", "sine=d=16,atrim=start=12", "-c:v", "mpeg2video", "-c:a", "aac", src)
	nut, _ := capture(t, ffargs.Capture{Input: input(t, src), PixelFormat: "rgba", Audio: true})
	require.Len(t, packets(t, nut, "v", "packet=pts_time"), 400)
	begin, err := strconv.ParseFloat(packets(t, nut+".sound", "a", "packet=pts_time")[0], 64)
	require.NoError(t, err)
	require.InDelta(t, ffargs.SoundOffset.Seconds()+12, begin, 0.03)

	l := ffargs.Listen{Input: input(t, src)}
	out := filepath.Join(t.TempDir(), "first")
	_, err = run(t, l.Args(), "", out)
	require.NoError(t, err)
	require.Equal(t, []string{"44100,1"}, packets(t, out, "a", "stream=sample_rate,channels"))
}

func TestCaptureOptionsWork(t *testing.T) {
	needFFmpeg(t)
	src := filepath.Join(t.TempDir(), "src.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=4", "-c:v", "mpeg4", "-g", "1", src)
	base := ffargs.Capture{Input: input(t, src), PixelFormat: "rgb24", TimeBase: ffargs.Ratio{Num: 1, Den: 10240}}
	for _, tt := range []struct {
		name   string
		change func(*ffargs.Capture)
		frames int
		size   int // bytes of a frame
	}{
		{"all", func(*ffargs.Capture) {}, 40, 160 * 120 * 3},
		{"start and duration", func(c *ffargs.Capture) { c.Seek, c.Duration = 1e9, 2e9 }, 20, 160 * 120 * 3},
		{"twice", func(c *ffargs.Capture) { c.Loop = 1 }, 80, 160 * 120 * 3},
		{"size", func(c *ffargs.Capture) { c.Width, c.Height = 40, 30 }, 40, 40 * 30 * 3},
		{"rate", func(c *ffargs.Capture) { c.Rate = ffargs.Ratio{Num: 5, Den: 1}; c.TimeBase = c.Rate.Inverse() }, 20, 160 * 120 * 3},
		{"graph", func(c *ffargs.Capture) { c.Filter = "[in]split[a][b];[b]hflip[c];[a][c]hstack,crop=w=20:h=10[out]" }, 40, 20 * 10 * 3},
		{"matrix", func(c *ffargs.Capture) { c.ColorMatrix = "bt709" }, 40, 160 * 120 * 3},
		{"own arguments", func(c *ffargs.Capture) { c.InputArgs = []string{"-t", "1"} }, 10, 160 * 120 * 3},
		{"in real time", func(c *ffargs.Capture) { c.Realtime = true; c.Duration = 2e8 }, 2, 160 * 120 * 3},
		{"by index", func(c *ffargs.Capture) { c.Picture = ffargs.StreamIndex(0) }, 40, 160 * 120 * 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := base
			tt.change(&c)
			nut, _ := capture(t, c)
			sizes := packets(t, nut, "v", "packet=size")
			require.Len(t, sizes, tt.frames)
			require.Equal(t, fmt.Sprint(tt.size), sizes[0])
		})
	}
}

func TestCaptureFollowsAChangeOfSize(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	a, b, both := filepath.Join(dir, "a.ts"), filepath.Join(dir, "b.ts"), filepath.Join(dir, "both.ts")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=1", "-c:v", "mpeg2video", "-r", "25", a)
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=640x360:r=10:d=1", "-c:v", "mpeg2video", "-r", "25", "-output_ts_offset", "1", b)
	one, err := os.ReadFile(a)
	require.NoError(t, err)
	two, err := os.ReadFile(b)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(both, append(one, two...), 0o600))
	nut, _ := capture(t, ffargs.Capture{Input: input(t, both), PixelFormat: "gray"})
	count := map[string]int{}
	for _, size := range packets(t, nut, "v", "packet=size") {
		count[size]++
	}
	require.Len(t, count, 2)
	require.Positive(t, count[fmt.Sprint(320*240)])
	require.Positive(t, count[fmt.Sprint(640*360)])
}

func TestEveryKindOfInputOpens(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"a.mp4", []string{"-c:v", "libx264"}},
		{"a.mov", []string{"-c:v", "prores"}},
		{"a.mkv", nil},
		{"a.webm", []string{"-c:v", "libvpx"}},
		{"a.avi", nil},
		{"a.flv", nil},
		{"a.ts", nil},
		{"a.mpg", []string{"-r", "25"}},
		{"a.ogv", nil},
		{"a.wmv", nil},
		{"a.gif", nil},
		{"a.apng", nil},
		{"a.nut", nil},
		{"a.y4m", nil},
		{"a.mjpeg", nil},
		{"a.h264", nil},
		{"a.hevc", []string{"-x265-params", "log-level=none"}},
		{"a.ivf", []string{"-c:v", "libvpx"}},
		{"a.png", nil},
		{"a.jpg", nil},
		{"a.bmp", nil},
		{"a.webp", nil},
		{"a.tiff", nil},
		{"100%d[1]*.png", nil},
		{"-i.mp4", nil},
		{"it's a 'name'; with $x, é:.mkv", nil},
		{"tee:x|y.mkv", nil},
		{"clip:1.mkv", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(dir, tt.name)
			still := strings.Contains("png jpg bmp webp tiff", filepath.Ext(tt.name)[1:])
			args := []string{"-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.5"}
			if still {
				args = append(args, "-frames:v", "1", "-update", "1")
			}
			made := filepath.Join(dir, "plain"+filepath.Ext(tt.name))
			ffmpeg(t, append(append(args, tt.args...), "file:"+made)...)
			require.NoError(t, os.Rename(made, file))
			in := input(t, file)
			info, err := tool.Probe(t.Context(), ffargs.Probe{Input: in})
			require.NoError(t, err)
			require.Equal(t, []int{64, 48}, []int{info.Picture.Width, info.Picture.Height})
			nut, _ := capture(t, ffargs.Capture{Input: in, PixelFormat: "rgba"})
			written, err := os.Stat(nut)
			require.NoError(t, err)
			want := int64(64 * 48 * 4)
			if !still {
				want *= 4
			}
			require.Greater(t, written.Size(), want)
		})
	}
	for _, name := range []string{"a.nut", "a.y4m"} {
		t.Run("stdin "+name, func(t *testing.T) {
			c := ffargs.Capture{Input: input(t, "-"), PixelFormat: "rgba"}
			args, err := c.Args()
			require.NoError(t, err)
			out := filepath.Join(dir, "stdin.nut")
			_, err = run(t, args, filepath.Join(dir, name), out)
			require.NoError(t, err)
			require.Len(t, packets(t, out, "v", "packet=size"), 5)
		})
	}
}

func TestDisguisedInputsAreRefused(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-c:v", "mpeg4", secret)
	for name, text := range map[string]string{
		"concat":       "ffconcat version 1.0\nfile secret.mp4\n",
		"hls":          "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n" + secret + "\n#EXT-X-ENDLIST\n",
		"hls http":     "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
		"sdp":          "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
		"dash":         `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet><Representation id="0" bandwidth="1"><BaseURL>secret.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
		"smooth title": "[playlist]\nFile1=" + secret,
	} {
		for _, ending := range []string{".mp4", ".avi", ".jpg", ".m3u8"} {
			t.Run(name+ending, func(t *testing.T) {
				file := filepath.Join(dir, strings.ReplaceAll(name, " ", "")+ending)
				require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
				c := ffargs.Capture{Input: input(t, file), PixelFormat: "gray"}
				args, err := c.Args()
				require.NoError(t, err)
				out := filepath.Join(dir, "out.nut")
				_, err = run(t, args, "", out)
				require.Error(t, err)
				b, err := os.ReadFile(out)
				require.NoError(t, err)
				require.Empty(t, b)
			})
		}
	}
	t.Run("too many pixels", func(t *testing.T) {
		c := ffargs.Capture{Input: input(t, secret), PixelFormat: "gray", MaxPixels: 64*48 - 1}
		args, err := c.Args()
		require.NoError(t, err)
		log, err := run(t, args, "", filepath.Join(dir, "out.nut"))
		require.Error(t, err)
		require.Contains(t, strings.Join(log, "\n"), "max pixel count")
	})
}

// TestMedia captures every clip of a folder and compares with what ffmpeg itself decodes.
func TestMedia(t *testing.T) {
	dir := os.Getenv("FRAMEBRIDGE_MEDIA")
	if dir == "" {
		t.Skip("FRAMEBRIDGE_MEDIA names no folder of clips")
	}
	needFFmpeg(t)
	clips, err := filepath.Glob(filepath.Join(dir, "*.*"))
	require.NoError(t, err)
	for _, clip := range clips {
		if strings.HasSuffix(clip, ".md") {
			continue
		}
		t.Run(filepath.Base(clip), func(t *testing.T) {
			in := input(t, clip)
			info, err := tool.Probe(t.Context(), ffargs.Probe{Input: in})
			require.NoError(t, err)
			c := ffargs.Capture{Input: in, PixelFormat: "gray", Audio: true, Picture: ffargs.StreamIndex(info.Picture.Index), Width: 64, Height: 48}
			c.TimeBase = c.ChooseTimeBase(info.Picture.TimeBase)
			nut, _ := capture(t, c)
			want := ffmpeg(t, "-i", clip, "-map", "0:V:0", "-fps_mode", "passthrough", "-vf", "scale=64:48:flags=bicubic,format=gray", "-f", "framehash", "-hash", "md5", "-")
			got := ffmpeg(t, "-i", nut, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framehash", "-hash", "md5", "-")
			require.Equal(t, hashes(want), hashes(got))
		})
	}
}

func hashes(text string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		if i := strings.LastIndex(line, ","); i >= 0 && !strings.HasPrefix(line, "#") {
			list = append(list, strings.TrimSpace(line[i+1:]))
		}
	}
	return list
}
