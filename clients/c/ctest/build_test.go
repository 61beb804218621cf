package ctest

// C programs, compiled for these tests.

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// need skips the test where a tool is missing, but for CI, which has all.
func need(t testing.TB, tool string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("segments exist on Linux only")
	}
	if _, err := exec.LookPath(tool); err != nil {
		if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
			t.Fatalf("%s is missing", tool)
		}
		t.Skipf("%s is missing", tool)
	}
}

func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("not in a short run")
	}
}

// strict are the warnings that no source here may give.
func strict(flags ...string) []string {
	return append([]string{"-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread", "-I.."}, flags...)
}

// compile runs a compiler; what it says goes into the error.
func compile(t testing.TB, compiler string, args ...string) {
	t.Helper()
	need(t, compiler)
	out, err := exec.Command(compiler, args...).CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", compiler, strings.Join(args, " "), out)
}

// program compiles a source of this folder or the one above with gcc, and is where it
// is.
func program(t testing.TB, source string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), ".c"))
	compile(t, "gcc", append(strict(flags...), "-std=c11", "-g", "-o", path, source)...)
	return path
}

// sanitized are the flags that make every mistake with memory, and all that C leaves
// undefined, end the program.
func sanitized() []string {
	return []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"}
}

// checked is a program that several tests share, compiled once.
type checked struct {
	once   sync.Once
	source string
	path   string
	dir    string
}

var (
	sanitizedCalls   = &checked{source: "testdata/calls.c"}
	sanitizedConform = &checked{source: "../conform.c"}
)

func (c *checked) build(t testing.TB) string {
	t.Helper()
	need(t, "gcc")
	c.once.Do(func() {
		dir, err := os.MkdirTemp("", "framebridge-c-")
		require.NoError(t, err)
		c.dir = dir
		path := filepath.Join(dir, "program")
		compile(t, "gcc", append(strict(sanitized()...), "-std=c11", "-g", "-o", path, c.source)...)
		c.path = path
	})
	require.NotEmpty(t, c.path, "%s did not compile", c.source)
	return c.path
}

func TestMain(m *testing.M) {
	// go test remembers green runs until a file that the test looked at changes; it does
	// not know what a compiler reads.
	for _, pattern := range []string{"../*.[ch]", "../examples/*.c", "testdata/*.[ch]"} {
		sources, err := filepath.Glob(pattern)
		if err != nil {
			panic(err)
		}
		for _, source := range sources {
			if _, err := os.Stat(source); err != nil {
				panic(err)
			}
		}
	}
	code := m.Run()
	for _, c := range []*checked{sanitizedCalls, sanitizedConform} {
		if c.dir != "" {
			_ = os.RemoveAll(c.dir)
		}
	}
	os.Exit(code)
}
