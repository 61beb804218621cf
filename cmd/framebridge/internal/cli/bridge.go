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
	"github.com/framebridge/framebridge/internal/ffproc"
)

const (
	openTime  = 10 * time.Second // for a reader of ours to open the source's segment
	startTime = time.Second      // for encode to give up on a segment whose writer has ended
	endTime   = 10 * time.Second // for a command to end after its output has
)

// bridge is one run. The first part that fails ends the others; each ends in order.
type bridge struct {
	s *session
	o *runOptions

	began   time.Time
	capture *capture.Capture
	child   *ffproc.Process // nil: nothing in between
	latency latency
	meter   meter

	captured capture.Result
	encoded  encode.Result

	captureErr, childErr, encodeErr error
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
		if err := b.startChild(restCtx); err != nil {
			return errors.Join(err, closeCapture(b.capture, b.s.dir, err))
		}
	}
	stopProgress := b.s.showProgress(b.sample)
	defer stopProgress()

	var parts sync.WaitGroup
	upstream := make(chan struct{}) // closed when whatever feeds encode has ended
	parts.Go(func() {
		b.captureErr = b.runCapture(sourceCtx)
		if b.child == nil {
			close(upstream)
		} else if b.captureErr != nil && b.captured.FramesOut == 0 {
			b.stopChild() // it may wait for a first frame for ever
		}
	})
	if b.child != nil {
		parts.Go(func() {
			defer close(upstream)
			if _, b.childErr = b.child.Wait(context.Background()); b.childErr != nil {
				stopSource(errElsewhere)
			}
		})
	}
	b.encodeErr = b.runEncode(restCtx, encodeOptions, upstream)
	if b.encodeErr != nil {
		stopSource(errElsewhere)
		if !followed(b.encodeErr) {
			b.stopChild()
		} // else it is ending by itself, and how it ends is the cause
	}
	b.awaitChild()
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

// runCapture waits for the first reader, so that no frame is lost, and captures.
func (b *bridge) runCapture(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, closeCapture(b.capture, b.s.dir, err)) }()
	never := fmt.Errorf("nothing has opened the segment %s within %v", b.o.inName(), openTime)
	if b.o.exec != "" {
		never = withTodo(fmt.Errorf("the command never opened FRAMEBRIDGE_IN (%s) within %v", b.o.inName(), openTime),
			"it must read the segment that $FRAMEBRIDGE_IN names, in the directory $FRAMEBRIDGE_DIR")
	}
	wait, cancel := context.WithTimeoutCause(ctx, openTime, never)
	defer cancel()
	if err := b.capture.Writer().AwaitReaders(wait, 1); err != nil {
		if cause := context.Cause(wait); cause != nil {
			return cause
		}
		return err
	}
	b.captured, err = b.capture.Run(ctx)
	if err == nil && b.captured.Interrupted {
		err = context.Cause(ctx)
	}
	return err
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
		select {
		case <-opened:
		case <-time.After(startTime):
			giveUp(errNothingToEncode)
		}
	}()
	options.OnFrame = func(info *framebuf.Info, at time.Time) {
		b.meter.frame(info)
		b.latency.record(info, at)
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
	captureErr, childErr, encodeErr := b.captureErr, b.childErr, b.encodeErr
	if errors.Is(captureErr, errElsewhere) {
		captureErr = nil
	}
	if followed(encodeErr) && (captureErr != nil || childErr != nil) {
		encodeErr = nil
	}
	if captureErr != nil && ctx.Err() == nil && b.o.exec == "" {
		childErr = nil // our own analyzer passes on what the source did
	}
	if errors.Is(encodeErr, errNothingToEncode) && b.o.exec != "" {
		encodeErr = withTodo(errors.New("the command ended without publishing FRAMEBRIDGE_OUT ("+b.o.outName()+")"),
			"it must publish the segment that $FRAMEBRIDGE_OUT names, and wait there for a reader")
	}
	if childErr != nil {
		childErr = b.childError(childErr)
	}
	return errors.Join(captureErr, childErr, encodeErr)
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
	if !b.began.IsZero() {
		sum.Seconds = time.Since(b.began).Seconds()
		sum.FPS = float64(sum.FramesOut) / sum.Seconds
	}
	sum.LatencyP50MS, sum.LatencyP99MS = b.latency.percentiles()
	return sum
}
