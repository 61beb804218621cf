// Test help: streams built by hand, and streams read to their end.

package nut

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// builder makes NUT streams that our Writer would not make. The code table is
// of its own, so that every flag and field of a frame header can be tried.
type builder struct {
	buf bytes.Buffer
}

// run is a run of frame codes as it is stored.
type run struct {
	flags  uint64
	fields []int64 // pts delta, multiplier, stream, size, reserved, count, match, elision header, ...
}

type mainFields struct {
	version   uint64
	streams   uint64
	bases     []Rational
	runs      []run
	elision   []string
	afterRuns []byte // instead of elision headers and flags
}

// invalidRun fills n codes that no frame may have.
func invalidRun(n int64) run {
	return run{flagInvalid, []int64{0, 1, 0, 0, 0, n}}
}

func (m mainFields) bytes() []byte {
	p := appendVar(nil, m.version)
	if m.version > 3 {
		p = appendVar(p, 0)
	}
	p = appendVar(p, m.streams)
	p = appendVar(p, 1<<40) // max distance: must be cut to 65536
	p = appendVar(p, uint64(len(m.bases)))
	for _, b := range m.bases {
		p = appendVar(appendVar(p, uint64(b.Num)), uint64(b.Den))
	}
	for _, r := range m.runs {
		p = appendVar(appendVar(p, r.flags), uint64(len(r.fields)))
		for i, f := range r.fields {
			if i == 0 || i == 6 {
				p = appendSigned(p, f)
			} else {
				p = appendVar(p, uint64(f))
			}
		}
	}
	if m.afterRuns != nil {
		return append(p, m.afterRuns...)
	}
	p = appendVar(p, uint64(len(m.elision)))
	for _, e := range m.elision {
		p = appendString(p, e)
	}
	return append(appendVar(p, 0), "reserved bytes"...)
}

// streamBytes is a video stream header with a PTS shift and a distance.
func streamBytes(id, base, shift, maxPTSDistance uint64) []byte {
	p := appendVar(appendVar(nil, id), uint64(ClassVideo))
	p = appendString(p, "Y800")
	for _, v := range []uint64{base, shift, maxPTSDistance, 0, 1, 0, 2, 2, 0, 0, 0} {
		p = appendVar(p, v)
	}
	return append(p, "reserved bytes"...)
}

func (b *builder) raw(p ...byte) *builder { b.buf.Write(p); return b }

func (b *builder) text(s string) *builder { b.buf.WriteString(s); return b }

func (b *builder) id() *builder { b.buf.WriteString(fileID); return b }

func (b *builder) packet(start uint64, body []byte) *builder {
	b.buf.Write(appendPacket(nil, start, body))
	return b
}

// syncpoint writes a syncpoint at ticks of time base id of count.
func (b *builder) syncpoint(ticks, id, count uint64) *builder {
	return b.packet(startSyncpoint, appendVar(appendVar(nil, ticks*count+id), 0))
}

// summed writes a frame header with its checksum, and then the payload.
func (b *builder) summed(header []byte, payload string) *builder {
	b.buf.Write(header)
	sum := crcUpdate(0, header)
	b.raw(byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
	b.buf.WriteString(payload)
	return b
}

// drain reads a stream to its end: a line for each frame, and the error that
// ended it, nil for a clean end.
func drain(r *Reader) (list string, err error) {
	var s strings.Builder
	var buf []byte
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return s.String(), nil
		}
		if err != nil {
			return s.String(), err
		}
		if int64(cap(buf)) < p.Size {
			buf = make([]byte, p.Size)
		}
		if err := r.Payload(buf[:p.Size]); err != nil {
			return s.String(), err
		}
		fmt.Fprintf(&s, "%d %d %d %x\n", p.Stream, p.PTS, p.Size, md5.Sum(buf[:p.Size]))
	}
}

// frames is the list that drain gives for payloads.
type frames struct{ list strings.Builder }

func (f *frames) add(stream int, pts int64, payload string) *frames {
	fmt.Fprintf(&f.list, "%d %d %d %x\n", stream, pts, len(payload), md5.Sum([]byte(payload)))
	return f
}

// video returns a stream of 8-bit grey.
func video(w, h int, base Rational) Stream {
	return Stream{Class: ClassVideo, Tag: "Y800", Width: w, Height: h, TimeBase: base}
}

// sound returns a stream of s16le.
func sound(rate int64, channels int) Stream {
	return Stream{
		Class: ClassAudio, Tag: "PSD\x10", TimeBase: Rational{1, rate},
		SampleRate: Rational{rate, 1}, Channels: channels,
	}
}

// written returns a stream of our Writer, of n pictures and n pieces of sound of
// some samples, and the list of its frames.
func written(tb testing.TB, seekable bool, n, samples int) ([]byte, string) {
	tb.Helper()
	var out bytes.Buffer
	v := video(4, 2, Rational{1001, 30000})
	v.FrameRate = Rational{30000, 1001}
	w, err := NewWriter(&out, []Stream{v, sound(48000, 2)}, &WriterOptions{Seekable: seekable})
	require.NoError(tb, err)
	want := frames{}
	for i := range n {
		pix, pcm := strings.Repeat(string(rune('A'+i)), 8), strings.Repeat("lLrR", samples+i)
		require.NoError(tb, w.WriteFrame(0, int64(i*i), []byte(pix)))
		require.NoError(tb, w.WriteFrame(1, int64(i*1602), []byte(pcm)))
		want.add(0, int64(i*i), pix).add(1, int64(i*1602), pcm)
	}
	return out.Bytes(), want.list.String()
}

func writeFile(tb testing.TB, name string, data []byte) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(name, data, 0o600))
}
