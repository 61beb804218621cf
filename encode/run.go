// Running: one ffmpeg after another, from the first frame to the end of the
// segment. attempt.go is one of them, restart.go what lies between two.

package encode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Run encodes until the segment ends, and returns when the output is complete.
//
// When ctx ends, the output is finished in order, Result.Interrupted is set and
// the error is nil. Otherwise a nil error means that every frame of the segment is
// in the output, but for those that Result counts as missed. ErrWriterDied,
// ErrSource and the reader's other errors leave an output that is complete up to
// there; so do most cases of ErrOutput, as far as the format allows: what is
// playable is kept, and a file that was made by this Encode and has no frame in it
// is removed.
//
// A live output that fails is started again (Options.Restart), and Run goes on;
// Options.OnEvent and Result tell of it.
//
// The Result is good with an error, too. Run may be called once.
func (e *Encode) Run(ctx context.Context) (Result, error) {
	e.mu.Lock()
	switch {
	case e.closed:
		e.mu.Unlock()
		return Result{}, fmt.Errorf("encode: run %s: %w", e.name, ErrClosed)
	case e.ran:
		e.mu.Unlock()
		return Result{}, fmt.Errorf("encode: run %s: %w", e.name, ErrRan)
	}
	e.ran = true
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e.cancel = cancel
	e.mu.Unlock()

	defer close(e.done)
	defer e.leave()
	s := &session{Encode: e, r: Result{Output: e.output.String()}}
	err := s.run(ctx)
	s.ended(err)
	if errors.Is(context.Cause(ctx), ErrClosed) {
		err = errors.Join(ErrClosed, err)
	}
	if err != nil {
		err = fmt.Errorf("encode: run %s: %w", e.name, err)
	}
	return s.r, err
}

// session is one Run.
type session struct {
	*Encode
	r Result

	began  time.Time // when the first ffmpeg was started
	worked bool      // an ffmpeg has written a frame
	missed uint64    // frames not sent, beyond what the present reader counts
	sound  *sound    // of the last attempt; nil: none
	turned bool      // a frame has another rotation, crop or field order than the first
	inPipe bool      // pages of frames are in a pipe

	seen   bool // number and generation of the last frame read are set
	number uint64
	gen    framebuf.Generation
	rejoin bool // the reader is new since then
}

// run starts ffmpeg until an output is complete, or failed for good.
func (s *session) run(ctx context.Context) error {
	s.began = time.Now()
	defer s.account()
	pauses := s.pauses.Start()
	for {
		s.to(Event{State: Connecting})
		a := &attempt{session: s}
		again, err := a.run(ctx)
		if !again {
			return err
		}
		if a.flowed() >= s.pauses.Steady {
			pauses.Reset()
		}
		pause := pauses.NextBackOff()
		s.r.Restarts++
		s.r.LastError = err
		s.to(Event{State: Reconnecting, Err: err, Pause: pause})
		readErr := s.outage(ctx, pause)
		switch {
		case readErr == nil:
		case ctx.Err() != nil:
			s.r.Interrupted = true
			return nil
		default:
			return errors.Join(fmt.Errorf("the segment ended while the output was away: %w", err), s.judgeRead(readErr))
		}
	}
}

// next reads a frame, counts what lies before it, and comes back to a segment
// whose writer has stopped waiting for us, if the output is one that goes on. Not
// while ffmpeg may read frames that are no longer ours: then it must die first.
func (s *session) next(ctx context.Context) (*framebuf.Frame, error) {
	reading := ctx
	if relay := s.opts.Relay; relay != nil {
		// What is there is read all the same.
		var cancel context.CancelFunc
		reading, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(relay, cancel)()
	}
	for {
		f, err := s.reader.Next(reading)
		switch {
		case err != nil && ctx.Err() == nil && reading.Err() != nil && errors.Is(err, reading.Err()):
			return nil, io.EOF
		case err == nil:
			if s.rejoin && s.seen && f.Generation == s.gen && f.Number > s.number+1 {
				s.missed += f.Number - s.number - 1
			}
			s.rejoin, s.seen, s.number, s.gen = false, true, f.Number, f.Generation
			return f, nil
		case errors.Is(err, framebuf.ErrOverrun):
		case errors.Is(err, framebuf.ErrEvicted) && s.restarts() && !s.inPipe:
			if err := s.reopen(ctx); err != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

// reopen takes a new reader of the segment after an eviction.
func (s *session) reopen(ctx context.Context) error {
	o := s.reading
	o.Wait = s.follows()
	r, err := framebuf.Open(ctx, s.name, &o)
	if err != nil {
		return err
	}
	s.missed += s.reader.Stats().Missed
	_ = s.reader.Close()
	s.mu.Lock()
	s.reader = r
	s.mu.Unlock()
	s.rejoin = true
	return nil
}

// account finishes the Result; each attempt has added its own.
func (s *session) account() {
	r := &s.r
	r.Elapsed = time.Since(s.began)
	if sec := r.Elapsed.Seconds(); sec > 0 {
		r.FPS = float64(r.FramesIn) / sec
	}
	r.Missed = s.missed + s.reader.Stats().Missed
	r.Retimed, r.Untimed, r.Repeated = s.clock.retimed, s.clock.untimed, s.clock.again
	if s.queue != nil {
		if bytes := s.soundFormat.FrameBytes() * s.soundFormat.Rate; bytes > 0 {
			r.LostSound = time.Duration(float64(s.queue.Dropped()) / float64(bytes) * float64(time.Second))
		}
	}
}

// judgeSpace looks whether the disk is full. When it was the very last write that
// did not fit, ffmpeg ends with 0 and not a word (seen with 5.1).
func (s *session) judgeSpace() error {
	if s.output.Path == "" || !full(s.output.Path) {
		return nil
	}
	return fmt.Errorf("%w: the disk with %s is full, so some of it may be missing", ErrOutput, s.output.Path)
}

// judgeRead says what the end of the segment means.
func (s *session) judgeRead(err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	if state, why := s.reader.Source(); state == framebuf.SourceFailed {
		return fmt.Errorf("%w: %s", ErrSource, why)
	}
	return nil
}

// sweep removes an output file of ours that has nothing in it.
func (s *session) sweep() {
	if !s.made {
		return
	}
	st, err := os.Stat(s.output.Path)
	if err != nil || !st.Mode().IsRegular() {
		return
	}
	if st.Size() == 0 || s.r.FramesOut == 0 && st.Size() <= hollow {
		_ = os.Remove(s.output.Path)
	}
}

// hollow is the largest size, in bytes, of a file with headers and no frame.
const hollow = 4096
