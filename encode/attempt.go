// One ffmpeg: its start, the frames that it gets, its end, and what that means.

package encode

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffproc"
)

// attempt is one ffmpeg.
type attempt struct {
	*session
	child *child
	out   sink
	feed  *feed

	sent   uint64    // frames that ffmpeg was given
	flow   time.Time // when it was seen to have written one; zero: not yet
	paced  time.Time // when ffmpeg had the first one
	origin int64     // its time
	looked time.Time // when the space on the disk was; HLS only
}

// run sends frames to an ffmpeg of its own until the segment ends, or the output
// fails: then again says that another start may help.
func (a *attempt) run(ctx context.Context) (again bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	child, err := startChild(ctx, a.childOptions(a.r.Restarts))
	if err != nil {
		return false, startError(err)
	}
	a.child = child
	// Whoever waits for a frame must hear that ffmpeg is gone.
	stopped := make(chan struct{})
	defer func() { <-stopped }()
	defer cancel(nil)
	go func() {
		defer close(stopped)
		select {
		case <-child.Done():
			cancel(errGone)
		case <-ctx.Done():
		}
	}()
	if a.out, err = a.newSink(child, &a.r); err != nil {
		_ = child.Close()
		return false, err
	}
	// An end of the context bounds a write that waits.
	unbind := context.AfterFunc(ctx, func() { a.out.limit(time.Now().Add(a.drain)) })
	defer unbind()
	feedErr, readErr := a.pump(ctx)
	return a.finish(ctx, feedErr, readErr)
}

// pump sends frames until the segment ends, which readErr says how, or sending
// fails.
func (a *attempt) pump(ctx context.Context) (feedErr, readErr error) {
	f := a.first
	a.first = nil
	if a.feed, feedErr = newFeed(a.out, &a.info, a.clock, a.queue, a.soundFormat); feedErr != nil {
		_ = f.Release()
		return feedErr, nil
	}
	if a.feed.sound != nil {
		a.feed.sound.after(a.sound)
		a.feed.sound.steady = a.pace == PaceLive
		a.sound = a.feed.sound
	}
	a.inPipe = a.r.Spliced
	defer func() { a.inPipe = false }()
	for {
		feedErr, readErr = a.one(ctx, f)
		if feedErr != nil || readErr != nil {
			return feedErr, readErr
		}
		if feedErr = a.watch(); feedErr != nil {
			return feedErr, nil
		}
		f, readErr = a.next(ctx)
		switch {
		case readErr == nil:
		case errors.Is(readErr, framebuf.ErrEvicted) && a.inPipe:
			return fmt.Errorf("%w: %w", errTorn, readErr), nil
		default:
			return nil, readErr
		}
	}
}

// one sends a frame, at its time, and releases it.
func (a *attempt) one(ctx context.Context, f *framebuf.Frame) (feedErr, readErr error) {
	a.r.FramesIn++
	info := f.Info
	if info.Rotation != a.info.Rotation || info.Crop != a.info.Crop || info.FieldOrder != a.info.FieldOrder {
		a.turned = true
	}
	at, ok, err := a.feed.place(&info)
	if err != nil || !ok {
		_ = f.Release()
		return err, nil
	}
	if err := a.await(ctx, at); err != nil {
		_ = f.Release()
		return nil, err
	}
	var draw func(*image.RGBA)
	if a.opts.Overlay != nil {
		draw = a.opts.Overlay(ctx, &info)
	}
	if err := a.feed.send(f, at, draw); err != nil {
		return err, nil
	}
	if a.sent++; a.sent == 1 {
		a.paced, a.origin = time.Now(), at
	}
	if a.opts.OnFrame != nil {
		a.opts.OnFrame(&info, time.Now())
	}
	return nil, nil
}

// spaceEvery is how often the disk of an output is looked at whose ffmpeg does not
// say that it is full.
const spaceEvery = time.Second

// watch tells what has happened for the first time. Its error is that of a disk
// that is full: ffmpeg's HLS goes on without a word then, and writes empty files
// (seen with 5.1).
func (a *attempt) watch() error {
	a.tell(a.feed)
	if a.flow.IsZero() && a.child.frames.Load() > 0 {
		a.flow, a.worked = time.Now(), true
		a.to(Event{State: Live})
	}
	if a.output.Format == "hls" && time.Since(a.looked) > spaceEvery {
		a.looked = time.Now()
		return a.judgeSpace()
	}
	return nil
}

// flowed is how long ffmpeg has written frames.
func (a *attempt) flowed() time.Duration {
	if a.flow.IsZero() {
		return 0
	}
	return time.Since(a.flow)
}

