package ffargs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

func input(t testing.TB, s string) ffargs.Input {
	t.Helper()
	in, err := ffargs.ParseInput(s)
	require.NoError(t, err)
	return in
}

// withoutLists leaves the white lists out: they are long and have tests of their own.
func withoutLists(args []string) string {
	var kept []string
	for i := 0; i < len(args); i++ {
		if strings.HasSuffix(args[i], "_whitelist") {
			i++
			continue
		}
		kept = append(kept, args[i])
	}
	return strings.Join(kept, " ")
}

func TestCaptureArgs(t *testing.T) {
	const (
		begin  = "-hide_banner -nostdin -loglevel level+info -nostats -max_alloc "
		front  = begin + "350224384 " // 8 bytes for each of 8192x4320 pixels, and 64 MiB
		output = " -f nut -c:v rawvideo -enc_time_base:v 1/12800 -fps_mode passthrough -max_interleave_delta 100000 -noautoscale -threads:v 1 -write_index 0 pipe:1"
		null   = " -f null -fps_mode passthrough -noautoscale pipe:1"
		sound  = " -filter_complex color=size=16x16:duration=0.04[framebridgenobody] -map [framebridgenobody] -map 0:a:0? -f nut -c:v rawvideo -c:a pcm_s16le "
	)
	tb := ffargs.Ratio{Num: 1, Den: 12800}
	for _, tt := range []struct {
		name string
		c    ffargs.Capture
		want string
	}{
		{
			"file",
			ffargs.Capture{Input: input(t, "/clips/a.mp4"), PixelFormat: "rgba", TimeBase: tb},
			front + "-max_pixels 35389440 -i file:/clips/a.mp4 -filter_complex [0:V:0]showinfo=checksum=0[s0];[s0]format=pix_fmts=rgba[s1] -map [s1]" + output,
		},
		{
			"everything",
			ffargs.Capture{
				Input: input(t, "/clips/a.mp4"), PixelFormat: "yuv420p", TimeBase: tb, InputArgs: []string{"-an", "-threads", "1"}, Picture: ffargs.StreamIndex(2),
				HWAccel: "auto", Seek: 1500 * time.Millisecond, Duration: time.Minute, Loop: -1, Realtime: true, Filter: "split[a][b];[b]hflip[c];[a][c]hstack",
				Rate: ffargs.Ratio{Num: 30000, Den: 1001}, Width: 320, Height: 180, ColorMatrix: "bt709",
			},
			begin + "2147483647 -hwaccel auto -max_pixels 35389440 -re -ss 1.5 -stream_loop -1 -t 60 -an -threads 1 -i file:/clips/a.mp4 " +
				"-filter_complex [0:2]split[a][b];[b]hflip[c];[a][c]hstack[s0];[s0]fps=fps=30000/1001[s1];[s1]scale=flags=bicubic:h=180:in_color_matrix=bt709:w=320[s2];" +
				"[s2]format=pix_fmts=yuv420p[s3];[s3]showinfo=checksum=0[s4] -map [s4]" + output,
		},
		{
			"live",
			ffargs.Capture{Input: input(t, "rtsp://u:p@cam/1"), PixelFormat: "rgba", TimeBase: tb},
			front + "-analyzeduration 500000 -flags low_delay -max_pixels 35389440 -rtsp_transport tcp -i rtsp://u:p@cam/1 " +
				"-filter_complex [0:V:0]showinfo=checksum=0[s0];[s0]format=pix_fmts=rgba[s1] -map [s1]" + output,
		},
		{
			"sound",
			ffargs.Capture{Input: input(t, "lavfi:testsrc2[out0];sine[out1]"), PixelFormat: "rgba", Audio: true},
			front + "-f lavfi -max_pixels 35389440 -i testsrc2[out0];sine[out1] -filter_complex [0:V:0]showinfo=checksum=0[s0];[s0]format=pix_fmts=rgba[s1] -map [s1] " +
				"-f nut -c:v rawvideo -enc_time_base:v 1/1000000 -fps_mode passthrough -max_interleave_delta 100000 -noautoscale -threads:v 1 -write_index 0 pipe:1" +
				sound + "-max_interleave_delta 1 -output_ts_offset 86400 -write_index 0 pipe:3",
		},
		{
			"plug-in",
			ffargs.Capture{Input: input(t, "/clips/a.mp4"), PixelFormat: "bgra", TimeBase: tb, Lane: 3},
			front + "-max_pixels 35389440 -i file:/clips/a.mp4 -filter_complex [0:V:0]showinfo=checksum=0[s0];[s0]format=pix_fmts=bgra[s1];" +
				"[s1]frei0r=filter_name=framebridge_lane:filter_params=3[s2] -map [s2]" + null,
		},
		{
			"plug-in, and sound",
			ffargs.Capture{Input: input(t, "lavfi:testsrc2[out0];sine[out1]"), PixelFormat: "rgba", Audio: true, Lane: 4, Filter: "hflip", Width: 63, Height: 47},
			begin + "2147483647 -f lavfi -max_pixels 35389440 -i testsrc2[out0];sine[out1] -filter_complex [0:V:0]hflip[s0];[s0]scale=flags=bicubic:h=47:w=63[s1];" +
				"[s1]showinfo=checksum=0[s2];[s2]format=pix_fmts=rgba[s3];[s3]frei0r=filter_name=framebridge_lane:filter_params=4[s4] -map [s4]" + null +
				sound + "-max_interleave_delta 1 -output_ts_offset 86400 -write_index 0 pipe:3",
		},
		{
			"sound of a known form",
			ffargs.Capture{Input: input(t, "/clips/a.mp4"), PixelFormat: "rgba", TimeBase: tb, Audio: true, AudioFormat: ffargs.AudioFormat{Rate: 44100, Layout: "5.1(side)"}},
			front + "-max_pixels 35389440 -i file:/clips/a.mp4 -filter_complex [0:V:0]showinfo=checksum=0[s0];[s0]format=pix_fmts=rgba[s1] -map [s1]" + output +
				sound + "-filter:a aformat=sample_rates=44100:channel_layouts=5.1(side) -max_interleave_delta 1 -output_ts_offset 86400 -write_index 0 pipe:3",
		},
		{
			"sound of a form with an odd name",
			ffargs.Capture{Input: input(t, "/clips/a.mp4"), PixelFormat: "rgba", TimeBase: tb, Audio: true, AudioFormat: ffargs.AudioFormat{Rate: 8000, Layout: "mono,volume=9"}},
			front + "-max_pixels 35389440 -i file:/clips/a.mp4 -filter_complex [0:V:0]showinfo=checksum=0[s0];[s0]format=pix_fmts=rgba[s1] -map [s1]" + output +
				sound + "-filter:a aformat=sample_rates=8000 -max_interleave_delta 1 -output_ts_offset 86400 -write_index 0 pipe:3",
		},
		{
			"old ffmpeg",
			ffargs.Capture{Input: input(t, "-"), PixelFormat: "rgba", TimeBase: tb, FFmpeg: ffargs.Version{Major: 4, Minor: 1}},
			front + "-max_pixels 35389440 -i pipe:0 -filter_complex [0:V:0]showinfo=checksum=0[s0];[s0]format=pix_fmts=rgba[s1] -map [s1]" +
				" -f nut -c:v rawvideo -enc_time_base:v 1/12800 -max_interleave_delta 100000 -threads:v 1 -vsync passthrough -write_index 0 pipe:1",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 20 { // the library's maps must not show
				got, err := tt.c.Args()
				require.NoError(t, err)
				require.Equal(t, tt.want, withoutLists(got))
			}
		})
	}
}

