package capture

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

func TestMain(m *testing.M) {
	forget, err := testbed.RememberLists()
	if err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/framebridge/framebridge/internal/ffproc.runStarter"),
		goleak.Cleanup(func(code int) {
			if left := children(); code == 0 && len(left) > 0 {
				fmt.Fprintln(os.Stderr, "processes left behind:", left)
				code = 1
			}
			forget()
			os.Exit(code)
		}))
}

// children lists our child processes, zombies included.
func children() (names []string) {
	me := strconv.Itoa(os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// 12 (name) S 1 ...
		end := strings.LastIndexByte(string(text), ')')
		if field := strings.Fields(string(text)[end+1:]); len(field) > 1 && field[1] == me {
			names = append(names, string(text)[:end+1]+" "+field[0])
		}
	}
	return names
}

// needFFmpeg skips a test where there is no ffmpeg, unless there must be one.
func needFFmpeg(t testing.TB) {
	t.Helper()
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
				t.Fatalf("%s is needed (FRAMEBRIDGE_NEED_FFMPEG is set): %v", program, err)
			}
			t.Skipf("%s is not installed", program)
		}
	}
}

// memory makes a folder for segments, which must be empty again at the end.
func memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-test-")
	if err != nil {
		t.Skipf("no shared memory: %v", err)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("left in the folder of segments: %v %v", left, err)
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

// bounded is a context that ends a test that hangs.
func bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func clip(name string) string { return filepath.Join("..", "testdata", name) }

// got is a frame as a reader saw it.
type got struct {
	framebuf.Info
	hash  string
	light byte // the first byte of the picture
}

// taken is all that came of a capture.
type taken struct {
	source SourceInfo
	frames []got
	result Result
	err    error // of Run
	state  framebuf.SourceState
	reason string
	c      *Capture
}

// take captures an input with a lossless reader beside it.
func take(t testing.TB, input string, o *Options) taken {
	t.Helper()
	needFFmpeg(t)
	ctx := bounded(t)
	if o == nil {
		o = &Options{}
	}
	o.Dir, o.Linger = memory(t), -1
	c, err := Open(ctx, input, "test", o)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()

	read := make(chan []got, 1)
	var reader *framebuf.Reader
	reader, err = framebuf.Open(ctx, "test", &framebuf.ReaderOptions{Dir: o.Dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	defer reader.Close()
	failed := make(chan error, 1)
	go func() {
		var frames []got
		for f, err := range reader.Frames(ctx) {
			if err != nil {
				failed <- err
				break
			}
			frames = append(frames, got{f.Info, md5sum(f.Bytes()), f.Bytes()[0]})
		}
		read <- frames
	}()
	out := taken{source: c.Source(), c: c}
	out.result, out.err = c.Run(ctx)
	require.NoError(t, c.Close())
	out.frames = <-read
	select {
	case err := <-failed:
		t.Fatalf("reader: %v", err)
	default:
	}
	out.state, out.reason = reader.Source()
	return out
}

func md5sum(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// frame is one of ffmpeg's own.
type frame struct {
	time float64 // seconds
	size int
	hash string
}

// reference is what ffmpeg itself decodes: the yardstick. Arguments before and
// after the input are as given.
func reference(t testing.TB, before []string, input string, after ...string) []frame {
	t.Helper()
	args := append([]string{"-nostdin", "-v", "error"}, before...)
	args = append(args, "-i", input)
	args = append(args, after...)
	args = append(args, "-fps_mode", "passthrough", "-noautoscale", "-pix_fmt", "rgba", "-f", "framemd5", "-")
	text, err := exec.Command("ffmpeg", args...).Output()
	require.NoError(t, err)
	var frames []frame
	base := 0.0
	for _, line := range strings.Split(string(text), "\n") {
		if value, ok := strings.CutPrefix(line, "#tb 0: "); ok {
			r := parseRational(value, '/')
			base = r.Float()
			continue
		}
		cell := strings.Split(line, ",")
		if strings.HasPrefix(line, "#") || len(cell) < 6 {
			continue
		}
		pts, err := strconv.ParseInt(strings.TrimSpace(cell[2]), 10, 64)
		require.NoError(t, err)
		size, err := strconv.Atoi(strings.TrimSpace(cell[4]))
		require.NoError(t, err)
		frames = append(frames, frame{float64(pts) * base, size, strings.TrimSpace(cell[5])})
	}
	return frames
}

// longRun leaves a test to the run without -short: a table of media or of refusals, whose
// rows all go the same way through our goroutines, which other tests take in the short run.
func longRun(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to the run without -short")
	}
}
