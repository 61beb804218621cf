// Waiting for a frame, and judging what it means when none comes.

package framebuf

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/framebridge/framebridge/internal/futex"
	"github.com/framebridge/framebridge/internal/shm"
)

// errMoved says that the generation is read to its end and another one follows.
var errMoved = errors.New("the segment moved to a new generation")

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// lobby is where all readers of this process wait, so that those of one segment
// are one sleeping thread: that is a matter of the process, not of a reader.
var lobby futex.Lobby

// sleep waits until the frame event is no longer ev, at most for d.
func (s *segment) sleep(ev uint32, d time.Duration) error {
	_, err := lobby.Wait(s.waitKey, s.dyn32(dyEvent), ev, d)
	return err
}

func wake(s *segment) { _ = futex.WakeAll(s.dyn32(dyEvent)) }

// await waits until the frame with n+1 = want, or a later one, is published, and
// returns the publish word. check is asked before each sleep; its error ends the
// wait.
//
// Errors: io.EOF, errMoved, ErrWriterDied, ErrUnlinked, ErrClosed, ErrDamaged, or
// that of ctx.
func (r *Reader) await(ctx context.Context, want uint64, check func() error) (uint64, error) {
	s := r.seg
	if w := s.dyn64(dyPublish).Load(); w>>16 >= want {
		return w, nil
	}
	// A context that ends wakes the sleep below; if it does so just before that, the
	// tick ends it.
	defer context.AfterFunc(ctx, r.nudge)()
	orphaned, judged, left := 0, shm.Mono(), waitTick
	for {
		// sync: publish. The event is loaded before the publish word: a frame that
		// comes in between changes the event, and the sleep below ends at once.
		ev := s.dyn32(dyEvent).Load()
		if w := s.dyn64(dyPublish).Load(); w>>16 >= want {
			return w, nil
		}
		if st := s.state(); st.over() {
			return s.afterEnd(st, want)
		}
		if check != nil {
			if err := check(); err != nil {
				return 0, err
			}
		}
		switch {
		case r.closed.Load():
			return 0, ErrClosed
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		}
		if err := s.sleep(ev, left); err != nil {
			return 0, errors.Join(ErrDamaged, err)
		}
		// By the own clock, not by whether the sleep timed out: wake-ups that bring
		// no frame, of whatever origin, must not put the judgement off, nor begin the
		// time until it anew.
		now := shm.Mono()
		if left = waitTick - time.Duration(now-judged); left > 0 {
			continue
		}
		judged, left = now, waitTick
		if w, err := s.verdict(want); w != 0 || err != nil {
			return w, err
		}
		if orphaned = r.orphaned(orphaned); orphaned >= orphanTicks {
			return 0, ErrUnlinked
		}
	}
}

// afterEnd is for a segment that nobody will write again: deliver what is there,
// then say how it ended.
func (s *segment) afterEnd(st State, want uint64) (uint64, error) {
	if st != Dead {
		// sync: end. The final frame is loaded after the state.
		if want > s.dyn64(dyFinal).Load() {
			if st == Moved {
				return 0, errMoved
			}
			return 0, io.EOF
		}
	}
	if w := s.dyn64(dyPublish).Load(); w>>16 >= want {
		return w, nil
	}
	return 0, ErrWriterDied
}

// verdict is the judgement after a time-out. A zero word and no error mean: the
// writer lives, wait on.
func (s *segment) verdict(want uint64) (uint64, error) {
	locked, err := s.file.Locked(0)
	if err != nil || locked {
		return 0, err
	}
	// The lock is free. An orderly end stores its state first, so look again: only
	// a state that is still live now means death. Then the publish word again: what
	// was published before the death is delivered first.
	if st := s.state(); st.over() {
		return s.afterEnd(st, want)
	}
	if w := s.dyn64(dyPublish).Load(); w>>16 >= want {
		return w, nil
	}
	return 0, ErrWriterDied
}

// orphanTicks is at how many time-outs in a row without a name a reader gives up:
// within a second in all.
const orphanTicks = 6

// orphaned counts time-outs in a row at which a living segment had no name: it
// was removed by hand. Once or twice is a move or a take-over on its way. An
// inherited one has no name from the start.
func (r *Reader) orphaned(before int) int {
	if r.in != nil {
		return 0
	}
	st, err := r.seg.file.Stat()
	if err != nil || st.Links > 0 {
		return 0
	}
	return before + 1
}

// idle reports whether nobody writes the segment any more. A segment whose memory
// is gone counts as idle: the next read says what is wrong.
func (s *segment) idle() (idle bool) {
	err := shm.Guard(func() error {
		idle = s.state().over()
		return nil
	}, s.m)
	if idle || err != nil {
		return true
	}
	locked, err := s.file.Locked(0)
	return err == nil && !locked
}
