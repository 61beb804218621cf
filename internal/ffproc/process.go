package ffproc

// Starting a child and handing out its pipes; the supervision is in supervise.go.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Stdio says what a standard stream of a child is connected to.
type Stdio int

// What Options.Stdin and Options.Stdout can be.
const (
	DevNull Stdio = iota // nothing
	Pipe                 // a pipe whose other end is Process.Stdin or Process.Stdout
	Socket               // as Pipe, for frames: a pair of Unix sockets, about twice as fast
	File                 // the file in Options.StdinFile or Options.StdoutFile
	Lines                // of Stdout alone: read all the time, as standard error is, and handed to OnLine
)

// Options say how to start and stop a child. The zero value, or nil, is right for a program
// that neither reads nor writes anything of ours.
type Options struct {
	// Name is used in messages. Default: the base name of the program.
	Name string

	// Dir is the working directory. Default: ours.
	Dir string

	// DropEnv removes the variables whose text ("KEY=VALUE") begins with one of these.
	// FFREPORT and AV_LOG_FORCE_* are always removed. Default: nothing more.
	DropEnv []string

	// Env adds variables, "KEY=VALUE"; they replace those of the same name. Default: none.
	Env []string

	// Stdin and Stdout say where the standard streams lead. Default: DevNull.
	Stdin, Stdout Stdio

	// StdinFile and StdoutFile are used if Stdin or Stdout is File. They stay the caller's, who
	// may close them after Start. Our own standard input belongs here only if the user named it, and
	// not if it is a terminal: the child is in a background group and would be halted.
	StdinFile, StdoutFile *os.File

	// ExtraPipes is the number of further pipes that the child writes, as descriptors 3, 4, and so
	// on (ffmpeg: pipe:3). Our ends are in Process.Extra. Default: 0.
	ExtraPipes int

	// Inherit are files that the child gets as further descriptors, after those of ExtraPipes: from 3
	// on if there are none. They stay the caller's, who may close them after Start. Default: none.
	Inherit []*os.File

	// OnLine gets each line of standard error without its line end: cut at \n or \r, empty ones
	// left out, and those over 64 KiB in pieces. The bytes are not redacted and are valid only
	// during the call. There is one call at a time, and it must not block: while it does, standard error is not read,
	// and the child will hang. All lines have been handed over when Wait returns. Default: none.
	OnLine func(line []byte)

	// Redact is applied to standard error before it leaves this package, other than through
	// OnLine. Default: unchanged.
	Redact func(string) string

	// Ladder is how Stop goes about it. Default: CaptureLadder().
	Ladder Ladder

	// AnyEndAfterStop takes any exit code after a stop for obedience: a child that reads a source and has
	// nothing to finish. (ffmpeg ends with 1 if the signal finds it still opening its input.) Wrong for an encoder, whose
	// failure while it finishes must be seen. Default: false.
	AnyEndAfterStop bool

	// WaitDelay is how long processes that the child has left behind may hold its standard error
	// before they are killed. With Leash and after a stop it is at least the time of the last rung. Default: 1 s.
	WaitDelay time.Duration

	// Leash ends the whole process group with this process, however that ends. Without it the kernel kills the child
	// alone, and what the child has started stays behind. It costs a waiting /bin/sh in the group. What leaves the
	// group (setsid) is out of reach. Default: false.
	Leash bool

	// Confine starts the child without the right to gain privileges (no-new-privs), with no core
	// dump and at most 256 open files. Meant for ffmpeg and ffprobe, which parse hostile input. A program
	// that depends on a set-user-id helper (an ffmpeg from a snap) does not start like this.
	Confine bool
}

// Process is a running or ended child. All its methods are safe for concurrent use.
type Process struct {
	// Stdin is our end of the child's standard input if Options.Stdin is Pipe or Socket, otherwise nil.
	// Write deadlines work. Close it with CloseStdin.
	Stdin *os.File

	// Stdout is our end of the child's standard output if Options.Stdout is Pipe or Socket, otherwise nil.
	// It must be read or closed, or the child will hang. Wait does not close it.
	Stdout *ReadPipe

	// Extra are our ends of descriptors 3, 4, and so on. The same rules hold.
	Extra []*ReadPipe

	opt     Options
	cmd     *exec.Cmd
	pid     int
	started time.Time
	group   int    // the process group
	leash   *leash // nil: the child leads its group
	stderr  *ReadPipe
	stdout  *ReadPipe // of Lines; nil otherwise
	tail    tail

	drained chan struct{} // closed when standard error has been read to its end
	exited  chan struct{} // closed when the child has ended, before it is reaped
	done    chan struct{} // closed when result and err are final
	kill    chan struct{} // closed by Kill: no more waiting on the ladder

	mu       sync.Mutex
	stopping bool                    // a stop was asked for while the child lived; guarded by mu
	killing  bool                    // kill is closed; guarded by mu
	reaped   bool                    // pid is no longer the child's; guarded by mu
	sent     map[syscall.Signal]bool // signals that we sent; guarded by mu
	climbers sync.WaitGroup          // the goroutine on the ladder, if there is one

	result Result // final when done is closed
	err    error  // final when done is closed
}

