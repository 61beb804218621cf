// Tests with the real ffmpeg: its muxer into our Reader, our Writer into its
// demuxer. The judge is ffmpeg's own list of frames, -f framemd5.

package nut

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every ffmpeg of these tests. It is there for a hang, not for
// a slow machine.
const patience = 2 * time.Minute

// needFFmpeg skips the test without ffmpeg, unless it must be there.
func needFFmpeg(tb testing.TB) {
	tb.Helper()
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
			tb.Fatalf("%s is not installed, and FRAMEBRIDGE_NEED_FFMPEG is set", name)
		}
		tb.Skipf("%s is not installed", name)
	}
}

// ff runs a command to its end and returns its standard output.
func ff(tb testing.TB, stdin io.Reader, name string, args ...string) []byte {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &errs
	require.NoError(tb, cmd.Run(), "%s\n%s", cmd, &errs)
	return out.Bytes()
}

// listed is a frame as ffmpeg or we list it. at is its exact time.
type listed struct {
	stream int
	at     string
	size   int64
	md5    string
}

// exactTime writes ticks of a time base as a fraction of a second in lowest
// terms.
func exactTime(ticks int64, base Rational) string {
	if ticks == 0 {
		return "0"
	}
	return Rational{ticks * base.Num, base.Den}.reduced().String()
}

// parseFramemd5 reads what ffmpeg -f framemd5 prints.
func parseFramemd5(tb testing.TB, text []byte) []listed {
	tb.Helper()
	bases := map[int]Rational{}
	var out []listed
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "#tb "); ok {
			id, tb64, _ := strings.Cut(rest, ": ")
			q, ok := parseRational(tb64)
			n, err := strconv.Atoi(id)
			require.True(tb, ok && err == nil, line)
			bases[n] = q
		}
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, ",")
		require.Len(tb, f, 6, line)
		var n [5]int64
		for i := range n {
			var err error
			n[i], err = strconv.ParseInt(strings.TrimSpace(f[i]), 10, 64)
			require.NoError(tb, err, line)
		}
		out = append(out, listed{int(n[0]), exactTime(n[2], bases[int(n[0])]), n[4], strings.TrimSpace(f[5])})
	}
	return out
}

// listOf lists the frames of a NUT stream as our Reader sees them.
func listOf(tb testing.TB, in []byte) ([]Stream, []listed) {
	tb.Helper()
	r := NewReader(bytes.NewReader(in), nil)
	streams, err := r.ReadHeader()
	require.NoError(tb, err)
	text, err := drain(r)
	require.NoError(tb, err)
	var out []listed
	for line := range strings.Lines(text) {
		var l listed
		var pts int64
		_, err := fmt.Sscan(line, &l.stream, &pts, &l.size, &l.md5)
		require.NoError(tb, err)
		l.at = exactTime(pts, streams[l.stream].TimeBase)
		out = append(out, l)
	}
	streams, err = r.ReadHeader()
	require.NoError(tb, err)
	return streams, out
}

// byStream puts the frames of each stream together: the order between streams
// is the muxer's.
func byStream(list []listed) map[int][]listed {
	m := map[int][]listed{}
	for _, l := range list {
		m[l.stream] = append(m[l.stream], l)
	}
	return m
}

// sameFrames compares two lists, and says where they part.
func sameFrames(tb testing.TB, want, got []listed) {
	tb.Helper()
	w, g := byStream(want), byStream(got)
	require.Len(tb, g, len(w), "streams with frames")
	for id := range w {
		for i := range min(len(w[id]), len(g[id])) {
			require.Equal(tb, w[id][i], g[id][i], "stream %d, frame %d", id, i)
		}
		require.Len(tb, g[id], len(w[id]), "frames of stream %d", id)
	}
}

// capture runs one ffmpeg with two outputs of the same frames: NUT and
// framemd5.
func capture(tb testing.TB, input, output, nutArgs []string) (nut, md5 []byte) {
	tb.Helper()
	needFFmpeg(tb)
	dir := tb.TempDir()
	file := filepath.Join(dir, "md5")
	args := append([]string{"-nostdin", "-v", "error"}, input...)
	args = append(append(args, output...), append(append([]string{"-f", "nut", "-write_index", "0"}, nutArgs...), "pipe:1")...)
	args = append(append(args, output...), "-f", "framemd5", file)
	nut = ff(tb, nil, "ffmpeg", args...)
	md5, err := os.ReadFile(file)
	require.NoError(tb, err)
	return nut, md5
}

func lavfi(graph string) []string { return []string{"-f", "lavfi", "-i", graph} }

func TestFromFFmpeg(t *testing.T) {
	const (
		variable = ",settb=1/1000000,setpts=N*41667+mod(N*N\\,7)*3001"
		jumps    = ",settb=1/90000,setpts=if(lt(N\\,5)\\,N*3000\\,900000000+N*3003)"
	)
	type row struct {
		name   string
		input  []string
		output []string
		nut    []string
		frames int // of stream 0
	}
	rows := []row{}
	for _, f := range []string{"rgba", "bgra", "rgb24", "bgr24", "gray", "yuv420p", "nv12"} {
		for _, size := range []string{"320x240", "63x47"} {
			rows = append(rows, row{
				f + " " + size, lavfi("testsrc2=s=" + size + ":r=25:d=0.4"),
				[]string{"-fps_mode", "passthrough", "-enc_time_base:v", "1/25", "-c:v", "rawvideo", "-pix_fmt", f},
				nil, 10,
			})
		}
	}
	raw := func(base string) []string {
		return []string{"-fps_mode", "passthrough", "-enc_time_base:v", base, "-c:v", "rawvideo", "-pix_fmt", "rgba"}
	}
	withSound := []string{"-f", "lavfi", "-i", "sine=440:r=48000:d=1", "-map", "0:v", "-map", "1:a", "-c:a", "pcm_s16le"}
	rows = append(
		rows,
		row{"time base 1/15360", lavfi("testsrc2=s=64x48:r=30:d=1,settb=1/15360"), raw("1/15360"), nil, 30},
		row{"time base 1001/30000", lavfi("testsrc2=s=64x48:r=30000/1001:d=1"), raw("1001/30000"), nil, 30},
		row{"time base 1/1000000", lavfi("testsrc2=s=64x48:r=30:d=1"), raw("1/1000000"), nil, 30},
		row{"time base 1/1000000, a step over 16 bits", lavfi("testsrc2=s=64x48:r=25:d=1"), raw("1/1000000"), nil, 25},
		row{"variable rate", lavfi("testsrc2=s=64x48:r=24:d=1" + variable), raw("1/1000000"), nil, 24},
		row{"times jump ahead", lavfi("testsrc2=s=64x48:r=30:d=1" + jumps), raw("1/90000"), nil, 30},
		row{"one pixel", lavfi("testsrc2=s=16x16:r=25:d=1,scale=1:1"), raw("1/25"), nil, 25},
		row{"frames of a megabyte", lavfi("testsrc2=s=640x480:r=25:d=1"), raw("1/25"), nil, 25},
		row{"with sound", append(lavfi("testsrc2=s=160x120:r=25:d=1"), withSound...), raw("1/25"), nil, 25},
		row{"variable rate with sound", append(lavfi("testsrc2=s=160x120:r=24:d=1"+variable), withSound...), raw("1/1000000"), nil, 24},
		row{"f32le, 6 channels", lavfi("sine=r=44100:d=1,aformat=channel_layouts=5.1"), []string{"-c:a", "pcm_f32le"}, nil, 44},
		row{"with index", lavfi("testsrc2=s=64x48:r=25:d=4"), raw("1/25"), []string{"-write_index", "1"}, 100},
		row{
			"version 4: no syncpoints", append(lavfi("testsrc2=s=160x120:r=25:d=1"), withSound...), raw("1/25"),
			[]string{"-strict", "experimental", "-syncpoints", "none"},
			25,
		},
		row{
			"version 4: syncpoints with the wall clock", append(lavfi("testsrc2=s=160x120:r=25:d=1"), withSound...), raw("1/25"),
			[]string{"-strict", "experimental", "-syncpoints", "timestamped"},
			25,
		},
	)
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			nut, md5 := capture(t, tt.input, tt.output, tt.nut)
			want := parseFramemd5(t, md5)
			streams, list := listOf(t, nut)
			require.Len(t, byStream(want)[0], tt.frames)
			sameFrames(t, want, list)
			require.Len(t, streams, len(byStream(want)))
		})
	}
}

