package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/testbed"
)

// The tests run this very binary under the name framebridge, which is in PATH.
func TestMain(m *testing.M) {
	testscript.Main(rememberingLists{m}, map[string]func(){"framebridge": main, "detector": detector, "filter": filter})
}

// rememberingLists runs the tests so that ffmpeg says only once what it can do.
type rememberingLists struct{ *testing.M }

func (m rememberingLists) Run() int {
	forget, err := testbed.RememberLists()
	if err != nil {
		panic(err)
	}
	defer forget()
	return m.M.Run()
}

// haveFFmpeg says whether tests that need ffmpeg can run. Where it must be there, its absence is a failure.
func haveFFmpeg(t testing.TB) bool {
	t.Helper()
	_, err := exec.LookPath("ffmpeg")
	if err == nil {
		_, err = exec.LookPath("ffprobe")
	}
	if err != nil && os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
		t.Fatalf("ffmpeg is needed: %v", err)
	}
	return err == nil
}

func needFFmpeg(t testing.TB) {
	t.Helper()
	if !haveFFmpeg(t) {
		t.Skip("ffmpeg is not installed")
	}
}

// segmentDir makes a directory for segments and sees to it that nothing is left at the end: no segment, no process.
func segmentDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-test-")
	if err != nil {
		t.Skipf("segments need a memory file system: %v", err)
	}
	t.Cleanup(func() {
		for _, left := range leftovers(dir) {
			t.Errorf("left behind: %s", left)
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	return dir
}

// leftovers lists the files in a directory of segments, and the processes that know it by their arguments or environment.
// Processes get some time: a child that was killed is not gone at once.
func leftovers(dir string) (found []string) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		found = nil
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			found = append(found, e.Name())
		}
		procs, _ := filepath.Glob("/proc/[0-9]*")
		for _, p := range procs {
			if filepath.Base(p) == strconv.Itoa(os.Getpid()) {
				continue
			}
			args, _ := os.ReadFile(p + "/cmdline")
			environ, _ := os.ReadFile(p + "/environ")
			if bytes.Contains(args, []byte(dir)) || bytes.Contains(environ, []byte(dir)) {
				found = append(found, "process "+filepath.Base(p)+": "+strings.ReplaceAll(string(args), "\x00", " "))
			}
		}
		if len(found) == 0 || time.Now().After(deadline) {
			return found
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestScripts(t *testing.T) {
	clips, err := filepath.Abs("../../testdata")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "ffmpeg":
				return haveFFmpeg(t), nil
			case "plugins":
				return havePlugins(t), nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"code": cmdCode, "frames": cmdFrames, "as": cmdAs},
		Setup: func(env *testscript.Env) error {
			dir, err := os.MkdirTemp("/dev/shm", "framebridge-test-")
			if err != nil {
				return err
			}
			env.Defer(func() {
				for _, left := range leftovers(dir) {
					t.Errorf("%s: left behind: %s", filepath.Base(env.WorkDir), left)
				}
				_ = os.RemoveAll(dir)
			})
			env.Setenv("FRAMEBRIDGE_DIR", dir)
			env.Setenv("CLIPS", clips)
			env.Setenv("PLUGINS", pluginFolder(t))
			return nil
		},
	})
}

// code N COMMAND...: the command ends with this exit code. Its output can be matched as that of exec.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
}

// as UID GROUP N framebridge ARGS...: as another user, in no group but that one, the command ends with this exit code.
func cmdAs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 || args[3] != "framebridge" {
		ts.Fatalf("usage: as uid group code framebridge [args...]")
	}
	var ids [2]uint64
	for i := range ids {
		var err error
		ids[i], err = strconv.ParseUint(args[i], 10, 32)
		ts.Check(err)
	}
	// By the program's own descriptor: another user may not be able to walk to its path.
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: args[3:], Dir: "/", Stdout: ts.Stdout(), Stderr: ts.Stderr()}
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_DIR="+ts.Getenv("FRAMEBRIDGE_DIR"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(ids[0]), Gid: uint32(ids[1])}}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[2] {
		ts.Fatalf("exit code %s, want %s", got, args[2])
	}
}

// frames N FILE: the video stream of the file has this many frames.
func cmdFrames(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: frames N file")
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v:0", "-count_frames",
		"-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", ts.MkAbs(args[1])).Output()
	ts.Check(err)
	got, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if got = strings.Trim(got, ", "); got != args[0] {
		ts.Fatalf("%s has %s frames, want %s", args[1], got, args[0])
	}
}

// longRun leaves a test to the run without -short: it takes many seconds.
func longRun(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to the run without -short")
	}
}
