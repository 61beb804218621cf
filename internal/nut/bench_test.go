// Benchmarks of the Reader. One frame is 1080p RGBA: 8,294,400 bytes.

package nut

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

const hdBytes = 1920 * 1080 * 4

// BenchmarkReaderPipe reads 1080p RGBA frames from a pipe of the kernel into
// one slot: what the Reader adds is the difference to BenchmarkPipe.
func BenchmarkReaderPipe(b *testing.B) {
	benchmarkPipe(b, func(in io.Reader, slot []byte) func() error {
		r := NewReader(in, nil)
		return func() error {
			if _, err := r.Next(); err != nil {
				return err
			}
			return r.Payload(slot)
		}
	})
}

// BenchmarkPipe is the floor: the same bytes by io.ReadFull alone.
func BenchmarkPipe(b *testing.B) {
	benchmarkPipe(b, func(in io.Reader, slot []byte) func() error {
		return func() error {
			_, err := io.ReadFull(in, slot)
			return err
		}
	})
}

func benchmarkPipe(b *testing.B, open func(in io.Reader, slot []byte) func() error) {
	in, out, err := os.Pipe()
	require.NoError(b, err)
	done, frame := make(chan struct{}), make([]byte, hdBytes)
	go func() {
		defer close(done)
		w, err := NewWriter(out, []Stream{{Class: ClassVideo, Tag: "RGBA", Width: 1920, Height: 1080, TimeBase: Rational{1, 60}}}, nil)
		for i := int64(0); err == nil; i++ {
			err = w.WriteFrame(0, i, frame) // until the read end is closed
		}
	}()
	slot := make([]byte, hdBytes)
	next := open(in, slot)
	b.SetBytes(hdBytes)
	b.ReportAllocs()
	for b.Loop() {
		if err := next(); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, in.Close())
	<-done
	require.NoError(b, out.Close())
}

// BenchmarkReaderHeaders reads frames of one byte: the cost of a header.
func BenchmarkReaderHeaders(b *testing.B) {
	in, out := io.Pipe()
	go func() {
		w, err := NewWriter(out, []Stream{{Class: ClassVideo, Tag: "Y800", Width: 1, Height: 1, TimeBase: Rational{1, 60}}}, nil)
		var frames []byte
		for i := int64(0); err == nil; i++ {
			var h []byte
			if h, err = w.FrameHeader(0, i, 1); err != nil {
				break
			}
			if frames = append(append(frames, h...), 0); len(frames) > 64<<10 {
				_, err = out.Write(frames)
				frames = frames[:0]
			}
		}
	}()
	r := NewReader(in, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, in.Close())
}
