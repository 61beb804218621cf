// Tests of the Reader on streams built by hand.

package nut

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const startIndex = 0x4E58DD672F23E64E

// code numbers of tableRuns
const (
	codeAllInHeader = 1 + iota
	codeCoded
	codeFromTable // stream 1, PTS + 3, sizes 5 and up: three codes
	_
	_
	codeMSB // size 2 + 10 times the coded part
	codeElided
	codeReserved
	codeMatch
	codeEnd
	codeSide
	codeUnknownFlag
	codeNoChecksum
	codesUsed
)

func tableRuns() []run {
	const full = flagKey | flagCodedPTS | flagStreamID | flagSizeMSB
	used := []run{
		invalidRun(1),
		{full | flagChecksum, []int64{0, 1, 0, 0, 0, 1}},
		{flagCoded | flagChecksum, []int64{0, 1, 0, 0, 0, 1}},
		{flagKey, []int64{3, 8, 1, 5}}, // the count is 8 - 5
		{flagSizeMSB | flagCodedPTS, []int64{0, 10, 0, 2, 0, 1}},
		{full | flagChecksum, []int64{0, 1, 0, 0, 0, 1, 0, 1}},
		{full | flagReserved | flagChecksum, []int64{0, 1, 0, 0, 2, 1, 0, 0}},
		{full | flagMatchTime | flagHeaderIdx | flagChecksum, []int64{0, 1, 0, 0, 0, 1, 5, 0, 77, 78}},
		{flagKey | flagEOR | flagCodedPTS | flagStreamID, []int64{0, 1, 0, 0, 0, 1, 0, 0}},
		{full | flagSMData | flagChecksum, []int64{0, 1, 0, 0, 0, 1, 0, 0}},
		{full | 1<<9, []int64{0, 1, 0, 0, 0, 1, 0, 0}},
		{full, []int64{0, 1, 0, 0, 0, 1, 0, 0}},
	}
	return append(used, invalidRun(256-codesUsed-1))
}

func tableMain() mainFields {
	return mainFields{
		version: 3, streams: 2, bases: []Rational{{1, 25}, {1001, 30000}},
		runs: tableRuns(), elision: []string{"PRE", "LONGER"},
	}
}

// opened returns a stream with two headers and a syncpoint: time 100 of 1/25,
// which is 119 of 1001/30000.
func opened(m mainFields) *builder {
	b := (&builder{}).id().packet(startMain, m.bytes())
	b.packet(startStream, streamBytes(0, 0, 4, 1000))
	b.packet(startStream, streamBytes(1, 1, 8, 1000))
	return b.syncpoint(100, 0, 2)
}

// vars encodes a frame code and numbers.
func vars(code byte, vs ...uint64) []byte {
	p := []byte{code}
	for _, v := range vs {
		p = appendVar(p, v)
	}
	return p
}