// await waits for a frame's own time, for PaceSource.
func (a *attempt) await(ctx context.Context, at int64) error {
	if a.pace != PaceSource {
		return nil
	}
	if a.sent == 0 {
		return nil
	}
	due := a.paced.Add(time.Duration(a.clock.seconds(at-a.origin) * float64(time.Second)))
	wait := time.NewTimer(time.Until(due))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ending is everything that ended.
type ending struct {
	feed, read, exit error // of sending, of the segment, of ffmpeg
	gone             bool  // ffmpeg ended by itself before the segment
	asked            bool  // the context ended
	torn             bool  // a frame did not hold
	stalled          bool  // ffmpeg had to be stopped
	away             bool  // the output is lost, and the segment goes on
}

// finish ends the stream, waits for ffmpeg and says what it all means.
func (a *attempt) finish(ctx context.Context, feedErr, readErr error) (again bool, err error) {
	lost := feedErr != nil // a frame on its way
	if readErr != nil {
		feedErr = a.tail(ctx, readErr)
	}
	a.worked = a.worked || a.child.frames.Load() > 0
	// As it is now: when ffmpeg has ended, which is what comes next, ctx ends too.
	cause := context.Cause(ctx)
	e := ending{feed: feedErr, read: readErr}
	e.gone = errors.Is(feedErr, errGone) || errors.Is(cause, errGone)
	e.asked = cause != nil && !errors.Is(cause, errGone)
	e.torn = errors.Is(feedErr, errTorn) || errors.Is(feedErr, framebuf.ErrDamaged)
	e.stalled = errors.Is(feedErr, os.ErrDeadlineExceeded)
	evicted := e.torn && errors.Is(feedErr, framebuf.ErrEvicted)
	over := readErr != nil && !errors.Is(readErr, errGone) && !errors.Is(readErr, context.Canceled)
	e.away = a.restarts() && !e.asked && !over && (e.gone || e.stalled || evicted)
	switch {
	case e.torn && (a.r.Spliced || a.r.ByPlugin):
		// Foreign bytes are in ffmpeg already: they must not become a picture.
		a.child.Kill()
	case e.away && !e.gone:
		// What is in the pipe cannot be continued, and there is no file to finish.
		a.child.Kill()
	case e.stalled:
		_, _ = a.child.Stop(context.Background())
	default:
		_ = a.child.CloseStdin()
		e.stalled = a.child.await(ctx, a.drain, a.patience)
	}
	end, exitErr := a.child.end()
	e.exit = exitErr
	a.out.abandon()
	a.add(end)
	a.r.Interrupted = e.asked
	err = a.judge(e)
	if again = e.away && a.mayHelp(&e, err); again {
		if lost {
			a.r.FramesIn--
			a.missed++
		}
		return true, err
	}
	if err != nil {
		a.sweep()
	}
	return false, err
}

// tail sends what comes after the last frame.
func (a *attempt) tail(ctx context.Context, readErr error) error {
	if a.feed.sound != nil {
		var err error
		if errors.Is(readErr, io.EOF) {
			err = a.feed.sound.rest(ctx)
		} else {
			err = a.feed.sound.there()
		}
		if err != nil && ctx.Err() == nil {
			return errors.Join(err, a.out.flush())
		}
	}
	return a.out.flush()
}

// add adds what this ffmpeg has done to the Result.
func (a *attempt) add(end ffproc.Result) {
	frames := a.child.frames.Load()
	a.worked = a.worked || frames > 0
	a.r.FramesOut += frames
	a.r.CPU += end.User + end.System
	if a.feed != nil {
		a.r.Merged += a.feed.merged
		a.r.Resized += a.feed.fit.resized
	}
}

// judge turns everything that ended into one error.
func (a *attempt) judge(e ending) error {
	switch {
	case e.stalled && e.asked:
		return fmt.Errorf("%w: not finished within %v and stopped; it may not be playable", ErrOutput, a.drain)
	case e.stalled:
		return fmt.Errorf("%w: ffmpeg has taken nothing for %v", ErrOutput, a.patience)
	case e.torn && (a.r.Spliced || a.r.ByPlugin || e.away): // ffmpeg was killed, which says nothing
		return fmt.Errorf("%w; ffmpeg was killed, and the output may not be playable", e.feed)
	case e.torn:
		return errors.Join(fmt.Errorf("%w; the output ends before that frame", e.feed), judgeExit(e.exit))
	case e.gone && e.exit == nil && e.away && a.plain:
		return fmt.Errorf("%w: ffmpeg ended by itself, without an error", ErrOutput)
	case e.gone: // without an error: an argument told it to
		return judgeExit(e.exit)
	case e.feed != nil:
		return errors.Join(e.feed, judgeExit(e.exit))
	case e.exit != nil:
		return judgeExit(e.exit)
	case e.asked:
		return nil
	}
	if a.plain {
		if wrote := a.child.frames.Load(); wrote < a.sent {
			return fmt.Errorf("%w: ffmpeg wrote %d of %d frames", ErrEncoder, wrote, a.sent)
		}
	}
	if err := a.judgeSpace(); err != nil {
		return err
	}
	return a.judgeRead(e.read)
}

func judgeExit(err error) error {
	if err == nil {
		return nil
	}
	return failure(err)
}
