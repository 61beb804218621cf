package ffproc

// Starting, signalling and reaping on Linux.

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	confinedOpenFiles = 256 // RLIMIT_NOFILE of a confined child
	confinedCoreBytes = 0   // RLIMIT_CORE of a confined child
)

// starter runs functions on one OS thread that lives as long as the process. The
// parent-death signal follows the thread that forked, not the process: a child started from
// any thread dies as soon as the Go runtime retires that thread.
type starter struct {
	once sync.Once
	jobs chan func()
}

// The only package state. There must be one such thread for a process and not for each
// caller, because it can never end: children of unknown age depend on it. The second one has
// the no-new-privileges flag, which a thread cannot take off again.
var plainStarter, confinedStarter starter

// do runs fn on the starter's thread and waits for it.
func (s *starter) do(setUp func(), fn func()) {
	s.once.Do(func() {
		s.jobs = make(chan func())
		go runStarter(setUp, s.jobs)
	})
	done := make(chan struct{})
	s.jobs <- func() { defer close(done); fn() }
	<-done
}

func runStarter(setUp func(), jobs <-chan func()) {
	runtime.LockOSThread() // for ever: never unlocked, and the loop never ends
	setUp()
	for job := range jobs {
		job()
	}
}

// startChild starts cmd in the process group, 0 being a new one of its own, on the thread that suits it.
func startChild(cmd *exec.Cmd, confine bool, group int) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group, Pdeathsig: syscall.SIGKILL}
	var err error
	if !confine {
		plainStarter.do(func() {}, func() { err = cmd.Start() })
		return err
	}
	noNewPrivs := func() {
		// Fails only on kernels before 3.5; a child is then as free as its parent.
		_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	confinedStarter.do(noNewPrivs, func() { err = cmd.Start() })
	if err != nil {
		return err
	}
	return limit(cmd.Process.Pid)
}

// limit lowers the limits of a running child. The child cannot have been reaped yet, so the
// number is still its own; it may have ended, which is not our error.
func limit(pid int) error {
	for resource, value := range map[int]uint64{
		unix.RLIMIT_NOFILE: confinedOpenFiles,
		unix.RLIMIT_CORE:   confinedCoreBytes,
	} {
		var now unix.Rlimit
		if err := unix.Prlimit(pid, resource, nil, &now); err != nil {
			return ignoreGone(err)
		}
		want := unix.Rlimit{Cur: min(value, now.Max), Max: min(value, now.Max)}
		if err := unix.Prlimit(pid, resource, &want, nil); err != nil {
			return ignoreGone(err)
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return fmt.Errorf("limit the child: %w", err)
}

// waitExited returns when the child has ended, without reaping it: until then its number, and
// that of its process group, cannot be given to anyone else.
func waitExited(pid int) {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// signalGroup sends sig to every process of the group. The caller makes sure that the leader
// is not reaped.
func signalGroup(pgid int, sig syscall.Signal) error {
	return unix.Kill(-pgid, sig)
}

// groupOf is the process group of a process; -1 if that cannot be known.
func groupOf(pid int) int {
	group, err := unix.Getpgid(pid)
	if err != nil {
		return -1
	}
	return group
}

// signalName is like SIGKILL; empty for a signal without a name.
func signalName(sig syscall.Signal) string { return unix.SignalName(sig) }
