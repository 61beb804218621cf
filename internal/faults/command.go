//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/framebridge/framebridge/internal/plugin"
)

// command is the command line, built once for all rows.
type command struct {
	once         sync.Once
	dir, program string
	why          string // it was not built
}

func (c *command) build(ctx context.Context) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		c.why = "there is no go command to build framebridge with"
		return
	}
	if c.dir, err = os.MkdirTemp("", "framebridge-faults-"); err != nil {
		c.why = err.Error()
		return
	}
	c.program = filepath.Join(c.dir, "framebridge")
	out, err := exec.CommandContext(ctx, goTool, "build", "-o", c.program, "github.com/framebridge/framebridge/cmd/framebridge").CombinedOutput()
	if err != nil {
		c.why = fmt.Sprintf("building framebridge: %v: %s", err, bytes.TrimSpace(out))
	}
}

func (c *command) remove() {
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

// framebridge is the command line as it stands in this module; if it could not be
// built, why says the reason.
func (t *trial) framebridge(ctx context.Context) (program, why string) {
	t.command.once.Do(func() { t.command.build(ctx) })
	return t.command.program, t.command.why
}

// runs prepares a run of it with segments in dir. It finds no plug-ins, unless it is told where they are.
func (t *trial) runs(ctx context.Context, program, dir string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(c.Environ(), "FRAMEBRIDGE_DIR="+dir, plugin.Variable+"=")
	return c
}
