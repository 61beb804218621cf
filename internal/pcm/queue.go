// The queue: its producer's side (Start, Samples, End) and its consumer's side.

package pcm

import (
	"context"
	"errors"
	"sync"

	"github.com/framebridge/framebridge/framebuf"
)

// DefaultMaxBytes is what a queue holds by default: about six minutes of 48 kHz
// stereo.
const DefaultMaxBytes = 64 << 20

// SampleBytes is the size of one sample of one channel: signed 16 bits,
// little-endian.
const SampleBytes = 2

// ErrFormat is returned by Format when the producer started with a rate or a
// number of channels that is not positive.
var ErrFormat = errors.New("sound with an impossible format")

// Format is what all blocks of a queue have in common.
type Format struct {
	Rate     int // samples a second
	Channels int
}

// FrameBytes is the size of one sample of all channels.
func (f Format) FrameBytes() int { return f.Channels * SampleBytes }

// Block is a piece of interleaved signed 16-bit little-endian sound.
type Block struct {
	PTS      int64             // time of the first sample in TimeBase units, on the clock of the picture
	TimeBase framebuf.Rational // seconds in one unit
	Data     []byte            // the consumer's
}

// Queue is sound on its way from one producer to one consumer. Make it with New.
// All methods are safe for concurrent use.
type Queue struct {
	maxBytes int

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	format  Format
	started bool
	ended   bool
	closed  bool
	blocks  []Block
	held    int   // bytes in blocks
	dropped int64 // bytes
}

// New makes a queue that holds at most maxBytes. 0: DefaultMaxBytes.
func New(maxBytes int) *Queue {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	return &Queue{maxBytes: maxBytes, changed: make(chan struct{})}
}

// Start says what the sound is like. It must come before the first Samples; a
// later call is ignored, so the format never changes.
func (q *Queue) Start(rate, channels int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started || q.ended {
		return
	}
	q.format, q.started = Format{Rate: rate, Channels: channels}, true
	q.tell()
}

// Samples hands over a block of signed 16-bit little-endian sound, channels
// interleaved. pts is the time of its first sample in units of timeBase. The
// bytes are copied. It never waits: a block that does not fit any more, or that
// comes before Start or after End, is dropped and counted.
func (q *Queue) Samples(pts int64, timeBase framebuf.Rational, samples []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed || len(samples) == 0:
		return
	case !q.started || q.ended || q.held+len(samples) > q.maxBytes:
		q.dropped += int64(len(samples))
		return
	}
	q.blocks = append(q.blocks, Block{PTS: pts, TimeBase: timeBase, Data: append([]byte(nil), samples...)})
	q.held += len(samples)
	q.tell()
}

// End says that no more sound will come. Without a Start before, it says that
// there is none at all. Idempotent.
func (q *Queue) End() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.tell()
}

// Format waits for Start and returns what it said. ok is false if End came
// first: there is no sound. The error is that of ctx, or ErrFormat.
func (q *Queue) Format(ctx context.Context) (f Format, ok bool, err error) {
	err = q.await(ctx, func() bool { return q.started || q.ended })
	if err != nil {
		return Format{}, false, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started && (q.format.Rate < 1 || q.format.Channels < 1) {
		return Format{}, false, ErrFormat
	}
	return q.format, q.started, nil
}

// Next takes the oldest block. ok is false if there is none now.
func (q *Queue) Next() (b Block, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.blocks) == 0 {
		return Block{}, false
	}
	b = q.blocks[0]
	q.blocks[0] = Block{}
	q.blocks = q.blocks[1:]
	q.held -= len(b.Data)
	return b, true
}

// Wait waits until Next has a block, or until none will come any more, which it
// reports as more = false. The error is that of ctx.
func (q *Queue) Wait(ctx context.Context) (more bool, err error) {
	err = q.await(ctx, func() bool { return len(q.blocks) > 0 || q.ended })
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.blocks) > 0, err
}

// Dropped is how many bytes of sound were dropped.
func (q *Queue) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Close says that the consumer has left: what is queued and what still comes is
// thrown away, and not counted. Idempotent.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.ended = true, true
	q.blocks, q.held = nil, 0
	q.tell()
}

// tell wakes everyone in await. Called with mu held.
func (q *Queue) tell() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// await waits until is, asked with mu held, says true.
func (q *Queue) await(ctx context.Context, is func() bool) error {
	for {
		q.mu.Lock()
		done, changed := is(), q.changed
		q.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
