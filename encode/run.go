// Running: from the first frame to the end of ffmpeg.

package encode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffproc"
)

// Run encodes until the segment ends, and returns when the output is complete.
//
// When ctx ends, the output is finished in order, Result.Interrupted is set and
// the error is nil. Otherwise a nil error means that every frame of the segment is
// in the output. ErrWriterDied, ErrSource and the reader's other errors leave an
// output that is complete up to there; so do most cases of ErrOutput, as far as
// the format allows: what is playable is kept, and a file that was made by this
// Encode and has no frame in it is removed.
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
	r, err := e.run(ctx, cancel)
	if err != nil {
		err = fmt.Errorf("encode: run %s: %w", e.name, err)
	}
	return r, err
}

// session is one Run.
type session struct {
	*Encode
	child *child
	out   sink
	feed  *feed
	r     Result

	sent   uint64    // frames that ffmpeg was given
	began  time.Time // when the first one was sent; PaceSource only
	origin int64     // its time
}

func (e *Encode) run(ctx context.Context, cancel context.CancelCauseFunc) (Result, error) {
	s := &session{Encode: e, r: Result{Output: e.output.String()}}
	child, err := startChild(ctx, e.childOptions())
	if err != nil {
		return s.r, startError(err)
	}
	s.child = child
	// Whoever waits for a frame must hear that ffmpeg is gone.
	stopped := make(chan struct{})
	defer func() { <-stopped }()
	go func() {
		defer close(stopped)
		select {
		case <-child.Done():
			cancel(errGone)
		case <-ctx.Done():
		}
	}()
	if s.out, err = e.newSink(child.Stdin, &s.r); err != nil {
		_ = child.Close()
		cancel(nil)
		return s.r, err
	}
	// An end of the context bounds a write that waits.
	unbind := context.AfterFunc(ctx, func() { s.out.limit(time.Now().Add(e.drain)) })
	feedErr, readErr := s.pump(ctx)
	err = s.finish(ctx, feedErr, readErr)
	unbind()
	cancel(nil)
	return s.r, err
}

