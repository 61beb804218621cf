package encode

// Fuzz targets for what ffmpeg prints. Their first inputs are in testdata/fuzz.

import (
	"bytes"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestCountFramesReadsOn(t *testing.T) {
	var frames atomic.Uint64
	long := strings.Repeat("frame=3", 100_000)
	in := strings.NewReader("frame=1\nfps=25\n" + long + "\nframe= 7 \nframe=-1\nframe=x\n" + long)
	countFrames(in, &frames)
	require.EqualValues(t, 7, frames.Load())
	require.Zero(t, in.Len(), "ffmpeg would wait")
}

// The last whole line that is a count is the count, however the bytes come.
func FuzzProgress(f *testing.F) {
	f.Add([]byte("frame=1\nfps=0.0\nstream_0_0_q=28.0\nprogress=continue\nframe=250\nprogress=end\n"))
	f.Add([]byte("frame=18446744073709551616\nframe=\nframe\n=1\n\n\r\nframe=5"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var want uint64
		for _, line := range bytes.SplitAfter(b, []byte("\n")) {
			if value, ok := bytes.CutPrefix(line, []byte("frame=")); ok && len(line) < 4096 {
				if n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64); err == nil {
					want = n
				}
			}
		}
		if bytes.Contains(b, bytes.Repeat([]byte("0"), 1000)) {
			return // a number over the size of the buffer is none
		}
		var whole, pieces atomic.Uint64
		countFrames(bytes.NewReader(b), &whole)
		countFrames(iotest.OneByteReader(bytes.NewReader(b)), &pieces)
		require.Equal(t, want, whole.Load())
		require.Equal(t, want, pieces.Load())
	})
}

// Whatever ffmpeg prints becomes one short line of text.
func FuzzDiagnose(f *testing.F) {
	f.Add("[error] x\n[out#0/mp4 @ 0x5] [fatal] Unknown encoder 'x'\r\n")
	f.Add("av_interleaved_write_frame(): No space left on device\n" + strings.Repeat("\xff", 600))
	f.Add("[error] [error] [warning] ")
	f.Fuzz(func(t *testing.T, text string) {
		line, kind := diagnose(text)
		require.True(t, utf8.ValidString(line), "%q", line)
		require.LessOrEqual(t, len(line), 2048)
		require.NotContains(t, line, "\n")
		require.NotContains(t, line, "\r")
		if kind != nil {
			require.NotEmpty(t, text)
		}
	})
}
