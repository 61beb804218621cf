package capture

// Fuzz targets for what comes from outside: ffmpeg's lines and standard input.
// Their first inputs are in testdata/fuzz.

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// Lines of ffmpeg in any order and number: the records stay bounded, and no secret
// comes through, cut or whole.
func FuzzLines(f *testing.F) {
	f.Add("[Parsed_showinfo_0 @ 0x1] [info] config in time_base: 1/90000, frame_rate: 25/1\n[Parsed_showinfo_0 @ 0x1] [info] n:   0 pts:      0 fmt:rgb24 sar:1/1 s:2x2 i:P iskey:1 type:I ")
	f.Add("[h264 @ 0x5] [error] error while decoding MB 25 1\nError while decoding stream #0:0: Invalid data found")
	f.Add("[rtsp @ 0x1] [error] method DESCRIBE failed: 401 Unauthorized\n[in#0] [fatal] Error opening input rtsp://user:SECRET@cam/1: Server returned 401")
	f.Add("[warning] corrupt decoded frame in stream 0\n[error] " + strings.Repeat("x", 190) + "SECRET")
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "hunter2-hunter2"
		if strings.Contains(text, "hunter2") {
			return
		}
		text = strings.ReplaceAll(text, "SECRET", secret)
		j := newJoiner()
		var shown []string
		l := newListener(j, ffargs.NewRedactor("rtsp://user:"+secret+"@cam/1").Redact, func(line string) { shown = append(shown, line) })
		for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
			l.line([]byte(line))
		}
		l.end()
		require.LessOrEqual(t, len(j.queue), joinCapacity)
		_, _, first, early := l.diagnosis.report()
		for _, s := range append(shown, first, early, l.diagnosis.grave) {
			require.NotContains(t, s, "hunter2", "%q", text)
		}
		require.LessOrEqual(t, len(first)+len(early), 4*quoteBytes)
	})
}

// Standard input is NUT, YUV4MPEG2 with a size, or an error; and it is handed on
// whole.
func FuzzSniff(f *testing.F) {
	f.Add([]byte("YUV4MPEG2 W640 H360 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\nFRAME\n123"))
	f.Add([]byte("YUV4MPEG2 W-1 H99999999999999999999 F0:0 A1: C X\n"))
	f.Add([]byte("YUV4MPEG2\n"))
	f.Add([]byte("nut/multimedia container\x00N"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := sniff(bytes.NewReader(b))
		if err != nil {
			return
		}
		require.Positive(t, s.source.Width)
		require.Positive(t, s.source.Height)
		require.GreaterOrEqual(t, s.source.AudioRate, 0)
		whole, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Equal(t, b, whole)
	})
}
