package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lockedBuffer is a buffer that a test reads while a process still writes it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func text(w io.Writer) string { return w.(fmt.Stringer).String() }

// start starts a framebridge that is killed at the end of the test if it still lives.
func start(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("framebridge", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &lockedBuffer{}, &lockedBuffer{}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

// exitCodeOf waits for the end, which must come.
func exitCodeOf(t testing.TB, cmd *exec.Cmd) int {
	t.Helper()
	watchdog := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	require.NoError(t, err)
	return 0
}

// The first signal ends everything in order: what came in by then is in the output, which is whole.
func TestInterruptedRun(t *testing.T) {
	needFFmpeg(t)
	for _, row := range []struct {
		name string
		sig  syscall.Signal
		code int
		more []string
	}{
		{"SIGINT", syscall.SIGINT, 130, nil},
		{"SIGTERM, with an analyzer", syscall.SIGTERM, 143, []string{"--analyzer", "luma"}},
		{"SIGINT, with a command", syscall.SIGINT, 130, []string{"--exec", "framebridge analyze $FRAMEBRIDGE_IN $FRAMEBRIDGE_OUT --await-readers 1 -q >/dev/null"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := segmentDir(t)
			env := []string{"FRAMEBRIDGE_DIR=" + dir}
			out := filepath.Join(t.TempDir(), "out.mp4")
			args := append([]string{"run", "lavfi:testsrc2=size=64x48:rate=25", out, "-re", "--name", "r", "--json"}, row.more...)
			cmd := start(t, env, args...)
			require.Eventually(t, func() bool {
				got := framebridge(t, env, "info", "r", "--json")
				return strings.Contains(got.stdout, `"alive":true`) && !strings.Contains(got.stdout, `"published":0,`) && !strings.Contains(got.stdout, `"readers":[]`)
			}, time.Minute, 50*time.Millisecond)
			time.Sleep(500 * time.Millisecond) // a few more frames; what is asserted does not depend on how many
			require.NoError(t, cmd.Process.Signal(row.sig))
			require.Equal(t, row.code, exitCodeOf(t, cmd), text(cmd.Stderr))
			in, outFrames := 0, 0
			_, err := fmt.Sscanf(text(cmd.Stdout), `{"frames_in":%d,"frames_out":%d,"dropped":0,`, &in, &outFrames)
			require.NoError(t, err, text(cmd.Stdout))
			require.Positive(t, in)
			require.Equal(t, in, outFrames)
			require.Contains(t, text(cmd.Stdout), `"error":"interrupted by`)
			counted, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", out).Output()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(in), strings.TrimSpace(string(counted)))
		})
	}
}

// Whoever waits is interrupted as well: for a reader, for a frame, for the time of a frame.
func TestInterruptedWaiting(t *testing.T) {
	info := func(t *testing.T, env []string) string { return framebridge(t, env, "info", "g", "--json").stdout }
	for _, row := range []struct {
		name  string
		args  []string
		there func(t *testing.T, cmd *exec.Cmd, env []string) bool // it waits now
	}{
		{"generate for a reader", []string{"generate", "g", "--frames", "1"}, func(_ *testing.T, cmd *exec.Cmd, _ []string) bool {
			return strings.Contains(text(cmd.Stderr), "waiting for a reader")
		}},
		{"generate for the time of its next frame", []string{"generate", "g", "-r", "1/100"}, func(t *testing.T, _ *exec.Cmd, env []string) bool {
			return strings.Contains(info(t, env), `"published":1,`)
		}},
		{"dump for a frame", []string{"dump", "g"}, func(t *testing.T, _ *exec.Cmd, env []string) bool {
			return strings.Contains(info(t, env), `"label":"dump"`)
		}},
		{"snap for a frame", []string{"snap", "g", "x.png", "--wait", "1h"}, func(t *testing.T, _ *exec.Cmd, env []string) bool {
			return strings.Contains(info(t, env), `"label":"snap"`)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := segmentDir(t)
			env := []string{"FRAMEBRIDGE_DIR=" + dir}
			var writer *exec.Cmd
			if row.args[0] != "generate" { // a writer that never begins
				writer = start(t, env, "generate", "g", "--frames", "1", "--await-readers", "9")
				require.Eventually(t, func() bool { return strings.Contains(text(writer.Stderr), "waiting for 9 readers") }, time.Minute, time.Millisecond)
			}
			cmd := start(t, env, row.args...)
			require.Eventually(t, func() bool { return row.there(t, cmd, env) }, time.Minute, 10*time.Millisecond)
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			require.Equal(t, 130, exitCodeOf(t, cmd), text(cmd.Stderr))
			if writer != nil {
				require.NoError(t, writer.Process.Signal(os.Interrupt))
				require.Equal(t, 130, exitCodeOf(t, writer), text(writer.Stderr))
			}
		})
	}
}

// The second signal does not wait for anything: here, not for an encoder that takes no input. An orderly end would print
// the summary.
func TestSecondSignal(t *testing.T) {
	dir := segmentDir(t)
	stub := filepath.Join(t.TempDir(), "ffmpeg")
	program, err := exec.LookPath("ffmpeg")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(stub, []byte("#!/bin/sh\ncase \"$*\" in *pipe:0*) exec sleep 600 ;; esac\nexec '"+program+"' \"$@\"\n"), 0o700))
	env := []string{"FRAMEBRIDGE_DIR=" + dir, "FRAMEBRIDGE_FFMPEG=" + stub}
	writer := start(t, env, "generate", "g", "--frames", "1000000", "--size", "640x360", "--pace", "fast")
	encoder := start(t, env, "encode", "g", filepath.Join(t.TempDir(), "out.mkv"), "--json")
	// It has taken frames, so its ffmpeg is there, and takes nothing.
	held := regexp.MustCompile(`"published":[4-9],`)
	require.Eventually(t, func() bool { return held.MatchString(framebridge(t, env, "info", "g", "--json").stdout) }, time.Minute, 10*time.Millisecond)
	ended := make(chan int, 1)
	go func() { ended <- exitCodeOf(t, encoder) }()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for code := -1; code < 0; {
		select {
		case code = <-ended:
			require.Equal(t, 130, code)
		case <-again.C:
			_ = encoder.Process.Signal(os.Interrupt)
		}
	}
	require.Empty(t, text(encoder.Stdout))
	require.NoError(t, writer.Process.Signal(os.Interrupt))
	require.Equal(t, 130, exitCodeOf(t, writer), text(writer.Stderr))
}
