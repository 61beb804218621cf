package capture

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

func TestSniff(t *testing.T) {
	var stream bytes.Buffer
	w, err := nut.NewWriter(&stream, []nut.Stream{
		{Class: nut.ClassVideo, Tag: "RGBA", TimeBase: nut.Rational{Num: 1, Den: 1000}, Width: 2, Height: 3, FrameRate: nut.Rational{Num: 25, Den: 1}},
		{Class: nut.ClassAudio, Tag: "PSD\x10", TimeBase: nut.Rational{Num: 1, Den: 48000}, SampleRate: nut.Rational{Num: 48000, Den: 1}, Channels: 2},
	}, nil)
	require.NoError(t, err)
	require.NoError(t, w.WriteFrame(0, 0, make([]byte, 24)))

	y4m := "YUV4MPEG2 W640 H360 F30000:1001 It A12:11 C444 XCOLORRANGE=FULL\nFRAME\nxyz"
	for _, row := range []struct {
		name, input string
		want        SourceInfo
		base        string
	}{
		{"y4m", y4m, SourceInfo{
			Container: "yuv4mpegpipe", Codec: "rawvideo", PixelFormat: "yuv444", Width: 640, Height: 360,
			Rate: framebuf.Rational{Num: 30000, Den: 1001}, Aspect: framebuf.Rational{Num: 12, Den: 11}, FieldOrder: framebuf.TopFirst,
			Color: framebuf.Color{Matrix: 2, Range: framebuf.RangeFull},
		}, "1001/30000"},
		{"nut", stream.String(), SourceInfo{
			Container: "nut", Codec: "rawvideo", PixelFormat: "rgba", Width: 2, Height: 3, Color: framebuf.Color{Matrix: 2},
			AudioCodec: "pcm_s16le", AudioRate: 48000, AudioChannels: 2,
		}, "1/1000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := sniff(iotest.HalfReader(strings.NewReader(row.input)))
			require.NoError(t, err)
			s.source.Rate, row.want.Rate = framebuf.Rational{}, framebuf.Rational{} // NUT tells it with the first frame
			require.Equal(t, row.want, s.source)
			require.Equal(t, row.base, s.base.String())
			all, err := io.ReadAll(s)
			require.NoError(t, err)
			require.Equal(t, row.input, string(all), "the header is put back")
		})
	}
}

// Standard input that never says anything does not hold up a stop.
func TestSilentStandardInput(t *testing.T) {
	in, feed, err := os.Pipe()
	require.NoError(t, err)
	defer in.Close()
	defer feed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = sniffWithin(ctx, in)
	require.ErrorIs(t, err, context.Canceled)
	_, err = Open(ctx, "-", "test", &Options{Dir: memory(t), Stdin: in})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrFFmpeg)
}

func TestSniffRefuses(t *testing.T) {
	for _, row := range []struct {
		name, input string
		want        error
	}{
		{"nothing", "", ErrNotMedia},
		{"text", "hello, world", ErrNotMedia},
		{"less than a magic number", "YUV4", ErrNotMedia},
		{"y4m without an end", "YUV4MPEG2 W640 H360", ErrNotMedia},
		{"y4m without a size", "YUV4MPEG2 F25:1\n", ErrNotMedia},
		{"y4m with an endless header", "YUV4MPEG2 " + strings.Repeat("X", 2*y4mHeaderBytes), ErrNotMedia},
		{"nut cut in its header", nutMagic, ErrNotMedia},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := sniff(strings.NewReader(row.input))
			require.ErrorIs(t, err, row.want)
		})
	}
}
