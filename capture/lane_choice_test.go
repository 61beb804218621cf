package capture

// Which way the pixels take, and what is said where the plug-in cannot be had.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/plugin"
	"github.com/framebridge/framebridge/internal/testbed"
)

// builtWithout is an ffmpeg whose -version lacks a word.
func builtWithout(t *testing.T, word string) string {
	t.Helper()
	needFFmpeg(t)
	program, err := exec.LookPath("ffmpeg")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ffmpeg")
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *-version*) %[1]s \"$@\" | sed s/%[2]s//;; *) exec %[1]s \"$@\";; esac\n", program, word)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	return path
}

// Where the plug-in cannot be had, auto takes the pipe and can say why, and plugin is an error that says the same.
func TestTransportWithoutThePlugin(t *testing.T) {
	needFFmpeg(t)
	dir := testbed.Plugins(t)
	foreign := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, plugin.Lane+".so"), []byte("no plug-in"), 0o600))
	empty := t.TempDir()
	for _, row := range []struct {
		name string
		dir  string
		o    Options
		want string
	}{
		{"missing", empty, Options{}, "no framebridge_lane.so in " + empty},
		{"no plug-in", foreign, Options{}, "does not load the plug-in " + foreign},
		{"an ffmpeg without frei0r", dir, Options{FFmpeg: builtWithout(t, "--enable-frei0r")}, "built without frei0r"},
		{"another format", dir, Options{PixelFormat: framebuf.NV12}, "it takes rgba and bgra only, not nv12"},
		{"a sealed segment", dir, Options{Sealed: true}, "sealed"},
		{"ffmpeg is told to be silent", dir, Options{InputArgs: []string{"-loglevel", "error"}}, "-loglevel"},
		{"sizes that change behind ffmpeg's back", dir, Options{Filter: "scale=w='64+2*n':h=48:eval=frame"}, "change the size of frames"},
		{"told so in short", dir, Options{InputArgs: []string{"-v", "quiet"}}, "-loglevel"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv(plugin.Variable, row.dir)
			o := row.o
			o.Dir, o.Linger, o.Transport = memory(t), -1, TransportPlugin
			_, err := Open(bounded(t), clip("gray.mkv"), "test", &o)
			require.ErrorIs(t, err, ErrFFmpeg)
			require.ErrorContains(t, err, "no transport by the plug-in: ")
			require.ErrorContains(t, err, row.want)

			o.Transport = TransportAuto
			c, err := Open(bounded(t), clip("gray.mkv"), "test", &o)
			require.NoError(t, err)
			defer c.Close()
			way, whyNot := c.Transport()
			require.Equal(t, TransportPipe, way)
			require.ErrorContains(t, whyNot, row.want)
			require.NotContains(t, strings.Join(c.Command(), " "), plugin.Lane)
		})
	}
}

// Formats other than those of frei0r go through the pipe.
func TestTransportByFormat(t *testing.T) {
	longRun(t)
	needFFmpeg(t)
	testbed.ByPlugin(t)
	for _, name := range framebuf.PixelFormats() {
		t.Run(name, func(t *testing.T) {
			p, err := framebuf.ParsePixelFormat(name)
			require.NoError(t, err)
			c, err := Open(bounded(t), "lavfi:testsrc2", "test", &Options{Dir: memory(t), Linger: -1, PixelFormat: p})
			require.NoError(t, err)
			defer c.Close()
			way, whyNot := c.Transport()
			if p == framebuf.RGBA || p == framebuf.BGRA {
				require.Equal(t, TransportPlugin, way)
				require.NoError(t, whyNot)
				require.Equal(t, []string{"env", "FREI0R_PATH=" + testbed.Plugins(t)}, c.Command()[:2])
				return
			}
			require.Equal(t, TransportPipe, way)
			require.ErrorContains(t, whyNot, "it takes rgba and bgra only, not "+name)
		})
	}
}
