package encode

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// encodeClip encodes a clip into a new file of that name and returns its path.
func encodeClip(t *testing.T, c clip, name string, o *Options) (string, Result) {
	t.Helper()
	needFFmpeg(t)
	path := output(t, name)
	r, err := encodeTo(t, c, path, o)
	require.NoError(t, err)
	return path, r
}

func encodeTo(t *testing.T, c clip, path string, o *Options) (Result, error) {
	t.Helper()
	dir := segmentDir(t)
	c.publish(t, dir, "cam")
	opts := Options{}
	if o != nil {
		opts = *o
	}
	opts.Dir = dir
	var stderr []string
	if opts.OnLine == nil {
		opts.OnLine = func(line string) { stderr = append(stderr, line) }
	}
	e, err := Open(within(t), "cam", path, &opts)
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	r, err := e.Run(within(t))
	if t.Failed() || err != nil {
		t.Logf("%s\n%s", strings.Join(e.Command(), " "), strings.Join(stderr, "\n"))
	}
	return r, err
}

// Every kind of file has every frame at its own time, and is what players want.
func TestFiles(t *testing.T) {
	longRun(t)
	const sourceTick = 0.001
	variable := []int64{0, 7, 24, 231, 448, 455, 700, 1033, 1500, 1517, 2200, 2240}
	for _, row := range []struct {
		name   string
		tick   float64 // of the output, seconds
		codec  string
		format string
	}{
		{"out.mp4", sourceTick, "h264", "mp4"},
		{"out.mov", sourceTick, "h264", "mov"},
		{"out.mkv", 0.001, "h264", "matroska"},
		{"out.webm", 0.001, "vp9", "webm"},
		{"out.flv", 0.001, "h264", "flv"},
		{"out.ts", 1. / 90000, "h264", "mpegts"},
		{"out.m3u8", 1. / 90000, "h264", "hls"},
	} {
		for _, rate := range []struct {
			name string
			pts  []int64
		}{{"constant", testClip(50).pts}, {"variable", variable}} {
			t.Run(row.name+" "+rate.name, func(t *testing.T) {
				c := testClip(0)
				c.pts = rate.pts
				path, r := encodeClip(t, c, row.name, nil)
				require.EqualValues(t, len(c.pts), r.FramesIn)
				require.EqualValues(t, len(c.pts), r.FramesOut)
				require.Equal(t, path, r.Output)
				require.Zero(t, r.Missed+r.Merged+r.Retimed+r.Resized+r.Untimed)

				p := probe(t, path)
				require.Contains(t, p.Format.Name, row.format)
				require.Len(t, p.Streams, 1)
				s := p.Streams[0]
				require.Equal(t, row.codec, s.CodecName)
				require.Equal(t, "yuv420p", s.PixFmt)
				require.Equal(t, []int{64, 48}, []int{s.Width, s.Height})
				require.LessOrEqual(t, s.Level, 31, "a small picture needs no high level")
				if row.codec == "h264" {
					require.Equal(t, "tv smpte170m", s.ColorRange+" "+s.ColorSpace)
				}
				got := p.times(t, "video")
				require.Len(t, got, len(c.pts))
				start := got[0] - float64(c.pts[0])/1000
				switch row.format {
				case "hls", "mpegts", "flv":
					// They have no negative times, so what the encoder reorders moves
					// everything by some frames.
					require.InDelta(t, 0, start, 2)
				default:
					require.InDelta(t, 0, start, row.tick)
				}
				for k, pts := range c.pts {
					require.InDelta(t, float64(pts)/1000, got[k]-start, row.tick+1e-9, "frame %d", k)
				}
			})
		}
	}
}

// Players take delays of gif under 20 ms for 100 ms, so such frames are merged.
func TestGIF(t *testing.T) {
	c := testClip(0)
	c.pts = []int64{0, 100, 110, 115, 200, 300, 400}
	var notes []string
	path, r := encodeClip(t, c, "out.gif", &Options{OnNote: func(text string) { notes = append(notes, text) }})
	require.EqualValues(t, 7, r.FramesIn)
	require.EqualValues(t, 2, r.Merged)
	require.EqualValues(t, 5, r.FramesOut)
	got := probe(t, path).times(t, "video")
	require.InDeltaSlice(t, []float64{0, 0.1, 0.2, 0.3, 0.4}, got, 0.01)
	require.Len(t, notes, 1, "%v", notes)
}

