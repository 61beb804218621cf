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
	// soundLead is how far the picture may go before the first sound. ffmpeg writes
	// nothing before every stream has begun, holds what comes in meanwhile, and gives
	// up when that is too much: then silence makes the beginning. A live output, where
	// nobody wants to wait for it, gets silence as well when sound stays away later.
	soundLead       = 2 * time.Second
	soundLeadFrames = 96 // ffmpeg holds 128 large ones
	// soundOpening is as much silence as makes any encoder begin.
	soundOpening = 100 * time.Millisecond
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

	steady bool // a live output: silence in time is better than sound too late

	pending *pcm.Block // taken from the queue, not written
	led     int        // frames before the first sound
	from    int64      // the sample at the first of them
	begun   bool       // next is set
	next    int64      // the sample after the last one written
	shift   int64      // of the clock, as it was when this piece of sound began
	epoch   int
}

func newSound(q *pcm.Queue, f pcm.Format, c *clock, write func(int64, []byte) error) *sound {
	return &sound{q: q, format: f, clock: c, write: write, shift: c.shift, epoch: c.epoch}
}

// after goes on where the sound of an ffmpeg before has stopped. old may be nil.
func (s *sound) after(old *sound) {
	if old != nil {
		s.pending, s.shift, s.epoch = old.pending, old.shift, old.epoch
	}
}

// skip drops the sound that begins before the picture's time at.
func (s *sound) skip(at int64) error {
	limit, err := s.sample(at)
	if err != nil {
		return err
	}
	s.begun = false
	return s.drain(func(first int64) bool { return first < limit }, false, func(int64, []byte) error { return nil })
}

// upTo writes what there is of the sound up to the picture's time at, and does
// not wait for more.
func (s *sound) upTo(at int64) error {
	limit, err := s.sample(at)
	if err != nil {
		return err
	}
	if err := s.drain(func(first int64) bool { return first <= limit }, false, s.put); err != nil {
		return err
	}
	return s.lead(limit)
}

// lead writes silence where the picture has gone too far ahead, to the sample
// limit.
func (s *sound) lead(limit int64) error {
	far := s.samples(soundLead)
	if s.begun {
		if late := limit - s.next - far; s.steady && late > 0 {
			return s.silence(late)
		}
		return nil
	}
	if s.led++; s.led == 1 {
		s.from = max(limit, 0)
	}
	if s.led <= soundLeadFrames && limit-s.from <= far {
		return nil
	}
	s.begun, s.next = true, s.from
	return s.silence(s.samples(soundOpening))
}

// sample is a time of the picture, in samples.
func (s *sound) sample(at int64) (int64, error) {
	n, _, err := nut.Rescale(at, s.clock.base, nut.Rational{Num: 1, Den: int64(s.format.Rate)})
	if err != nil {
		return 0, fmt.Errorf("sound: %w", err)
	}
	return n, nil
}

// rest writes the sound that is left, waiting for its end.
func (s *sound) rest(ctx context.Context) error {
	for {
		if err := s.drain(func(int64) bool { return true }, true, s.put); err != nil {
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
	return s.drain(func(int64) bool { return true }, true, s.put)
}

// drain takes blocks as long as there are any and want says so, and hands each to
// use. last says that no frame will come any more.
func (s *sound) drain(want func(first int64) bool, last bool, use func(first int64, data []byte) error) error {
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
		if err := use(first, s.pending.Data); err != nil {
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
