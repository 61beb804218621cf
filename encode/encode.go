// Opening and closing: everything that can be refused is refused here, before
// ffmpeg is started.

package encode

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
	"github.com/framebridge/framebridge/internal/pause"
	"github.com/framebridge/framebridge/internal/pcm"
	"github.com/framebridge/framebridge/internal/plugin"
)

const (
	defaultWait    = 5 * time.Second
	defaultDrain   = 10 * time.Second
	liveDrain      = 2500 * time.Millisecond // then SIGINT and 2 s more, so that any stop takes less than 5 s
	defaultTimeout = 10 * time.Second        // for a live output
)

// Encode is a segment on its way into an output. Make it with Open. Command and
// Close may be called at any time, Run once.
type Encode struct {
	name   string
	opts   Options
	output ffargs.Output
	made   bool // the output is a file that was not there before

	reader     *framebuf.Reader
	reading    framebuf.ReaderOptions // of reader
	first      *framebuf.Frame        // to be sent next
	info       framebuf.Info          // of the very first one, whose form the output has
	mode       framebuf.Mode
	liveSource bool // the segment's writer does not wait for long
	pace       Pace

	clock       *clock
	queue       *pcm.Queue // nil: no sound in our stream
	soundFormat *pcm.Format
	soundSource *soundSegment // nil: none
	version     string        // what ffmpeg says of itself
	plugins     string        // the folder of the plug-in that carries the pixels; empty: they go through the pipe
	args        []string
	again       []string       // of an ffmpeg that goes on after another
	plain       bool           // ffmpeg writes each frame that it gets
	drain       time.Duration  // how long ffmpeg may take to finish, when cancelled
	patience    time.Duration  // how long it may take nothing; 0: no bound
	pauses      pause.Schedule // between two starts

	told [notes]bool // only the goroutine of Run

	mu     sync.Mutex
	ran    bool
	closed bool
	left   bool
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when Run has ended
}

// Open prepares to encode the segment into output: a file, whose ending says the
// format, a URL, or a format, a colon and either of them. nil options are the
// defaults.
//
// It checks the output, waits for the segment and its first frame
// (Options.Wait), and starts nothing that stays. From here on a lossless reader
// holds its first frame, so call Run or Close soon.
//
// Errors match ErrName, ErrExists, ErrOutput, ErrFFmpeg, ErrSound, ErrOverlay,
// ErrNoFrames, those of framebuf.Open and framebuf.Reader.Next, or that of ctx.
func Open(ctx context.Context, segment, output string, o *Options) (*Encode, error) {
	e := &Encode{name: segment, done: make(chan struct{}), pauses: pause.Usual()}
	if o != nil {
		e.opts = *o
	}
	if err := e.open(ctx, output); err != nil {
		e.leave()
		return nil, fmt.Errorf("encode: open %s: %w", segment, err)
	}
	return e, nil
}

func (e *Encode) open(ctx context.Context, output string) error {
	if err := e.checkOptions(); err != nil {
		return err
	}
	if err := e.checkOutput(output); err != nil {
		return err
	}
	able, err := e.checkFFmpeg(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	st, err := e.openSegment(ctx)
	if err != nil {
		return err
	}
	if err := e.openSound(ctx); err != nil {
		return err
	}
	return e.plan(ctx, st, able)
}

// bounded is ctx with Options.Wait.
func (e *Encode) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	wait := e.opts.Wait
	switch {
	case wait < 0:
		return context.WithCancel(ctx)
	case wait == 0:
		wait = defaultWait
	}
	return context.WithTimeoutCause(ctx, wait, fmt.Errorf("%w: waited %v", context.DeadlineExceeded, wait))
}

func (e *Encode) checkOptions() error {
	if err := framebuf.CheckSource(e.name); err != nil {
		return err
	}
	o := &e.opts
	sources := 0
	for _, set := range []bool{o.Audio.Queue != nil, o.Audio.Segment, o.Audio.Silent, o.Audio.Input != ""} {
		if set {
			sources++
		}
	}
	switch {
	case sources > 1:
		return fmt.Errorf("%w: more than one source of sound", ErrName)
	case o.Pace < PaceAuto || o.Pace > PaceLive:
		return fmt.Errorf("%w: pace %d", ErrName, o.Pace)
	case o.Mode != nil && *o.Mode != framebuf.Lossless && *o.Mode != framebuf.Newest:
		return fmt.Errorf("%w: mode %v; encode reads lossless or newest", ErrName, *o.Mode)
	case o.Restart < RestartAuto || o.Restart > RestartAlways:
		return fmt.Errorf("%w: restart %d", ErrName, o.Restart)
	case o.Splice && o.Mode != nil && *o.Mode == framebuf.Newest:
		return fmt.Errorf("%w: only a lossless reader can splice", ErrName)
	case o.Splice && o.Transport == TransportPlugin:
		return fmt.Errorf("%w: frames travel by the plug-in or are spliced into a pipe: take one of the two", ErrName)
	case o.Splice && o.Overlay != nil:
		return fmt.Errorf("%w: frames with an overlay are copied and cannot be spliced: take one of the two", ErrName)
	}
	return nil
}

