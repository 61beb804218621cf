package ffproc

// The leash: what ends the processes that a child has started when this process dies.

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// leashScript waits for the end of a pipe that only we hold, and then kills its group. Signals that
// are meant for the child go to the whole group, and must not end it; it says when that is so.
const leashScript = `trap '' HUP INT QUIT TERM; echo; exec >&-; read -r end; kill -KILL 0`

// leash is a shell that leads a process group, into which the child is then started. The parent-death
// signal reaches the child alone, so that those it has started would stay behind.
type leash struct {
	cmd  *exec.Cmd
	hold *os.File // our end of the pipe; nobody else has it
}

func startLeash() (*leash, error) {
	l, err := newLeash()
	if err != nil {
		return nil, fmt.Errorf("leash: %w", err)
	}
	return l, nil
}

func newLeash() (*leash, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	ready, says, err := os.Pipe()
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	defer ready.Close()
	l := &leash{cmd: exec.Command("/bin/sh", "-c", leashScript), hold: w}
	l.cmd.Stdin, l.cmd.Stdout, l.cmd.Dir, l.cmd.Env = r, says, "/", []string{}
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // no parent-death signal: it is there to outlive us
	err = l.cmd.Start()
	_ = says.Close()
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	if n, err := io.ReadFull(ready, make([]byte, 1)); n == 0 {
		l.end()
		return nil, errors.Join(errors.New("/bin/sh did not come up"), err)
	}
	return l, nil
}

// group is the process group. Its number is nobody else's until end.
func (l *leash) group() int { return l.cmd.Process.Pid }

// end kills whatever is left of the group, and reaps the shell.
func (l *leash) end() {
	_ = signalGroup(l.group(), syscall.SIGKILL)
	_ = l.cmd.Wait() // killed, as it should be
	_ = l.hold.Close()
}
