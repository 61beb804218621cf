// What killed processes leave, and who takes it away.

package framebuf

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A writer killed between staging its file and renaming it, and one killed
// between naming its control file and its data file, leave files that nobody
// holds. The next start under the name takes them away, without a call to GC.
func TestNextStartSweepsLeftovers(t *testing.T) {
	dir := testDir(t)
	defer sweep(t, dir)
	for _, n := range []string{controlName("cam0", 7), stagingName("cam0", Generation{1})} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, n), make([]byte, 4096), 0o600))
	}
	other := controlName("cam1", 8)
	require.NoError(t, os.WriteFile(filepath.Join(dir, other), make([]byte, 4096), 0o600))
	w := mustCreate(t, dir, small, Options{})
	require.ElementsMatch(t, []string{"cam0", controlName("cam0", w.ctl.id), other}, entries(t, dir))
	require.NoError(t, w.Close())
	require.Equal(t, []string{other}, entries(t, dir))
}

func entries(t testing.TB, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
