package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bridgeResult is how one framebridge ended.
type bridgeResult struct {
	code           int
	stdout, stderr string
}

// framebridge runs a command line to its end, which must come: a deadline that is far away kills it.
func framebridge(t testing.TB, env []string, args ...string) bridgeResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "framebridge", args...)
	return finish(ctx, t, cmd, env)
}

func finish(ctx context.Context, t testing.TB, cmd *exec.Cmd, env []string) bridgeResult {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), env...)
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "it hangs: %v\n%s", cmd.Args, errs.String())
	r := bridgeResult{stdout: out.String(), stderr: errs.String()}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.code = exit.ExitCode()
	} else {
		require.NoError(t, err)
	}
	return r
}

func clip(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../testdata", name))
	require.NoError(t, err)
	return path
}

// What is wrong is said in one line on standard error, with the exit code that the table in the documentation gives it.
// No segment and no process is left.
func TestBadInput(t *testing.T) {
	longRun(t)
	good := clip(t, "vfr.mp4")
	running := func(output string, flags ...string) func(*testing.T, string) []string {
		return words(append([]string{"run", good, output, "--audio", "none"}, flags...)...)
	}
	for _, row := range []struct {
		name  string
		code  int
		says  string // regular expression
		args  func(t *testing.T, dir string) []string
		env   []string
		skips func(t *testing.T)
	}{
		{name: "missing file", code: 3, says: `no such input|not found`, args: capturing("nowhere.mp4")},
		{name: "a folder", code: 3, says: `a folder|a directory`, args: capturing(".")},
		{name: "not a video", code: 3, says: `not a video`, args: capturing(clip(t, "text.mp4"))},
		{name: "an empty file", code: 3, says: `empty\.mp4.*(empty|not a video)`, args: capturing("empty.mp4")},
		{name: "no video stream", code: 3, says: `no picture stream`, args: capturing(clip(t, "sound-only.m4a"))},
		{name: "cover art only", code: 3, says: `no picture stream`, args: capturing(clip(t, "cover.mp3"))},
		{name: "zero frames", code: 3, says: `no frames`, args: capturing(clip(t, "noframes.mp4"))},
		{name: "a playlist", code: 3, says: `not a video`, args: capturing(clip(t, "playlist.mp4"))},
		{name: "unreadable", code: 3, says: `permission denied`, args: capturing("unreadable.mp4"), skips: func(t *testing.T) {
			if os.Geteuid() == 0 {
				t.Skip("root reads everything: see TestUnreadableAsAnotherUser")
			}
		}},
		{name: "name not allowed", code: 2, says: `segment name not allowed: "Cam 0"`, args: words("capture", clip(t, "vfr.mp4"), "Cam 0")},
		{name: "ffmpeg missing, capture", code: 6, says: `(?s)/nonexistent.*framebridge doctor`, args: capturing(clip(t, "vfr.mp4")), env: []string{"FRAMEBRIDGE_FFMPEG=/nonexistent"}},
		{name: "ffprobe missing", code: 6, says: `/nonexistent`, args: capturing(clip(t, "vfr.mp4")), env: []string{"FRAMEBRIDGE_FFPROBE=/nonexistent"}},
		{name: "ffmpeg missing, run", code: 6, says: `/nonexistent`, args: running("out.mp4"), env: []string{"FRAMEBRIDGE_FFMPEG=/nonexistent"}},
		{name: "not an ffmpeg", code: 6, says: `ffmpeg`, args: running("out.mp4", "--ffmpeg", "true")},
		{name: "no such encoder", code: 6, says: `nonsense264`, args: running("out.mp4", "--codec", "nonsense264")},
		{name: "no such format", code: 2, says: `out\.nonsense`, args: running("out.nonsense")},
		{name: "output exists", code: 2, says: `exists`, args: running("empty.mp4")},
		{name: "output in no folder", code: 4, says: `nowhere`, args: running("nowhere/out.mp4")},
		{name: "disk full", code: 4, says: `(?i)no space left`, args: words("run", clip(t, "motion.mov"), "mpegts:/dev/full", "-y")},
		{name: "disk full, analyzed", code: 4, says: `(?i)no space left`, args: words("run", clip(t, "motion.mov"), "mpegts:/dev/full", "--analyzer", "luma")},
		{name: "analyzer unknown", code: 2, says: `motion, scene, luma`, args: running("out.mp4", "--analyzer", "nonsense")},
		{name: "no segment", code: 5, says: `segment not found`, args: words("encode", "nowhere", "out.mp4", "--wait", "0")},
		{name: "segments on a disk", code: 5, says: `not on a memory file system`, args: words("generate", "g", "--frames", "1", "--dir", ".")},
		{name: "a segment too large", code: 2, says: `bytes`, args: words("generate", "g", "--size", "16384x16384", "--slots", "64")},
		{name: "nonsense for a device", code: 2, says: `(?s).`, args: capturing("nonsense://host/path")},
	} {
		t.Run(row.name, func(t *testing.T) {
			needFFmpeg(t)
			if row.skips != nil {
				row.skips(t)
			}
			dir := segmentDir(t)
			t.Chdir(t.TempDir())
			require.NoError(t, os.WriteFile("empty.mp4", nil, 0o600))
			require.NoError(t, os.WriteFile("unreadable.mp4", []byte("x"), 0))
			got := framebridge(t, append(row.env, "FRAMEBRIDGE_DIR="+dir), row.args(t, dir)...)
			require.Equal(t, row.code, got.code, got.stderr)
			require.Regexp(t, regexp.MustCompile(row.says), got.stderr)
			last := strings.Split(strings.TrimSpace(got.stderr), "\n")
			require.Regexp(t, `(?m)^framebridge: `, got.stderr)
			require.LessOrEqual(t, len(last), 4, "more than a few lines: %s", got.stderr)
			require.NotContains(t, got.stderr, "goroutine ")
		})
	}
}

