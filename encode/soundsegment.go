// Sound from a segment of its own, which capture can make beside the frames.

package encode

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pcm"
)

// soundSuffix is what the name of a sound segment has after that of its frames.
const soundSuffix = ".audio"

// soundSegment reads a segment of sound into a queue. It never waits for the
// frames: their writer may wait for it.
type soundSegment struct {
	queue  *pcm.Queue
	reader *framebuf.Reader
	cancel context.CancelFunc
	done   chan struct{}

	mu  sync.Mutex
	err error
}

func openSoundSegment(ctx context.Context, name string, o *Options) (*soundSegment, error) {
	r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{
		Dir: o.Dir, TrustUID: o.TrustUID, Mode: framebuf.Lossless, Label: "encode", Wait: true, Follow: o.Follow,
	})
	if errors.Is(err, framebuf.ErrRefused) {
		// Its writer waits for nobody. Frames come often, and there are many slots.
		r, err = framebuf.Open(ctx, name, &framebuf.ReaderOptions{Dir: o.Dir, TrustUID: o.TrustUID, Label: "encode", Follow: o.Follow})
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSound, err)
	}
	// It outlives Open, and ends with close.
	reading, cancel := context.WithCancel(context.Background())
	s := &soundSegment{queue: pcm.New(0), reader: r, cancel: cancel, done: make(chan struct{})}
	go s.read(reading)
	return s, nil
}

func (s *soundSegment) read(ctx context.Context) {
	defer close(s.done)
	defer s.queue.End()
	for {
		err := s.reader.View(ctx, s.take)
		switch {
		case err == nil, errors.Is(err, framebuf.ErrOverrun):
		case errors.Is(err, io.EOF):
			return
		default:
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			return
		}
	}
}

func (s *soundSegment) take(f *framebuf.Frame) error {
	a := f.Audio
	if a.Rate == 0 || a.Channels == 0 {
		return fmt.Errorf("%w: frame %d of segment %s is no sound", ErrSound, f.Number, s.reader.Name())
	}
	s.queue.Start(int(a.Rate), int(a.Channels))
	switch a.Format {
	case framebuf.S16LE:
		s.queue.Samples(f.PTS, f.TimeBase, f.Bytes())
	case framebuf.F32LE:
		s.queue.Samples(f.PTS, f.TimeBase, narrow(f.Bytes()))
	default:
		return fmt.Errorf("%w: frame %d of segment %s has sample format %d", ErrSound, f.Number, s.reader.Name(), a.Format)
	}
	return nil
}

// narrow makes 16-bit samples of floats.
func narrow(b []byte) []byte {
	out := make([]byte, len(b)/4*2)
	for k := range len(out) / 2 {
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*k:]))) * 32768
		if math.IsNaN(v) {
			v = 0
		}
		v = min(max(math.RoundToEven(v), -32768), 32767)
		binary.LittleEndian.PutUint16(out[2*k:], uint16(int16(v)))
	}
	return out
}

func (s *soundSegment) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *soundSegment) close() {
	s.cancel()
	_ = s.reader.Close()
	<-s.done
}
