package encode

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// childEnv makes the test binary run as another process: see TestMain.
const childEnv = "FRAMEBRIDGE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "writer" {
		os.Exit(writerProcess())
	}
	forget, err := testbed.RememberLists()
	if err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/framebridge/framebridge/internal/ffproc.runStarter"),
		goleak.Cleanup(func(code int) {
			forget()
			os.Exit(code)
		}))
}

// needFFmpeg skips the test where there is no ffmpeg, unless the environment says
// that there must be one.
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

// segmentDir is an empty directory of segments in memory. It must be empty again
// at the end.
func segmentDir(t testing.TB) string {
	t.Helper()
	return testbed.Dir(t)
}

func within(t testing.TB) context.Context {
	t.Helper()
	return testbed.Within(t, 2*time.Minute)
}

// clip is what a test's writer publishes.
type clip struct {
	format framebuf.Format
	info   framebuf.Info // the template
	o      framebuf.Options
	pts    []int64
	// each is called for each frame before it is drawn. May be nil.
	each func(w *framebuf.Writer, k int) error
	// paint draws frame k. Default: draw.
	paint func(b []byte, k int)
	// turn changes what frame k says of itself. May be nil.
	turn func(i *framebuf.Info, k int)
	// then is called when all frames are published, before the end. May be nil.
	then func(w *framebuf.Writer)
}

// testClip is n frames of 25 a second in ticks of 1/1000.
func testClip(n int) clip {
	c := clip{format: framebuf.Format{PixelFormat: framebuf.RGBA, Width: 64, Height: 48}}
	c.info.TimeBase, c.info.Rate = framebuf.Rational{Num: 1, Den: 1000}, framebuf.Rational{Num: 25, Den: 1}
	for k := range n {
		c.pts = append(c.pts, int64(k)*40)
	}
	return c
}

// publish writes the clip into the segment, in the background, and ends it in
// order. It begins when a reader has registered.
func (c clip) publish(t testing.TB, dir, name string) {
	t.Helper()
	c.o.Dir, c.o.Template = dir, c.info
	if c.o.Linger == 0 {
		c.o.Linger = -1
	}
	w, err := framebuf.Create(name, c.format, &c.o)
	require.NoError(t, err)
	ctx := within(t)
	done := make(chan error, 1)
	go func() { done <- c.write(ctx, w) }()
	t.Cleanup(func() { require.NoError(t, <-done) })
}

func (c clip) write(ctx context.Context, w *framebuf.Writer) (err error) {
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := w.AwaitReaders(ctx, 1); err != nil {
		return err
	}
	for k, pts := range c.pts {
		if c.each != nil {
			if err := c.each(w, k); err != nil {
				return err
			}
		}
		err := w.Publish(ctx, func(s *framebuf.Slot) error {
			s.Info.PTS = pts
			if c.turn != nil {
				c.turn(&s.Info, k)
			}
			if c.paint != nil {
				c.paint(s.Bytes(), k)
			} else {
				draw(s.Bytes(), &s.Info, k)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if c.then != nil {
		c.then(w)
	}
	return nil
}

// draw makes frame k: a gradient that moves, opaque unless the template says that
// there is alpha.
func draw(b []byte, i *framebuf.Info, k int) {
	for at := range b {
		b[at] = byte(at/97 + 3*k)
	}
	if i.PixelFormat.HasAlpha() {
		for at := 3; at < len(b); at += 4 {
			b[at] = 255
			if i.Alpha != framebuf.AlphaNone {
				b[at] = byte(at / 16)
			}
		}
	}
}

// probed is what ffprobe says of a file.
type probed struct {
	Streams []struct {
		CodecType    string `json:"codec_type"`
		CodecName    string `json:"codec_name"`
		PixFmt       string `json:"pix_fmt"`
		Level        int
		Width        int
		Height       int
		TimeBase     string            `json:"time_base"`
		ColorRange   string            `json:"color_range"`
		ColorSpace   string            `json:"color_space"`
		FieldOrder   string            `json:"field_order"`
		Aspect       string            `json:"sample_aspect_ratio"`
		RFrameRate   string            `json:"r_frame_rate"`
		AvgFrameRate string            `json:"avg_frame_rate"`
		Tags         map[string]string `json:"tags"`
	}
	Packets []struct {
		CodecType string `json:"codec_type"`
		PTSTime   string `json:"pts_time"`
		Duration  string `json:"duration_time"`
	}
	Format struct {
		Name      string `json:"format_name"`
		Duration  string
		StartTime string `json:"start_time"`
	}
}

func probe(t testing.TB, path string) probed {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_packets", "-show_format", path).Output()
	require.NoError(t, err, "ffprobe %s", path)
	var p probed
	require.NoError(t, json.Unmarshal(out, &p))
	return p
}

// times are the PTS of the packets of a kind, in seconds, in order of display.
func (p probed) times(t testing.TB, kind string) (list []float64) {
	t.Helper()
	for _, packet := range p.Packets {
		if packet.CodecType == kind {
			sec, err := strconv.ParseFloat(packet.PTSTime, 64)
			require.NoError(t, err)
			at := len(list)
			for at > 0 && list[at-1] > sec {
				at--
			}
			list = append(list[:at], append([]float64{sec}, list[at:]...)...)
		}
	}
	return list
}

// output is a path in a folder of the test.
func output(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(t.TempDir(), name)
}

// lastLines is a stderr for failure messages.
func lastLines(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// longRun leaves a test to the run without -short: a table of media or of refusals, whose
// rows all go the same way through our goroutines, which other tests take in the short run.
func longRun(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to the run without -short")
	}
}
