package testbed

// The plug-ins for ffmpeg, as `make plugin` builds them.

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/framebridge/framebridge/internal/plugin"
)

// Plugins is the folder of the plug-ins: $FRAMEBRIDGE_PLUGIN, or bin/plugins of this tree, where `make plugin` puts them. Without
// them the test is skipped, or fails where FRAMEBRIDGE_NEED_FFMPEG is set.
func Plugins(t testing.TB) string {
	t.Helper()
	dir := os.Getenv(plugin.Variable)
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "bin", "plugins")
	}
	if _, err := os.Stat(filepath.Join(dir, plugin.Lane+".so")); err != nil {
		if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
			t.Fatalf("no plug-ins, which `make plugin` builds: %v", err)
		}
		t.Skipf("no plug-ins, which `make plugin` builds: %v", err)
	}
	return dir
}

// ByPlugin is Plugins, and makes what the test starts find them. Not for parallel tests.
func ByPlugin(t testing.TB) {
	t.Helper()
	t.Setenv(plugin.Variable, Plugins(t))
}

// WithoutPlugin makes what the test starts find no plug-ins. Not for parallel tests.
func WithoutPlugin(t testing.TB) {
	t.Helper()
	t.Setenv(plugin.Variable, t.TempDir())
}
