package ffargs_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffprobe"
)

func output(t testing.TB, s string) ffargs.Output {
	t.Helper()
	o, err := ffargs.ParseOutput(s)
	require.NoError(t, err)
	return o
}

// source makes NUT with raw video of variable rate (every fourth frame of 30 a second is missing, the first is at 0.5 s) and sound.
func source(t testing.TB, size, pixFmt string, extra ...string) string {
	t.Helper()
	nut := filepath.Join(t.TempDir(), "in.nut")
	graph := `select=mod(n\,4),setpts=PTS+0.5/TB`
	if len(extra) > 0 {
		graph += "," + strings.Join(extra, ",")
	}
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=s="+size+":r=30:d=2", "-f", "lavfi", "-i", "sine=d=2", "-copyts", "-vf", graph, "-fps_mode", "passthrough",
		"-enc_time_base:v", "1/90000", "-c:v", "rawvideo", "-pix_fmt", pixFmt, "-c:a", "pcm_s16le", "-write_index", "0", "-f", "nut", nut)
	return nut
}

const sourceFrames = 45

func video(pixFmt string, w, h int) ffargs.Video {
	return ffargs.Video{PixelFormat: pixFmt, Width: w, Height: h, TimeBase: ffargs.Ratio{Num: 1, Den: 90000}, Rate: ffargs.Ratio{Num: 30, Den: 1}}
}

// encode runs a request on a NUT file.
func encode(t testing.TB, e ffargs.Encode, nut string) []ffargs.Warning {
	t.Helper()
	a, err := tool.Abilities(t.Context())
	require.NoError(t, err)
	e.Abilities = a
	args, warnings, err := e.Args()
	require.NoError(t, err)
	out := ""
	if e.Output.Pipe {
		out = filepath.Join(filepath.Dir(nut), "stdout")
	}
	log, err := run(t, args, nut, out)
	require.NoError(t, err, ffargs.Quote(args))
	for _, line := range log {
		if !strings.HasPrefix(line, "[nut @") { // what it says about a NUT in which it may seek, and about one that a test has damaged
			require.NotContains(t, line, "[error]")
		}
	}
	return warnings
}

// times are the times of a file's pictures in seconds, less shift.
func times(t testing.TB, file string) (list []float64) {
	t.Helper()
	for _, s := range packets(t, file, "V:0", "packet=pts_time") {
		f, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err)
		list = append(list, f)
	}
	for i := range list { // in the order of coding
		for j := i; j > 0 && list[j] < list[j-1]; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return list
}

func TestEncodeContainers(t *testing.T) {
	needFFmpeg(t)
	needEncoder(t, "libx264")
	nut := source(t, "320x180", "rgba")
	want := times(t, nut)
	require.Len(t, want, sourceFrames)
	require.InDelta(t, 0.5+1.0/30, want[0], 1e-4)
	for _, tt := range []struct {
		name, output, codec, pixFmt, audio, timeBase string
		tick                                         float64 // by how much a time may be off
		shifted                                      bool    // the container moves all times alike
	}{
		{"mp4", "o.mp4", "h264", "yuv420p", "aac", "1/90000", 1e-5, false},
		{"mov", "o.mov", "h264", "yuv420p", "aac", "1/90000", 1e-5, false},
		{"mkv", "o.mkv", "h264", "yuv420p", "aac", "1/1000", 1e-3, true},
		{"webm", "o.webm", "vp9", "yuv420p", "opus", "1/1000", 1e-3, true},
		{"flv", "o.flv", "h264", "yuv420p", "aac", "1/1000", 1e-3, true},
		{"ts", "o.ts", "h264", "yuv420p", "aac", "1/90000", 2e-5, true},
		{"nut", "o.nut", "rawvideo", "rgba", "pcm_s16le", "", 1e-5, false},
		{"hls", "o.m3u8", "h264", "yuv420p", "aac", "1/90000", 2e-5, true},
		{"hevc", "o5.mp4", "hevc", "yuv420p", "aac", "1/90000", 1e-5, false},
		{"mpeg4", "o4.mp4", "mpeg4", "yuv420p", "aac", "1/65535", 2e-5, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), tt.output)
			e := ffargs.Encode{Video: video("rgba", 320, 180), Output: output(t, file), Sound: ffargs.NUTSound}
			if tt.name == "hevc" || tt.name == "mpeg4" {
				e.Codec = tt.codec
			}
			require.Empty(t, encode(t, e, nut))
			info := probeFile(t, file)
			p := info.Picture
			require.Equal(t, []string{tt.codec, tt.pixFmt}, []string{p.Codec, p.PixelFormat})
			require.Equal(t, []int{320, 180}, []int{p.Width, p.Height})
			require.Equal(t, tt.audio, info.Audio[0].Codec)
			if tt.timeBase != "" {
				require.Equal(t, tt.timeBase, p.TimeBase.String())
			}
			got := times(t, file)
			require.Len(t, got, sourceFrames, "no frame doubled, none lost")
			shift := 0.0
			if tt.shifted {
				shift = got[0] - want[0]
				require.InDelta(t, 0, shift, 0.15)
			}
			for i := range got {
				require.InDelta(t, want[i], got[i]-shift, tt.tick, "frame %d", i)
			}
			if tt.codec == "h264" {
				require.Equal(t, "High", p.Profile)
			}
			if p.PixelFormat == "yuv420p" && tt.codec != "mpeg4" && tt.codec != "vp9" {
				require.Equal(t, ffargs.Color{Range: "tv", Matrix: "smpte170m", Primaries: "smpte170m", Transfer: "smpte170m"}, p.Color)
			}
		})
	}
}

