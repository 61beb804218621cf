package cli

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testSession is a session that prints nowhere.
func testSession(t testing.TB) *session {
	t.Helper()
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	t.Cleanup(func() { _ = null.Close() })
	return &session{
		in: null, out: io.Discard, outFile: null, console: &console{w: io.Discard},
		environ: func(string) (string, bool) { return "", false },
	}
}

func TestTranslate(t *testing.T) {
	for _, row := range []struct{ name, in, out, refused string }{
		{"nothing to do", "run a b --crf 20 -y", "run a b --crf 20 --overwrite", ""},
		{"long names with one hyphen", "capture a b -ss 10 -vf hflip -t 5", "capture a b --ss=10 --vf=hflip --duration=5", ""},
		{"a value that looks like a flag", "capture a b --vf -an -t -5", "capture a b --vf -an --duration=-5", ""},
		{"-re is not -r e", "run a b -re", "run a b --pace=source", ""},
		{"-r is the rate", "run a b -r 25", "run a b --fps=25", ""},
		{"a number that is stuck on", "run a b -r25", "run a b -r25", ""},
		{"letters that are stuck on", "run a b -rfast", "", "two hyphens"},
		{"flags in a bundle", "dump a -qy", "dump a -qy", ""},
		{"-an", "encode a b -an", "encode a b --audio=none", ""},
		{"-i before the input", "run -i a b", "run a b", ""},
		{"-i elsewhere", "run a -i b", "", "the input stands before the output"},
		{"-c:v", "run a b -c:v libx264", "run a b --codec=libx264", ""},
		{"a value with an equals sign", "run a b -vf=scale=2:2", "run a b --vf=scale=2:2", ""},
		{"a flag of another command", "ls -frames 2", "", "ls has no such flag"},
		{"after --", "run a b -- -re -b:v 2M", "run a b -- -re -b:v 2M", ""},
		{"a lone hyphen", "capture - cam0", "capture - cam0", ""},
		{"ffmpeg's own", "run a b -b:v 2M", "", "--output-args"},
		{"unknown", "run a b -nonsense", "", "--input-args"},
		{"a log level", "run a b -v error", "", "no levels"},
		{"-v alone", "run a b -v", "run a b --verbose", ""},
		{"no value", "run a b -ss", "", "needs a value"},
		{"reserved", "serve -port 80", "serve -port 80", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := translate(newRoot(testSession(t)), strings.Fields(row.in))
			if row.refused != "" {
				require.ErrorContains(t, err, row.refused)
				require.Equal(t, codeUsage, exitCode(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.out, strings.Join(got, " "))
		})
	}
}

// Every habit leads to a flag that some command has, or says why not.
func TestHabitsLeadSomewhere(t *testing.T) {
	root := newRoot(testSession(t))
	for name, h := range habits() {
		if h.say == "" {
			require.True(t, isFlagElsewhere(root, h.flag), name)
		}
	}
}

// The command line is a promise: a name that goes missing breaks scripts.
func TestPromisedNames(t *testing.T) {
	root := newRoot(testSession(t))
	promised := map[string]string{
		"run":      "analyzer exec name size fps ss duration vf pix-fmt codec preset crf loop hwaccel rtsp-transport overwrite pace audio on-resize transport slots evict group sealed lossless newest print-command input-args output-args",
		"capture":  "size fps ss duration vf pix-fmt loop hwaccel rtsp-transport pace audio on-resize transport slots evict group await-readers wait lossless newest print-command input-args",
		"generate": "pattern frames size fps duration pace pix-fmt slots evict group await-readers wait lossless newest",
		"analyze":  "analyzer lossless newest wait follow slots evict group trust sealed await-readers",
		"encode":   "codec preset crf pix-fmt overwrite pace audio lossless newest wait follow trust transport print-command output-args",
		"dump":     "as output overwrite lossless newest wait follow trust sealed",
		"snap":     "overwrite wait trust",
		"ls":       "trust", "info": "trust", "rm": "", "gc": "", "doctor": "", "version": "",
	}
	for name, flags := range promised {
		cmd, _, err := root.Find([]string{name})
		require.NoError(t, err)
		require.Equal(t, name, cmd.Name())
		all := allFlags(cmd)
		for _, flag := range append(strings.Fields(flags), "dir", "json", "quiet", "verbose", "help") {
			require.NotNil(t, all.Lookup(flag), "%s --%s", name, flag)
		}
	}
	for short, flag := range map[string]string{"s": "size", "r": "fps", "t": "duration", "y": "overwrite", "q": "quiet", "v": "verbose"} {
		cmd, _, _ := root.Find([]string{"run"})
		require.Equal(t, flag, allFlags(cmd).ShorthandLookup(short).Name)
	}
}