func TestFrameHeaders(t *testing.T) {
	big := strings.Repeat("x", 5000)
	v4 := tableMain()
	v4.version = 4
	entry := func(kind int64, parts ...string) []byte {
		p := appendSigned(appendString(nil, "name"), kind)
		for _, s := range parts {
			p = appendString(p, s)
		}
		return p
	}
	side := appendVar(nil, 6)
	side = append(side, entry(-1, "text")...)
	side = append(side, entry(-2, "type", "bytes")...)
	side = appendVar(append(side, entry(-3)...), 9)
	side = appendVar(append(side, entry(-4)...), 9)
	side = appendVar(append(side, entry(-30)...), 9)
	side = append(side, entry(17)...)
	side = appendVar(side, 0) // no meta data

	for _, tt := range []struct {
		name  string
		build func(*builder)
		want  func(*frames)
		main  *mainFields
	}{
		{"everything in the header", func(b *builder) {
			b.summed(vars(codeAllInHeader, 1, 256+7, 4), "abcd")
		}, func(f *frames) { f.add(1, 7, "abcd") }, nil},
		{"an empty payload", func(b *builder) {
			b.summed(vars(codeAllInHeader, 0, 16+7, 0), "")
		}, func(f *frames) { f.add(0, 7, "") }, nil},
		{"flags coded in the frame", func(b *builder) {
			b.summed(vars(codeCoded, flagKey|flagCodedPTS|flagSizeMSB, 16+5, 2), "ab")
		}, func(f *frames) { f.add(0, 5, "ab") }, nil},
		{"coded flags take the checksum away", func(b *builder) {
			b.raw(vars(codeCoded, flagSizeMSB|flagChecksum, 2)...).text("ab")
		}, func(f *frames) { f.add(0, 100, "ab") }, nil},
		{"PTS and size from the code alone", func(b *builder) {
			b.raw(codeFromTable).text("12345").raw(codeFromTable + 2).text("1234567")
		}, func(f *frames) { f.add(1, 122, "12345").add(1, 125, "1234567") }, nil},
		{"size in two parts", func(b *builder) {
			b.raw(vars(codeMSB, 16+100, 1)...).text("123456789012")
		}, func(f *frames) { f.add(0, 100, "123456789012") }, nil},
		{"low bits of a PTS: ahead", func(b *builder) {
			b.raw(vars(codeMSB, (100+8)&15, 0)...).text("ab")
		}, func(f *frames) { f.add(0, 108, "ab") }, nil},
		{"low bits of a PTS: back", func(b *builder) {
			b.raw(vars(codeMSB, (100-7)&15, 0)...).text("ab")
		}, func(f *frames) { f.add(0, 93, "ab") }, nil},
		{"low bits of a PTS: other bits in the other stream", func(b *builder) {
			b.summed(vars(codeAllInHeader, 1, 200, 1), "a")
		}, func(f *frames) { f.add(1, 200, "a") }, nil},
		{"a syncpoint counts anew", func(b *builder) {
			b.syncpoint(30000, 1, 2).raw(vars(codeMSB, 25030&15, 0)...).text("ab") // 1001 s
		}, func(f *frames) { f.add(0, 25030, "ab") }, nil},
		{"a syncpoint is rounded down", func(b *builder) {
			b.raw(codeFromTable).text("12345") // 4 s is 119.88 of 1001/30000
		}, func(f *frames) { f.add(1, 119+3, "12345") }, nil},
		{"an elided header", func(b *builder) {
			b.summed(vars(codeElided, 0, 16+5, 7), "LOAD")
		}, func(f *frames) { f.add(0, 5, "PRELOAD") }, nil},
		{"an elided header that is the payload", func(b *builder) {
			b.summed(vars(codeElided, 0, 16+5, 3), "")
		}, func(f *frames) { f.add(0, 5, "PRE") }, nil},
		{"no elided header in a large frame", func(b *builder) {
			b.summed(vars(codeElided, 0, 16+5, 5000), big)
		}, func(f *frames) { f.add(0, 5, big) }, nil},
		{"an elided header in the largest frame that has one", func(b *builder) {
			b.summed(vars(codeElided, 0, 16+5, 4096), big[:4093]).summed(vars(codeElided, 0, 16+6, 4097), big[:4097])
		}, func(f *frames) { f.add(0, 5, "PRE"+big[:4093]).add(0, 6, big[:4097]) }, nil},
		{"an elided header chosen by the frame, and a match time", func(b *builder) {
			b.summed(vars(codeMatch, 0, 16+5, 8, 12345, 2), "ab")
		}, func(f *frames) { f.add(0, 5, "LONGERab") }, nil},
		{"reserved fields", func(b *builder) {
			b.summed(vars(codeReserved, 0, 16+5, 1, 3, 1, math.MaxUint64, 2), "a")
		}, func(f *frames) { f.add(0, 5, "a") }, nil},
		{"an end mark is no frame", func(b *builder) {
			b.raw(vars(codeEnd, 0, 16+5)...).summed(vars(codeAllInHeader, 0, 16+6, 1), "a")
		}, func(f *frames) { f.add(0, 6, "a") }, nil},
		{"side data is not payload", func(b *builder) {
			b.summed(vars(codeSide, 0, 16+5, uint64(len(side))+3), string(side)+"abc")
		}, func(f *frames) { f.add(0, 5, "abc") }, &v4},
		{"stuffing", func(b *builder) {
			b.summed([]byte{codeAllInHeader, 0x80, 0x80, 0, 0x80, 16 + 5, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, "a")
		}, func(f *frames) { f.add(0, 5, "a") }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := tableMain()
			if tt.main != nil {
				m = *tt.main
			}
			b, want := opened(m), frames{}
			tt.build(b)
			tt.want(&want)
			got, err := drain(NewReader(&b.buf, nil))
			require.NoError(t, err)
			require.Equal(t, want.list.String(), got)
		})
	}
}

