package capture

// One run: ffmpeg, its pipe, its standard error, and what came of it.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
)

// Run decodes until the source ends, ctx ends or Close is called. It returns nil
// for a clean end, which the latter two are as well: ffmpeg is stopped and what
// was published stands.
//
// Errors match ErrNoFrames, ErrEndedBadly, ErrSourceLost, ErrGeometryChanged,
// ErrFFmpeg, ErrClosed, ErrRan, or are those of framebuf. The Result is filled in
// either way. The segment goes on until Close, which readers need to see the
// end; what Reader.Source says of the end is set already.
func (c *Capture) Run(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := c.begin(cancel); err != nil {
		return Result{}, err
	}
	defer close(c.done)

	lines := c.lines
	child, err := ffproc.Start(ctx, c.ffmpeg, c.args, c.childOptions(lines))
	if err != nil {
		err = c.explainStart(err)
		_ = c.pump.audio.end(ctx)
		c.settle(err)
		return Result{Reason: err.Error()}, err
	}
	if c.source.Live {
		c.w.SetSource(framebuf.SourceConnecting)
	}
	if c.source.AudioRate == 0 {
		// At once: an encoder may wait to hear of the sound before it reads a frame,
		// and this capture for the encoder to read one.
		_ = c.pump.audio.end(ctx)
	}
	watch := newStallWatch(c.w, c.source.Live, c.stallAfter)
	c.pump.watch = watch

	var helpers sync.WaitGroup
	helpers.Go(func() {
		<-child.Done()
		lines.end()
	})
	if c.stdin != nil {
		helpers.Go(func() { feed(child, c.stdin) })
	}
	loopErr := c.pump.loop(ctx, child.Stdout)
	interrupted := ctx.Err() != nil
	if err := c.pump.audio.end(ctx); loopErr == nil {
		loopErr = err
	}
	// Nobody reads the pipe any more, so a child that still writes must be stopped.
	proc, exit := c.finish(child, loopErr != nil || interrupted)
	helpers.Wait()
	watch.end()

	result := c.tally(lines, proc)
	err = c.judge(lines, exit, loopErr, interrupted)
	result.Interrupted = interrupted
	result.Clean = err == nil
	if err != nil {
		result.Reason = err.Error()
	}
	c.settle(err)
	return result, err
}

// begin notes that a run has begun.
func (c *Capture) begin(cancel context.CancelCauseFunc) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return fmt.Errorf("capture: run: %w", ErrClosed)
	case c.cancel != nil:
		return fmt.Errorf("capture: run: %w", ErrRan)
	}
	c.cancel, c.done = cancel, make(chan struct{})
	return nil
}

func (c *Capture) childOptions(lines *listener) *ffproc.Options {
	o := &ffproc.Options{
		Stdout: ffproc.Pipe, OnLine: lines.line, Redact: ffargs.Redact, Confine: true, Ladder: ffproc.CaptureLadder(),
	}
	if c.stdin != nil {
		o.Stdin = ffproc.Pipe
	}
	return o
}

// finish waits for ffmpeg's end, after a stop if stop is set.
func (c *Capture) finish(child *ffproc.Process, stop bool) (ffproc.Result, error) {
	if stop {
		_ = child.Close()
	}
	// The pipe has ended, so ffmpeg is about to.
	proc, exit := child.Wait(context.Background())
	_ = child.Close()
	return proc, exit
}

// feed copies standard input to ffmpeg until either has enough.
func feed(child *ffproc.Process, from io.Reader) {
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.CopyBuffer(struct{ io.Writer }{child.Stdin}, from, make([]byte, 256<<10))
		_ = child.CloseStdin()
	}()
	select {
	case <-copied:
	case <-child.Done():
		// The copy ends at its next write. It may wait in a read that only the owner of
		// the input can end.
	}
}

// tally counts.
func (c *Capture) tally(lines *listener, proc ffproc.Result) Result {
	_, undone, _, _ := lines.diagnosis.report()
	if undone > 0 {
		c.w.CountDrops(framebuf.DropCorrupt, undone)
	}
	in, out := c.pump.in.Load(), c.pump.out.Load()
	r := Result{
		FramesIn: in + undone, FramesOut: out, Dropped: map[framebuf.DropReason]uint64{},
		Seconds: proc.Wall.Seconds(), AudioSamples: c.pump.audio.samples, CPU: proc.User + proc.System,
	}
	if undone > 0 {
		r.Dropped[framebuf.DropCorrupt] = undone
	}
	if c.pump.short && in > out {
		r.Dropped[framebuf.DropShort] = 1
		in--
	}
	if in > out {
		r.Dropped[framebuf.DropOther] = in - out
	}
	if r.Seconds > 0 {
		r.FPS = float64(out) / r.Seconds
	}
	return r
}

// judge says how it ended: nil for a clean end.
func (c *Capture) judge(lines *listener, exit, loopErr error, interrupted bool) error {
	if interrupted {
		return nil
	}
	var broken *pipeError
	if loopErr != nil && !errors.As(loopErr, &broken) {
		return fmt.Errorf("capture: %s: %w", c.input, loopErr)
	}
	end := c.ending(lines, exit)
	if broken != nil {
		end.pipe = broken
	}
	if err := end.verdict(); err != nil {
		return fmt.Errorf("capture: %s: %w", c.input, redacted(err))
	}
	return nil
}

// ending gathers what the verdict depends on.
func (c *Capture) ending(lines *listener, exit error) *ending {
	e := &ending{live: c.source.Live, exit: exit, short: c.pump.short, frames: c.pump.out.Load()}
	e.errors, _, e.first, e.early = lines.diagnosis.report()
	if c.source.Rate.Num > 0 {
		e.tick = time.Duration(float64(time.Second) / c.source.Rate.Float())
	}
	if c.pump.maxPTS != framebuf.NoPTS {
		e.end = seconds(c.pump.maxPTS, c.pump.timeBase) + e.tick
		span := e.end - seconds(c.pump.firstPTS, c.pump.timeBase)
		e.complete = c.o.Duration > 0 && span >= c.o.Duration-max(slackFrames*e.tick, time.Second/2)
	}
	// Filters and loops make times and frames of their own.
	if c.o.Filter != "" || c.o.Loop != 0 || c.expectEnd <= 0 {
		return e
	}
	e.expectEnd = c.expectEnd - c.o.Seek
	if c.o.Duration > 0 {
		e.expectEnd = min(e.expectEnd, c.o.Duration)
	}
	if c.o.Seek == 0 && c.o.Duration == 0 && c.o.FPS.Num == 0 {
		e.expectFrames = c.source.Frames
	}
	return e
}

// settle tells readers how the source ended.
func (c *Capture) settle(err error) {
	for _, w := range []*framebuf.Writer{c.w, c.audioWriter} {
		switch {
		case w == nil:
		case err == nil:
			w.SetSource(framebuf.SourceEnded)
		default:
			w.SetError(ffargs.Redact(err.Error()))
			w.SetSource(framebuf.SourceFailed)
		}
	}
}

// redacted is err with secrets masked in its text.
func redacted(err error) error { return &maskedError{err, ffargs.Redact(err.Error())} }

type maskedError struct {
	err  error
	text string
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// explainStart gives the failure to start ffmpeg its kind.
func (c *Capture) explainStart(err error) error {
	if errors.Is(err, ffproc.ErrNotFound) {
		return is(ErrFFmpeg, fmt.Errorf("capture: run: %w", err))
	}
	return fmt.Errorf("capture: run: %w", err)
}
