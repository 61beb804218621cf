// Sound: taken from a queue, put between the frames by time.

package encode

import (
	"context"
	"fmt"
	"time"

	"github.com/framebridge/framebridge/internal/nut"
	"github.com/framebridge/framebridge/internal/pcm"
)

const (
	// slack is how far the time of a block may be from the end of the one before
	// to belong there: containers round times to a millisecond or so.
	slack = 10 * time.Millisecond
	// longestSilence is the longest gap in the sound that is filled.
	longestSilence = time.Minute
	// soundPatience is how long the rest of the sound is waited for, each time,
	// when the picture has ended.
	soundPatience = 10 * time.Second
)

// sound writes the blocks of a queue as one stream without gaps, each in the time
// of the picture's clock. It is for one goroutine.
type sound struct {
	q      *pcm.Queue
	format pcm.Format
	clock  *clock
	write  func(sample int64, data []byte) error

	pending *pcm.Block // taken from the queue, not written
	begun   bool       // next is set
	next    int64      // the sample after the last one written
	shift   int64      // of the clock, as it was when this piece of sound began
	epoch   int
}

func newSound(q *pcm.Queue, f pcm.Format, c *clock, write func(int64, []byte) error) *sound {
	return &sound{q: q, format: f, clock: c, write: write, shift: c.shift, epoch: c.epoch}
}

// upTo writes what there is of the sound up to the picture's time at, and does
// not wait for more.
func (s *sound) upTo(at int64) error {
	limit, _, err := nut.Rescale(at, s.clock.base, nut.Rational{Num: 1, Den: int64(s.format.Rate)})
	if err != nil {
		return fmt.Errorf("sound: %w", err)
	}
	return s.drain(func(first int64) bool { return first <= limit }, false)
}

// rest writes the sound that is left, waiting for its end.
func (s *sound) rest(ctx context.Context) error {
	for {
		if err := s.drain(func(int64) bool { return true }, true); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, soundPatience)
		more, err := s.q.Wait(wait)
		cancel()
		switch {
		case err == nil && !more:
			return nil
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("%w: nothing came for %v after the last frame", ErrSound, soundPatience)
		case err != nil:
			return err
		}
	}
}

// there writes the sound that is left, without waiting.
func (s *sound) there() error {
	return s.drain(func(int64) bool { return true }, true)
}

// drain writes blocks as long as there are any and want says so. last says that
// no frame will come any more.
func (s *sound) drain(want func(first int64) bool, last bool) error {
	for {
		if s.pending == nil {
			b, ok := s.q.Next()
			if !ok {
				return nil
			}
			s.pending = &b
		}
		first, ok, err := s.place(s.pending, last)
		if err != nil {
			return err
		}
		if !ok || !want(first) {
			return nil
		}
		if err := s.put(first, s.pending.Data); err != nil {
			return err
		}
		s.pending = nil
	}
}

// place is the sample at which a block begins. ok is false if it belongs to a
// new beginning of which no frame has come yet.
func (s *sound) place(b *pcm.Block, last bool) (first int64, ok bool, err error) {
	back := s.samples(jump)
	if first, err = s.clock.sound(b, s.format.Rate, s.shift); err != nil {
		return 0, false, err
	}
	if !s.begun || first >= s.next-back {
		return first, true, nil
	}
	if s.epoch == s.clock.epoch {
		return s.next, last, nil
	}
	s.epoch, s.shift = s.clock.epoch, s.clock.shift
	first, err = s.clock.sound(b, s.format.Rate, s.shift)
	return max(first, s.next-back), true, err
}

// put writes a block that begins at the sample first. It closes gaps with
// silence and cuts what was there already, or lies before the beginning.
func (s *sound) put(first int64, data []byte) error {
	unit := int64(s.format.FrameBytes())
	count := int64(len(data)) / unit
	data = data[:count*unit]
	if !s.begun {
		s.begun, s.next = true, max(first, 0)
	}
	switch gap := first - s.next; {
	case max(gap, -gap) <= s.samples(slack) && first >= 0:
	case gap > s.samples(longestSilence):
		s.next = first
	case gap > 0:
		if err := s.silence(gap); err != nil {
			return err
		}
	case -gap >= count:
		return nil
	default:
		data = data[-gap*unit:]
		count += gap
	}
	if count == 0 {
		return nil
	}
	at := s.next
	s.next += count
	return s.write(at, data)
}

// silence writes n samples of it.
func (s *sound) silence(n int64) error {
	piece := make([]byte, min(n, s.samples(100*time.Millisecond)+1)*int64(s.format.FrameBytes()))
	for n > 0 {
		count := min(n, int64(len(piece))/int64(s.format.FrameBytes()))
		if err := s.write(s.next, piece[:count*int64(s.format.FrameBytes())]); err != nil {
			return err
		}
		s.next += count
		n -= count
	}
	return nil
}

// samples is how many samples of each channel a duration has.
func (s *sound) samples(d time.Duration) int64 {
	return int64(d) * int64(s.format.Rate) / int64(time.Second)
}