func TestPacketsBetweenFrames(t *testing.T) {
	m := tableMain()
	frame := vars(codeAllInHeader, 0, 16+5, 1)
	b := opened(m)
	b.summed(frame, "a")
	b.packet(startMain, m.bytes())
	b.packet(startStream, streamBytes(0, 0, 4, 1000))
	b.packet(startStream, streamBytes(1, 1, 8, 1000))
	b.packet(startInfo, frameRateInfo(1, Rational{30000, 1001}))
	b.packet(startInfo, []byte("\xff\xff nonsense, whose checksum is right"))
	b.packet(startInfo, frameRateInfo(7, Rational{1, 1})) // no such stream
	b.packet(startIndex, make([]byte, 300_000))           // not held in memory
	b.packet(0x4E01020304050607, []byte("of a later version"))
	b.syncpoint(0, 0, 2)
	b.summed(frame, "b")

	r := NewReader(&b.buf, nil)
	s, err := r.ReadHeader()
	require.NoError(t, err)
	require.Len(t, s, 2)
	require.Equal(t, Stream{Class: ClassVideo, Tag: "Y800", TimeBase: Rational{1001, 30000}, Width: 2, Height: 2}, s[1])
	want := frames{}
	got, err := drain(r)
	require.NoError(t, err)
	require.Equal(t, want.add(0, 5, "a").add(0, 5, "b").list.String(), got)
	s, err = r.ReadHeader()
	require.NoError(t, err, "the streams are known after the end, too")
	require.Equal(t, Rational{30000, 1001}, s[1].FrameRate)
	require.Zero(t, s[0].FrameRate)
	require.LessOrEqual(t, cap(r.body), 4096, "the index was read past, not held")
}

func TestInputsThatStutter(t *testing.T) {
	whole, list := written(t, false, 40, 400)
	for _, tt := range []struct {
		name string
		in   io.Reader
	}{
		{"one byte at a time", iotest.OneByteReader(bytes.NewReader(whole))},
		{"half of what is asked", iotest.HalfReader(bytes.NewReader(whole))},
		{"EOF with the last bytes", iotest.DataErrReader(bytes.NewReader(whole))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := drain(NewReader(tt.in, nil))
			require.NoError(t, err)
			require.Equal(t, list, got)
		})
	}
	t.Run("an error of the input", func(t *testing.T) {
		broken := errors.New("broken")
		in := io.MultiReader(bytes.NewReader(whole[:200]), iotest.ErrReader(broken))
		_, err := drain(NewReader(in, nil))
		require.ErrorIs(t, err, broken)
	})
	t.Run("an input that gives nothing", func(t *testing.T) {
		_, err := NewReader(silent{}, nil).ReadHeader()
		require.ErrorIs(t, err, io.ErrNoProgress)
	})
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// recorder remembers which memory its bytes were read into.
type recorder struct {
	r    io.Reader
	into [][]byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.into = append(r.into, p[:n])
	return n, err
}

// TestPayloadIsReadInPlace: all of a payload but the read-ahead goes from the
// input into the caller's memory by one read.
func TestPayloadIsReadInPlace(t *testing.T) {
	const size = 1 << 20
	var out bytes.Buffer
	w, err := NewWriter(&out, []Stream{video(1024, 1024, Rational{1, 25})}, nil)
	require.NoError(t, err)
	payload := make([]byte, size)
	for i := range 3 {
		payload[size-1] = byte(i)
		require.NoError(t, w.WriteFrame(0, int64(i), payload))
	}
	in := &recorder{r: &out}
	r := NewReader(in, nil)
	slot := make([]byte, size)
	for i := range 3 {
		_, err := r.Next()
		require.NoError(t, err)
		require.NoError(t, r.AwaitPayload())
		in.into = nil
		require.NoError(t, r.Payload(slot))
		require.Equal(t, byte(i), slot[size-1])
		require.Len(t, in.into, 1, "one read")
		got := in.into[0]
		require.GreaterOrEqual(t, len(got), size-readAhead)
		require.Same(t, &slot[size-1], &got[len(got)-1], "straight into the slot")
	}
}

func TestPayloadInPieces(t *testing.T) {
	b := opened(tableMain())
	b.summed(vars(codeElided, 0, 16+5, 7), "LOAD")
	b.summed(vars(codeElided, 0, 16+6, 7), "LOAD")
	b.summed(vars(codeElided, 0, 16+7, 7), "LOAD")
	b.summed(vars(codeElided, 0, 16+8, 7), "LOAD")
	r := NewReader(&b.buf, nil)

	_, err := r.Next()
	require.NoError(t, err)
	piece := make([]byte, 2)
	var got []byte
	for range 3 {
		require.NoError(t, r.Payload(piece))
		got = append(got, piece...)
	}
	require.ErrorIs(t, r.Payload(piece), ErrMisuse, "one byte is left")
	require.NoError(t, r.AwaitPayload())
	require.Equal(t, int64(1), r.Remaining())
	require.NoError(t, r.Payload(piece[:1]))
	require.Equal(t, "PRELOAD", string(append(got, piece[0])))
	require.NoError(t, r.AwaitPayload(), "nothing left to wait for")
	require.ErrorIs(t, r.Payload(piece), ErrMisuse)

	p, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, int64(6), p.PTS)
	require.NoError(t, r.Payload(piece))
	require.NoError(t, r.Discard())
	require.Zero(t, r.Remaining())

	p, err = r.Next()
	require.NoError(t, err)
	require.Equal(t, int64(7), p.PTS)
	require.NoError(t, r.Payload(piece), "and Next discards the rest")

	p, err = r.Next()
	require.NoError(t, err)
	require.Equal(t, Packet{Stream: 0, PTS: 8, Key: true, Size: 7}, p)
	require.NoError(t, r.Discard())
	require.NoError(t, r.AwaitPayload(), "nothing left to wait for, nor in the input")
	_, err = r.Next()
	require.Equal(t, io.EOF, err)
	require.Equal(t, io.EOF, r.Payload(piece))
	require.Equal(t, io.EOF, r.Discard())
	require.Equal(t, io.EOF, r.AwaitPayload())
}

