package ffproc

// The life of a child after Start: reading its standard error, stopping, reaping, judging.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// stoppedCode is ffmpeg's exit code after a signal that it obeyed in order.
const stoppedCode = 255

// Result is how a child ended.
type Result struct {
	Code    int            // exit code, -1 if a signal ended the child
	Signal  syscall.Signal // the signal that ended it, 0 if none did
	Stopped bool           // Stop, Kill or the context asked for the end while the child lived
	Killed  bool           // we had to send SIGKILL: what it was writing has no proper end

	Wall   time.Duration // from start to end
	User   time.Duration // CPU time of the child itself and of the processes it waited for
	System time.Duration // the same, in the kernel
}

// Reason says how the child ended, for people: "exit code 3", "signal 9 (SIGKILL)". Exit code 137 is the latter as
// well: that is how a shell passes on what ended its program.
func (r Result) Reason() string {
	sig := r.Signal
	if sig == 0 && r.Code > 128 && signalName(syscall.Signal(r.Code-128)) != "" {
		sig = syscall.Signal(r.Code - 128)
	}
	switch name := signalName(sig); {
	case sig == 0:
		return fmt.Sprintf("exit code %d", r.Code)
	case name == "":
		return fmt.Sprintf("signal %d", int(sig))
	default:
		return fmt.Sprintf("signal %d (%s)", int(sig), name)
	}
}

// supervise starts the goroutines that belong to a child; all of them end with it.
func (p *Process) supervise(ctx context.Context) {
	go func() {
		defer close(p.drained)
		p.drain()
	}()
	release := context.AfterFunc(ctx, p.beginStop)
	go func() {
		defer close(p.done)
		p.reap()
		release()
		p.climbers.Wait()
	}()
}

// drain reads what the child says until it ends.
func (p *Process) drain() {
	onLine := p.opt.OnLine
	var reading sync.WaitGroup
	if p.stdout != nil {
		if onLine != nil {
			var mu sync.Mutex
			onLine = func(line []byte) {
				mu.Lock()
				defer mu.Unlock()
				p.opt.OnLine(line)
			}
		}
		reading.Go(func() { drain(p.stdout, nil, onLine) })
	}
	drain(p.stderr, &p.tail, onLine)
	reading.Wait()
}

// reap waits for the end of the child and of what it left behind.
func (p *Process) reap() {
	waitExited(p.pid)
	close(p.exited)

	p.waitDrained(p.grace())
	p.mu.Lock()
	// Not yet reaped, so the group's number is still ours. Usually nobody is left in it.
	_ = signalGroup(p.group, syscall.SIGKILL)
	waitErr := p.cmd.Wait()
	if p.leash != nil {
		p.leash.end()
	}
	p.reaped = true
	p.mu.Unlock()

	for _, pipe := range append([]*ReadPipe{p.stderr, p.stdout, p.Stdout}, p.Extra...) {
		if pipe != nil {
			pipe.orphan()
		}
	}
	p.waitDrained(p.opt.WaitDelay) // ends by itself unless an escaped process keeps talking
	_ = p.stderr.Close()
	if p.stdout != nil {
		_ = p.stdout.Close()
	}
	<-p.drained
	p.judge(waitErr)
}

// grace is how long those whom the child has left behind may go on. A shell obeys a signal at once, and what it has
// started got the same signal: that has the time of the last rung to obey.
func (p *Process) grace() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leash == nil || !p.stopping || len(p.opt.Ladder) == 0 {
		return p.opt.WaitDelay
	}
	return max(p.opt.WaitDelay, p.opt.Ladder[len(p.opt.Ladder)-1].Wait)
}

func (p *Process) waitDrained(d time.Duration) {
	patience := time.NewTimer(d)
	defer patience.Stop()
	select {
	case <-p.drained:
	case <-patience.C:
	}
}

