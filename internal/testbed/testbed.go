// Package testbed is what tests stand on: a directory in memory that must be empty at the
// end, contexts that end, and who is left of a process group.
package testbed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Dir makes an empty directory of segments in memory and removes it with the test. What
// is left in it by then is a leak, and fails the test.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-test-")
	require.NoError(t, err)
	t.Cleanup(func() {
		left, _ := os.ReadDir(dir)
		for _, e := range left {
			t.Errorf("left behind: %s", e.Name())
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	return dir
}

// Within is a context that ends d from now, long after every healthy test has.
func Within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errors.New("the test took too long"))
	t.Cleanup(cancel)
	return ctx
}

// Group lists the numbers of the processes in a process group that are no zombies. It
// reads /proc: elsewhere there is nobody.
func Group(group int) (pids []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		stat, _ := os.ReadFile(name)
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 2 && f[0] != "Z" && f[2] == strconv.Itoa(group) {
			pids = append(pids, filepath.Base(filepath.Dir(name)))
		}
	}
	return pids
}