// Fine ticks and no rate that ffmpeg could find: it would start at 0, and take the stream for one of a million frames a second.
func TestEncodeOfFineTicks(t *testing.T) {
	needFFmpeg(t)
	needEncoder(t, "libx264")
	dir := t.TempDir()
	nut, file := filepath.Join(dir, "in.nut"), filepath.Join(dir, "o.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=s=640x360:r=30:d=1", "-copyts", "-vf", "settb=1/1000000,setpts=PTS+500003+17*mod(N\\,5)", "-fps_mode", "passthrough",
		"-enc_time_base", "1/1000000", "-c:v", "rawvideo", "-write_index", "0", "-f", "nut", nut)
	b, err := os.ReadFile(nut)
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(b, []byte("r_frame_rate")))
	require.NoError(t, os.WriteFile(nut, bytes.ReplaceAll(b, []byte("r_frame_rate"), []byte("no_such_name")), 0o600)) // its check sum fails, it is passed over
	v := ffargs.Video{PixelFormat: "rgb24", Width: 640, Height: 360}
	encode(t, ffargs.Encode{Video: v, Output: output(t, file), Preset: "ultrafast"}, nut)
	want, got := times(t, nut), times(t, file)
	require.Len(t, got, 30)
	require.InDelta(t, 0.500003, got[0], 1e-7)
	require.InDeltaSlice(t, want, got, 1e-7)
	level, err := strconv.Atoi(packets(t, file, "v", "stream=level")[0])
	require.NoError(t, err)
	require.LessOrEqual(t, level, 30)
}

func probeFile(t testing.TB, file string) *ffprobe.Info {
	t.Helper()
	if strings.HasSuffix(file, ".m3u8") { // a playlist of ours: look at its first piece
		pieces, err := filepath.Glob(strings.TrimSuffix(file, ".m3u8") + "*.ts")
		require.NoError(t, err)
		require.NotEmpty(t, pieces)
		file = pieces[0]
	}
	info, err := tool.Probe(t.Context(), ffargs.Probe{Input: input(t, file)})
	require.NoError(t, err)
	return info
}

// pixel reads one pixel of the first frame.
func pixel(t testing.TB, file string, x, y int, inputArgs ...string) color.NRGBA {
	t.Helper()
	raw := ffmpeg(t, append(inputArgs, "-i", file, "-frames:v", "1", "-vf", fmt.Sprintf("format=rgba,crop=1:1:%d:%d", x, y), "-f", "rawvideo", "-pix_fmt", "rgba", "-")...)
	require.Len(t, raw, 4)
	v := binary.BigEndian.Uint32([]byte(raw))
	return color.NRGBA{uint8(v >> 24), uint8(v >> 16), uint8(v >> 8), uint8(v)}
}

func near(t testing.TB, want, got color.NRGBA, delta float64) {
	t.Helper()
	for i, d := range []int{int(want.R) - int(got.R), int(want.G) - int(got.G), int(want.B) - int(got.B), int(want.A) - int(got.A)} {
		require.InDelta(t, 0, d, delta, "component %d: want %v, got %v", i, want, got)
	}
}