func TestTheFirstTimeIsKept(t *testing.T) {
	for _, name := range []string{"out.mp4", "out.mkv"} {
		c := testClip(0)
		c.pts = []int64{500, 540, 580, 620}
		path, _ := encodeClip(t, c, name, nil)
		require.InDeltaSlice(t, []float64{0.5, 0.54, 0.58, 0.62}, probe(t, path).times(t, "video"), 0.001, name)
	}
}

func TestALateReaderBeginsAtZero(t *testing.T) {
	needFFmpeg(t)
	dir, ctx := segmentDir(t), within(t)
	c := testClip(0)
	w, err := framebuf.Create("cam", c.format, &framebuf.Options{Dir: dir, Linger: -1, Template: c.info})
	require.NoError(t, err)
	for k := range 10 {
		require.NoError(t, w.Publish(ctx, func(s *framebuf.Slot) error { s.Info.PTS = int64(k) * 1000; return nil }))
	}
	path := output(t, "out.mkv")
	e, err := Open(ctx, "cam", path, &Options{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	_, err = e.Run(ctx)
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.Zero(t, probe(t, path).times(t, "video")[0])
}

func TestFramesWithoutTimes(t *testing.T) {
	c := testClip(0)
	for range 10 {
		c.pts = append(c.pts, framebuf.NoPTS)
	}
	c.info.Rate = framebuf.Rational{Num: 10, Den: 1}
	c.info.TimeBase = framebuf.Rational{}
	var notes []string
	path, r := encodeClip(t, c, "out.mkv", &Options{OnNote: func(text string) { notes = append(notes, text) }})
	require.EqualValues(t, 10, r.Untimed)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "10 frames a second")
	got := probe(t, path).times(t, "video")
	require.Len(t, got, 10)
	require.InDelta(t, 0.9, got[9], 0.001)
}

func TestColour(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*clip)
		want   string // range, matrix
	}{
		{"RGB, small", func(*clip) {}, "tv smpte170m"},
		{"RGB, large", func(c *clip) { c.format.Width, c.format.Height = 1280, 720 }, "tv bt709"},
		{"YUV that says", func(c *clip) {
			c.format.PixelFormat = framebuf.YUV420P
			c.info.Color = framebuf.Color{Range: framebuf.RangeFull, Matrix: 1, Primaries: 1, Transfer: 1}
		}, "pc bt709"},
		{"gray", func(c *clip) { c.format.PixelFormat = framebuf.Gray8 }, "tv smpte170m"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := testClip(3)
			row.change(&c)
			path, _ := encodeClip(t, c, "out.mp4", nil)
			s := probe(t, path).Streams[0]
			require.Equal(t, row.want, s.ColorRange+" "+s.ColorSpace)
			require.Contains(t, []string{"yuv420p", "yuvj420p"}, s.PixFmt)
		})
	}
}

func TestEveryPixelFormatArrives(t *testing.T) {
	longRun(t)
	for _, p := range everyFormat(t) {
		t.Run(p.String(), func(t *testing.T) {
			c := testClip(5)
			c.format.PixelFormat = p
			path, r := encodeClip(t, c, "out.mkv", &Options{Codec: "ffv1"})
			require.EqualValues(t, 5, r.FramesOut)
			require.Len(t, probe(t, path).times(t, "video"), 5)
		})
	}
}

func TestOddSizesArePadded(t *testing.T) {
	c := testClip(3)
	c.format.Width, c.format.Height = 63, 47
	var notes []string
	path, _ := encodeClip(t, c, "out.mp4", &Options{OnNote: func(text string) { notes = append(notes, text) }})
	s := probe(t, path).Streams[0]
	require.Equal(t, []int{64, 48}, []int{s.Width, s.Height})
	require.Len(t, notes, 1)
}

func TestPixelAspectIsKept(t *testing.T) {
	c := testClip(3)
	c.info.Aspect = framebuf.Rational{Num: 12, Den: 11}
	path, _ := encodeClip(t, c, "out.mp4", nil)
	require.Equal(t, "12:11", probe(t, path).Streams[0].Aspect)
}