func TestStreamsFromFFmpeg(t *testing.T) {
	nut, _ := capture(t, append(lavfi("testsrc2=s=62x46:r=30000/1001:d=0.2,setsar=4/3"),
		"-f", "lavfi", "-i", "sine=r=44100:d=0.2,aformat=channel_layouts=stereo", "-map", "0:v", "-map", "1:a"),
		[]string{"-c:v", "rawvideo", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le"}, nil)
	streams, _ := listOf(t, nut)
	require.Equal(t, []Stream{
		{
			Class: ClassVideo, Tag: "I420", TimeBase: Rational{1, 60000}, FrameRate: Rational{30000, 1001},
			Width: 62, Height: 46, SampleAspect: Rational{4, 3},
		},
		{Class: ClassAudio, Tag: "PSD\x10", TimeBase: Rational{1, 44100}, SampleRate: Rational{44100, 1}, Channels: 2},
	}, streams)
}

// TestSizeChangeFromFFmpeg: the header keeps the first size, but the lengths of
// the packets stay true.
func TestSizeChangeFromFFmpeg(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	for _, size := range []string{"320x240", "640x360"} {
		ff(t, nil, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s="+size+":r=25:d=1",
			"-c:v", "mpeg4", "-f", "mpegts", filepath.Join(dir, size+".ts"))
	}
	nut, md5 := capture(t,
		[]string{"-i", "concat:" + filepath.Join(dir, "320x240.ts") + "|" + filepath.Join(dir, "640x360.ts")},
		[]string{"-noautoscale", "-fps_mode", "passthrough", "-enc_time_base:v", "1/90000", "-c:v", "rawvideo", "-pix_fmt", "rgba"}, nil)
	streams, list := listOf(t, nut)
	require.Equal(t, [2]int{320, 240}, [2]int{streams[0].Width, streams[0].Height})
	sameFrames(t, parseFramemd5(t, md5), list)
	count := map[int64]int{}
	for _, l := range list {
		count[l.size]++
	}
	require.Len(t, count, 2)
	require.Greater(t, count[320*240*4], 20)
	require.Greater(t, count[640*360*4], 20)
}

// TestTagsOfFFmpeg asks ffmpeg what tag it writes for every entry of the tables.
func TestTagsOfFFmpeg(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	args := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=s=16x8:d=0.04", "-f", "lavfi", "-i", "sine=d=0.02"}
	add := func(name string, how ...string) string {
		file := filepath.Join(dir, name+".nut")
		args = append(append(args, how...), "-f", "nut", file)
		return file
	}
	want := map[string]string{}
	for _, f := range pixelFormats() {
		want[add(f.name, "-map", "0:v", "-c:v", "rawvideo", "-pix_fmt", f.name)] = f.tag
	}
	for _, f := range pcmCodecs() {
		want[add(f.name, "-map", "1:a", "-c:a", f.name)] = f.tag
	}
	// No tag of their own: if that changes, they can go into the table.
	for _, name := range []string{"p010le", "p016le", "grayf32le"} {
		want[add(name, "-map", "0:v", "-c:v", "rawvideo", "-pix_fmt", name)] = "RGB\x0f"
	}
	ff(t, nil, "ffmpeg", args...)
	for file, tag := range want {
		nut, err := os.ReadFile(file)
		require.NoError(t, err)
		streams, list := listOf(t, nut)
		require.Equal(t, tag, streams[0].Tag, file)
		require.Len(t, list, 1, file)
		if f, ok := byTag(pcmCodecs(), tag); ok {
			require.Equal(t, int64(882*f.sampleBytes), list[0].size, file)
		}
	}
}

// TestTagsToFFmpeg asks ffmpeg what it takes every tag of the tables for: one
// stream for each, all in one NUT.
func TestTagsToFFmpeg(t *testing.T) {
	needFFmpeg(t)
	var streams []Stream
	var want []string
	for _, f := range pixelFormats() {
		streams = append(streams, Stream{Class: ClassVideo, Tag: f.tag, TimeBase: Rational{1, 25}, Width: 16, Height: 8})
		want = append(want, "rawvideo,"+f.name)
	}
	for _, f := range pcmCodecs() {
		s := sound(44100, 1)
		s.Tag = f.tag
		streams = append(streams, s)
		want = append(want, f.name)
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, streams, nil)
	require.NoError(t, err)
	for i := range streams {
		require.NoError(t, w.WriteFrame(i, 0, make([]byte, 16*8*24)))
	}
	got := ff(t, &out, "ffprobe", "-v", "quiet", "-f", "nut", "-show_entries", "stream=codec_name,pix_fmt", "-of", "csv=p=0", "pipe:0")
	require.Equal(t, want, strings.Fields(string(got)))
}
