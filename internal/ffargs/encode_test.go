package ffargs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

func TestEncodeArgs(t *testing.T) {
	const (
		front = "-hide_banner -nostdin -loglevel level+warning -nostats -copyts "
		nut   = "-f nut -fpsprobesize 0 -i pipe:0 "
		nut8  = "-f nut -fpsprobesize 0 -thread_queue_size 8 -i pipe:0 " // beside another input
		tv601 = "color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m:range=tv"
		tags  = "-color_primaries smpte170m -color_range tv -color_trc smpte170m -colorspace smpte170m "
	)
	for _, tt := range []struct {
		name string
		e    ffargs.Encode
		want string
	}{
		{
			"mp4",
			ffargs.Encode{Video: video("rgba", 640, 360), Output: output(t, "/o.mp4"), Overwrite: true, OutputArgs: []string{"-metadata", "title=x y"}},
			front + "-y " + nut + "-filter_complex [0:v:0]scale=flags=bicubic:out_color_matrix=smpte170m:out_range=tv[s0];[s0]format=pix_fmts=yuv420p[s1];[s1]setparams=" + tv601 +
				"[s2] -map [s2] -f mp4 -c:v libx264 " + tags + "-enc_time_base:v 1/90000 -fps_mode passthrough -movflags +faststart -movie_timescale 90000 -pix_fmt yuv420p " +
				"-video_track_timescale 90000 -x264-params fps=30/1 -metadata title=x y file:/o.mp4",
		},
		{
			"rtmp",
			ffargs.Encode{Video: video("yuv420p", 640, 360), Output: output(t, "rtmp://h/live/key"), Sound: ffargs.SilentSound},
			front + "-n " + nut8 + "-f lavfi -thread_queue_size 64 -i anullsrc=r=48000:cl=stereo -filter_complex [0:v:0]setparams=" + tv601 +
				"[s0] -map [s0] -map 1:a:0 -f flv -c:a aac -c:v libx264 " + tags + "-enc_time_base:v 1/1000 -flvflags no_duration_filesize -force_key_frames expr:gte(t,n_forced*2) " +
				"-fps_mode passthrough -g 60 -pix_fmt yuv420p -preset veryfast -shortest -tune zerolatency -x264-params fps=30/1 rtmp://h/live/key",
		},
		{
			"gif",
			ffargs.Encode{Video: video("rgba", 64, 48), Output: output(t, "/o.gif")},
			front + "-n " + nut + "-filter_complex [0:v:0]scale=flags=bicubic[s0];[s0]format=pix_fmts=rgb24[s1];[s1]split=2[s2][s3];[s2]palettegen=stats_mode=single[s4];" +
				"[s3][s4]paletteuse=dither=bayer:new=1[s5] -map [s5] -f gif -c:v gif -enc_time_base:v 1/100 -fps_mode passthrough -loop 0 file:/o.gif",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 20 {
				got, _, err := tt.e.Args()
				require.NoError(t, err)
				require.Equal(t, tt.want, withoutLists(got))
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	ok := ffargs.Encode{Video: video("rgba", 64, 48), Output: output(t, "/o.mp4")}
	few := &ffargs.Abilities{
		Version:  ffargs.Version{Major: 5, Minor: 1},
		Encoders: map[string]bool{"libopenh264": true},
		Muxers:   map[string]bool{"mp4": true, "webm": true},
	}
	for _, tt := range []struct {
		name   string
		change func(*ffargs.Encode)
		want   error
	}{
		{"no output", func(e *ffargs.Encode) { e.Output = ffargs.Output{} }, ffargs.ErrRequest},
		{"no format", func(e *ffargs.Encode) { e.Video.PixelFormat = "" }, ffargs.ErrRequest},
		{"no size", func(e *ffargs.Encode) { e.Video.Width = 0 }, ffargs.ErrRequest},
		{"no sound input", func(e *ffargs.Encode) { e.Sound = ffargs.OtherSound }, ffargs.ErrRequest},
		{"sound from stdin", func(e *ffargs.Encode) { e.Sound, e.AudioInput = ffargs.OtherSound, input(t, "-") }, ffargs.ErrRequest},
		{"sound in gif", func(e *ffargs.Encode) { e.Sound, e.Output = ffargs.NUTSound, output(t, "/o.gif") }, ffargs.ErrRequest},
		{"preset without", func(e *ffargs.Encode) { e.Codec, e.Preset = "vp9", "fast" }, ffargs.ErrRequest},
		{"crf without", func(e *ffargs.Encode) { e.Codec, e.CRF = "mpeg4", "20" }, ffargs.ErrRequest},
		{"tune without", func(e *ffargs.Encode) { e.Codec, e.Tune = "mpeg4", "film" }, ffargs.ErrRequest},
		{"no encoder", func(e *ffargs.Encode) { e.Abilities, e.Codec = few, "libx264" }, ffargs.ErrNoEncoder},
		{"no encoder for a format", func(e *ffargs.Encode) { e.Abilities, e.Output = few, output(t, "/o.webm") }, ffargs.ErrNoEncoder},
		{"no muxer", func(e *ffargs.Encode) { e.Abilities, e.Output = few, output(t, "/o.mkv") }, ffargs.ErrNoMuxer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := ok
			tt.change(&e)
			_, _, err := e.Args()
			require.ErrorIs(t, err, tt.want)
		})
	}
	t.Run("next best encoder", func(t *testing.T) {
		e := ok
		e.Abilities = few
		args, _, err := e.Args()
		require.NoError(t, err)
		require.Contains(t, args, "libopenh264")
	})
}

func TestUserArgumentsStandWhereTheyWin(t *testing.T) {
	c := ffargs.Capture{Input: input(t, "/a.mp4"), PixelFormat: "rgba", InputArgs: []string{"-t", "5"}}
	args, err := c.Args()
	require.NoError(t, err)
	i := indexOf(args, "-i")
	require.Equal(t, []string{"-t", "5", "-i", "file:/a.mp4"}, args[i-2:i+2])

	e := ffargs.Encode{Video: video("rgba", 64, 48), Output: output(t, "/o.mp4"), OutputArgs: []string{"-c:v", "copy"}}
	args, _, err = e.Args()
	require.NoError(t, err)
	require.Equal(t, []string{"-c:v", "copy", "file:/o.mp4"}, args[len(args)-3:])
	require.Equal(t, []string{"-c:v", "copy"}, e.OutputArgs)
}

func indexOf(args []string, want string) int {
	for i, a := range args {
		if a == want {
			return i
		}
	}
	return -1
}
