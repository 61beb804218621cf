package cli

// What stands between capture and encode in run: our own analyzer or a command of the user's, in a process of its own.
// This file starts one; exec_run.go keeps it running, exec_watch.go looks how it gets on, exec_end.go says what an end means.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/pause"
)

// termTime is how long a process in between may take to obey SIGTERM.
const termTime = 2 * time.Second

// command is what stands in between. run is for one goroutine; inputEnded, stop, sends and waitsFor are called from others.
type command struct {
	s      *session
	o      *runOptions
	w      *framebuf.Writer // of the segment that it reads
	pauses pause.Schedule

	what  string // for messages: the --exec program 'python3 blur.py'
	short string // the same where it is known what is meant
	label string // in front of its lines

	in  string     // the segment that it reads, as this process opens it
	own []*os.File // that segment's descriptors if it is sealed

	ctx      context.Context // ends when another part has failed
	stop     context.CancelCauseFunc
	relay    context.Context // ends when nothing more will be published
	endRelay context.CancelFunc
	enough   context.CancelCauseFunc // ends the source
	opened   chan struct{}           // closed when it has opened the segment for the first time
	over     chan struct{}           // closed when its input has ended

	cell atomic.Int64 // of its reader, as last seen; 0 none

	mu          sync.Mutex
	overAt      time.Time
	interrupted bool
	sent        framebuf.Info // of the last frame that encode has handed on; without a generation: none
	unsent      uint64        // frames published before the first of these

	// What follows belongs to run, and to others once it has returned.
	hold     *framebuf.Reader // makes the source wait; nil: it need not
	worked   bool             // it has published a frame
	restarts uint64
	frames   uint64 // published by those before the present one
	exit     *int   // as a shell says it; nil: none has ended
	early    uint64 // frames after which it ended its output in order, before its input had ended
}

// newCommand prepares what stands between. Its input segment is there; enough ends what feeds that.
func newCommand(s *session, o *runOptions, w *framebuf.Writer, enough context.CancelCauseFunc) (*command, error) {
	c := &command{
		s: s, o: o, w: w, enough: enough, pauses: pause.Usual(), in: o.inName(), opened: make(chan struct{}), over: make(chan struct{}),
		what: "the analyzer", short: "the analyzer", label: "analyze",
	}
	if o.exec.command != "" {
		c.short = quoted(o.exec.command)
		c.what, c.label = "the --exec program "+c.short, programName(o.exec.command)
	}
	// What an earlier run left when it was killed is nothing to encode.
	err := framebuf.Remove(s.dir, o.outName())
	switch {
	case errors.Is(err, framebuf.ErrBusy):
		return nil, withTodo(err, "--name gives this run's segments other names")
	case err != nil && !errors.Is(err, framebuf.ErrNotFound):
		return nil, segmentError(err)
	}
	if o.sealed {
		data, control, err := w.HandDown()
		if err != nil {
			return nil, err
		}
		c.own, c.in = []*os.File{data, control}, framebuf.InheritedName(int(data.Fd()), int(control.Fd()))
	}
	c.ctx, c.stop = context.WithCancelCause(context.Background())
	c.relay, c.endRelay = context.WithCancel(context.Background())
	return c, nil
}

// close gives back what newCommand took, and removes what a killed process has left. run has returned, or was never called.
func (c *command) close() {
	c.stop(nil)
	c.endRelay()
	for _, f := range c.own {
		_ = f.Close()
	}
	_ = framebuf.Remove(c.s.dir, c.o.outName()) // if somebody holds it, it is not dead
}

// start starts one process. It is stopped when ctx ends.
func (c *command) start(ctx context.Context) (*ffproc.Process, error) {
	options := &ffproc.Options{
		DropEnv: []string{environmentPrefix}, Redact: c.s.console.redact.Redact,
		Ladder: ffproc.Ladder{{Signal: syscall.SIGTERM, Wait: termTime}},
		Leash:  true, WaitDelay: 500 * time.Millisecond,
	}
	in := c.o.inName()
	if c.o.sealed {
		data, control, err := c.w.HandDown()
		if err != nil {
			return nil, err
		}
		defer func() { _, _ = data.Close(), control.Close() }()
		options.Inherit = []*os.File{data, control}
		in = framebuf.InheritedName(3, 4)
	}
	if c.o.exec.command == "" {
		path, args, err := c.analyzer(in)
		if err != nil {
			return nil, err
		}
		options.Name, options.OnLine = "analyze", c.s.console.complaintsOnly // its last line comes with its error
		return ffproc.Start(ctx, path, args, options)
	}
	path, args := ffproc.Shell(c.o.exec.command)
	options.Name, options.Env = "--exec", c.environment(in)
	// What it prints is for people; our own standard output holds the result.
	options.Stdout = ffproc.Lines
	if !c.s.quiet {
		options.OnLine = c.line
	}
	return ffproc.Start(ctx, path, args, options)
}

// environment is what a command of the user's needs to know.
func (c *command) environment(in string) []string {
	env := []string{"FRAMEBRIDGE_IN=" + in, "FRAMEBRIDGE_OUT=" + c.o.outName(), "FRAMEBRIDGE_DIR=" + c.dir()}
	if _, ok := c.s.environ("PYTHONUNBUFFERED"); !ok {
		// Python keeps what it prints into a pipe until there are 8 KiB of it, or its end.
		env = append(env, "PYTHONUNBUFFERED=1")
	}
	return env
}

func (c *command) dir() string {
	if c.s.dir == "" {
		return framebuf.DefaultDir()
	}
	return c.s.dir
}

// shownLine bounds a line of a command's, in bytes. What is longer comes as several.
const shownLine = 4 << 10

// line shows a line of a command's.
func (c *command) line(line []byte) {
	for len(line) > shownLine {
		c.s.console.say("%s: %s", c.label, line[:shownLine])
		line = line[shownLine:]
	}
	c.s.console.say("%s: %s", c.label, line)
}

// analyzer is our own program as the analyzer.
func (c *command) analyzer(in string) (path string, args []string, err error) {
	path, err = os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("cannot start myself: %w", err)
	}
	o := c.o
	args = []string{
		"analyze", in, o.outName(), "--analyzer", o.analyzer, "--" + o.mode().String(), "--await-readers", "1", "--quiet",
	}
	if c.s.dir != "" {
		args = append(args, "--dir", c.s.dir)
	}
	if o.slots > 0 {
		args = append(args, "--slots", strconv.Itoa(o.slots))
	}
	if o.group != "" {
		args = append(args, "--group", o.group)
	}
	if o.config != "" {
		args = append(args, "--config", o.config)
	}
	if o.sealed {
		args = append(args, "--sealed")
	}
	if o.evict != "" {
		args = append(args, "--evict", o.evict)
	}
	return path, args, nil
}