func TestListenArgs(t *testing.T) {
	l := ffargs.Listen{Input: input(t, "/clips/a.ts"), InputArgs: []string{"-probesize", "1M"}}
	require.Equal(t, "-hide_banner -nostdin -loglevel error -max_alloc 350224384 -max_pixels 35389440 -probesize 1M -i file:/clips/a.ts "+
		"-map 0:a:0 -frames:a 1 -f nut -c:a pcm_s16le -write_index 0 pipe:1", withoutLists(l.Args()))
	require.Contains(t, l.Args(), "-protocol_whitelist")
}

// A value may not end its option and begin another.
func TestValuesAreEscaped(t *testing.T) {
	c := ffargs.Capture{Input: input(t, "/a.mp4"), PixelFormat: `rgba:a'b\c,d[e]`, ColorMatrix: "bt709:flags=neighbor"}
	args, err := c.Args()
	require.NoError(t, err)
	graph := args[indexOf(args, "-filter_complex")+1]
	require.Contains(t, graph, `in_color_matrix=bt709\\:flags=neighbor[`)
	require.Contains(t, graph, `pix_fmts=rgba\\:a\\\'b\\\\c\,d\[e\][`)
}

func TestCaptureRefuses(t *testing.T) {
	file, live := input(t, "/a.mp4"), input(t, "udp://:5000")
	for name, c := range map[string]ffargs.Capture{
		"no input":            {PixelFormat: "rgba"},
		"no pixel format":     {Input: file},
		"format NUT garbles":  {Input: file, PixelFormat: "p010le"},
		"half a size":         {Input: file, PixelFormat: "rgba", Width: 5},
		"negative size":       {Input: file, PixelFormat: "rgba", Width: -5, Height: -5},
		"negative start":      {Input: file, PixelFormat: "rgba", Seek: -1},
		"loop of a live one":  {Input: live, PixelFormat: "rgba", Loop: 1},
		"start of a live one": {Input: live, PixelFormat: "rgba", Seek: 1},
		"label of ours":       {Input: file, PixelFormat: "rgba", Filter: "split[s0][x];[x]nullsink;[s0]null"},
		"no descriptor":       {Input: file, PixelFormat: "rgba", Lane: 2},
		"negative descriptor": {Input: file, PixelFormat: "rgba", Lane: -3},
		"plug-in, and yuv":    {Input: file, PixelFormat: "yuv420p", Lane: 3},
		"plug-in, and argb":   {Input: file, PixelFormat: "argb", Lane: 3},
		"zero byte":           {Input: file, PixelFormat: "rgba", Filter: "null\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Args()
			require.ErrorIs(t, err, ffargs.ErrRequest)
		})
	}
}

func TestChooseTimeBase(t *testing.T) {
	source, micro := ffargs.Ratio{Num: 1, Den: 15360}, ffargs.Ratio{Num: 1, Den: 1000000}
	for _, tt := range []struct {
		name   string
		c      ffargs.Capture
		source ffargs.Ratio
		want   ffargs.Ratio
	}{
		{"as the source", ffargs.Capture{Width: 5, Height: 5}, source, source},
		{"unknown", ffargs.Capture{}, ffargs.Ratio{}, micro},
		{"filter", ffargs.Capture{Filter: "hflip"}, source, micro},
		{"constant rate", ffargs.Capture{Filter: "hflip", Rate: ffargs.Ratio{Num: 30000, Den: 1001}}, source, ffargs.Ratio{Num: 1001, Den: 30000}},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, tt.c.ChooseTimeBase(tt.source)) })
	}
}