// plain makes NUT of five frames of one colour in which the last column and the last row have another.
func plain(t testing.TB, w, h int, pixFmt string, fill, edge color.NRGBA) string {
	t.Helper()
	var frame []byte
	for y := range h {
		for x := range w {
			c := fill
			if x == w-1 || y == h-1 {
				c = edge
			}
			frame = append(frame, c.R, c.G, c.B, c.A)
		}
	}
	dir := t.TempDir()
	raw, nut := filepath.Join(dir, "raw"), filepath.Join(dir, "plain.nut")
	require.NoError(t, os.WriteFile(raw, bytes.Repeat(frame, 5), 0o600))
	ffmpeg(t, "-f", "rawvideo", "-pixel_format", "rgba", "-video_size", fmt.Sprintf("%dx%d", w, h), "-framerate", "10", "-i", raw,
		"-c:v", "rawvideo", "-pix_fmt", pixFmt, "-write_index", "0", "-f", "nut", nut)
	return nut
}

func TestEncodeColours(t *testing.T) {
	needFFmpeg(t)
	green := color.NRGBA{0x10, 0xC0, 0x20, 255}
	needEncoder(t, "libx264")
	for _, tt := range []struct {
		name string
		h    int
		c    ffargs.Color
		want ffargs.Color
	}{
		{"small", 480, ffargs.Color{}, ffargs.Color{Range: "tv", Matrix: "smpte170m", Primaries: "smpte170m", Transfer: "smpte170m"}},
		{"HD", 720, ffargs.Color{}, ffargs.Color{Range: "tv", Matrix: "bt709", Primaries: "bt709", Transfer: "bt709"}},
		{"as the source", 480, ffargs.Color{Matrix: "bt709", Primaries: "bt709", Transfer: "bt709"}, ffargs.Color{Range: "tv", Matrix: "bt709", Primaries: "bt709", Transfer: "bt709"}},
		{"PAL", 480, ffargs.Color{Matrix: "bt470bg"}, ffargs.Color{Range: "tv", Matrix: "bt470bg", Primaries: "bt470bg", Transfer: "smpte170m"}},
		{"wide gamut", 480, ffargs.Color{Matrix: "bt2020nc"}, ffargs.Color{Range: "tv", Matrix: "bt2020nc", Primaries: "bt2020", Transfer: "bt2020-10"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nut := plain(t, 64, tt.h, "rgba", green, green)
			file := filepath.Join(t.TempDir(), "o.mp4")
			v := video("rgba", 64, tt.h)
			v.Color = tt.c
			encode(t, ffargs.Encode{Video: v, Output: output(t, file), CRF: "1"}, nut)
			require.Equal(t, tt.want, probeFile(t, file).Picture.Color)
			near(t, green, pixel(t, file, 20, 20), 4)
		})
	}
	t.Run("full range YUV stays", func(t *testing.T) {
		light := color.NRGBA{0xE0, 0xE0, 0xE0, 255}
		nut := plain(t, 64, 64, "yuv444p", light, light)
		file := filepath.Join(t.TempDir(), "o.mp4")
		v := video("yuv444p", 64, 64)
		v.Color = ffargs.Color{Range: "pc", Matrix: "bt709"}
		encode(t, ffargs.Encode{Video: v, Output: output(t, file), CRF: "1"}, nut)
		require.Equal(t, "pc", probeFile(t, file).Picture.Color.Range)
		raw := "rawvideo"
		before := ffmpeg(t, "-i", nut, "-frames:v", "1", "-vf", "extractplanes=y", "-f", raw, "-")
		after := ffmpeg(t, "-i", file, "-frames:v", "1", "-vf", "extractplanes=y", "-f", raw, "-")
		require.InDelta(t, before[500], after[500], 2)
	})
}

