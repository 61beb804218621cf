//go:build linux

package ffproc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffproc"
)

var bg = context.Background()

// patience bounds what would otherwise hang; no test waits for it to pass.
const patience = 30 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(bg, patience)
	t.Cleanup(cancel)
	return ctx
}

func TestEndIsReported(t *testing.T) {
	hide := func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }
	for _, tt := range []struct {
		name, mode, message string
		want                ffproc.Result
	}{
		{"good", "exit:0", "", ffproc.Result{}},
		{"bad", "exit:3", "fake: exit code 3: secret=*** went wrong", ffproc.Result{Code: 3}},
		{"255 unasked", "exit:255", "fake: exit code 255: secret=*** went wrong", ffproc.Result{Code: 255}},
		{"signal", "killself", "fake: killed by signal 9 (killed)", ffproc.Result{Code: -1, Signal: syscall.SIGKILL}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, tt.mode, ffproc.Options{Redact: hide})
			for range 2 { // the same answer every time
				r, err := p.Wait(within(t))
				require.Positive(t, r.Wall)
				r.Wall, r.User, r.System = 0, 0, 0
				require.Equal(t, tt.want, r)
				if tt.message == "" {
					require.NoError(t, err)
					continue
				}
				require.EqualError(t, err, tt.message)
				var exit *ffproc.ExitError
				require.ErrorAs(t, err, &exit)
				require.Equal(t, tt.want.Code, exit.Code)
				require.Equal(t, tt.want.Signal, exit.Signal)
				require.NotContains(t, exit.Stderr+p.StderrTail(), "hunter2")
			}
		})
	}
}

func TestStartRefuses(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, []byte("text"), 0o600))
	for name, path := range map[string]string{
		"missing name": "no-such-program-here",
		"missing path": filepath.Join(dir, "missing"),
		"no program":   plain,
		"directory":    dir,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ffproc.Start(bg, path, nil, nil)
			require.ErrorIs(t, err, ffproc.ErrNotFound)
		})
	}
	t.Run("says what to install", func(t *testing.T) {
		t.Setenv("PATH", dir)
		_, err := ffproc.Start(bg, "ffmpeg", nil, nil)
		require.ErrorIs(t, err, ffproc.ErrNotFound)
		require.ErrorContains(t, err, "apt install ffmpeg")
		require.ErrorContains(t, err, "FRAMEBRIDGE_FFMPEG")
	})
	t.Run("context ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(bg)
		cancel()
		_, err := ffproc.Start(ctx, os.Args[0], nil, self("sleep", ffproc.Options{}))
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("no file", func(t *testing.T) {
		_, err := ffproc.Start(bg, os.Args[0], nil, self("sleep", ffproc.Options{Stdout: ffproc.File}))
		require.ErrorContains(t, err, "no file")
	})
	t.Run("no directory", func(t *testing.T) {
		_, err := ffproc.Start(bg, os.Args[0], nil, self("sleep", ffproc.Options{Dir: filepath.Join(dir, "x")}))
		require.ErrorContains(t, err, "no such file or directory")
	})
}

func TestStdinIsNeverInherited(t *testing.T) {
	p := start(t, "middle", ffproc.Options{Stdin: ffproc.Pipe, Stdout: ffproc.Pipe})
	_, err := p.Stdin.Write(bytes.Repeat([]byte("q"), 1000))
	require.NoError(t, err)
	out, err := io.ReadAll(p.Stdout)
	require.NoError(t, err)
	require.Equal(t, "0<nil>", string(out))
}

func TestStdioFiles(t *testing.T) {
	in, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer in.Close()
	info, err := in.Stat()
	require.NoError(t, err)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer out.Close()
	p := start(t, "encoder", ffproc.Options{Stdin: ffproc.File, StdinFile: in, Stdout: ffproc.File, StdoutFile: out})
	_, err = p.Wait(within(t))
	require.NoError(t, err)
	text, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	require.Equal(t, "trailer after "+itoa(info.Size()), string(text))
}

func TestEnvironment(t *testing.T) {
	t.Setenv("FFREPORT", "file=/dev/null")
	t.Setenv("AV_LOG_FORCE_COLOR", "1")
	t.Setenv("FRAMEBRIDGE_SLOTS", "4")
	t.Setenv("FRAMEBRIDGE_IN", "old")
	t.Setenv("KEPT", "yes")
	out, err := ffproc.Output(within(t), os.Args[0], nil, 1<<20, self("env", ffproc.Options{
		DropEnv: []string{"FRAMEBRIDGE_"}, Env: []string{"FRAMEBRIDGE_IN=cam0", "KEPT=still"},
	}))
	require.NoError(t, err)
	got := map[string]string{}
	for _, kv := range strings.Split(string(out), "\n") {
		k, v, _ := strings.Cut(kv, "=")
		require.NotContains(t, got, k, "twice")
		got[k] = v
	}
	require.Equal(t, "cam0", got["FRAMEBRIDGE_IN"])
	require.Equal(t, "still", got["KEPT"])
	require.NotContains(t, got, "FFREPORT")
	require.NotContains(t, got, "AV_LOG_FORCE_COLOR")
	require.NotContains(t, got, "FRAMEBRIDGE_SLOTS")
	require.Contains(t, got, "PATH")
}

