package capture

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/plugin"
)

// Capture is a source on its way into a segment. Make it with Open. All methods
// are safe for concurrent use.
type Capture struct {
	o         Options
	input     ffargs.Input
	unseen    bool          // nobody has looked at the source before Run
	expectEnd time.Duration // of the picture, on the clock of the frames; 0 unknown

	audioLayout string // of the sound's channels, ffmpeg's name; empty if unknown

	stdin    io.Reader // nil if ffmpeg reads none
	ffmpeg   string
	ffprobe  string
	plugins  string // the folder of the plug-in that carries the pixels; empty: they go through the pipe
	noPlugin error  // why it does not carry them, if it was to
	request  ffargs.Capture
	args     []string
	redact   func(string) string

	schedule         schedule      // usualSchedule, other in tests
	placeholderEvery time.Duration // placeholderEvery, other in tests

	w, audioWriter *framebuf.Writer
	state          *announcer
	pump           *pump
	session        atomic.Pointer[session] // the present one; nil between two
	undone         atomic.Uint64           // packets that decoders gave up in earlier ones

	// Of the goroutine of Run.
	sessions  int       // begun so far
	alive     time.Time // when the last frame came, or else the run began
	fruitless int       // sessions without a frame since then
	shorts    uint64
	cpu       time.Duration

	mu     sync.Mutex
	source SourceInfo              // written by Open and the goroutines of Run; guarded by mu
	cancel context.CancelCauseFunc // of the run; nil before
	done   chan struct{}           // closed at the end of the run
	closed bool
}

// Source is what is known of the source. Of a live one that is little before its
// first frame has come, and it may change when it was lost and has come back.
func (c *Capture) Source() SourceInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source
}

// Writer is the segment's writer, for Writer.AwaitReaders. It belongs to the
// Capture.
func (c *Capture) Writer() *framebuf.Writer { return c.w }

// Command is the command line of ffmpeg, secrets masked. Where the plug-in carries the
// pixels it begins with env, and the variables by which ffmpeg finds it; elsewhere
// than here it then has no place for the frames, and lets them go.
func (c *Capture) Command() []string {
	words := []string{c.ffmpeg}
	if c.plugins != "" {
		words = append(append([]string{"env"}, plugin.Env(c.plugins, c.request.PixelFormat)...), c.ffmpeg)
	}
	return append(words, ffargs.NewRedactor(c.args...).Args(c.args)...)
}

// Progress is how far the run is.
func (c *Capture) Progress() Progress {
	in, out, undone := c.pump.in.Load(), c.pump.out.Load(), c.undone.Load()
	if s := c.session.Load(); s != nil {
		_, now, _, _ := s.lines.diagnosis.report()
		undone += now
	}
	return Progress{FramesIn: in + undone, FramesOut: out, Dropped: undone, Position: time.Duration(c.pump.position.Load())}
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
