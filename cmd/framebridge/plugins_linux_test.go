package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/plugin"
)

// pluginFolder is where `make plugin` puts the plug-ins, unless the environment names another folder.
func pluginFolder(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv(plugin.Variable); dir != "" {
		return dir
	}
	dir, err := filepath.Abs("../../bin/plugins")
	require.NoError(t, err)
	return dir
}

// havePlugins says whether tests that need the plug-ins can run. Where ffmpeg must be there, their absence is a failure.
func havePlugins(t testing.TB) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(pluginFolder(t), plugin.Lane+".so"))
	if err != nil && os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
		t.Fatalf("no plug-ins, which `make plugin` builds: %v", err)
	}
	return err == nil
}