func TestOwnProcessGroup(t *testing.T) {
	out, err := ffproc.Output(within(t), os.Args[0], nil, 100, self("groups", ffproc.Options{}))
	require.NoError(t, err)
	group, pid, _ := strings.Cut(string(out), " ")
	require.Equal(t, pid, group)
}

func TestStderrIsDrained(t *testing.T) {
	for _, kind := range []string{"longline", "cr", "binary", "flood"} {
		t.Run(kind, func(t *testing.T) {
			var got []string
			p := start(t, "stderr:"+kind, ffproc.Options{OnLine: func(b []byte) { got = append(got, string(b)) }})
			_, err := p.Wait(within(t))
			require.NoError(t, err)

			sent := noise(kind)
			tail := p.StderrTail()
			require.LessOrEqual(t, len(tail), 256<<10)
			require.Greater(t, len(tail), 200<<10)
			require.True(t, bytes.HasSuffix(sent, []byte(tail)))

			breaks := strings.NewReplacer("\n", "", "\r", "")
			require.Equal(t, breaks.Replace(string(sent)), strings.Join(got, ""), "bytes lost or out of order")
			for _, line := range got {
				require.NotEmpty(t, line)
				require.LessOrEqual(t, len(line), 64<<10)
			}
			switch kind {
			case "longline":
				require.Len(t, got, 16)
			case "cr":
				require.Len(t, got, 60000)
			case "flood":
				require.Len(t, got, 20000)
			}
		})
	}
}

// Both streams come line by line, and none is mixed into the other.
func TestLinesOfBothStreams(t *testing.T) {
	seen := map[string]int{}
	p := start(t, "talk", ffproc.Options{Stdout: ffproc.Lines, OnLine: func(line []byte) { seen[string(line)]++ }})
	_, err := p.Wait(within(t))
	require.NoError(t, err)
	require.Equal(t, map[string]int{"out is one line": 1000, "err is another": 1000, "no line end": 1}, seen)
	require.NotContains(t, p.StderrTail(), "out", "the tail is that of standard error")
}

func TestTailOfOverflowBeginsAtALine(t *testing.T) {
	p := start(t, "stderr:cr", ffproc.Options{})
	_, err := p.Wait(within(t))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(p.StderrTail(), "frame="), "half a line, which may be half a secret")
}

func TestExtraPipes(t *testing.T) {
	p := start(t, "extra", ffproc.Options{ExtraPipes: 2})
	three, err := io.ReadAll(p.Extra[0])
	require.NoError(t, err)
	four, err := io.ReadAll(p.Extra[1])
	require.NoError(t, err)
	require.Equal(t, "three four", string(three)+" "+string(four))
	require.Nil(t, p.Stdout)
	require.Nil(t, p.Stdin)
}

func TestPipeDeadlines(t *testing.T) {
	p := start(t, "sleep", ffproc.Options{Stdin: ffproc.Pipe, Stdout: ffproc.Pipe})
	readReady(t, p)
	require.NoError(t, p.Stdin.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
	n, err := p.Stdin.Write(make([]byte, 1<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Less(t, n, 1<<20)
	require.NoError(t, p.Stdout.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	_, err = p.Stdout.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestWriteToEndedChildIsAnError(t *testing.T) {
	p := start(t, "exit:0", ffproc.Options{Stdin: ffproc.Pipe})
	_, err := p.Wait(within(t))
	require.NoError(t, err)
	_, err = p.Stdin.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
}

func TestOutputIsReadAfterTheEnd(t *testing.T) {
	p := start(t, "burst", ffproc.Options{Stdout: ffproc.Pipe})
	_, err := p.Wait(within(t))
	require.NoError(t, err)
	require.NoError(t, p.Stdout.SetReadDeadline(time.Now()), "no effect any more")
	b, err := io.ReadAll(p.Stdout)
	require.NoError(t, err)
	require.Len(t, b, 60000)
}

func TestOutput(t *testing.T) {
	_, err := ffproc.Output(within(t), os.Args[0], nil, 59999, self("burst", ffproc.Options{}))
	require.ErrorIs(t, err, ffproc.ErrTooMuchOutput)
	b, err := ffproc.Output(within(t), os.Args[0], nil, 60000, self("burst", ffproc.Options{}))
	require.NoError(t, err)
	require.Len(t, b, 60000)
	_, err = ffproc.Output(within(t), os.Args[0], nil, 10, self("exit:4", ffproc.Options{}))
	var exit *ffproc.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 4, exit.Code)

	ctx, cancel := context.WithTimeout(bg, 50*time.Millisecond)
	defer cancel()
	_, err = ffproc.Output(ctx, os.Args[0], nil, 10, self("sleep", ffproc.Options{}))
	require.True(t, errors.Is(err, context.DeadlineExceeded), "%v", err)
}

func TestShell(t *testing.T) {
	path, args := ffproc.Shell(`printf '%s|' "$A" two; exit 7`)
	out, err := ffproc.Output(within(t), path, args, 100, &ffproc.Options{Env: []string{"A=o ne"}})
	require.Equal(t, "o ne|two|", string(out))
	require.EqualError(t, err, "sh: exit code 7")
}
