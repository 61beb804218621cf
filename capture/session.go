package capture

// One ffmpeg, from its start to its end.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/lane"
	"github.com/framebridge/framebridge/internal/nut"
	"github.com/framebridge/framebridge/internal/plugin"
)

// exitTime is how long ffmpeg may live on after its pipe has ended.
const exitTime = 5 * time.Second

// session is what belongs to one ffmpeg. The diagnosis may be read at any time;
// the rest belongs to the goroutine of Run.
type session struct {
	number int // from 0
	joiner *joiner
	lines  *listener
	watch  *stallWatch

	r        *nut.Reader
	lane     *lane.Lane // nil: the pixels come through the pipe
	video    int        // stream number, -1 for none
	pipeBase nut.Rational
	head     framebuf.Format // as the pipe's header has it
	placed   chan struct{}   // closed when the picture has said where the sound belongs

	frames           uint64
	firstPTS, maxPTS int64 // on the source's own clock; NoPTS before the first
	firstAt, lastAt  time.Time
	short            bool          // it ended inside a frame
	limit            time.Duration // ffmpeg was to end after so much of the source; 0 no limit
	silent           time.Duration // it was stopped after so much silence; 0 it was not
	wall, cpu        time.Duration
	fatal            bool // what ended it has nothing to do with the source
}

func (c *Capture) newSession() *session {
	s := &session{
		number: c.sessions, joiner: newJoiner(), video: -1, placed: make(chan struct{}), firstPTS: framebuf.NoPTS, maxPTS: framebuf.NoPTS,
	}
	s.lines = newListener(s.joiner, c.redact, c.o.OnLine)
	c.sessions++
	c.session.Store(s)
	return s
}

// hangUp ends the lane, if there is one: an ffmpeg that waits for a place in it goes on, and can end.
func (s *session) hangUp() {
	if s.lane != nil {
		_ = s.lane.Close()
	}
}

// flowed is how long frames came.
func (s *session) flowed() time.Duration { return s.lastAt.Sub(s.firstAt) }

// once runs one ffmpeg to its end and says how that was: nil for a clean end.
func (c *Capture) once(ctx context.Context) (*session, error) {
	s := c.newSession()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	args, err := c.argsOf(s)
	if err != nil {
		s.fatal = true
		return s, err
	}
	child, err := c.start(ctx, s, args)
	defer context.AfterFunc(ctx, s.hangUp)()
	if err != nil {
		s.hangUp()
		s.fatal = errors.Is(err, ffproc.ErrNotFound)
		return s, c.explainStart(err)
	}
	if s.number > 0 {
		c.pump.restart()
	}
	c.pump.audio.ready(s)
	s.watch = c.watchOf(s, stop)
	s.watch.begin()
	var helpers sync.WaitGroup
	helpers.Go(func() {
		<-child.Done()
		if s.lane != nil {
			s.lane.Orphan()
		}
		s.lines.end()
	})
	if c.stdin != nil {
		helpers.Go(func() { feed(child, c.stdin) })
	}
	heard := c.hear(ctx, s, child, stop)
	loopErr := c.pump.loop(ctx, s, child.Stdout)
	s.hangUp()
	s.watch.end()
	if loopErr == nil {
		loopErr = heard() // the sound may be longer
	} else {
		stop(loopErr)
	}
	// Nobody reads the picture any more, so a child that still writes must be stopped.
	proc, exit := finish(child, loopErr != nil || ctx.Err() != nil)
	_ = heard()
	helpers.Wait()
	s.wall, s.cpu = proc.Wall, proc.User+proc.System
	c.count(s)
	return s, c.judge(s, exit, loopErr)
}

// argsOf are the arguments for a session: those of the first, but for the time
// that is left, and for sound that must be what it was.
func (c *Capture) argsOf(s *session) ([]string, error) {
	s.limit = c.o.Duration
	if s.number == 0 {
		return c.args, nil
	}
	request := c.request
	if c.o.Duration > 0 {
		s.limit = max(c.o.Duration-c.covered(), time.Millisecond)
		request.Duration = s.limit
	}
	if request.AudioFormat.Rate == 0 {
		source := c.Source()
		request.AudioFormat.Rate = source.AudioRate
		request.AudioFormat.Layout = map[int]string{1: "mono", 2: "stereo"}[source.AudioChannels]
	}
	return request.Args()
}

// start starts the session's ffmpeg, with a lane if the pixels take one.
func (c *Capture) start(ctx context.Context, s *session, args []string) (*ffproc.Process, error) {
	o := c.childOptions(s.lines)
	if c.plugins == "" {
		return ffproc.Start(ctx, c.ffmpeg, args, o)
	}
	l, theirs, err := lane.New()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	s.lane = l
	o.Inherit, o.Env = []*os.File{theirs}, plugin.Env(c.plugins, c.request.PixelFormat)
	return ffproc.Start(ctx, c.ffmpeg, args, o)
}

func (c *Capture) childOptions(lines *listener) *ffproc.Options {
	o := &ffproc.Options{
		Stdout: ffproc.Socket, OnLine: lines.line, Redact: c.redact, Confine: true, Ladder: ffproc.CaptureLadder(),
	}
	if c.request.Audio {
		o.ExtraPipes = 1
	}
	if c.stdin != nil {
		o.Stdin = ffproc.Pipe
	}
	return o
}

// watchOf is the clock of a session.
func (c *Capture) watchOf(s *session, stop context.CancelCauseFunc) *stallWatch {
	return &stallWatch{
		limits:  c.limits(),
		flowing: func() { c.state.tell(framebuf.SourceLive, nil, 0) },
		stalled: func(silence time.Duration) { c.state.tell(framebuf.SourceStalled, silenceError(silence), 0) },
		stop: func(silence time.Duration) {
			s.silent = silence
			stop(silenceError(silence))
		},
	}
}

func silenceError(silence time.Duration) error {
	return fmt.Errorf("no frame for %v", silence.Round(10*time.Millisecond))
}

// finish waits for ffmpeg's end, after a stop if stop is set.
func finish(child *ffproc.Process, stop bool) (ffproc.Result, error) {
	if !stop {
		// The pipe has ended, so ffmpeg is about to.
		ctx, cancel := context.WithTimeout(context.Background(), exitTime)
		_, _ = child.Wait(ctx)
		cancel()
	}
	_ = child.Close()
	return child.Wait(context.Background())
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

// explainStart gives the failure to start ffmpeg its kind.
func (c *Capture) explainStart(err error) error {
	if errors.Is(err, ffproc.ErrNotFound) {
		return is(ErrFFmpeg, fmt.Errorf("capture: run: %w", err))
	}
	return fmt.Errorf("capture: run: %w", err)
}

// redacted is err with secrets masked in its text.
func (c *Capture) redacted(err error) error { return &maskedError{err, c.redact(err.Error())} }

type maskedError struct {
	err  error
	text string
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }
