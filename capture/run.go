package capture

// One run: ffmpeg as often as it takes, and what came of it.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Run decodes until the source ends, ctx ends or Close is called. It returns nil
// for a clean end, which the latter two are as well: ffmpeg is stopped and what
// was published stands. Options.Restart says which sources are started again when
// they are lost; of these, only the last loss is an error.
//
// Errors match ErrUnreadable, ErrMissing, ErrNotMedia, ErrNoPicture (all four for
// live sources, which Open does not look at), ErrNoFrames, ErrEndedBadly,
// ErrSourceLost, ErrGeometryChanged, ErrFFmpeg, ErrClosed, ErrRan, or are those of
// framebuf. The Result is filled in either way. The segment goes on until Close,
// which readers need to see the end; what Reader.Source says of the end is set
// already.
func (c *Capture) Run(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := c.begin(cancel); err != nil {
		return Result{}, err
	}
	defer close(c.done)
	began := time.Now()
	if !c.unseen && c.source.AudioRate == 0 {
		// At once: an encoder may wait to hear of the sound before it reads a frame,
		// and this capture for the encoder to read one.
		_ = c.pump.audio.end(ctx)
	}
	stopFilling := c.startFilling(ctx)
	err := c.supervise(ctx)
	stopFilling()
	if audioErr := c.pump.audio.end(ctx); err == nil && ctx.Err() == nil {
		err = audioErr
	}
	result := c.tally(time.Since(began))
	result.Interrupted = ctx.Err() != nil
	result.Clean = err == nil
	if err == nil {
		c.state.tell(framebuf.SourceEnded, nil, 0)
		return result, nil
	}
	err = c.redacted(err)
	result.Reason = err.Error()
	c.state.tell(framebuf.SourceFailed, err, 0)
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

// count adds a session that has ended to the totals.
func (c *Capture) count(s *session) {
	if _, undone, _, _ := s.lines.diagnosis.report(); undone > 0 {
		c.w.CountDrops(framebuf.DropCorrupt, undone)
		c.undone.Add(undone)
	}
	c.session.Store(nil)
	c.cpu += s.cpu
	if s.short {
		c.shorts++
	}
}

// tally is what came of it all.
func (c *Capture) tally(wall time.Duration) Result {
	in, out, undone := c.pump.in.Load(), c.pump.out.Load(), c.undone.Load()
	r := Result{
		FramesIn: in + undone, FramesOut: out, Placeholders: c.pump.placeholders.Load(), Dropped: map[framebuf.DropReason]uint64{},
		Seconds: wall.Seconds(), AudioSamples: c.pump.audio.samples, CPU: c.cpu,
	}
	r.Stalls, r.Restarts = c.state.counts()
	if undone > 0 {
		r.Dropped[framebuf.DropCorrupt] = undone
	}
	short := min(c.shorts, in-out)
	if short > 0 {
		r.Dropped[framebuf.DropShort] = short
	}
	if other := in - out - short; other > 0 {
		r.Dropped[framebuf.DropOther] = other
	}
	if r.Seconds > 0 {
		r.FPS = float64(out) / r.Seconds
	}
	return r
}

// judge says how a session ended: nil for a clean end.
func (c *Capture) judge(s *session, exit, loopErr error) error {
	var broken *pipeError
	switch {
	case s.silent > 0:
		return c.about(fmt.Errorf("%w: %w", ErrSourceLost, silenceError(s.silent)))
	case loopErr != nil && !errors.As(loopErr, &broken):
		s.fatal = true
		return c.about(loopErr)
	}
	end := c.ending(s, exit)
	if broken != nil {
		end.pipe = broken
	}
	err := end.verdict()
	if err == nil {
		return nil
	}
	if c.unseen && s.frames == 0 {
		err = s.lines.diagnosis.refusal(err)
	}
	return c.about(err)
}

// about says which source an error is about, and masks secrets.
func (c *Capture) about(err error) error {
	return c.redacted(fmt.Errorf("capture: %s: %w", c.input, err))
}

// ending gathers what the verdict depends on.
func (c *Capture) ending(s *session, exit error) *ending {
	e := &ending{live: c.source.Live, exit: exit, short: s.short, frames: s.frames}
	e.errors, _, e.first, e.early = s.lines.diagnosis.report()
	if c.source.Rate.Num > 0 {
		e.tick = time.Duration(float64(time.Second) / c.source.Rate.Float())
	}
	if s.maxPTS != framebuf.NoPTS {
		e.end = seconds(s.maxPTS, c.pump.timeBase) + e.tick
		span := e.end - seconds(s.firstPTS, c.pump.timeBase)
		e.complete = s.limit > 0 && span >= s.limit-max(slackFrames*e.tick, time.Second/2)
	}
	// Filters and loops make times and frames of their own.
	if c.o.Filter != "" || c.o.Loop != 0 || c.expectEnd <= 0 {
		return e
	}
	e.expectEnd = c.expectEnd - c.o.Seek
	if s.limit > 0 {
		e.expectEnd = min(e.expectEnd, s.limit)
	}
	if c.o.Seek == 0 && c.o.Duration == 0 && c.o.FPS.Num == 0 {
		e.expectFrames = c.source.Frames
	}
	return e
}
