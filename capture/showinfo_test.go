package capture

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// shows gives lines to a fresh parser and returns its records.
func shows(lines ...string) []shown {
	var got []shown
	s := showinfo{filter: []byte("Parsed_showinfo_"), emit: func(r shown) { got = append(got, r) }}
	for _, l := range lines {
		s.line(parseLine([]byte(l)))
	}
	s.flush()
	return got
}

const (
	context5 = "[Parsed_showinfo_0 @ 0x5562d8a95c0] [info] "
	config5  = context5 + "config in time_base: 1/90000, frame_rate: 25/1"
)

func TestShowinfo(t *testing.T) {
	unknown := framebuf.Color{Matrix: 2, Primaries: 2, Transfer: 2}
	for _, row := range []struct {
		name  string
		lines []string
		want  []shown
	}{
		{"5.1, colours known", []string{
			config5,
			context5 + "n:   1 pts:   3600 pts_time:0.04    pos:     4136 fmt:yuv420p sar:12/11 s:320x240 i:T iskey:0 type:P ",
			context5 + "color_range:tv color_space:smpte170m color_primaries:bt709 color_trc:iec61966-2-1",
		}, []shown{{
			pts: 3600, timeBase: framebuf.Rational{Num: 1, Den: 90000}, rate: framebuf.Rational{Num: 25, Den: 1}, width: 320, height: 240,
			aspect: framebuf.Rational{Num: 12, Den: 11}, order: framebuf.TopFirst, format: "yuv420p",
			color: framebuf.Color{Range: framebuf.RangeLimited, Matrix: 6, Primaries: 1, Transfer: 13},
		}}},
		{"7.1, with duration and chroma location, time before 0", []string{
			config5,
			context5 + "n:   0 pts:  -1024 pts_time:-0.08   duration:    512 duration_time:0.04    fmt:yuva444p10le cl:left sar:0/1 s:63x47 i:P iskey:1 type:I ",
			context5 + "color_range:unknown color_space:unknown color_primaries:unknown color_trc:unknown",
		}, []shown{{
			pts: -1024, timeBase: framebuf.Rational{Num: 1, Den: 90000}, rate: framebuf.Rational{Num: 25, Den: 1}, width: 63, height: 47, order: framebuf.Progressive,
			color: unknown, format: "yuva444p10le", key: true,
		}}},
		{"no time, side data between", []string{
			config5,
			context5 + "n:   0 pts:  NOPTS pts_time:NOPTS   pos:       -1 fmt:gray sar:1/1 s:96x64 i:B iskey:1 type:I ",
			context5 + "  side data - User Data Unregistered:",
			context5 + "UUID=dc45e9bd-e6d9-48b7-962c-d820d923eeef",
			context5,
			context5 + "color_range:pc color_space:gbr color_primaries:bt2020 color_trc:smpte2084",
		}, []shown{{
			pts: framebuf.NoPTS, timeBase: framebuf.Rational{Num: 1, Den: 90000}, rate: framebuf.Rational{Num: 25, Den: 1}, width: 96, height: 64,
			aspect: framebuf.Rational{Num: 1, Den: 1}, order: framebuf.BottomFirst, key: true, format: "gray",
			color: framebuf.Color{Range: framebuf.RangeFull, Matrix: 0, Primaries: 9, Transfer: 16},
		}}},
		{"a record without colours ends at the next one", []string{
			context5 + "n:   0 pts:      1 fmt:rgb24 sar:0/1 s:2x2 i:P iskey:1 type:I ",
			context5 + "n:   1 pts:      2 fmt:rgb24 sar:0/1 s:4x2 i:P iskey:1 type:I ",
		}, []shown{
			{pts: 1, width: 2, height: 2, order: framebuf.Progressive, key: true, format: "rgb24", color: framebuf.Color{Matrix: 2}},
			{pts: 2, width: 4, height: 2, order: framebuf.Progressive, key: true, format: "rgb24", color: framebuf.Color{Matrix: 2}},
		}},
		{"colours that another thread's line has torn are those of the frame before", []string{
			context5 + "n:   0 pts:      1 fmt:rgb24 sar:0/1 s:2x2 i:P iskey:1 type:I ",
			context5 + "color_range:tv color_space:bt709 color_primaries:bt709 color_trc:bt709",
			context5 + "n:   1 pts:      2 fmt:rgb24 sar:0/1 s:2x2 i:P iskey:1 type:I ",
			context5 + "color_range:tv color_space:bt709[mpeg4 @ 0x55] [error] ac-tex damaged at 3 2",
		}, []shown{
			{pts: 1, width: 2, height: 2, order: framebuf.Progressive, key: true, format: "rgb24", color: framebuf.Color{Range: framebuf.RangeLimited, Matrix: 1, Primaries: 1, Transfer: 1}},
			{pts: 2, width: 2, height: 2, order: framebuf.Progressive, key: true, format: "rgb24", color: framebuf.Color{Range: framebuf.RangeLimited, Matrix: 1, Primaries: 1, Transfer: 1}},
		}},
		{"lines of others", []string{
			"[info] frame=   24 fps=0.0 q=-0.0 Lsize=   14401kB time=00:00:00.92",
			"[Parsed_showinfo", "", "[", "[h264 @ 0x1] [error] n: 0 pts: 0 s:1x1",
		}, nil},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, shows(row.lines...)) })
	}
}

func TestHasAlpha(t *testing.T) {
	for _, name := range []string{"rgba", "bgra", "argb", "abgr", "rgba64le", "bgra64be", "yuva420p", "yuva444p12le", "gbrap", "gbrapf32le", "ya8", "ya16be", "pal8", "ayuv64le"} {
		require.True(t, hasAlpha(name), name)
	}
	for _, name := range []string{"rgb0", "bgr0", "0rgb", "rgb24", "yuv420p", "yuvj420p", "gray", "gbrp", "nv12", "p010le", "x2rgb10le", "yuyv422", ""} {
		require.False(t, hasAlpha(name), name)
	}
}

func FuzzShowinfo(f *testing.F) {
	f.Add(config5)
	f.Add(context5 + "n:   0 pts:  -1024 pts_time:-0.08 fmt:yuva444p10le cl:left sar:0/1 s:63x47 i:P iskey:1 type:I ")
	f.Add(context5 + "color_range:tv color_space:smpte170m color_primaries:bt709 color_trc:iec61966-2-1")
	f.Add("[a] [b] [error] [c")
	f.Fuzz(func(t *testing.T, line string) {
		for _, s := range shows(config5, line) {
			if s.width < 0 || s.height < 0 || s.timeBase.Den < 0 {
				t.Fatalf("%+v", s)
			}
		}
	})
}