// openSegment waits for the segment and its first frame.
func (e *Encode) openSegment(ctx context.Context) (*framebuf.Status, error) {
	// A look from outside first, which no writer counts as a reader: how to read
	// depends on what is there.
	look, err := framebuf.Open(ctx, e.name, &framebuf.ReaderOptions{Dir: e.opts.Dir, TrustUID: e.opts.TrustUID, Wait: true, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	st, err := framebuf.Stat(e.opts.Dir, e.name, e.opts.TrustUID...)
	_ = look.Close()
	if err != nil {
		return nil, err
	}
	e.pace = e.opts.Pace
	if e.pace == PaceAuto {
		e.pace = PaceFast
		if st.Live {
			e.pace = PaceLive
		}
	}
	e.liveSource = st.Live || st.Lossless == framebuf.LosslessEvict
	e.mode = framebuf.Lossless
	switch {
	case e.opts.Mode != nil:
		e.mode = *e.opts.Mode
	case !e.opts.Splice && (st.Live || st.Lossless == framebuf.LosslessRefuse):
		e.mode = framebuf.Newest
	}
	if e.opts.Audio.Queue != nil && e.output.Format == "gif" {
		e.opts.Audio.Queue.Close()
		e.opts.Audio.Queue = nil
		e.note("gif has no sound: it is left out")
	}
	if e.opts.Audio.Segment {
		// Before the frames: a writer that waits for its first reader then has both.
		if e.soundSource, err = openSoundSegment(ctx, e.name+soundSuffix, &e.opts); err != nil {
			return nil, err
		}
		e.opts.Audio.Queue = e.soundSource.queue
	}
	e.reading = framebuf.ReaderOptions{Dir: e.opts.Dir, TrustUID: e.opts.TrustUID, Mode: e.mode, Label: "encode", Wait: true, Follow: e.follows()}
	if e.opts.Splice {
		e.reading.Hold, e.reading.Spliced = 1, true
	}
	if e.reader, err = framebuf.Open(ctx, e.name, &e.reading); err != nil {
		return nil, err
	}
	for e.first == nil {
		e.first, err = e.reader.Next(ctx)
		switch {
		case errors.Is(err, framebuf.ErrOverrun):
		case errors.Is(err, io.EOF):
			return nil, e.noFrames()
		case err != nil:
			return nil, err
		}
	}
	return st, nil
}

// follows reports whether a next writer of the segment is waited for.
func (e *Encode) follows() bool { return e.opts.Follow || e.opts.Relay != nil }

func (e *Encode) noFrames() error {
	if state, why := e.reader.Source(); state == framebuf.SourceFailed {
		return fmt.Errorf("%w: the segment ended without one: %w: %s", ErrNoFrames, ErrSource, why)
	}
	return fmt.Errorf("%w: the segment ended without one", ErrNoFrames)
}

// openSound waits until it is known what the sound is like.
func (e *Encode) openSound(ctx context.Context) error {
	q := e.opts.Audio.Queue
	if q == nil {
		return nil
	}
	f, ok, err := q.Format(ctx)
	switch {
	case errors.Is(err, pcm.ErrFormat):
		return fmt.Errorf("%w: %w", ErrSound, err)
	case err != nil && e.soundSource != nil && e.soundSource.failed() != nil:
		return e.soundSource.failed()
	case err != nil:
		return fmt.Errorf("%w: nothing is known of it: %w", ErrSound, err)
	case !ok && e.soundSource != nil:
		return fmt.Errorf("%w: %w", ErrSound, errors.Join(errNoSamples, e.soundSource.failed()))
	case ok:
		e.queue, e.soundFormat = q, &f
	}
	return nil
}

var errNoSamples = errors.New("its segment ended without any")

// Command is the ffmpeg command that Run starts, with secrets masked. Where the
// plug-in carries the pixels it begins with env, and the variables by which ffmpeg
// finds it.
func (e *Encode) Command() []string {
	var words []string
	if e.plugins != "" {
		words = append([]string{"env"}, plugin.Env(e.plugins, ffmpegName(e.info.PixelFormat))...)
	}
	return ffargs.NewRedactor(e.args...).Args(append(append(words, e.ffmpeg()), e.args...))
}

func (e *Encode) ffmpeg() string {
	if e.opts.FFmpeg != "" {
		return e.opts.FFmpeg
	}
	return "ffmpeg"
}

// Close ends a Run in order, as the end of its context does, waits for it, and
// leaves the segment. Idempotent.
func (e *Encode) Close() error {
	e.mu.Lock()
	e.closed = true
	ran, cancel := e.ran, e.cancel
	e.mu.Unlock()
	if ran {
		cancel(ErrClosed)
		<-e.done
	}
	e.leave()
	return nil
}

// leave gives back what Open took.
func (e *Encode) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left {
		return
	}
	e.left = true
	if e.first != nil {
		_ = e.first.Release()
	}
	if e.reader != nil {
		_ = e.reader.Close()
	}
	if e.soundSource != nil {
		e.soundSource.close()
	}
	if e.opts.Audio.Queue != nil {
		e.opts.Audio.Queue.Close()
	}
}

// newSink is how bytes go to ffmpeg.
func (e *Encode) newSink(c *child, r *Result) (sink, error) {
	switch {
	case c.lane != nil:
		r.ByPlugin = true
		return &laneSink{patientPipe: patientPipe{f: c.Stdin, patience: e.patience}, lane: c.lane}, nil
	case !e.opts.Splice:
		return &plainSink{patientPipe{f: c.Stdin, patience: e.patience}}, nil
	}
	s, err := newSplicer(c.Stdin, e.patience)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFFmpeg, err)
	}
	r.Spliced = true
	return s, nil
}

func (e *Encode) childOptions(restarts uint64) childOptions {
	args := e.args
	if restarts > 0 {
		args = e.again
	}
	return childOptions{
		Path: e.ffmpeg(), Args: args, Redact: ffargs.NewRedactor(args...).Redact, OnLine: e.opts.OnLine,
		Stdout: e.opts.Stdout, Confine: true, Pipe: e.opts.Splice, Plugins: e.plugins, Pixels: ffmpegName(e.info.PixelFormat),
	}
}

// startError names why ffmpeg did not start.
func startError(err error) error {
	if errors.Is(err, ffproc.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrFFmpeg, err)
	}
	return err
}