// Start starts the program at path (a path, or a name that is looked up in PATH) with args.
// When ctx is cancelled the child is stopped as by Stop. Every Process must be waited for, or
// closed.
//
// It returns ErrNotFound if there is no such program, ctx.Err() if ctx has ended already,
// and errors.ErrUnsupported on systems other than Linux.
func Start(ctx context.Context, path string, args []string, opt *Options) (*Process, error) {
	p := &Process{
		drained: make(chan struct{}),
		exited:  make(chan struct{}),
		done:    make(chan struct{}),
		kill:    make(chan struct{}),
		sent:    map[syscall.Signal]bool{},
	}
	if opt != nil {
		p.opt = *opt
	}
	if p.opt.Name == "" {
		p.opt.Name = filepath.Base(path)
	}
	if p.opt.Ladder == nil {
		p.opt.Ladder = CaptureLadder()
	}
	if p.opt.WaitDelay == 0 {
		p.opt.WaitDelay = time.Second
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("ffproc: start %s: %w", p.opt.Name, err)
	}
	full, err := Look(path)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(full, args...)
	p.cmd.Args[0] = path
	p.cmd.Dir = p.opt.Dir
	p.cmd.Env = childEnv(os.Environ(), p.opt.DropEnv, p.opt.Env)

	ends, err := p.connect()
	defer ends.closeChildSide()
	if err == nil && p.opt.Leash {
		if p.leash, err = startLeash(); err == nil {
			p.group = p.leash.group()
		}
	}
	if err == nil {
		p.started = time.Now()
		err = startChild(p.cmd, p.opt.Confine, p.group)
	}
	if err != nil && p.cmd.Process == nil {
		if p.leash != nil {
			p.leash.end()
		}
		ends.closeOurSide()
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return nil, notFound(p.opt.Name, err)
		}
		return nil, fmt.Errorf("ffproc: start %s: %w", p.opt.Name, err)
	}
	p.pid = p.cmd.Process.Pid
	if p.leash == nil {
		p.group = p.pid
	}
	p.supervise(ctx)
	if err != nil { // it runs, but without its limits
		p.Kill()
		<-p.done
		ends.closeOurSide()
		return nil, fmt.Errorf("ffproc: start %s: %w", p.opt.Name, err)
	}
	return p, nil
}

var errNoFile = errors.New("no file was given for a standard stream of kind File")

// pipeEnds are the two sides of the pipes of one child.
type pipeEnds struct{ child, ours []*os.File }

func (e *pipeEnds) closeChildSide() { closeAll(e.child) }
func (e *pipeEnds) closeOurSide()   { closeAll(e.ours) }

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // an end of a pipe; nothing is buffered in it
	}
}

// pipeToChild makes a pipe that the child reads.
func pipeToChild() (ours, child *os.File, err error) {
	child, ours, err = os.Pipe()
	return ours, child, err
}

// readPipe makes a pipe that the child writes.
func (e *pipeEnds) readPipe() (ours *ReadPipe, child *os.File, err error) {
	return e.reading(os.Pipe())
}

// reading takes over a pair of which the child writes one end.
func (e *pipeEnds) reading(r, w *os.File, err error) (ours *ReadPipe, child *os.File, _ error) {
	if err != nil {
		return nil, nil, err
	}
	e.ours, e.child = append(e.ours, r), append(e.child, w)
	return &ReadPipe{f: r}, w, nil
}

// connect makes the pipes and sets the standard streams of p.cmd. All of them are files, so
// that os/exec starts no goroutine of its own.
func (p *Process) connect() (*pipeEnds, error) {
	ends := &pipeEnds{}
	switch p.opt.Stdin {
	case Pipe, Socket:
		pair := pipeToChild
		if p.opt.Stdin == Socket {
			pair = toChild
		}
		w, r, err := pair()
		if err != nil {
			return ends, err
		}
		ends.child, ends.ours = append(ends.child, r), append(ends.ours, w)
		p.cmd.Stdin, p.Stdin = r, w
	case File:
		if p.opt.StdinFile == nil {
			return ends, errNoFile
		}
		p.cmd.Stdin = p.opt.StdinFile
	case DevNull, Lines: // what os/exec does
	}
	switch p.opt.Stdout {
	case Pipe, Socket, Lines:
		pair := os.Pipe
		if p.opt.Stdout == Socket {
			pair = fromChild
		}
		ours, child, err := ends.reading(pair())
		if err != nil {
			return ends, err
		}
		p.cmd.Stdout = child
		if p.opt.Stdout == Lines {
			p.stdout = ours
		} else {
			p.Stdout = ours
		}
	case File:
		if p.opt.StdoutFile == nil {
			return ends, errNoFile
		}
		p.cmd.Stdout = p.opt.StdoutFile
	case DevNull:
	}
	for range p.opt.ExtraPipes {
		ours, child, err := ends.readPipe()
		if err != nil {
			return ends, err
		}
		p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, child)
		p.Extra = append(p.Extra, ours)
	}
	p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, p.opt.Inherit...)
	ours, child, err := ends.readPipe()
	if err != nil {
		return ends, err
	}
	p.cmd.Stderr, p.stderr = child, ours
	return ends, nil
}
