//go:build linux

// What may notice: tests of a package, or rows of the fault suite.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// killer is either.
type killer struct {
	pkg, tests string // a package's folder, and a pattern of tests of it
	rows       string // of the fault suite
}

// ask builds and runs the killer. by says what noticed; it is empty if nothing
// did.
func (t *tree) ask(ctx context.Context, k killer, limit time.Duration) (by string, err error) {
	program, args, dir := filepath.Join(t.bin, "suite"), []string{"-only", k.rows}, t.dir
	build := []string{"build", "-trimpath", "-tags", "faults", "-o", program, "./internal/faults"}
	if k.pkg != "" {
		program = filepath.Join(t.bin, "test")
		build = []string{"test", "-c", "-trimpath", "-o", program, "./" + k.pkg}
		args = []string{"-test.failfast", "-test.run", "^(" + k.tests + ")$", "-test.timeout", limit.String()}
		dir = filepath.Join(t.dir, k.pkg)
	}
	if err := t.compile(ctx, "go", build...); err != nil {
		return "", err
	}
	if k.plugins() {
		if err := t.compile(ctx, "make", "plugin", "PLUGIN_DIR="+filepath.Join(t.bin, "plugins")); err != nil {
			return "", err
		}
	}
	running, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(running, program, args...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &text, &text, dir
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_TORTURE=400ms", "FRAMEBRIDGE_KILLS=9", "FRAMEBRIDGE_PLUGIN=") // plug-ins: those of the copy
	// With its children: a group of its own, killed as one.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case running.Err() != nil:
		return k.name() + " hangs", nil
	case err == nil && k.tests != "" && bytes.Contains(text.Bytes(), []byte("no tests to run")):
		return "", fmt.Errorf("no test is called %s", k.tests)
	case err == nil:
		return "", nil
	case !errors.As(err, &exit):
		return "", err
	}
	return k.name() + ": " + failure(text.String()), nil
}

// compile runs a compiler in the copy.
func (t *tree) compile(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = t.dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("it does not compile: %w\n%s", err, text)
	}
	return nil
}

// plugins reports whether it needs them: rows whose names end in p.
func (k killer) plugins() bool {
	return strings.HasSuffix(k.rows, "p") || strings.Contains(k.rows, "p,")
}

func (k killer) name() string {
	if k.rows != "" {
		return "fault suite"
	}
	return k.pkg
}

var (
	failed  = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	broken  = regexp.MustCompile(`(?m)^(\S+) +BROKEN`)
	crashed = regexp.MustCompile(`(?m)^(?:panic|fatal error|unexpected fault address|SIGBUS).*`)
)

// failure finds in the output what failed.
func failure(text string) string {
	switch {
	case strings.Contains(text, "panic: test timed out"):
		return "hangs"
	case failed.MatchString(text):
		names := failed.FindAllStringSubmatch(text, -1)
		return names[len(names)-1][1]
	case broken.MatchString(text):
		return "row " + broken.FindStringSubmatch(text)[1]
	}
	if line := crashed.FindString(text); line != "" {
		return line
	}
	return "it ended badly"
}
