// Tests of the Reader on damaged and hostile streams.

package nut

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDamage(t *testing.T) {
	ok := tableMain()
	with := func(change func(*mainFields)) func() *builder {
		return func() *builder {
			m := tableMain()
			change(&m)
			return opened(m)
		}
	}
	frame := func(build func(*builder)) func() *builder {
		return func() *builder { b := opened(ok); build(b); return b }
	}
	stream := func(body []byte) func() *builder {
		return func() *builder {
			return (&builder{}).id().packet(startMain, ok.bytes()).packet(startStream, body)
		}
	}
	for _, tt := range []struct {
		name  string
		build func() *builder
		want  error
	}{
		{"empty", func() *builder { return &builder{} }, nil},
		{"other magic", func() *builder { return (&builder{}).text("\x1aE\xdf\xa3 matroska") }, ErrFormat},
		{"half the magic", func() *builder { return (&builder{}).text("nut/multi") }, io.ErrUnexpectedEOF},
		{"only the magic", func() *builder { return (&builder{}).id() }, io.ErrUnexpectedEOF},
		{"frame first", func() *builder { return (&builder{}).id().raw(1) }, ErrCorrupt},
		{"stream header first", func() *builder { return (&builder{}).id().packet(startStream, streamBytes(0, 0, 0, 0)) }, ErrCorrupt},
		{"syncpoint first", func() *builder { return (&builder{}).id().syncpoint(0, 0, 1) }, ErrCorrupt},
		{"a stream header missing", func() *builder {
			return (&builder{}).id().packet(startMain, ok.bytes()).packet(startStream, streamBytes(0, 0, 0, 0)).syncpoint(0, 0, 2)
		}, ErrCorrupt},
		{"a packet of 3 bytes", func() *builder {
			return (&builder{}).id().raw(binary.BigEndian.AppendUint64(nil, startMain)...).raw(3, 0, 0, 0)
		}, ErrCorrupt},
		{"a packet of 2^63 bytes", func() *builder {
			return (&builder{}).id().raw(appendVar(binary.BigEndian.AppendUint64(nil, startMain), 1<<63)...)
		}, ErrCorrupt},
		{"a main header of a gigabyte", func() *builder {
			h := appendVar(binary.BigEndian.AppendUint64(nil, startMain), 1<<30)
			return (&builder{}).id().summed(h, "")
		}, ErrLimit},
		{"a length with a wrong checksum", func() *builder {
			return (&builder{}).id().raw(appendVar(binary.BigEndian.AppendUint64(nil, startIndex), 5000)...).raw(1, 2, 3, 4)
		}, ErrCorrupt},
		{"an unknown packet with a wrong checksum", func() *builder {
			return (&builder{}).id().raw(0x4E, 1, 2, 3, 4, 5, 6, 7, 5, 0, 0, 0, 0, 1)
		}, ErrCorrupt},
		{"version 2", with(func(m *mainFields) { m.version = 2 }), ErrVersion},
		{"version 5", with(func(m *mainFields) { m.version = 5 }), ErrVersion},
		{"no streams", with(func(m *mainFields) { m.streams = 0 }), ErrCorrupt},
		{"too many streams", with(func(m *mainFields) { m.streams = 33 }), ErrLimit},
		{"2^62 streams", with(func(m *mainFields) { m.streams = 1 << 62 }), ErrLimit},
		{"no time bases", with(func(m *mainFields) { m.bases = nil }), ErrCorrupt},
		{"time base 1/0", with(func(m *mainFields) { m.bases = []Rational{{1, 0}} }), ErrCorrupt},
		{"time base 0/1", with(func(m *mainFields) { m.bases = []Rational{{0, 1}} }), ErrCorrupt},
		{"time base 1/2^31", with(func(m *mainFields) { m.bases = []Rational{{1, 1 << 31}} }), ErrCorrupt},
		{"too many time bases", with(func(m *mainFields) { m.bases = slices.Repeat([]Rational{{1, 1}}, 257) }), ErrCorrupt},
		{"frame codes cut off", with(func(m *mainFields) { m.runs, m.afterRuns = m.runs[:2], []byte{} }), ErrCorrupt},
		{"too many frame codes", with(func(m *mainFields) { m.runs = []run{invalidRun(256)} }), ErrCorrupt},
		{"a run of no codes", with(func(m *mainFields) { m.runs = []run{invalidRun(0), invalidRun(255)} }), ErrCorrupt},
		{"a run of less than no codes", with(func(m *mainFields) { m.runs = []run{{0, []int64{0, 1, 0, 2}}} }), ErrCorrupt},
		{"a run of 2^60 fields", with(func(m *mainFields) {
			m.runs, m.afterRuns = nil, appendVar(appendVar(nil, 0), 1<<60)
		}), ErrCorrupt},
		{"a PTS step of 32768", with(func(m *mainFields) { m.runs = []run{{0, []int64{32768, 1, 0, 0, 0, 255}}} }), ErrCorrupt},
		{"an empty elision header", with(func(m *mainFields) { m.elision = []string{""} }), ErrCorrupt},
		{"a long elision header", with(func(m *mainFields) { m.elision = []string{strings.Repeat("x", 256)} }), ErrCorrupt},
		{"elision headers of 1025 bytes", with(func(m *mainFields) {
			m.elision = slices.Repeat([]string{strings.Repeat("x", 205)}, 5)
		}), ErrCorrupt},
		{"elision headers cut off", with(func(m *mainFields) { m.afterRuns = []byte{9} }), ErrCorrupt},
		{"128 elision headers", with(func(m *mainFields) { m.elision = slices.Repeat([]string{"x"}, 128) }), ErrCorrupt},
		{"a tag past the end", stream([]byte{0, 0, 9, 'Y'}), ErrCorrupt},
		{"stream 2 of 2", stream(streamBytes(2, 0, 0, 0)), ErrCorrupt},
		{"time base 2 of 2", stream(streamBytes(0, 2, 0, 0)), ErrCorrupt},
		{"PTS shift 16", stream(streamBytes(0, 0, 16, 0)), ErrCorrupt},
		{"stream header cut off", stream(streamBytes(0, 0, 1, 0)[:10]), ErrCorrupt},
		{"a tag of 3 bytes", stream(bytes.Replace(streamBytes(0, 0, 1, 0), []byte("\x04Y800"), []byte("\x03Y80"), 1)), ErrCorrupt},
		{"width 0", stream(bytes.Replace(streamBytes(0, 0, 1, 0), []byte{2, 2, 0, 0}, []byte{0, 2, 0, 0}, 1)), ErrCorrupt},
		{"half a sample aspect", stream(bytes.Replace(streamBytes(0, 0, 1, 0), []byte{2, 2, 0, 0}, []byte{2, 2, 1, 0}, 1)), ErrCorrupt},
		{"sound without a rate", stream([]byte{0, 1, 4, 'P', 'S', 'D', 16, 0, 1, 1, 0, 0, 0, 0, 1, 1}), ErrCorrupt},
		{"sound without channels", stream([]byte{0, 1, 4, 'P', 'S', 'D', 16, 0, 1, 1, 0, 0, 0, 9, 1, 0}), ErrCorrupt},
		{"repeated main header differs", frame(func(b *builder) {
			m := tableMain()
			m.version = 4
			b.packet(startMain, m.bytes())
		}), ErrChanged},
		{"repeated stream header differs", frame(func(b *builder) { b.packet(startStream, streamBytes(0, 1, 4, 1000)) }), ErrChanged},
		{"empty syncpoint", frame(func(b *builder) { b.packet(startSyncpoint, nil) }), ErrCorrupt},
		{"syncpoint at the end of time", frame(func(b *builder) { b.syncpoint(math.MaxUint64/2, 0, 2) }), ErrCorrupt},
		{"invalid code", frame(func(b *builder) { b.raw(0) }), ErrCorrupt},
		{"coded flags say invalid", frame(func(b *builder) { b.raw(vars(codeCoded, flagInvalid)...) }), ErrCorrupt},
		{"unknown flag", frame(func(b *builder) { b.raw(vars(codeUnknownFlag, 0, 16, 1)...).raw('a') }), ErrCorrupt},
		{"stream 2 in a frame", frame(func(b *builder) { b.summed(vars(codeAllInHeader, 2, 16, 1), "a") }), ErrCorrupt},
		{"checksum of a frame header", frame(func(b *builder) {
			b.summed(vars(codeAllInHeader, 0, 16, 1), "a")
			b.buf.Bytes()[b.buf.Len()-2] ^= 1
		}), ErrCorrupt},
		{"checksum missing: size", frame(func(b *builder) { b.raw(vars(codeNoChecksum, 0, 16+100, 2*65536+1)...) }), ErrCorrupt},
		{"checksum missing: PTS", frame(func(b *builder) { b.raw(vars(codeNoChecksum, 0, 16+1101, 1)...) }), ErrCorrupt},
		{"a frame over the limit", frame(func(b *builder) { b.summed(vars(codeAllInHeader, 0, 16, 1<<30+1), "") }), ErrLimit},
		{"a frame of 2^64 bytes", frame(func(b *builder) { b.summed(vars(codeAllInHeader, 0, 16, math.MaxUint64), "") }), ErrLimit},
		{"a PTS of 2^63", frame(func(b *builder) { b.summed(vars(codeAllInHeader, 0, 1<<63, 1), "a") }), ErrCorrupt},
		{"a PTS below zero", frame(func(b *builder) { b.syncpoint(0, 0, 2).raw(vars(codeMSB, 15, 0)...).text("ab") }), ErrCorrupt},
		{"an end mark with a payload", frame(func(b *builder) { b.raw(vars(codeCoded, flagEOR|flagSizeMSB|flagChecksum, 1)...).raw('a') }), ErrCorrupt},
		{"elision header 3 of 3", frame(func(b *builder) { b.summed(vars(codeMatch, 0, 16, 8, 0, 3), "ab") }), ErrCorrupt},
		{"shorter than its elision header", frame(func(b *builder) { b.summed(vars(codeElided, 0, 16, 2), "") }), ErrCorrupt},
		{"256 reserved fields", frame(func(b *builder) { b.summed(vars(codeReserved, 0, 16, 1, 256), "") }), ErrCorrupt},
		{"nine bytes of stuffing", frame(func(b *builder) {
			b.raw(codeAllInHeader).raw(bytes.Repeat([]byte{0x80}, 18)...).raw(0)
		}), ErrCorrupt},
		{"side data past the payload", frame(func(b *builder) { b.summed(vars(codeSide, 0, 16, 3), "\x01\x09namename") }), ErrCorrupt},
		{"side data without end", frame(func(b *builder) {
			b.summed(vars(codeSide, 0, 16, 9), string(appendVar(nil, 1<<62))+strings.Repeat("\x00", 99))
		}), ErrCorrupt},
		{"a payload cut off", frame(func(b *builder) { b.summed(vars(codeAllInHeader, 0, 16, 4), "abc") }), io.ErrUnexpectedEOF},
		{"a payload absent", frame(func(b *builder) { b.summed(vars(codeAllInHeader, 0, 16, 4), "") }), io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(&tt.build().buf, nil)
			_, err := drain(r)
			require.ErrorIs(t, err, tt.want)
			_, again := r.Next()
			if tt.want == nil {
				require.Equal(t, io.EOF, again)
				return
			}
			require.ErrorContains(t, err, "nut: ")
			require.Equal(t, err, again, "every error is final")
		})
	}
}