// words is a command line that does not depend on the test's folder.
func words(args ...string) func(*testing.T, string) []string {
	return func(*testing.T, string) []string { return args }
}

// capturing is capture of an input.
func capturing(input string) func(*testing.T, string) []string {
	return words("capture", input, "cam0", "--await-readers", "0")
}

// Root reads everything, so that somebody else has to try.
func TestUnreadableAsAnotherUser(t *testing.T) {
	needFFmpeg(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else; TestBadInput has the case for everybody else")
	}
	const nobody = 65534
	dir := segmentDir(t)
	require.NoError(t, os.Chown(dir, nobody, nobody))
	folder, err := os.MkdirTemp("", "framebridge-test-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	require.NoError(t, os.Chmod(folder, 0o755))
	binary, err := exec.LookPath("framebridge")
	require.NoError(t, err)
	program, err := os.ReadFile(binary)
	require.NoError(t, err)
	copied := filepath.Join(folder, "framebridge")
	require.NoError(t, os.WriteFile(copied, program, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "clip.mp4"), []byte("x"), 0o600))

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, copied, "capture", filepath.Join(folder, "clip.mp4"), "cam0")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	got := finish(ctx, t, cmd, []string{"FRAMEBRIDGE_DIR=" + dir})
	require.Equal(t, 3, got.code, got.stderr)
	require.Contains(t, got.stderr, "permission denied")
}

// A tmpfs that is too small: the message has the bytes that are needed and those that are free.
func TestMemoryTooSmall(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small tmpfs")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	got := framebridge(t, []string{"FRAMEBRIDGE_DIR=" + dir}, "generate", "g", "--size", "640x480", "--frames", "1", "--slots", "4")
	require.Equal(t, 5, got.code, got.stderr)
	require.Regexp(t, `\d+ bytes`, got.stderr)
	require.Contains(t, got.stderr, "--slots")
	require.Empty(t, leftovers(dir))

	// Three slots fit where four do not, and run takes them without being told.
	needFFmpeg(t)
	got = framebridge(t, []string{"FRAMEBRIDGE_DIR=" + dir}, "run", "lavfi:testsrc2=size=368x368:rate=25:duration=0.4", filepath.Join(t.TempDir(), "out.mkv"))
	require.Equal(t, 0, got.code, got.stderr)
	require.Contains(t, got.stderr, "3 slots instead of 4")
	require.Regexp(t, `frames out +10\b`, got.stdout)
	require.Empty(t, leftovers(dir))
}

// The writer is killed: what it published is delivered, and the code is that of a lost source.
func TestWriterGone(t *testing.T) {
	needFFmpeg(t)
	dir := segmentDir(t)
	env := []string{"FRAMEBRIDGE_DIR=" + dir}
	writer := start(t, env, "generate", "g", "--size", "64x48")
	out := filepath.Join(t.TempDir(), "out.mkv")
	reader := start(t, env, "encode", "g", out)
	require.Eventually(t, func() bool {
		got := framebridge(t, env, "info", "g", "--json")
		return strings.Contains(got.stdout, `"label":"encode"`)
	}, time.Minute, 50*time.Millisecond)
	require.NoError(t, writer.Process.Kill())
	_ = writer.Wait()
	require.Equal(t, 3, exitCodeOf(t, reader), reader.Stderr)
	require.Contains(t, text(reader.Stderr), "writer died")
	require.FileExists(t, out)
	require.Equal(t, 0, framebridge(t, env, "gc").code)
}
