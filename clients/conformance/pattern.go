// What is in a frame of the conformance tests. README.md says the same in words.

package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/framebridge/framebridge/framebuf"
)

// The three factors of the pattern. Any large odd numbers would do.
const (
	byNumber = 0x9E3779B97F4A7C15
	byShape  = 0xC2B2AE3D27D4EB4F
	byPlace  = 0xD6E8FEB86659FD93
)

// tick is the PTS of frame 1, and the duration of all, in units of 1/90000 s.
const tick = 3003

func timeBase() framebuf.Rational { return framebuf.Rational{Num: 1, Den: 90000} }

// Stamp makes a frame of the one that slot will be: its number decides every byte.
func Stamp(s *framebuf.Slot) error {
	i := &s.Info
	n := i.Number
	if i.PixelFormat == framebuf.Data {
		if err := s.SetLength(length(n, i.Format)); err != nil {
			return err
		}
	}
	fill(s.Bytes(), n, i.Format)
	i.PTS, i.Duration, i.TimeBase = int64(n)*tick, tick, timeBase()
	i.Reference = reference(n, i.Format)
	return s.SetMeta(meta(n))
}

// Verify reports what of a frame is not as Stamp made it; nil if all is.
func Verify(f *framebuf.Frame) error {
	n := f.Number
	switch {
	case f.PTS != int64(n)*tick || f.Duration != tick || f.TimeBase != timeBase():
		return fmt.Errorf("frame %d: time is %d for %d, in %v s", n, f.PTS, f.Duration, f.TimeBase)
	case len(f.Bytes()) != length(n, f.Format):
		return fmt.Errorf("frame %d: %d bytes, not %d", n, len(f.Bytes()), length(n, f.Format))
	case !bytes.Equal(f.Meta(), meta(n)):
		return fmt.Errorf("frame %d: meta is %q", n, f.Meta())
	case f.Reference != reference(n, f.Format):
		return fmt.Errorf("frame %d: reference is %+v", n, f.Reference)
	}
	if at, want := check(f.Bytes(), n, f.Format); at >= 0 {
		return fmt.Errorf("frame %d: byte %d is %#02x, not %#02x", n, at, f.Bytes()[at], want)
	}
	return nil
}

// length is the payload's length in bytes: that of the packed planes, and for data
// one that changes with each frame.
func length(n uint64, f framebuf.Format) int {
	if f.PixelFormat == framebuf.Data {
		return int(n * 37 % 1000)
	}
	return f.Size()
}

func meta(n uint64) []byte { return fmt.Appendf(nil, `{"n":%d}`, n) }

// reference is the frame that a data frame speaks of; pictures speak of none.
func reference(n uint64, f framebuf.Format) framebuf.Reference {
	if f.PixelFormat != framebuf.Data {
		return framebuf.Reference{}
	}
	return framebuf.Reference{Set: true, Frame: 2 * n, Generation: byNumber, PTS: 2 * int64(n) * tick}
}

// word is 8 bytes of a payload, from the at-th byte on.
func word(n uint64, f framebuf.Format, at int) uint64 {
	shape := uint64(f.Width)<<32 | uint64(f.Height)<<8 | uint64(f.PixelFormat)
	return (n+1)*byNumber ^ shape*byShape ^ uint64(at/8)*byPlace
}

func fill(b []byte, n uint64, f framebuf.Format) {
	var w [8]byte
	for at := 0; at < len(b); at += 8 {
		binary.LittleEndian.PutUint64(w[:], word(n, f, at))
		copy(b[at:], w[:])
	}
}

// check looks for the first byte that fill would not have put there. at is -1 if
// there is none.
func check(b []byte, n uint64, f framebuf.Format) (at int, want byte) {
	for at, got := range b {
		if want := byte(word(n, f, at) >> (at % 8 * 8)); got != want {
			return at, want
		}
	}
	return -1, 0
}
