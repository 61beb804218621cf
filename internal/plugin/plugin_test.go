package plugin_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/plugin"
)

// here makes a folder with a plug-in in it.
func here(t testing.TB, name string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".so"), []byte("a plug-in"), 0o600))
	return dir
}

func TestFind(t *testing.T) {
	t.Run("named", func(t *testing.T) {
		dir := here(t, plugin.Lane)
		t.Setenv(plugin.Variable, dir)
		got, err := plugin.Find(plugin.Lane)
		require.NoError(t, err)
		require.Equal(t, dir, got)
		_, err = plugin.Find(plugin.Tap)
		require.ErrorIs(t, err, plugin.ErrNotFound)
		require.ErrorContains(t, err, "no framebridge_tap.so in "+dir+";")
	})
	t.Run("named as a relative path", func(t *testing.T) {
		dir := here(t, plugin.Lane)
		t.Chdir(filepath.Dir(dir))
		t.Setenv(plugin.Variable, filepath.Base(dir))
		got, err := plugin.Find(plugin.Lane)
		require.NoError(t, err)
		require.True(t, filepath.IsAbs(got), "ffmpeg looks below its own folders otherwise")
		require.FileExists(t, filepath.Join(got, plugin.Lane+".so"))
	})
	t.Run("what is named wins, also where it is wrong", func(t *testing.T) {
		t.Setenv(plugin.Variable, "/nonexistent/plug-ins")
		require.Equal(t, []string{"/nonexistent/plug-ins"}, plugin.Folders())
		_, err := plugin.Find(plugin.Lane)
		require.ErrorIs(t, err, plugin.ErrNotFound)
		require.ErrorContains(t, err, "/nonexistent/plug-ins")
	})
	t.Run("a folder of that name is no plug-in", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, plugin.Lane+".so"), 0o700))
		t.Setenv(plugin.Variable, dir)
		_, err := plugin.Find(plugin.Lane)
		require.ErrorIs(t, err, plugin.ErrNotFound)
	})
	t.Run("not named", func(t *testing.T) {
		t.Setenv(plugin.Variable, "")
		exe, err := os.Executable()
		require.NoError(t, err)
		exe, err = filepath.EvalSymlinks(exe)
		require.NoError(t, err)
		bin := filepath.Dir(exe)
		beside := filepath.Join(bin, "plugins")
		require.Equal(t, []string{
			beside, filepath.Join(bin, "../libexec/framebridge"), filepath.Join(bin, "../lib/framebridge"),
		}, plugin.Folders())
		_, err = plugin.Find(plugin.Lane)
		require.ErrorIs(t, err, plugin.ErrNotFound)
		require.ErrorContains(t, err, "make plugin")
		require.ErrorContains(t, err, beside)

		require.NoError(t, os.Mkdir(beside, 0o700))
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(beside)) })
		require.NoError(t, os.WriteFile(filepath.Join(beside, plugin.Lane+".so"), nil, 0o600))
		got, err := plugin.Find(plugin.Lane)
		require.NoError(t, err)
		require.Equal(t, beside, got)
	})
}

func TestEnv(t *testing.T) {
	t.Setenv("FREI0R_PATH", "")
	require.Equal(t, []string{"FREI0R_PATH=/x", "FRAMEBRIDGE_LANE_ORDER=bgra"}, plugin.Env("/x", "bgra"))
	t.Setenv("FREI0R_PATH", "/theirs:/others")
	require.Equal(t, []string{"FREI0R_PATH=/x:/theirs:/others", "FRAMEBRIDGE_LANE_ORDER=rgba"}, plugin.Env("/x", "rgba"), "ours come first")
}
