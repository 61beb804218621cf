package capture

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
)

// Capture is a source on its way into a segment. Make it with Open. All methods
// are safe for concurrent use.
type Capture struct {
	o         Options
	input     ffargs.Input
	source    SourceInfo
	expectEnd time.Duration // of the picture, on the clock of the frames; 0 unknown
	stdin     io.Reader     // nil if ffmpeg reads none
	ffmpeg    string
	ffprobe   string
	args      []string

	stallAfter     time.Duration // stallAfter, other in tests
	w, audioWriter *framebuf.Writer
	pump           *pump
	lines          *listener

	mu     sync.Mutex
	cancel context.CancelCauseFunc // of the run; nil before
	done   chan struct{}           // closed at the end of the run
	closed bool
}

// Source is what is known of the source.
func (c *Capture) Source() SourceInfo { return c.source }

// Writer is the segment's writer, for Writer.AwaitReaders. It belongs to the
// Capture.
func (c *Capture) Writer() *framebuf.Writer { return c.w }

// Command is the command line of ffmpeg, secrets masked.
func (c *Capture) Command() []string {
	return append([]string{c.ffmpeg}, ffargs.RedactArgs(slices.Clone(c.args))...)
}

// Progress is how far the run is.
func (c *Capture) Progress() Progress {
	in, out := c.pump.in.Load(), c.pump.out.Load()
	_, undone, _, _ := c.lines.diagnosis.report()
	return Progress{
		FramesIn: in + undone, FramesOut: out, Dropped: undone,
		Position: seconds(c.pump.position.Load(), c.pump.timeBase),
	}
}

// Close ends a run, and the segment in order: readers get what was published and
// then the end. It then keeps the segment as Options.Linger says. Idempotent; a
// later call returns at once.
func (c *Capture) Close() error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	cancel, done := c.cancel, c.done
	c.mu.Unlock()
	if again {
		return nil
	}
	if cancel != nil {
		cancel(ErrClosed)
		<-done
	}
	_ = c.pump.audio.end(context.Background()) // whoever waits for sound that never came
	// Both linger, and not one after the other.
	var soundErr error
	var sound sync.WaitGroup
	if c.audioWriter != nil {
		sound.Go(func() { soundErr = c.audioWriter.Close() })
	}
	err := c.w.Close()
	sound.Wait()
	return errors.Join(err, soundErr)
}