func TestEncodeOddSizes(t *testing.T) {
	needFFmpeg(t)
	needEncoder(t, "libx264")
	red := color.NRGBA{0xF0, 0x20, 0x20, 255}
	for _, pixFmt := range []string{"rgba", "bgr24", "gray", "yuv420p", "nv12", "yuv444p"} {
		t.Run(pixFmt, func(t *testing.T) {
			nut := plain(t, 63, 47, pixFmt, color.NRGBA{0x10, 0x10, 0x10, 255}, red)
			file := filepath.Join(t.TempDir(), "o.mp4")
			warnings := encode(t, ffargs.Encode{Video: video(pixFmt, 63, 47), Output: output(t, file), CRF: "1"}, nut)
			require.Len(t, warnings, 1)
			p := probeFile(t, file).Picture
			require.Equal(t, []int{64, 48}, []int{p.Width, p.Height})
			right, before := pixel(t, file, 63, 20), pixel(t, file, 62, 20)
			below, above := pixel(t, file, 20, 47), pixel(t, file, 20, 46)
			near(t, before, right, 12) // chroma is shared, luma is the same
			near(t, above, below, 12)
			if pixFmt == "rgba" || pixFmt == "bgr24" || pixFmt == "yuv444p" {
				near(t, red, pixel(t, file, 63, 47), 12)
			}
			require.Greater(t, right.R, uint8(0x40), "the last column is kept")
			require.Less(t, pixel(t, file, 30, 20).R, uint8(0x20))
		})
	}
}

func TestEncodeAlpha(t *testing.T) {
	needFFmpeg(t)
	half := color.NRGBA{0xE0, 0x40, 0x20, 0x80}
	for _, tt := range []struct {
		name, output, encoder string
		codec                 string
		decoder               []string
		want                  color.NRGBA
		delta                 float64
	}{
		{"webm", "o.webm", "libvpx-vp9", "", []string{"-c:v", "libvpx-vp9"}, half, 12},
		{"webm vp8", "o8.webm", "libvpx", "vp8", []string{"-c:v", "libvpx"}, half, 16},
		{"mov", "o.mov", "prores_ks", "", nil, half, 6},
		{"mov qtrle", "oq.mov", "qtrle", "qtrle", nil, half, 0},
		{"mov png", "op.mov", "png", "png", nil, half, 0},
		{"gif", "o.gif", "gif", "", nil, color.NRGBA{0xE0, 0x40, 0x20, 255}, 6}, // on or off
		{"mp4", "o.mp4", "libx264", "", nil, color.NRGBA{0xE0, 0x40, 0x20, 255}, 6},
	} {
		for name, alpha := range map[string]ffargs.Alpha{"straight": ffargs.AlphaStraight, "premultiplied": ffargs.AlphaPremultiplied} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				needEncoder(t, tt.encoder)
				fill, want := half, tt.want
				if alpha == ffargs.AlphaPremultiplied {
					fill = color.NRGBA{0x70, 0x20, 0x10, 0x80}
				}
				if tt.name == "mp4" && alpha == ffargs.AlphaPremultiplied {
					want = color.NRGBA{0x70, 0x20, 0x10, 255} // as over black
				}
				nut := plain(t, 64, 48, "rgba", fill, fill)
				file := filepath.Join(t.TempDir(), tt.output)
				v := video("rgba", 64, 48)
				v.Alpha = alpha
				warnings := encode(t, ffargs.Encode{Video: v, Output: output(t, file), Codec: tt.codec}, nut)
				require.Equal(t, tt.name == "mp4", len(warnings) == 1, "%v", warnings)
				near(t, want, pixel(t, file, 30, 20, tt.decoder...), tt.delta+3)
			})
		}
	}
	t.Run("transparent gif", func(t *testing.T) {
		nut := plain(t, 64, 48, "rgba", color.NRGBA{0xE0, 0x40, 0x20, 0}, color.NRGBA{0xE0, 0x40, 0x20, 0})
		file := filepath.Join(t.TempDir(), "o.gif")
		v := video("rgba", 64, 48)
		v.Alpha = ffargs.AlphaStraight
		encode(t, ffargs.Encode{Video: v, Output: output(t, file)}, nut)
		require.Zero(t, pixel(t, file, 30, 20).A)
	})
}

func TestEncodeGIF(t *testing.T) {
	needFFmpeg(t)
	nut := filepath.Join(t.TempDir(), "in.nut")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=2", "-c:v", "rawvideo", "-pix_fmt", "yuv420p", "-write_index", "0", "-f", "nut", nut)
	file := filepath.Join(t.TempDir(), "o.gif")
	encode(t, ffargs.Encode{Video: video("yuv420p", 64, 48), Output: output(t, file)}, nut)
	got := times(t, file)
	require.Len(t, got, 20)
	for i := range got {
		require.InDelta(t, float64(i)/10, got[i], 1e-6)
	}
}

