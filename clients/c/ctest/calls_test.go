package ctest

// C programs that test what each call promises.

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

func isAMD64() bool { return runtime.GOARCH == "amd64" }

// command is a program with its segments in dir, which ends within a minute.
func command(t testing.TB, dir, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(testbed.Within(t, time.Minute), program, args...)
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_DIR="+dir, "FRAMEBRIDGE_CONFORM_SECONDS=50", "ASAN_OPTIONS=detect_leaks=1")
	return cmd
}

// succeeds runs a program to its end, which must be a good one.
func succeeds(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", strings.Join(cmd.Args, " "), out)
	return string(out)
}

// removeKept takes away the value that some of the programs leave.
func removeKept(t testing.TB, dir string) {
	t.Helper()
	if err := framebuf.Remove(dir, "v"); !errors.Is(err, framebuf.ErrNotFound) {
		require.NoError(t, err)
	}
}

// Every call, under the address and the undefined behaviour sanitizer.
func TestCalls(t *testing.T) {
	skipShort(t)
	calls := sanitizedCalls.build(t)
	for _, name := range []string{
		"newest", "into newest", "into pinned", "into lossless", "planes", "data", "sound", "find", "history", "pinned",
		"lossless", "evicted", "death", "source", "nonsense", "cells", "update",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			succeeds(t, command(t, dir, calls, name))
			removeKept(t, dir)
		})
	}
}

// What the sanitizers do not see: memory that was never written, descriptors that stay
// open.
func TestValgrind(t *testing.T) {
	skipShort(t)
	need(t, "valgrind")
	calls := program(t, "testdata/calls.c", "-O1")
	for _, name := range []string{"lossless", "into pinned", "death", "update"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			args := []string{"-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=all", calls, name}
			require.Empty(t, succeeds(t, command(t, dir, "valgrind", args...)))
			removeKept(t, dir)
		})
	}
}

// A writer and readers in threads of one process; waits that another thread ends; and
// readers of a writer that overwrites everything at once, who must know what is torn.
func TestThreads(t *testing.T) {
	skipShort(t)
	for _, row := range []struct {
		name  string
		run   string
		flags []string
	}{
		{"memory", "together", sanitized()},
		{"races", "together", []string{"-fsanitize=thread", "-Wno-tsan"}},
		{"torture", "torture", []string{"-O2"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			threads := program(t, "testdata/threads.c", row.flags...)
			succeeds(t, command(t, testbed.Dir(t), threads, row.run))
		})
	}
}

// Descriptors 0 to 2 are never a segment's, and none outlives an exec.
func TestDescriptors(t *testing.T) {
	skipShort(t)
	dir := testbed.Dir(t)
	succeeds(t, command(t, dir, program(t, "testdata/descriptors.c")))
	removeKept(t, dir)
}

// A file that is cut off under who has it open.
func TestGuard(t *testing.T) {
	skipShort(t)
	guard := program(t, "testdata/guard.c")
	t.Run("guarded", func(t *testing.T) {
		succeeds(t, command(t, testbed.Dir(t), guard, "guarded"))
	})
	t.Run("unguarded", func(t *testing.T) {
		dir := testbed.Dir(t)
		err := command(t, dir, guard, "unguarded").Run()
		exit := new(exec.ExitError)
		require.ErrorAs(t, err, &exit)
		status, ok := exit.Sys().(syscall.WaitStatus)
		require.True(t, ok)
		require.Equal(t, syscall.SIGBUS, status.Signal(), "a library does not take its host's signals unasked")
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, file := range left {
			require.NoError(t, os.Remove(dir+"/"+file.Name()))
		}
	})
}
