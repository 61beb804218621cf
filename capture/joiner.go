package capture

// The join of what showinfo said, on standard error, with the frames in the
// pipe. They are two ways through two pipes: a line is written before its frame
// leaves, but it may be read later.

import (
	"context"
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

const (
	// joinCapacity is how many records may wait for their frames. ffmpeg sends
	// sound and picture in turn and keeps back a few frames for that; a table that
	// grows beyond this has lost its frames.
	joinCapacity = 4096
	// joinPatience is how long a frame waits for its record. It was written before
	// the frame, so this covers only how long we may not have got round to reading
	// it.
	joinPatience = 5 * time.Second
)

// joiner holds the records whose frames have not come yet, oldest first.
//
// Every frame that showinfo saw leaves ffmpeg in the same order, so the join is
// by order, and the time of the frame in the pipe is the check: if it is not
// that of the oldest record, records are skipped up to the one whose time it is.
//
// add and end are for one goroutine, take is for another one.
type joiner struct {
	mu      sync.Mutex
	queue   []shown
	changed chan struct{} // has room for one: something was added, or the end
	ended   bool          // no more records will come

	// Of take only.
	timeBase  nut.Rational // of the frames in the pipe
	tolerance int64        // in those ticks: rounding of the encoder's time base
	started   bool
	offset    int64  // pipe time less the true time, in ticks of the pipe
	last      int64  // pipe time of the last frame
	gaveUp    bool   // a record did not come, or did not fit: do not wait again
	skipped   uint64 // records without a frame
	blind     uint64 // records taken by order alone
	late      int    // records of frames that did not wait for them, of next only
}

func newJoiner() *joiner { return &joiner{changed: make(chan struct{}, 1)} }

// setPipe says in which ticks the frames' times will come, and to which ones
// they were rounded. It comes before the first take.
func (j *joiner) setPipe(pipe, encoder nut.Rational) {
	tick, _, err := nut.Rescale(1, encoder, pipe)
	if err != nil {
		tick = 0
	}
	j.timeBase, j.tolerance = pipe, tick/2+1
}

// add appends a record. The oldest one is lost if there is no room.
func (j *joiner) add(s shown) {
	j.mu.Lock()
	if len(j.queue) >= joinCapacity {
		j.queue = append(j.queue[:0], j.queue[1:]...)
	}
	j.queue = append(j.queue, s)
	j.mu.Unlock()
	j.tell()
}

// end says that no more records will come.
func (j *joiner) end() {
	j.mu.Lock()
	j.ended = true
	j.mu.Unlock()
	j.tell()
}

func (j *joiner) tell() {
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

// next returns the oldest record: that of the next frame, by order alone. ok is false if there is none: ffmpeg did not say, or
// ctx has ended.
func (j *joiner) next(ctx context.Context) (s shown, ok bool) {
	var patience <-chan time.Time
	for {
		j.mu.Lock()
		if late := min(j.late, len(j.queue)); late > 0 { // they come after all
			j.drop(late)
			j.late -= late
			j.gaveUp = false
		}
		ended := j.ended || j.gaveUp
		if ok = len(j.queue) > 0; ok {
			s = j.queue[0]
			j.drop(1)
		}
		if !ok && ended {
			j.late++
		}
		j.mu.Unlock()
		if ok || ended {
			return s, ok
		}
		if patience == nil {
			timer := time.NewTimer(joinPatience)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-j.changed:
		case <-ctx.Done():
			return s, false
		case <-patience:
			j.gaveUp = true
		}
	}
}

// take returns the record of the next frame, whose time in the pipe is pts. ok
// is false if there is none: ffmpeg did not say, or ctx has ended.
func (j *joiner) take(ctx context.Context, pts int64) (s shown, ok bool) {
	var patience <-chan time.Time
	for {
		s, ok, wait := j.look(pts)
		if !wait || j.gaveUp {
			j.last = pts
			return s, ok
		}
		if patience == nil {
			timer := time.NewTimer(joinPatience)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-j.changed:
		case <-ctx.Done():
			return shown{}, false
		case <-patience:
			j.gaveUp = true
		}
	}
}

// look takes the record that fits pts. If none fits yet and more may come, wait
// is true and nothing was taken, unless we gave up: then the oldest record is
// taken, by order alone.
func (j *joiner) look(pts int64) (s shown, ok, wait bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, s := range j.queue {
		if j.fits(s, pts, i == 0) {
			j.skipped += uint64(i)
			j.drop(i + 1)
			return s, true, false
		}
	}
	if !j.ended && !j.gaveUp {
		return shown{}, false, true
	}
	if len(j.queue) == 0 {
		return shown{}, false, false
	}
	s = j.queue[0]
	j.blind++
	j.drop(1)
	return s, true, false
}

// fits reports whether a record can be that of the frame at pts. The first frame
// says by how much ffmpeg moved all times, which it does if one is negative.
func (j *joiner) fits(s shown, pts int64, oldest bool) bool {
	if s.pts == framebuf.NoPTS || s.timeBase.Num == 0 {
		return oldest // nothing to check by
	}
	want, _, err := nut.Rescale(s.pts, wide(s.timeBase), j.timeBase)
	if err != nil {
		return oldest
	}
	if !j.started {
		if !oldest {
			return false
		}
		j.started, j.offset = true, pts-want
		return true
	}
	want += j.offset
	if abs(want-pts) <= j.tolerance {
		return true
	}
	// A time that does not rise is sent as the last one plus a tick.
	return oldest && want <= j.last+j.tolerance && pts > j.last && pts-j.last <= j.tolerance
}

// drop removes the n oldest records and keeps the memory.
func (j *joiner) drop(n int) {
	j.queue = append(j.queue[:0], j.queue[n:]...)
}

// shift is how far ffmpeg moved all times, in ticks of the pipe; ok is false
// before the first frame.
func (j *joiner) shift() (ticks int64, ok bool) { return j.offset, j.started }

func wide(r framebuf.Rational) nut.Rational {
	return nut.Rational{Num: int64(r.Num), Den: int64(r.Den)}
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
