//go:build linux

// The processes of the suite: this program again, in a role.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/failpoint"
)

const (
	roleVariable = "FRAMEBRIDGE_FAULTS_ROLE"
	partVariable = "FRAMEBRIDGE_FAULTS_PART"
)

// role is what a process of the suite does. part is the JSON that it was started
// with; it tells what it has to say, a value a line, and ends with ctx, which is
// done when its standard input is closed.
type role func(ctx context.Context, part []byte, tell func(any)) error

// roles are all of them, by name.
func roles() map[string]role {
	all := map[string]role{}
	maps.Copy(all, plainRoles())
	maps.Copy(all, memoryRoles())
	maps.Copy(all, damageRoles())
	maps.Copy(all, limitRoles())
	maps.Copy(all, stdioRoles())
	maps.Copy(all, hostileRoles())
	maps.Copy(all, headerRoles())
	maps.Copy(all, forgedRoles())
	maps.Copy(all, scribbleRoles())
	maps.Copy(all, foreignRoles())
	maps.Copy(all, viewRoles())
	maps.Copy(all, restartRoles())
	maps.Copy(all, waitRoles())
	maps.Copy(all, valueRoles())
	maps.Copy(all, argumentRoles())
	maps.Copy(all, nameRoles())
	maps.Copy(all, ffmpegRoles())
	return all
}

// play is main in a role.
func play(name string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	do, ok := roles()[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "faults: no such role:", name)
		return 2
	}
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	tell := func(v any) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(v)
	}
	if err := do(ctx, []byte(os.Getenv(partVariable)), tell); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", name+":", err)
		return 1
	}
	return 0
}

// party is a process of the suite.
type party struct {
	t     *trial
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *json.Decoder
	once  sync.Once
	err   error // of Wait
}

// failAt is for start: the process gets SIGKILL at a failpoint. See package
// failpoint for the syntax.
func failAt(place string) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Env = append(c.Env, failpoint.Variable+"="+place) }
}

// start starts a process in a role, with part as JSON. It is killed at the end of
// the row at the latest.
func (t *trial) start(ctx context.Context, name string, part any, adjust ...func(*exec.Cmd)) *party {
	text, err := json.Marshal(part)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, self)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, failpoint.Variable+"=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, roleVariable+"="+name, partVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	for _, a := range adjust {
		a(cmd)
	}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &party{t: t, cmd: cmd, stdin: stdin, out: json.NewDecoder(out)}
	t.cleanup(p.kill)
	return p
}

// hear decodes the next thing that the process tells into v. io.EOF: it has ended.
func (p *party) hear(v any) error { return p.out.Decode(v) }

// signal sends one.
func (p *party) signal(s syscall.Signal) { require.NoError(p.t, p.cmd.Process.Signal(s)) }

// kill is SIGKILL; it returns when nothing of the process is left. Idempotent.
func (p *party) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.wait()
}

// wait waits for the end of the process.
func (p *party) wait() error {
	p.once.Do(func() { p.err = p.cmd.Wait() })
	return p.err
}

// tellToStop closes the standard input, which asks the process to end.
func (p *party) tellToStop() { _ = p.stdin.Close() }

// wasKilled reports whether the process, which has been waited for, got SIGKILL.
func (p *party) wasKilled() bool {
	var e *exec.ExitError
	if !errors.As(p.wait(), &e) {
		return false
	}
	status, ok := e.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
