//go:build linux

// B6 and B7: what the tests themselves are worth. The work is done by
// internal/mutants, on a copy of the tree.

package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func mutantRows() []row {
	return []row{
		{
			id: "B6", fault: "a fence of arm64 is missing",
			must:  "seen in the machine code (a torture on arm64 was not run: no such machine here, and an emulator on amd64 keeps these orders by itself)",
			limit: 2 * time.Minute, timeless: true,
			run: func(ctx context.Context, t *trial) {
				if t.night {
					t.mutants(ctx, "fences", "")
				} else {
					t.mutants(ctx, "fences", "no fence")
				}
			},
		},
		{
			id: "B7", fault: "the protocol is broken on purpose, one way at a time", headline: 13,
			must:  "tests notice: at least nine of the ten plainest ways",
			limit: 2 * time.Minute, timeless: true,
			run: func(ctx context.Context, t *trial) {
				if t.night {
					t.mutants(ctx, "all", "")
				} else {
					t.mutants(ctx, "short", "")
				}
			},
		},
	}
}

// mutants runs internal/mutants in one of its lengths, those whose name contains
// only.
func (t *trial) mutants(ctx context.Context, length, only string) {
	program := filepath.Join(t.scratch(), "mutants")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "github.com/framebridge/framebridge/internal/mutants")
	if text, err := build.CombinedOutput(); err != nil {
		t.notRun("it needs the go command and the source: " + strings.Join(strings.Fields(string(text)+err.Error()), " "))
	}
	cmd := exec.CommandContext(ctx, program, "-length", length, "-only", only)
	// Interrupted, it takes its copy of the tree away.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	text, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, l := range lines {
		if strings.HasPrefix(l, "killed") || strings.HasPrefix(l, "SURVIVED") {
			t.note("%s", l)
		}
		if strings.HasPrefix(l, "SURVIVED") {
			t.Errorf("survived: %s", strings.Join(strings.Fields(strings.TrimPrefix(l, "SURVIVED")), " "))
		}
	}
	if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Errorf("wrong: %v: %s", err, text)
	}
	t.reached("%s", lines[len(lines)-1])
}
