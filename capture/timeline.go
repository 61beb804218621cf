package capture

// The times of the frames over restarts. ffmpeg begins each of its lives at 0.

import (
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

// timeline makes the times of the source go on, in ticks of base. The first
// session has its own times, untouched. The first frame after a loss comes as
// much later than the last one before it as it came later to us, and at least one
// frame later; the rest of its session follows with the source's own distances.
// The same holds after placeholders, if the source's next time is not behind
// theirs.
type timeline struct {
	base   framebuf.Rational
	frame  int64 // duration of a frame, at least 1
	offset int64 // is added to the source's times
	anew   bool  // the offset has to be found: a session has begun
	filled bool  // the newest frame is a placeholder

	first, last int64 // of the first frame and the largest; NoPTS before the first
	real        int64 // the largest of the source's, without placeholders
	realAt      time.Time
}

func newTimeline(base, rate framebuf.Rational) timeline {
	t := timeline{first: framebuf.NoPTS, last: framebuf.NoPTS, real: framebuf.NoPTS}
	t.set(base, rate)
	return t
}

// set says in which ticks times are, and how long a frame is.
func (t *timeline) set(base, rate framebuf.Rational) {
	t.base, t.frame = base, 1
	if rate.Num > 0 && rate.Den > 0 {
		t.frame = max(t.ticks(time.Duration(float64(time.Second)/rate.Float())), 1)
	}
}

// restart says that the next time is on another clock.
func (t *timeline) restart() { t.anew = t.real != framebuf.NoPTS }

// at is the time of a frame that came now and has the source's time pts, which
// may be NoPTS.
func (t *timeline) at(pts int64, now time.Time) int64 {
	if pts == framebuf.NoPTS {
		return pts
	}
	if t.anew || t.filled && pts+t.offset <= t.last {
		t.offset, t.anew = t.now(now)-pts, false
	}
	return pts + t.offset
}

// now is the time that a frame made now has. There must have been one.
func (t *timeline) now(now time.Time) int64 {
	return max(t.real+t.ticks(now.Sub(t.realAt)), t.last+t.frame)
}

// published notes the time of a frame of the source.
func (t *timeline) published(pts int64, now time.Time) {
	t.filled = false
	if pts == framebuf.NoPTS {
		return
	}
	if t.first == framebuf.NoPTS {
		t.first = pts
	}
	t.last, t.real, t.realAt = max(t.last, pts), max(t.real, pts), now
}

// fill notes the time of a placeholder.
func (t *timeline) fill(pts int64) { t.last, t.filled = pts, true }

// covered is how much of the source has been captured at a moment, gaps in it
// counted.
func (t *timeline) covered(now time.Time) time.Duration {
	if t.first == framebuf.NoPTS {
		return 0
	}
	return seconds(t.real-t.first, t.base) + max(now.Sub(t.realAt), 0)
}

func (t *timeline) ticks(d time.Duration) int64 {
	return ticks{int64(d), nut.Rational{Num: 1, Den: int64(time.Second)}}.in(wide(t.base))
}