// judge fills in result and err. Only our own stop turns a bad end into a good one.
func (p *Process) judge(waitErr error) {
	state := p.cmd.ProcessState
	if state == nil {
		p.err = fmt.Errorf("ffproc: wait for %s: %w", p.opt.Name, waitErr)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Result{
		Code:    state.ExitCode(),
		Stopped: p.stopping,
		Wall:    time.Since(p.started),
		User:    state.UserTime(),
		System:  state.SystemTime(),
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.Signal = status.Signal()
	}
	r.Killed = r.Signal == syscall.SIGKILL && p.sent[syscall.SIGKILL]
	p.result = r
	if r.Code == 0 || r.Stopped && p.obeyed(r) {
		return
	}
	p.err = &ExitError{Name: p.opt.Name, Code: r.Code, Signal: r.Signal, Stderr: p.StderrTail()}
}

// obeyed tells whether r is how a child ends that does what we asked: ffmpeg's own code, death
// by a signal that we sent, or a shell's report of such a death. The caller holds mu.
func (p *Process) obeyed(r Result) bool {
	if r.Signal != 0 {
		return p.sent[r.Signal]
	}
	return p.opt.AnyEndAfterStop || r.Code == stoppedCode || r.Code > 128 && p.sent[syscall.Signal(r.Code-128)]
}

// Pid is the process number, for people to read and for tests. After Done it may belong to
// another process.
func (p *Process) Pid() int { return p.pid }

// Owns reports whether a process belongs to the child's group, as far as that can be known: never for a
// process of another PID namespace. Meaningful until Done.
func (p *Process) Owns(pid int) bool { return pid > 0 && groupOf(pid) == p.group }

// Done is closed when the child has ended, is reaped and its standard error is read to the end.
func (p *Process) Done() <-chan struct{} { return p.done }

// StderrTail returns the last 256 KiB of standard error, redacted.
func (p *Process) StderrTail() string {
	text := p.tail.text()
	if p.opt.Redact != nil {
		text = p.opt.Redact(text)
	}
	return text
}

// CloseStdin gives the child end of file, and ends a write that waits. It does nothing if
// standard input is no pipe or is closed already.
func (p *Process) CloseStdin() error {
	if p.Stdin == nil {
		return nil
	}
	if err := p.Stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("ffproc: close stdin of %s: %w", p.opt.Name, err)
	}
	return nil
}

// Wait waits until the child has ended and says how. It may be called any number of times and
// gives the same answer. Its error is nil if the child ended with code 0 or obeyed a stop that we
// asked for, otherwise *ExitError. If ctx ends first, ctx.Err() is returned and the child goes on.
//
// Preconditions:
//   - Stdout and Extra are being read, or are closed, or the child may never end.
func (p *Process) Wait(ctx context.Context) (Result, error) {
	select {
	case <-p.done:
		return p.result, p.err
	default:
	}
	select {
	case <-p.done:
		return p.result, p.err
	case <-ctx.Done():
		return Result{}, fmt.Errorf("ffproc: wait for %s: %w", p.opt.Name, ctx.Err())
	}
}

// Stop asks the child to end, rung by rung (Options.Ladder), and waits as Wait does. If ctx ends
// first, the ladder is climbed to its end all the same. Further calls wait for the same stop.
func (p *Process) Stop(ctx context.Context) (Result, error) {
	p.beginStop()
	return p.Wait(ctx)
}

// Kill sends SIGKILL to the process group, whatever rung a stop has reached. It does not wait.
func (p *Process) Kill() {
	p.mu.Lock()
	if !p.killing {
		p.killing = true
		close(p.kill)
	}
	p.mu.Unlock()
	p.beginStop()
}

// Close stops the child, waits for its end and closes our ends of the pipes. Its error is that
// of Wait. It is idempotent.
func (p *Process) Close() error {
	_, err := p.Stop(context.Background())
	_ = p.CloseStdin()
	for _, pipe := range append([]*ReadPipe{p.Stdout}, p.Extra...) {
		if pipe != nil {
			_ = pipe.Close()
		}
	}
	return err
}

// beginStop starts to climb the ladder, once, if the child still lives.
func (p *Process) beginStop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping || p.hasExited() {
		return
	}
	p.stopping = true
	p.climbers.Add(1)
	go p.climb()
}

func (p *Process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

func (p *Process) climb() {
	defer p.climbers.Done()
	for _, step := range p.opt.Ladder {
		if p.killNow() {
			break
		}
		if step.CloseStdin {
			_ = p.CloseStdin()
		}
		if step.Signal != 0 {
			p.signal(step.Signal)
		}
		if p.pause(step.Wait) {
			return
		}
	}
	p.signal(syscall.SIGKILL)
}

func (p *Process) killNow() bool {
	select {
	case <-p.kill:
		return true
	default:
		return false
	}
}

// pause waits for d, for Kill, or for the end of the child, which it reports.
func (p *Process) pause(d time.Duration) (ended bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-p.kill:
	case <-timer.C:
	}
	return false
}

func (p *Process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	p.sent[sig] = true
	_ = signalGroup(p.group, sig) // ESRCH: it has just ended, which is what we want
}
