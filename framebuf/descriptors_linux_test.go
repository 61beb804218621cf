//go:build linux

package framebuf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// into is how many descriptors of this process lead into a directory.
func into(t testing.TB, dir string) (n int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, fd := range all {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, dir) {
			n++
		}
	}
	return n
}

// A call that fails keeps no descriptor: who asks for a segment again and again
// until it is there would run out of them.
func TestFailedCallsKeepNoDescriptors(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	junk := filepath.Join(dir, "junk")
	require.NoError(t, os.WriteFile(junk, []byte("no segment"), 0o600))
	for _, name := range []string{"absent", "junk"} {
		for _, mode := range []Mode{Newest, Pinned, Lossless} {
			_, err := Open(ctx, name, &ReaderOptions{Dir: dir, Mode: mode})
			require.Error(t, err)
		}
		_, err := Stat(dir, name)
		require.Error(t, err)
		require.Error(t, Remove(dir, name))
	}
	_, err := Create("junk", small, &Options{Dir: dir})
	require.Error(t, err)
	require.Zero(t, into(t, dir))
	require.NoError(t, os.Remove(junk))
}
