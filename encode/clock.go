// The clock: which time a frame and a piece of sound get in the output.

package encode

import (
	"fmt"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
	"github.com/framebridge/framebridge/internal/pcm"
)

const (
	// jump is how far back a PTS must go to be a new beginning, not disorder.
	jump = time.Second
	// longestPause bounds the pause between two writers that the output keeps.
	longestPause = time.Hour
	// fallbackRate is the nominal rate of a segment that tells none, in frames a
	// second.
	fallbackRate = 30
	// plausibleRate is the highest rate that is believed of a time base.
	plausibleRate = 240
)

// clock places frames in the output's time: with their own PTS, except where
// that is impossible. Times of the output rise strictly and are not negative.
type clock struct {
	base  nut.Rational // of the picture stream
	step  int64        // nominal duration of a frame, in ticks of base
	gap   int64        // smallest distance of two frames, in ticks of base
	merge bool         // drop what comes closer than gap, instead of moving it
	relay bool         // another writer may send again what the one before has sent

	byNumber bool  // the frames have no PTS
	shift    int64 // added to every PTS
	epoch    int   // counts new beginnings

	placed   bool // last and what follows are set
	last     int64
	captured time.Duration
	gen      framebuf.Generation

	untimed uint64 // frames without a PTS
	retimed uint64 // frames that were moved
	again   uint64 // frames left out because another writer had sent them
}

// newClock makes the clock of a stream that begins with the frame first: at 0 if
// atZero says so, else at its own time.
func newClock(first *framebuf.Info, atZero bool) (*clock, error) {
	rate := nominalRate(first)
	c := &clock{base: rational(first.TimeBase), gap: 1}
	frame := nut.Rational{Num: rate.Den, Den: rate.Num}
	if first.PTS == framebuf.NoPTS || c.base.Num < 1 || c.base.Den < 1 {
		c.byNumber, c.base = true, frame
	}
	var err error
	if c.step, _, err = nut.Rescale(1, frame, c.base); err != nil {
		return nil, fmt.Errorf("time base %v, rate %v: %w", c.base, rate, err)
	}
	c.step = max(c.step, 1)
	pts, err := c.pts(first)
	if err != nil {
		return nil, err
	}
	if atZero || pts < 0 {
		c.shift = -pts
	}
	c.untimed = 0 // first is counted when it is placed
	return c, nil
}

// limit says how close two frames of the output can be, in seconds, and whether
// what comes closer is left out rather than moved.
func (c *clock) limit(gap nut.Rational, merge bool) error {
	ticks, _, err := nut.Rescale(1, gap, c.base)
	if err != nil {
		return fmt.Errorf("time base %v: %w", c.base, err)
	}
	c.gap, c.merge = max(ticks, 1), merge
	return nil
}

// place is the time of the next frame in ticks of base. ok is false if the frame
// is to be left out because it is too close to the one before.
func (c *clock) place(i *framebuf.Info) (at int64, ok bool, err error) {
	pts, err := c.pts(i)
	if err != nil {
		return 0, false, err
	}
	at = pts + c.shift
	if !c.placed {
		return c.take(i, at), true, nil
	}
	second, _, err := nut.Rescale(int64(jump/time.Millisecond), nut.Rational{Num: 1, Den: 1000}, c.base)
	if err != nil {
		return 0, false, err
	}
	switch earliest := c.last + c.gap; {
	case at >= earliest:
	case c.relay && i.Generation != c.gen && at <= c.last && at > c.last-second:
		c.again++
		return 0, false, nil
	case at <= c.last && i.Generation != c.gen:
		// Another writer, whose clock began anew.
		pause, err := c.pause(i)
		if err != nil {
			return 0, false, err
		}
		c.begin(c.last + pause - at)
		at = c.last + pause
	case at < c.last-second:
		c.begin(c.last + c.step - at)
		at = c.last + c.step
	case c.merge || earliest-at > second:
		return 0, false, nil
	default:
		at = earliest
		c.retimed++
	}
	return c.take(i, at), true, nil
}

func (c *clock) take(i *framebuf.Info, at int64) int64 {
	c.placed, c.last, c.captured, c.gen = true, at, i.Captured, i.Generation
	return at
}

// begin moves all later times by more.
func (c *clock) begin(more int64) {
	c.shift += more
	c.epoch++
}

// pause is how long nothing came between two writers, in ticks of base, at least
// a frame.
func (c *clock) pause(i *framebuf.Info) (int64, error) {
	d := i.Captured - c.captured
	if d <= 0 || d > longestPause || c.captured == 0 {
		return c.step, nil
	}
	ticks, _, err := nut.Rescale(int64(d), nut.Rational{Num: 1, Den: int64(time.Second)}, c.base)
	return max(ticks, c.step, c.gap), err
}

// pts is the frame's own time in ticks of base, before any shift.
func (c *clock) pts(i *framebuf.Info) (int64, error) {
	switch {
	case c.byNumber:
		c.untimed++
		return int64(i.Number), nil
	case i.PTS == framebuf.NoPTS || i.TimeBase.Num < 1 || i.TimeBase.Den < 1:
		c.untimed++
		return c.last + c.step - c.shift, nil
	}
	at, _, err := nut.Rescale(i.PTS, rational(i.TimeBase), c.base)
	if err == nil && (at > farthest || at < -farthest) {
		err = nut.ErrRange
	}
	if err != nil {
		return 0, fmt.Errorf("frame %d with PTS %d in units of %v: %w", i.Number, i.PTS, i.TimeBase, err)
	}
	return at, nil
}

// farthest bounds times, so that sums of a few of them cannot overflow.
const farthest = 1 << 58

// sound is the time of a block's first sample, in samples.
func (c *clock) sound(b *pcm.Block, rate int, shift int64) (int64, error) {
	samples := nut.Rational{Num: 1, Den: int64(rate)}
	at, _, err := nut.Rescale(b.PTS, rational(b.TimeBase), samples)
	if err != nil {
		return 0, fmt.Errorf("sound with PTS %d in units of %v: %w", b.PTS, b.TimeBase, err)
	}
	moved, _, err := nut.Rescale(shift, c.base, samples)
	if err != nil {
		return 0, fmt.Errorf("sound with PTS %d in units of %v: %w", b.PTS, b.TimeBase, err)
	}
	return at + moved, nil
}

// seconds is a time of the picture stream.
func (c *clock) seconds(ticks int64) float64 {
	return float64(ticks) * float64(c.base.Num) / float64(c.base.Den)
}

func rational(r framebuf.Rational) nut.Rational {
	return nut.Rational{Num: int64(r.Num), Den: int64(r.Den)}
}

// nominalRate is the rate of the frames, in frames a second: as they say, else
// what their time base suggests.
func nominalRate(i *framebuf.Info) nut.Rational {
	if i.Rate.Num > 0 && i.Rate.Den > 0 {
		return rational(i.Rate)
	}
	if tb := i.TimeBase; tb.Num > 0 && tb.Den > 0 && int64(tb.Den) <= plausibleRate*int64(tb.Num) {
		return nut.Rational{Num: int64(tb.Den), Den: int64(tb.Num)}
	}
	return nut.Rational{Num: fallbackRate, Den: 1}
}
