package cli

// The parts of run at work: capture, what stands in between in a process of its own, encode.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
)

const (
	openTime  = 10 * time.Second // for a reader of ours to open the source's segment
	startTime = time.Second      // for encode to give up on a segment whose writer has ended
)

// bridge is one run. The first part that fails ends the others; each ends in order.
type bridge struct {
	s *session
	o *runOptions

	began   time.Time
	capture *capture.Capture
	command *command // nil: nothing in between
	latency latency
	meter   meter

	captured capture.Result
	encoded  encode.Result

	captureErr, commandErr, encodeErr error
}

// errElsewhere ends a part because another one failed. It is never shown.
var errElsewhere = errors.New("another part of the run has failed")

// run opens the source, starts the other parts and waits for all of them. ctx stops the source only: what it gave
// drains through.
func (b *bridge) run(ctx context.Context) error {
	b.began = time.Now()
	encodeOptions, err := b.o.encoding().options(b.s)
	if err != nil {
		return err
	}
	if err := b.open(ctx, encodeOptions); err != nil {
		return err
	}
	// Two contexts: the source's ends with a signal, the others' only with a failure.
	sourceCtx, stopSource := context.WithCancelCause(ctx)
	defer stopSource(nil)
	restCtx, stopRest := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopRest(nil)

	if b.o.between() {
		if b.command, err = newCommand(b.s, b.o, b.capture.Writer(), stopSource); err != nil {
			return errors.Join(err, closeCapture(b.capture, b.s.dir, err))
		}
		defer b.command.close()
		encodeOptions.Relay = b.command.relay
	}
	stopProgress := b.s.showProgress(b.sample)
	defer stopProgress()

	var parts sync.WaitGroup
	upstream := make(chan struct{}) // closed when whatever feeds encode has ended
	parts.Go(func() {
		b.captureErr = b.runCapture(sourceCtx)
		if b.command == nil {
			close(upstream)
		} else if b.captureErr != nil && b.captured.FramesOut == 0 {
			b.command.stop(errElsewhere) // it may wait for a first frame for ever
		}
	})
	if b.command != nil {
		parts.Go(func() {
			defer close(upstream)
			if b.commandErr = b.command.run(); b.commandErr != nil {
				stopSource(errElsewhere)
			}
		})
	}
	b.encodeErr = b.runEncode(restCtx, encodeOptions, upstream)
	if b.encodeErr != nil && !followed(b.encodeErr) && b.command != nil {
		b.command.stop(errElsewhere)
	} // else it is ending by itself, and how it ends is the cause
	stopSource(errElsewhere) // it has ended, or nobody has a use for more of it
	parts.Wait()
	return b.verdict(ctx)
}

// open opens the source and its segment.
func (b *bridge) open(ctx context.Context, e *encode.Options) error {
	co := b.o.capturing()
	options, err := co.options(b.s)
	if err != nil {
		return err
	}
	options.Linger = 0 // readers may be behind when the source ends, also that of a short live one
	options.Sealed = b.o.sealed
	options.OnWait = b.onWait(options.OnWait)
	var queue *encode.AudioQueue
	if b.o.audio == "auto" {
		queue = encode.NewAudioQueue(0)
		options.AudioSink, e.Audio.Queue = queue, queue
	}
	b.capture, err = co.open(ctx, b.s, options)
	if errors.Is(err, framebuf.ErrBusy) {
		err = withTodo(err, "--name gives this run's segment another name")
	}
	return err
}

// onWait tells who holds the source back, but for the command: that is watched otherwise.
func (b *bridge) onWait(tell func(framebuf.Waiting)) func(framebuf.Waiting) {
	return func(w framebuf.Waiting) {
		if b.command == nil || !b.command.waitsFor(w) {
			tell(w)
		}
	}
}

// runCapture waits for the first reader, so that no frame is lost, and captures.
func (b *bridge) runCapture(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, closeCapture(b.capture, b.s.dir, err)) }()
	if b.command != nil {
		defer func() { b.command.inputEnded(errors.As(err, new(*interruptError))) }()
	}
	if err := b.awaitReader(ctx); err != nil {
		return err
	}
	b.captured, err = b.capture.Run(ctx)
	if err == nil && b.captured.Interrupted {
		err = context.Cause(ctx)
	}
	return err
}