func TestEncodeSound(t *testing.T) {
	needFFmpeg(t)
	needEncoder(t, "libx264")
	nut := source(t, "64x48", "rgb24")
	song := filepath.Join(t.TempDir(), "song.wav")
	ffmpeg(t, "-f", "lavfi", "-i", "sine=d=1", song)
	for _, tt := range []struct {
		name  string
		sound ffargs.Sound
		out   string
		rate  int
	}{
		{"none", ffargs.NoSound, "o.mp4", 0},
		{"from NUT", ffargs.NUTSound, "o.mp4", 44100},
		{"silent", ffargs.SilentSound, "o.flv", 48000},
		{"silent ts", ffargs.SilentSound, "o.ts", 48000},
		{"another file", ffargs.OtherSound, "o.mkv", 44100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), tt.out)
			encode(t, ffargs.Encode{Video: video("rgb24", 64, 48), Output: output(t, file), Sound: tt.sound, AudioInput: input(t, song), Preset: "ultrafast"}, nut)
			info := probeFile(t, file)
			require.Len(t, times(t, file), sourceFrames)
			if tt.rate == 0 {
				require.Empty(t, info.Audio)
				return
			}
			require.Equal(t, tt.rate, info.Audio[0].Rate)
			require.Less(t, info.Duration.Seconds(), 3.0, "the silence ends with the picture")
		})
	}
}

func TestEncodeLiveAndOptions(t *testing.T) {
	needFFmpeg(t)
	needEncoder(t, "libx264")
	nut := source(t, "128x96", "yuv420p", "setsar=12/11")
	for _, tt := range []struct {
		name string
		e    ffargs.Encode
	}{
		{"live hls", ffargs.Encode{Live: true, Output: output(t, "hls:live.m3u8")}},
		{"live webm", ffargs.Encode{Live: true, Output: output(t, "o.webm")}},
		{"live hevc", ffargs.Encode{Live: true, Output: output(t, "o.ts"), Codec: "h265"}},
		{"preset, crf, tune", ffargs.Encode{Output: output(t, "o.mp4"), Preset: "ultrafast", CRF: "30", Tune: "animation"}},
		{"low latency", ffargs.Encode{Output: output(t, "o.mkv"), Tune: "low-latency"}},
		{"own arguments", ffargs.Encode{Output: output(t, "o.mp4"), OutputArgs: []string{"-movflags", "+frag_keyframe+empty_moov", "-b:v", "200k"}}},
		{"null", ffargs.Encode{Output: output(t, "null:"), Sound: ffargs.NUTSound}},
		{"stdout", ffargs.Encode{Output: output(t, "mpegts:-")}},
		{"lossless", ffargs.Encode{Output: output(t, "o.mkv"), Codec: "ffv1"}},
		{"av1", ffargs.Encode{Output: output(t, "o.mkv"), Codec: "av1", Preset: "12"}},
		{"wide pixels", ffargs.Encode{Output: output(t, "o.mp4")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := tt.e
			e.Video = video("yuv420p", 128, 96)
			e.Video.SampleAspect = ffargs.Ratio{Num: 12, Den: 11}
			file := filepath.Join(t.TempDir(), filepath.Base(e.Output.Path))
			if e.Output.Path != "" {
				e.Output = output(t, e.Output.Format+":"+file)
			}
			encode(t, e, nut)
			switch {
			case e.Output.Pipe:
				file = filepath.Join(filepath.Dir(nut), "stdout")
			case e.Output.Path == "":
				return
			}
			p := probeFile(t, file).Picture
			require.InDelta(t, 12.0/11, p.SampleAspect.Float(), 0.01) // webm keeps whole pixels of the shown size
			require.Len(t, times(t, file), sourceFrames)
		})
	}
}

func TestEncodeDoesNotOverwrite(t *testing.T) {
	needFFmpeg(t)
	nut := plain(t, 64, 48, "rgba", color.NRGBA{255, 0, 0, 255}, color.NRGBA{255, 0, 0, 255})
	file := filepath.Join(t.TempDir(), "o.nut")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	e := ffargs.Encode{Video: video("rgba", 64, 48), Output: output(t, file)}
	args, _, err := e.Args()
	require.NoError(t, err)
	_, err = run(t, args, nut, "")
	require.Error(t, err)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "mine", string(b))
	e.Overwrite = true
	encode(t, e, nut)
	require.Len(t, times(t, file), 5)
}