func TestAlphaIsKept(t *testing.T) {
	for _, name := range []string{"out.webm", "out.mov", "out.gif"} {
		t.Run(name, func(t *testing.T) {
			c := testClip(3)
			c.info.Alpha = framebuf.AlphaStraight
			path, _ := encodeClip(t, c, name, nil)
			args := []string{"-v", "error"}
			if name == "out.webm" {
				args = append(args, "-c:v", "libvpx-vp9")
			}
			args = append(args, "-i", path, "-vf", "format=rgba,alphaextract,format=gray", "-frames:v", "1", "-f", "rawvideo", "-")
			alpha, err := exec.Command("ffmpeg", args...).Output()
			require.NoError(t, err)
			require.Len(t, alpha, 64*48)
			low, high := 255, 0
			for _, a := range alpha {
				low, high = min(low, int(a)), max(high, int(a))
			}
			require.Less(t, low, 40, "transparent somewhere")
			require.Greater(t, high, 215, "opaque somewhere")
		})
	}
}

func TestOpaqueFramesHaveNoAlpha(t *testing.T) {
	path, _ := encodeClip(t, testClip(3), "out.webm", nil)
	require.Empty(t, probe(t, path).Streams[0].Tags["alpha_mode"])
}

func TestAnotherSizeIsScaledIntoTheFirst(t *testing.T) {
	c := testClip(20)
	c.each = func(w *framebuf.Writer, k int) error {
		if k == 10 {
			return w.SetFormat(context.Background(), framebuf.Format{PixelFormat: framebuf.RGBA, Width: 320, Height: 200})
		}
		return nil
	}
	var notes []string
	path, r := encodeClip(t, c, "out.mp4", &Options{OnNote: func(text string) { notes = append(notes, text) }})
	require.EqualValues(t, 20, r.FramesOut)
	require.EqualValues(t, 10, r.Resized)
	s := probe(t, path).Streams[0]
	require.Equal(t, []int{64, 48}, []int{s.Width, s.Height})
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "64x48")
}

func TestEqualTimesAreKeptApart(t *testing.T) {
	c := testClip(0)
	c.pts = []int64{0, 0, 40, 40, 80, 80}
	path, r := encodeClip(t, c, "out.mp4", nil)
	require.EqualValues(t, 6, r.FramesOut)
	require.EqualValues(t, 3, r.Retimed)
	require.InDeltaSlice(t, []float64{0, 0.001, 0.04, 0.041, 0.08, 0.081}, probe(t, path).times(t, "video"), 1e-6)
}

func TestNewestCountsWhatItMissed(t *testing.T) {
	mode := framebuf.Newest
	c := testClip(200)
	needFFmpeg(t)
	path := output(t, "out.mkv")
	dir := segmentDir(t)
	c.o.Linger = 200 * time.Millisecond
	c.publish(t, dir, "cam")
	first := int64(-1)
	e, err := Open(within(t), "cam", path, &Options{Dir: dir, Mode: &mode, OnFrame: func(i *framebuf.Info, _ time.Time) {
		if first < 0 {
			first = int64(i.Number)
		}
	}})
	require.NoError(t, err)
	r, err := e.Run(within(t))
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.Equal(t, r.FramesIn, r.FramesOut)
	require.EqualValues(t, 200-first, r.FramesIn+r.Missed)
}

func TestPaceSourceTakesAsLongAsTheClip(t *testing.T) {
	c := testClip(0)
	c.pts = []int64{3000, 3100, 3400}
	var times []time.Time
	_, r := encodeClip(t, c, "out.mkv", &Options{Pace: PaceSource, OnFrame: func(_ *framebuf.Info, at time.Time) { times = append(times, at) }})
	require.EqualValues(t, 3, r.FramesOut)
	require.GreaterOrEqual(t, times[2].Sub(times[0]), 390*time.Millisecond)
}

func TestOutputArgsAndStandardOutput(t *testing.T) {
	needFFmpeg(t)
	path := output(t, "out.bin")
	f, err := os.Create(path)
	require.NoError(t, err)
	_, err = encodeTo(t, testClip(10), "mkv:-", &Options{Stdout: f, OutputArgs: []string{"-metadata", "title=hello"}, Codec: "ffv1"})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	p := probe(t, path)
	require.Contains(t, p.Format.Name, "matroska")
	require.Len(t, p.times(t, "video"), 10)
	require.Equal(t, "ffv1", p.Streams[0].CodecName)
}