// TestCutAnywhere cuts a stream at every byte: between packets that is a clean
// end, elsewhere it is io.ErrUnexpectedEOF, and never anything else.
func TestCutAnywhere(t *testing.T) {
	whole, list := written(t, true, 5, 3000) // several syncpoints
	require.Greater(t, bytes.Count(whole, binary.BigEndian.AppendUint64(nil, startSyncpoint)), 1)
	for n := range whole {
		if strings.IndexByte("lLrR", whole[n]) >= 0 && n%97 != 0 {
			continue // in the middle of the sound one place is like another
		}
		got, err := drain(NewReader(bytes.NewReader(whole[:n]), nil))
		if err != nil {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut at %d", n)
		}
		require.True(t, strings.HasPrefix(list, got), "cut at %d", n)
	}
}

// TestFlipAnywhere damages every bit. Unless an error tells, only the bytes of
// one payload may be others: never a time, a size or the number of frames.
func TestFlipAnywhere(t *testing.T) {
	whole, list := written(t, false, 3, 10)
	lines := strings.Split(list, "\n")
	for i := range 8 * len(whole) {
		whole[i/8] ^= 1 << (i % 8)
		got, err := drain(NewReader(bytes.NewReader(whole), nil))
		whole[i/8] ^= 1 << (i % 8)
		if err != nil {
			continue
		}
		differ := 0
		for j, l := range strings.Split(got, "\n") {
			require.Less(t, j, len(lines), "bit %d", i)
			if l != lines[j] {
				differ++
				cut := strings.LastIndexByte(l, ' ')
				require.Equal(t, lines[j][:cut], l[:cut], "bit %d", i)
			}
		}
		require.LessOrEqual(t, differ, 1, "bit %d", i)
		require.Equal(t, len(lines), strings.Count(got, "\n")+1, "bit %d", i)
	}
}