// TestPayloadIsMissing: every way to pass over a payload that is not there says
// so.
func TestPayloadIsMissing(t *testing.T) {
	for _, tt := range []struct {
		name string
		read func(*Reader) error
	}{
		{"Payload", func(r *Reader) error { return r.Payload(make([]byte, 4)) }},
		{"AwaitPayload", (*Reader).AwaitPayload},
		{"Discard", (*Reader).Discard},
		{"Next", func(r *Reader) error { _, err := r.Next(); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := opened(tableMain()).summed(vars(codeAllInHeader, 0, 16, 4), "")
			r := NewReader(&b.buf, nil)
			_, err := r.Next()
			require.NoError(t, err)
			err = tt.read(r)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			_, again := r.Next()
			require.Equal(t, err, again)
		})
	}
}

func TestFrameRateInInfo(t *testing.T) {
	head := func(entries byte) []byte { return []byte{2, 0, 0, 0, entries} } // stream 1
	text := func(p []byte, name, value string) []byte {
		return appendString(appendSigned(appendString(p, name), -1), value)
	}
	other := appendString(appendString(appendSigned(appendString(head(5), "a"), -2), "type"), "value")
	other = appendVar(appendSigned(appendString(other, "b"), -4), 1000)
	other = appendVar(appendSigned(appendString(other, "c"), -30), 1000)
	other = appendSigned(appendString(other, "d"), 5)
	for _, tt := range []struct {
		name string
		body []byte
		want Rational // zero: none
	}{
		{"alone", text(head(1), "r_frame_rate", "30000/1001"), Rational{30000, 1001}},
		{"after entries of every kind", text(other, "r_frame_rate", "25/1"), Rational{25, 1}},
		{"another name", text(head(1), "encoder", "30/1"), Rational{}},
		{"no fraction", text(head(1), "r_frame_rate", "30"), Rational{}},
		{"zero", text(head(1), "r_frame_rate", "0/0"), Rational{}},
		{"negative", text(head(1), "r_frame_rate", "-30/1"), Rational{}},
		{"cut off", text(head(2), "r_frame_rate", "30/1"), Rational{}},
		{"endless", append([]byte{2, 0, 0, 0}, appendVar(nil, math.MaxUint64)...), Rational{}},
		{"of no stream", append([]byte{0}, text(head(1), "r_frame_rate", "30/1")[1:]...), Rational{}},
		{"empty", nil, Rational{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stream, rate, ok := parseFrameRate(tt.body)
			require.Equal(t, tt.want != Rational{}, ok)
			if ok {
				require.Equal(t, tt.want, rate)
				require.Equal(t, 1, stream)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	whole, _ := written(t, false, 40, 400)
	for _, tt := range []struct {
		name string
		opts ReaderOptions
	}{
		{"streams", ReaderOptions{MaxStreams: 1}},
		{"header", ReaderOptions{MaxHeaderBytes: 20}},
		{"frame", ReaderOptions{MaxFrameBytes: 1000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := drain(NewReader(bytes.NewReader(whole), &tt.opts))
			require.ErrorIs(t, err, ErrLimit)
		})
	}
}

func TestNoAllocationPerFrame(t *testing.T) {
	pr, pw := io.Pipe()
	w := make(chan error, 1)
	go func() {
		wr, err := NewWriter(pw, []Stream{video(100, 100, Rational{1, 25})}, &WriterOptions{Seekable: true})
		payload := make([]byte, 10_000)
		for i := int64(0); err == nil; i++ {
			err = wr.WriteFrame(0, i, payload)
		}
		w <- err
	}()
	r := NewReader(pr, nil)
	buf := make([]byte, 10_000)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := r.Next(); err != nil {
			panic(err)
		}
		if err := r.Payload(buf); err != nil {
			panic(err)
		}
	})
	require.NoError(t, pr.Close())
	require.ErrorIs(t, <-w, io.ErrClosedPipe)
	require.Zero(t, n, "reader and writer together")
}
