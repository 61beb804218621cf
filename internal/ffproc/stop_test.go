//go:build linux

package ffproc_test

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffproc"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// readReady waits for the line by which a fake child says that it listens for signals.
func readReady(t testing.TB, p *ffproc.Process) {
	t.Helper()
	require.NoError(t, p.Stdout.SetReadDeadline(time.Now().Add(patience)))
	line, err := bufio.NewReaderSize(p.Stdout, 16).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
}

func quick(ladder ffproc.Ladder) ffproc.Ladder {
	for i := range ladder {
		ladder[i].Wait = min(ladder[i].Wait, 50*time.Millisecond)
	}
	return ladder
}

func TestCaptureLadder(t *testing.T) {
	for _, tt := range []struct {
		name, mode string
		want       ffproc.Result
	}{
		{"dies of the signal", "sleep", ffproc.Result{Code: -1, Signal: syscall.SIGTERM, Stopped: true}},
		{"leaves at the first", "ignore:0", ffproc.Result{Code: 255, Stopped: true}},
		{"leaves at the second", "ignore:1", ffproc.Result{Code: 255, Stopped: true}},
		{"never leaves", "ignore:9", ffproc.Result{Code: -1, Signal: syscall.SIGKILL, Stopped: true, Killed: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ladder := quick(ffproc.CaptureLadder())
			ladder[1].Wait = 300 * time.Millisecond // the second signal shall suffice on a busy machine
			p := start(t, tt.mode, ffproc.Options{Stdout: ffproc.Pipe, Ladder: ladder})
			readReady(t, p)
			r, err := p.Stop(within(t))
			require.NoError(t, err)
			r.Wall, r.User, r.System = 0, 0, 0
			require.Equal(t, tt.want, r)
		})
	}
}

func TestEncodeLadder(t *testing.T) {
	for _, tt := range []struct {
		name, mode, out string
		code            int
	}{
		{"end of file is enough", "encoder", "trailer after 5", 0},
		{"one SIGINT after it", "deafencoder", "eof then interrupt", 255},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ladder := ffproc.EncodeLadder(patience)
			if tt.code != 0 {
				ladder = ffproc.EncodeLadder(50 * time.Millisecond)
			}
			p := start(t, tt.mode, ffproc.Options{Stdin: ffproc.Pipe, Stdout: ffproc.Pipe, Ladder: ladder})
			if tt.code != 0 { // SIGINT comes soon
				readReady(t, p)
			}
			_, err := p.Stdin.WriteString("bytes")
			require.NoError(t, err)
			r, err := p.Stop(within(t))
			require.NoError(t, err)
			require.Equal(t, tt.code, r.Code)
			out, err := io.ReadAll(p.Stdout)
			require.NoError(t, err)
			require.Equal(t, tt.out, string(out))
		})
	}
}

func TestStopDoesNotHideAFailure(t *testing.T) {
	p := start(t, "failonterm", ffproc.Options{Stdout: ffproc.Pipe})
	readReady(t, p)
	r, err := p.Stop(within(t))
	require.True(t, r.Stopped)
	var exit *ffproc.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.Code)
}

func TestAnyEndAfterStop(t *testing.T) {
	p := start(t, "failonterm", ffproc.Options{Stdout: ffproc.Pipe, AnyEndAfterStop: true})
	readReady(t, p)
	r, err := p.Stop(within(t))
	require.NoError(t, err)
	require.Equal(t, 1, r.Code)
	q := start(t, "exit:1", ffproc.Options{AnyEndAfterStop: true})
	_, err = q.Wait(within(t))
	require.Error(t, err, "nobody asked it to stop")
}

func TestStopAfterTheEndChangesNothing(t *testing.T) {
	p := start(t, "exit:255", ffproc.Options{})
	<-p.Done()
	r, err := p.Stop(within(t))
	require.False(t, r.Stopped)
	require.Error(t, err)
	p.Kill()
	require.Error(t, p.Close())
	require.Error(t, p.Close())
}

func TestStopFromManySides(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	p := start(t, "ignore:1", ffproc.Options{Stdout: ffproc.Pipe, Ladder: quick(ffproc.CaptureLadder())})
	readReady(t, p)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			switch i % 4 {
			case 0:
				cancel()
			case 1:
				_ = p.CloseStdin()
			case 2:
				_ = p.StderrTail()
			}
			_, err := p.Stop(within(t))
			require.NoError(t, err)
			require.NoError(t, p.Close())
		})
	}
	all.Wait()
	require.Error(t, ctx.Err())
}

func TestContextStops(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	p, err := ffproc.Start(ctx, "/proc/self/exe", nil, self("sleep", ffproc.Options{Stdout: ffproc.Pipe}))
	require.NoError(t, err)
	defer p.Close()
	readReady(t, p)
	cancel()
	r, err := p.Wait(within(t))
	require.NoError(t, err)
	require.True(t, r.Stopped)
	require.Equal(t, syscall.SIGTERM, r.Signal)
}

func TestWaitGivesUpWithItsContext(t *testing.T) {
	p := start(t, "sleep", ffproc.Options{})
	ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
	defer cancel()
	_, err := p.Wait(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	select {
	case <-p.Done():
		t.Fatal("the child must go on")
	default:
	}
}

func TestKillCutsTheLadderShort(t *testing.T) {
	p := start(t, "ignore:9", ffproc.Options{Stdout: ffproc.Pipe, Ladder: ffproc.Ladder{{Wait: time.Hour}}})
	readReady(t, p)
	ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
	defer cancel()
	_, err := p.Stop(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	p.Kill()
	p.Kill()
	r, err := p.Wait(within(t))
	require.NoError(t, err)
	require.True(t, r.Killed)
}

func TestGroupIsStopped(t *testing.T) {
	// The shell waits for the second sleep; both must go, not only the shell.
	path, args := ffproc.Shell("sleep 1000 & echo $!; sleep 1000; :")
	p, err := ffproc.Start(bg, path, args, &ffproc.Options{Stdout: ffproc.Pipe})
	require.NoError(t, err)
	defer p.Close()
	line, err := bufio.NewReader(p.Stdout).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	_, err = p.Stop(within(t))
	require.NoError(t, err)
	waitGone(t, pid)
}