// awaitReader waits for who reads the source's frames.
func (b *bridge) awaitReader(ctx context.Context) error {
	if b.command != nil { // how long that may take is its own matter
		select {
		case <-b.command.opened:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	never := fmt.Errorf("nothing has opened the segment %s within %v", b.o.inName(), openTime)
	wait, cancel := context.WithTimeoutCause(ctx, openTime, never)
	defer cancel()
	if err := b.capture.Writer().AwaitReaders(wait, 1); err != nil {
		if cause := context.Cause(wait); cause != nil {
			return cause
		}
		return err
	}
	return nil
}

// runEncode opens the segment to encode once it is there, and encodes it. upstream is closed when nothing more will
// come: a segment that is not there by then never will be.
func (b *bridge) runEncode(ctx context.Context, options *encode.Options, upstream <-chan struct{}) error {
	openCtx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	opened := make(chan struct{})
	go func() {
		select {
		case <-opened:
			return
		case <-upstream:
		}
		patience := startTime
		if b.command != nil && !b.command.worked {
			patience = 0
		}
		select {
		case <-opened:
		case <-time.After(patience):
			giveUp(errNothingToEncode)
		}
	}()
	options.OnFrame = func(info *framebuf.Info, at time.Time) {
		b.meter.frame(info)
		b.latency.record(info, at)
		if b.command != nil {
			b.command.sends(info)
		}
	}
	e, err := encode.Open(openCtx, b.o.encoding().segment, b.o.output, options)
	close(opened)
	if err != nil {
		if errors.Is(context.Cause(openCtx), errNothingToEncode) {
			return errNothingToEncode
		}
		return segmentError(err)
	}
	defer e.Close()
	b.encoded, err = e.Run(ctx)
	return err
}

var errNothingToEncode = errors.New("nothing was published to encode")

func (b *bridge) sample() sample {
	now := b.meter.sample()
	p := b.capture.Progress()
	now.dropped, now.total = p.Dropped, b.capture.Source().Duration
	return now
}

// verdict is the error of the run: the causes, without what only followed from them.
func (b *bridge) verdict(ctx context.Context) error {
	captureErr, commandErr, encodeErr := b.captureErr, b.commandErr, b.encodeErr
	if errors.Is(captureErr, errElsewhere) {
		captureErr = nil
	}
	if followed(encodeErr) && (captureErr != nil || commandErr != nil) {
		encodeErr = nil
	}
	if captureErr != nil && ctx.Err() == nil && b.command != nil && b.command.passesOn() {
		commandErr = nil
	}
	if errors.Is(encodeErr, errNothingToEncode) && b.o.exec.command != "" {
		encodeErr = withTodo(errors.New(b.command.what+" ended without publishing a frame of FRAMEBRIDGE_OUT ("+b.o.outName()+")"),
			"it must publish the segment that $FRAMEBRIDGE_OUT names, and wait there for a reader")
	}
	err := errors.Join(captureErr, commandErr, encodeErr)
	if err == nil {
		err = b.kept()
	}
	if err == nil && b.command != nil && b.command.early > 0 && b.captured.Interrupted {
		b.s.note("%s has ended its output in order after %d frames, before its input had ended: the run ends with it", b.command.what, b.command.early)
	}
	return err
}

// kept reports whether what was promised was kept: read without loss, every frame that stood between is in the output.
func (b *bridge) kept() error {
	if b.command == nil || b.o.mode() != framebuf.Lossless || b.encoded.Restarts > 0 {
		return nil
	}
	lost := b.command.unsent + b.encoded.Missed
	if lost == 0 {
		return nil
	}
	return withTodo(fmt.Errorf("%s published %d frames of FRAMEBRIDGE_OUT (%s) before they were read: they are lost", b.command.what, lost, b.o.outName()),
		"it must wait for a reader of that segment before its first frame, also after a restart")
}

// followed reports whether encode failed for want of what should have come to it.
func followed(encodeErr error) bool {
	for _, e := range []error{framebuf.ErrWriterDied, framebuf.ErrNotFound, errNothingToEncode, encode.ErrSource, encode.ErrNoFrames, encode.ErrSound} {
		if errors.Is(encodeErr, e) {
			return true
		}
	}
	return false
}

func (b *bridge) summary() summary {
	sum := encodeSummary(&b.encoded, b.o.output)
	sum.FramesIn = b.captured.FramesIn
	sum.Dropped += b.captured.DroppedFrames()
	sum.SourceRestarts = b.captured.Restarts
	if b.command != nil {
		sum.Dropped += b.command.unsent
	}
	if b.command != nil && b.o.exec.command != "" {
		sum.Exec = b.command.summary(b.captured.FramesOut+b.captured.Placeholders, b.encoded.Repeated)
	}
	if !b.began.IsZero() {
		sum.Seconds = time.Since(b.began).Seconds()
		sum.FPS = float64(sum.FramesOut) / sum.Seconds
	}
	sum.LatencyP50MS, sum.LatencyP99MS = b.latency.percentiles()
	return sum
}