// An argument that ends the output early is no failure.
func TestFFmpegMayEndFirst(t *testing.T) {
	path, r := encodeClip(t, testClip(300), "out.mkv", &Options{OutputArgs: []string{"-frames:v", "5"}})
	require.Len(t, probe(t, path).times(t, "video"), 5)
	require.EqualValues(t, 5, r.FramesOut)
	require.False(t, r.Interrupted)
}

func TestSplicedFilesAreTheSame(t *testing.T) {
	needFFmpeg(t)
	c := testClip(12) // each slot again and again
	c.format.Width, c.format.Height = 1280, 720
	got := map[bool]string{}
	for _, way := range []bool{false, true} {
		path := output(t, "out.mkv")
		r, err := encodeTo(t, c, path, &Options{Splice: way, Codec: "ffv1"})
		require.NoError(t, err)
		require.Equal(t, way, r.Spliced)
		sums, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-f", "framemd5", "-").Output()
		require.NoError(t, err)
		got[way] = string(sums)
	}
	require.Equal(t, 12, strings.Count(got[false], "\n0,"))
	require.Equal(t, got[false], got[true])
}

func TestFollowGoesOnWithTheNextWriter(t *testing.T) {
	needFFmpeg(t)
	dir, path := segmentDir(t), output(t, "out.mkv")
	testClip(10).publish(t, dir, "cam")
	ctx, cancel := context.WithCancel(within(t))
	frames := 0
	second := make(chan struct{})
	e, err := Open(ctx, "cam", path, &Options{Dir: dir, Follow: true, OnFrame: func(*framebuf.Info, time.Time) {
		if frames++; frames == 10 {
			close(second)
		}
		if frames == 25 {
			cancel()
		}
	}})
	require.NoError(t, err)
	go func() {
		<-second
		c := testClip(15)
		c.o.Dir, c.o.Template, c.o.Linger = dir, c.info, -1
		var w *framebuf.Writer
		for {
			if w, err = framebuf.Create("cam", c.format, &c.o); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		_ = c.write(ctx, w)
	}()
	r, err := e.Run(ctx)
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.True(t, r.Interrupted)
	require.EqualValues(t, 25, r.FramesOut)
	got := probe(t, path).times(t, "video")
	require.Len(t, got, 25)
	for k := 1; k < len(got); k++ {
		require.Greater(t, got[k], got[k-1])
	}
}

func TestCommandHidesSecrets(t *testing.T) {
	needFFmpeg(t)
	dir := segmentDir(t)
	testClip(1).publish(t, dir, "cam")
	e, err := Open(within(t), "cam", "rtmp://127.0.0.1/app/the-key", &Options{Dir: dir})
	require.NoError(t, err)
	require.NotContains(t, strings.Join(e.Command(), " "), "the-key")
	require.Contains(t, e.Command(), "rtmp://127.0.0.1/app/***")
	require.NoError(t, e.Close())
	require.NoError(t, e.Close())
	_, err = e.Run(within(t))
	require.ErrorIs(t, err, ErrClosed)
}

func TestHLSIsAFolderOfSegments(t *testing.T) {
	c := testClip(150)
	path, _ := encodeClip(t, c, "live.m3u8", nil)
	parts, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.ts"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(parts), 3, "6 s in parts of about 2 s")
}

func TestLevelFollowsTheRate(t *testing.T) {
	c := testClip(0)
	c.info.TimeBase, c.info.Rate = framebuf.Rational{Num: 1, Den: 1000000}, framebuf.Rational{Num: 30, Den: 1}
	for k := range 10 {
		c.pts = append(c.pts, int64(k)*33333)
	}
	path, _ := encodeClip(t, c, "out.mp4", nil)
	p := probe(t, path)
	require.LessOrEqual(t, p.Streams[0].Level, 31)
	got := p.times(t, "video")
	for k := range got {
		require.InDelta(t, float64(k)*0.033333, got[k], 1e-6, strconv.Itoa(k))
	}
}

// Crop, rotation and field order of the first frame reach the output.
func TestFramesAreShownAsTheySay(t *testing.T) {
	longRun(t)
	for _, row := range []struct {
		name    string
		info    framebuf.Info
		w, h    int
		aspect  string
		field   string
		brights [4]bool // corners: top left, top right, bottom left, bottom right
		notes   int
	}{
		{"as they are", framebuf.Info{}, 64, 48, "N/A", "progressive", [4]bool{true, false, false, false}, 0},
		{"turned by 90", framebuf.Info{Rotation: 90, Aspect: framebuf.Rational{Num: 2, Den: 1}}, 48, 64, "1:2", "progressive", [4]bool{false, true, false, false}, 0},
		{"turned by 180", framebuf.Info{Rotation: 180}, 64, 48, "N/A", "progressive", [4]bool{false, false, false, true}, 0},
		{"turned by 270", framebuf.Info{Rotation: 270}, 48, 64, "N/A", "progressive", [4]bool{false, false, true, false}, 0},
		{"turned by 45", framebuf.Info{Rotation: 45}, 64, 48, "N/A", "progressive", [4]bool{true, false, false, false}, 1},
		{"cropped, then turned", framebuf.Info{Rotation: 90, Crop: framebuf.Crop{Right: 24, Bottom: 8}}, 40, 40, "N/A", "progressive", [4]bool{false, true, false, false}, 0},
		{"the bright corner cropped", framebuf.Info{Crop: framebuf.Crop{Left: 32}}, 32, 48, "N/A", "progressive", [4]bool{}, 0},
		{"nothing left", framebuf.Info{Crop: framebuf.Crop{Left: 32, Right: 32}}, 64, 48, "N/A", "progressive", [4]bool{true, false, false, false}, 1},
		{"interlaced", framebuf.Info{FieldOrder: framebuf.TopFirst}, 64, 48, "N/A", "tt", [4]bool{true, false, false, false}, 0},
		{"interlaced, an odd row cropped", framebuf.Info{FieldOrder: framebuf.TopFirst, Crop: framebuf.Crop{Top: 1, Bottom: 3}}, 64, 44, "N/A", "bb", [4]bool{true, false, false, false}, 0},
		{"interlaced, another height", framebuf.Info{FieldOrder: framebuf.TopFirst, Crop: framebuf.Crop{Bottom: 2}}, 64, 46, "N/A", "progressive", [4]bool{true, false, false, false}, 1},
		{"interlaced and turned", framebuf.Info{FieldOrder: framebuf.BottomFirst, Rotation: 180}, 64, 48, "N/A", "progressive", [4]bool{false, false, false, true}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := testClip(5)
			c.info.Rotation, c.info.Crop, c.info.FieldOrder, c.info.Aspect = row.info.Rotation, row.info.Crop, row.info.FieldOrder, row.info.Aspect
			c.paint = func(b []byte, _ int) { // white in the first quarter
				for at := range b {
					b[at] = 0
					if x, y := at/4%64, at/4/64; x < 32 && y < 24 || at%4 == 3 {
						b[at] = 255
					}
				}
			}
			var notes []string
			path, r := encodeClip(t, c, "out.mp4", &Options{OnNote: func(text string) { notes = append(notes, text) }})
			require.EqualValues(t, 5, r.FramesOut)
			require.Len(t, notes, row.notes, "%v", notes)
			s := probe(t, path).Streams[0]
			require.Equal(t, []int{row.w, row.h}, []int{s.Width, s.Height})
			require.Equal(t, row.field, s.FieldOrder)
			if row.aspect != "N/A" {
				require.Equal(t, row.aspect, s.Aspect)
			}
			b, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo", "-").Output()
			require.NoError(t, err)
			require.Len(t, b, row.w*row.h)
			var got [4]bool
			for k := range got {
				x, y := 4+k%2*(row.w-8), 4+k/2*(row.h-8)
				got[k] = b[y*row.w+x] > 128
			}
			require.Equal(t, row.brights, got)
		})
	}
}

func TestRotationThatChangesIsNoted(t *testing.T) {
	c := testClip(6)
	var notes []string
	c.turn = func(i *framebuf.Info, k int) { i.Rotation = uint16(k / 3 * 90) }
	_, r := encodeClip(t, c, "out.mkv", &Options{OnNote: func(text string) { notes = append(notes, text) }})
	require.EqualValues(t, 6, r.FramesOut)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "rotation")
}