// pump sends frames until the segment ends, which readErr says how, or sending
// fails.
func (s *session) pump(ctx context.Context) (feedErr, readErr error) {
	first := s.first
	s.first = nil
	feed, err := newFeed(s.out, &first.Info, s.clock, s.queue, s.soundFormat)
	if err != nil {
		_ = first.Release()
		return err, nil
	}
	s.feed = feed
	for f := first; ; {
		s.r.FramesIn++
		info := f.Info
		at, ok, err := feed.place(&info)
		if err == nil && ok {
			if err := s.await(ctx, at); err != nil {
				_ = f.Release()
				return nil, err
			}
		}
		switch {
		case err != nil:
			_ = f.Release()
			return err, nil
		case !ok:
			_ = f.Release() // nothing of it was used
		default:
			if err := feed.send(f, at); err != nil {
				return err, nil
			}
			s.sent++
			if s.opts.OnFrame != nil {
				s.opts.OnFrame(&info, time.Now())
			}
		}
		s.tell()
		for {
			f, err = s.reader.Next(ctx)
			if !errors.Is(err, framebuf.ErrOverrun) {
				break
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

// await waits for a frame's own time, for PaceSource.
func (s *session) await(ctx context.Context, at int64) error {
	if s.pace != PaceSource {
		return nil
	}
	if s.sent == 0 {
		s.began, s.origin = time.Now(), at
	}
	due := s.began.Add(time.Duration(s.clock.seconds(at-s.origin) * float64(time.Second)))
	wait := time.NewTimer(time.Until(due))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finish ends the stream, waits for ffmpeg and says what it all means.
func (s *session) finish(ctx context.Context, feedErr, readErr error) error {
	if readErr != nil {
		feedErr = s.tail(ctx, readErr)
	}
	// As it is now: when ffmpeg has ended, which is what comes next, ctx ends too.
	cause := context.Cause(ctx)
	e := ending{feed: feedErr, read: readErr}
	e.gone = errors.Is(feedErr, errGone) || errors.Is(cause, errGone)
	e.asked = cause != nil && !e.gone
	e.torn = errors.Is(feedErr, errTorn) || errors.Is(feedErr, framebuf.ErrDamaged)
	e.stalled = errors.Is(feedErr, os.ErrDeadlineExceeded)
	switch {
	case e.torn && s.r.Spliced:
		// Foreign bytes are in the pipe already: they must not become a picture.
		s.child.Kill()
	case e.stalled:
		_, _ = s.child.Stop(context.Background())
	default:
		_ = s.child.CloseStdin()
		e.stalled = s.child.await(ctx, s.drain, s.patience)
	}
	end, exitErr := s.child.end()
	e.exit = exitErr
	s.out.abandon()
	s.account(end)
	s.r.Interrupted = e.asked
	err := s.judge(e)
	if errors.Is(cause, ErrClosed) {
		err = errors.Join(ErrClosed, err)
	}
	if err != nil {
		s.sweep()
	}
	return err
}

// ending is everything that ended.
type ending struct {
	feed, read, exit error // of sending, of the segment, of ffmpeg
	gone             bool  // ffmpeg ended by itself before the segment
	asked            bool  // the context ended
	torn             bool  // a frame did not hold
	stalled          bool  // ffmpeg had to be stopped
}

// tail sends what comes after the last frame.
func (s *session) tail(ctx context.Context, readErr error) error {
	if s.feed.sound != nil {
		var err error
		if errors.Is(readErr, io.EOF) {
			err = s.feed.sound.rest(ctx)
		} else {
			err = s.feed.sound.there()
		}
		if err != nil && ctx.Err() == nil {
			return errors.Join(err, s.out.flush())
		}
	}
	return s.out.flush()
}

func (s *session) account(end ffproc.Result) {
	r := &s.r
	r.FramesOut = s.child.frames.Load()
	r.Elapsed = end.Wall
	r.CPU = end.User + end.System
	if sec := r.Elapsed.Seconds(); sec > 0 {
		r.FPS = float64(r.FramesIn) / sec
	}
	r.Missed = s.reader.Stats().Missed
	r.Retimed, r.Untimed = s.clock.retimed, s.clock.untimed
	if s.feed != nil {
		r.Merged, r.Resized = s.feed.merged, s.feed.fit.resized
	}
	if s.queue != nil {
		if bytes := s.soundFormat.FrameBytes() * s.soundFormat.Rate; bytes > 0 {
			r.LostSound = time.Duration(float64(s.queue.Dropped()) / float64(bytes) * float64(time.Second))
		}
	}
}

// judge turns everything that ended into one error.
func (s *session) judge(e ending) error {
	switch {
	case e.stalled && e.asked:
		return fmt.Errorf("%w: not finished within %v and stopped; it may not be playable", ErrOutput, s.drain)
	case e.stalled:
		return fmt.Errorf("%w: ffmpeg has taken nothing for %v", ErrOutput, s.patience)
	case e.torn && s.r.Spliced: // ffmpeg was killed, which says nothing
		return fmt.Errorf("%w; ffmpeg was killed, and the output may not be playable", e.feed)
	case e.torn:
		return errors.Join(fmt.Errorf("%w; the output ends before that frame", e.feed), s.judgeExit(e.exit))
	case e.gone: // without an error: an argument told it to
		return s.judgeExit(e.exit)
	case e.feed != nil:
		return errors.Join(e.feed, s.judgeExit(e.exit))
	case e.exit != nil:
		return s.judgeExit(e.exit)
	case e.asked:
		return nil
	}
	if s.plain && s.r.FramesOut < s.sent {
		return fmt.Errorf("%w: ffmpeg wrote %d of %d frames", ErrEncoder, s.r.FramesOut, s.sent)
	}
	if err := s.judgeSpace(); err != nil {
		return err
	}
	return s.judgeRead(e.read)
}

// judgeSpace looks whether the disk is full. When it was the very last write that
// did not fit, ffmpeg ends with 0 and not a word (seen with 5.1).
func (s *session) judgeSpace() error {
	if s.output.Path == "" || !full(s.output.Path) {
		return nil
	}
	return fmt.Errorf("%w: the disk with %s is full, so its end may be missing", ErrOutput, s.output.Path)
}

func (s *session) judgeExit(err error) error {
	if err == nil {
		return nil
	}
	return failure(err)
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
