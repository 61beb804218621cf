// Package testbed is what tests of segments stand on: a directory in memory that must be
// empty at the end, and contexts that end.
package testbed

import (
	"context"
	"errors"
	"os"
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
