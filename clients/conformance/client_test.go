//go:build linux

package conformance

// The clients under test: which there are, and what they can.

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// client is one language's conform program.
type client struct {
	name     string
	command  []string
	Commands []string `json:"commands"`
	Modes    []string `json:"modes"`
	Moves    bool     `json:"moves"`
	Batch    bool     `json:"batch"`
}

// bin holds Go's conform, built once.
var bin string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if bin, err = os.MkdirTemp("", "framebridge-conform-"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(bin)
		return m.Run()
	}())
}

var buildGo = sync.OnceValue(func() error {
	// go test remembers green runs until a file that the test looked at changes; it does
	// not know of the programs that this one starts.
	for _, pattern := range []string{"conform/*.go", "../python/conform.py", "../python/framebridge.py", "../c/conform.c", "../c/framebridge.h"} {
		there, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range there {
			if _, err := os.Stat(path); err != nil {
				return err
			}
		}
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "conform"), "./conform").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build ./conform: %w\n%s", err, out)
	}
	return nil
})

// findPython is the interpreter itself: a wrapper would cost as much as the tests.
var findPython = sync.OnceValues(func() (string, error) {
	name := os.Getenv("FRAMEBRIDGE_PYTHON")
	if name == "" {
		name = "python3"
	}
	out, err := exec.Command(name, "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

const pythonConform = "../python/conform.py"

func TestPythonTakesPart(t *testing.T) {
	_, err := findPython()
	switch {
	case err == nil:
	case os.Getenv("FRAMEBRIDGE_NEED_PYTHON")+os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "":
		t.Fatalf("python3 does not run: %v", err)
	default:
		t.Skipf("everything here ran without Python: python3 does not run: %v", err)
	}
}

// buildC is the C client's program, built once; empty without a compiler.
var buildC = sync.OnceValues(func() (string, error) {
	name := os.Getenv("CC")
	if name == "" {
		name = "cc"
	}
	compiler, err := exec.LookPath(name)
	if err != nil {
		return "", nil // TestCTakesPart says so
	}
	program := filepath.Join(bin, "conform-c")
	out, err := exec.Command(compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, "../c/conform.c").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s ../c/conform.c: %w\n%s", name, err, out)
	}
	return program, nil
})

func TestCTakesPart(t *testing.T) {
	program, err := buildC()
	require.NoError(t, err)
	switch {
	case program != "":
	case os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "":
		t.Fatal("there is no C compiler")
	default:
		t.Skip("everything here ran without C: there is no compiler")
	}
}

// clients are all that take part: Go, Python, C, and those of FRAMEBRIDGE_CONFORM,
// "name=command with arguments", divided by semicolons. One that is named there takes
// the place of one that is not.
func clients(t testing.TB) []*client {
	t.Helper()
	require.NoError(t, buildGo())
	all := []*client{{name: "go", command: []string{filepath.Join(bin, "conform")}}}
	python, err := findPython()
	if err == nil { // else TestPythonTakesPart says so
		all = append(all, &client{name: "python", command: []string{python, "-E", "-S", pythonConform}})
	}
	program, err := buildC()
	require.NoError(t, err)
	if program != "" {
		all = append(all, &client{name: "c", command: []string{program}})
	}
	for entry := range strings.SplitSeq(os.Getenv("FRAMEBRIDGE_CONFORM"), ";") {
		name, command, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if words := strings.Fields(command); ok && len(words) > 0 {
			all = slices.DeleteFunc(all, func(c *client) bool { return c.name == name })
			all = append(all, &client{name: name, command: words})
		} else {
			require.Empty(t, entry, "FRAMEBRIDGE_CONFORM is name=command, divided by semicolons")
		}
	}
	for _, c := range all {
		c.ask(t)
	}
	return all
}

// ask runs conform about.
func (c *client) ask(t testing.TB) {
	t.Helper()
	got := start(t, c, t.TempDir(), "about").end(t)
	require.Zero(t, got.code, "%s about\n%s", c.name, got.stderr)
	require.NoError(t, json.Unmarshal(got.stdout, c), "%s about", c.name)
}

func (c *client) can(command string) bool  { return slices.Contains(c.Commands, command) }
func (c *client) canRead(mode string) bool { return c.can("read") && slices.Contains(c.Modes, mode) }

func (c *client) needs(t testing.TB, command string) {
	t.Helper()
	if !c.can(command) {
		t.Skipf("%s has no %s yet", c.name, command)
	}
}

func (c *client) needsMode(t testing.TB, mode string) {
	t.Helper()
	if !c.canRead(mode) {
		t.Skipf("%s does not read %s", c.name, mode)
	}
}

// skipShort is for what takes long, all of it in other processes: no race detector
// sees it.
func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("not in a short run")
	}
}

// each runs a test for each client.
func each(t *testing.T, run func(*testing.T, *client)) {
	for _, c := range clients(t) {
		t.Run(c.name, func(t *testing.T) { run(t, c) })
	}
}
