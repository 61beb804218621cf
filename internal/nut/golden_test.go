// Streams that ffmpeg wrote once, and the fuzz target that starts from them.

package nut

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func golden(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(tb, err)
	return b
}

func TestGolden(t *testing.T) {
	sound := Stream{Class: ClassAudio, Tag: "PSD\x10", TimeBase: Rational{1, 8000}, SampleRate: Rational{8000, 1}, Channels: 1}
	for _, tt := range []struct{ name, tag string }{
		{"v3index", "RGBA"},
		{"v4pipe", "I420"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			streams, list := listOf(t, golden(t, tt.name+".nut"))
			require.Equal(t, []Stream{{
				Class: ClassVideo, Tag: tt.tag, TimeBase: Rational{1, 51200}, FrameRate: Rational{25, 1},
				Width: 16, Height: 8, SampleAspect: Rational{1, 1},
			}, sound}, streams)
			sameFrames(t, parseFramemd5(t, golden(t, tt.name+".framemd5")), list)
		})
	}
}

// FuzzReader gives the Reader anything. It must not crash, must come to an end,
// must keep its limits, and must not care in what pieces its input comes.
func FuzzReader(f *testing.F) {
	f.Add(golden(f, "v3index.nut")[:2000])
	f.Add(golden(f, "v4pipe.nut")[:2000])
	for _, seekable := range []bool{false, true} {
		whole, _ := written(f, seekable, 3, 2)
		f.Add(whole)
	}
	b := opened(tableMain())
	b.raw(codeFromTable).text("12345").summed(vars(codeElided, 0, 16+5, 7), "LOAD")
	b.raw(vars(codeCoded, flagSizeMSB|flagChecksum, 2)...).text("ab").raw(vars(codeMSB, 5, 0)...).text("ab")
	b.packet(startInfo, frameRateInfo(1, Rational{30, 1}))
	b.summed(vars(codeMatch, 0, 16+5, 8, 12345, 2), "ab").raw(vars(codeEnd, 0, 16+9)...)
	f.Add(b.buf.Bytes())

	f.Fuzz(fuzzRead)
}

// FuzzBodies is FuzzReader behind the checksums, which else stop nearly all
// that a fuzzer makes.
func FuzzBodies(f *testing.F) {
	stream := streamBytes(0, 0, 4, 1000)
	syncpoint := []byte{200, 1, 0}
	frames := append([]byte{codeFromTable}, "12345"...)
	frames = append(append(frames, vars(codeMSB, 5, 0)...), "ab"...)
	frames = append(append(frames, vars(codeNoChecksum, 0, 16+9, 3)...), "abc"...)
	frames = append(append(frames, vars(codeCoded, flagSizeMSB|flagChecksum|flagHeaderIdx|flagReserved, 9, 1, 2, 0, 0)...), "abcdef"...)
	for _, version := range []uint64{3, 4} {
		m := tableMain()
		m.version, m.streams = version, 1
		for i := range m.runs {
			if len(m.runs[i].fields) > 2 {
				m.runs[i].fields[2] = 0
			}
		}
		f.Add(m.bytes(), stream, syncpoint, frameRateInfo(0, Rational{30, 1}), frames)
		f.Add(m.bytes(), stream, syncpoint, frameRateInfo(0, Rational{30, 1}),
			append(vars(codeCoded, flagSizeMSB|flagChecksum|flagSMData, 30), "\x02\x04name\x02\x04text\x01a\x04name\x07\x02\x00\x00abcdefgh"...))
	}
	f.Fuzz(func(t *testing.T, main, stream, syncpoint, info, frames []byte) {
		b := (&builder{}).id().packet(startMain, main).packet(startStream, stream)
		b.packet(startInfo, info).packet(startSyncpoint, syncpoint).raw(frames...)
		fuzzRead(t, b.buf.Bytes())
	})
}

func fuzzRead(t *testing.T, data []byte) {
	opts := &ReaderOptions{MaxStreams: 8, MaxHeaderBytes: 4096, MaxFrameBytes: 1 << 16}
	r := NewReader(bytes.NewReader(data), opts)
	whole, err := fuzzDrain(t, r, len(data))
	require.LessOrEqual(t, cap(r.body), opts.MaxHeaderBytes)
	require.LessOrEqual(t, len(r.streams), opts.MaxStreams)
	pieces, err2 := fuzzDrain(t, NewReader(iotest.OneByteReader(bytes.NewReader(data)), opts), len(data))
	require.Equal(t, whole, pieces)
	require.Equal(t, err, err2)
}

// fuzzDrain reads to the end, and checks what holds for every stream.
func fuzzDrain(t *testing.T, r *Reader, size int) (packets []Packet, err error) {
	t.Helper()
	if _, err := r.ReadHeader(); err != nil {
		return nil, err
	}
	payload := make([]byte, 1<<16)
	for {
		p, err := r.Next()
		if err != nil {
			_, again := r.Next()
			require.Equal(t, err, again)
			if !errors.Is(err, io.EOF) {
				require.ErrorContains(t, err, "nut: ")
			}
			return packets, err
		}
		packets = append(packets, p)
		require.LessOrEqual(t, len(packets), size, "a frame takes a byte at least")
		require.GreaterOrEqual(t, p.PTS, int64(0))
		require.Less(t, p.Stream, len(r.streams))
		require.True(t, p.Size >= 0 && p.Size <= 1<<16)
		if p.PTS%3 != 0 { // else Next discards it
			if err := r.Payload(payload[:p.Size]); err != nil {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				return packets, err
			}
		}
	}
}
