package plugintest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// built is the folder of the plug-ins, and why there is none.
var built struct {
	dir string
	err error
}

func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Short() {
		built.dir, built.err = build()
	}
	os.Exit(m.Run())
}

// build has make see to it that the plug-ins are there.
func build() (dir string, err error) {
	top, err := filepath.Abs("../../..")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("make", "-s", "-j2", "-C", top, "plugin").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make plugin: %w\n%s", err, out)
	}
	// The go command keeps results of tests, and must know that these depend on the sources.
	for _, pattern := range []string{"../*.[ch]", "../../c/*.h"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			if _, err := os.ReadFile(name); err != nil {
				return "", err
			}
		}
	}
	return filepath.Join(top, "bin", "plugins"), nil
}

// ffmpegName is the ffmpeg to test with.
func ffmpegName() string {
	if name := os.Getenv("FRAMEBRIDGE_FFMPEG"); name != "" {
		return name
	}
	return "ffmpeg"
}

// needPlugins skips a test where there is no ffmpeg with frei0r, or no compiler. Where they must be there it fails.
func needPlugins(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("plug-ins run in processes of their own: the race detector sees nothing of them")
	}
	give := t.Skipf
	if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
		give = t.Fatalf
	}
	if built.err != nil {
		if _, err := exec.LookPath("cc"); err == nil {
			t.Fatal(built.err) // a fault of ours
		}
		give("the plug-ins could not be built: %v", built.err)
	}
	if !hasFrei0r() {
		give("no %s with frei0r here", ffmpegName())
	}
}

var hasFrei0r = sync.OnceValue(func() bool {
	out, err := exec.Command(ffmpegName(), "-v", "error", "-h", "filter=frei0r").CombinedOutput()
	return err == nil && bytes.Contains(out, []byte("filter_params"))
})

// child is a program that works with the segments of one folder.
type child struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout tail
	stderr tail
	done   chan struct{} // closed when it has ended, and err is set
	err    error
}

// tail is what a child wrote so far.
type tail struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (s *tail) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data.Write(p)
}

func (s *tail) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data.String()
}

// start starts ffmpeg with the plug-ins and the folder of segments dir. Its standard input is a pipe. It is killed with the test.
func start(t testing.TB, dir string, args ...string) *child {
	t.Helper()
	c := &child{t: t, done: make(chan struct{})}
	c.cmd = exec.Command(ffmpegName(), append([]string{"-hide_banner", "-v", "warning"}, args...)...)
	c.cmd.Env = append(os.Environ(), "FREI0R_PATH="+built.dir, "FRAMEBRIDGE_DIR="+dir)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	var err error
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.done
	})
	return c
}

// wait waits until the child has ended, and returns why. A child that does not end fails the test.
func (c *child) wait() error {
	c.t.Helper()
	select {
	case <-c.done:
		return c.err
	case <-time.After(time.Minute):
		c.t.Fatalf("ffmpeg does not end; it said:\n%s", c.stderr.String())
		return nil
	}
}

// kill ends the child as kill -9 does.
func (c *child) kill() {
	c.t.Helper()
	require.NoError(c.t, c.cmd.Process.Kill())
	require.Error(c.t, c.wait())
}

// says waits until the child has written text to its standard error.
func (c *child) says(text string) {
	c.t.Helper()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(c.stderr.String(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("%q was not said, but:\n%s", text, c.stderr.String())
		}
	}
}

// run runs ffmpeg to its end, which must be a good one, and returns what it wrote.
func run(t testing.TB, dir string, args ...string) (stdout, stderr string) {
	t.Helper()
	c := start(t, dir, append([]string{"-nostdin"}, args...)...)
	require.NoError(t, c.wait(), c.stderr.String())
	return c.stdout.String(), c.stderr.String()
}

// lines are those that plug-ins wrote: `[framebridge_tap] …`.
func lines(stderr string) (found []string) {
	for line := range strings.Lines(stderr) {
		if at := strings.Index(line, "[framebridge_"); at >= 0 {
			found = append(found, strings.TrimSpace(line[at:]))
		}
	}
	return found
}

// eventually waits until a condition holds.
func eventually(t testing.TB, condition func() bool, format string, args ...any) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf(format, args...)
		}
	}
}

// clip is the path of a file in testdata.
func clip(name string) string { return filepath.Join("..", "..", "..", "testdata", name) }

// hashes are those of a list that `-f framemd5` wrote.
func hashes(framemd5 string) (found []string) {
	for line := range strings.Lines(framemd5) {
		if fields := strings.Split(line, ","); !strings.HasPrefix(line, "#") && len(fields) > 5 {
			found = append(found, strings.TrimSpace(fields[5]))
		}
	}
	return found
}

// within is a context that ends long after every healthy test has.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("the test took too long"))
	t.Cleanup(cancel)
	return ctx
}
