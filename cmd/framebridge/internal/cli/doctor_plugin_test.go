package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/plugin"
	"github.com/framebridge/framebridge/internal/testbed"
)

// needProgram is the path of a program that a test cannot do without.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
		t.Fatalf("%s is needed (FRAMEBRIDGE_NEED_FFMPEG is set): %v", name, err)
	} else if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

func TestPluginCheck(t *testing.T) {
	ffmpeg := needProgram(t, "ffmpeg")
	folder := testbed.Plugins(t)
	broken := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(broken, plugin.Lane+".so"), []byte("no plug-in"), 0o600))
	without := filepath.Join(t.TempDir(), "ffmpeg")
	require.NoError(t, os.WriteFile(without, []byte("#!/bin/sh\n"+ffmpeg+" \"$@\" | sed s/--enable-frei0r//\n"), 0o700))
	mute := filepath.Join(t.TempDir(), "ffmpeg")
	require.NoError(t, os.WriteFile(mute, []byte("#!/bin/sh\nexit 1\n"), 0o700))
	for _, row := range []struct {
		name   string
		ffmpeg string
		named  string // by FRAMEBRIDGE_PLUGIN
		beside string // put beside the program
		state  string
		detail string
		remedy string
	}{
		{"named", ffmpeg, folder, "", checkOK, folder + "/framebridge_lane.so, which this ffmpeg loads", ""},
		{"named, and not there", ffmpeg, t.TempDir(), "", checkFail, "no framebridge_lane.so", "unset FRAMEBRIDGE_PLUGIN"},
		{"named, and no plug-in", ffmpeg, broken, "", checkFail, "does not load the plug-in " + broken, "unset FRAMEBRIDGE_PLUGIN"},
		{"named, but of no use", without, folder, "", checkWarn, "built without frei0r, which loads plug-ins; frames go through ffmpeg's pipe", ""},
		{"not there", ffmpeg, "", "", checkWarn, "no framebridge_lane.so", "make plugin PLUGIN_DIR="},
		{"beside the program", ffmpeg, "", filepath.Join(folder, plugin.Lane+".so"), checkOK, "which this ffmpeg loads", ""},
		{"beside the program, and no plug-in", ffmpeg, "", filepath.Join(broken, plugin.Lane+".so"), checkWarn, "does not load", "make plugin PLUGIN_DIR="},
		{"an ffmpeg that says nothing", mute, folder, "", checkWarn, "exit code 1", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv(plugin.Variable, row.named)
			if row.beside != "" {
				dir := plugin.Folders()[0]
				require.NoError(t, os.Mkdir(dir, 0o700))
				t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
				b, err := os.ReadFile(row.beside)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(dir, plugin.Lane+".so"), b, 0o600))
			}
			c := pluginCheck(t.Context(), row.ffmpeg)
			require.Equal(t, "ffmpeg plug-in", c.Check)
			require.Equal(t, row.state, c.State, c.Detail)
			require.Contains(t, c.Detail, row.detail)
			require.Contains(t, c.Remedy, row.remedy)
			require.Equal(t, row.remedy == "", c.Remedy == "")
			require.Equal(t, codeFFmpeg, c.code)
		})
	}
}
