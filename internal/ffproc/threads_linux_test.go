package ffproc_test

// What only Linux can show: threads, limits, descriptors, zombies, parents that are killed.

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/internal/ffproc"

	"github.com/framebridge/framebridge/internal/testbed"
)

// waitGone waits until a process is gone or a zombie: its parent may be slow to reap it.
func waitGone(t testing.TB, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return true
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		return strings.HasPrefix(rest, "Z")
	}, patience, time.Millisecond)
}

func TestRetiredThreadsKillNoChild(t *testing.T) {
	const rounds, threads = 10, 100 // 100 at once, so that every idle thread is taken
	var children []*ffproc.Process
	for i := range 4 {
		started := make(chan *ffproc.Process)
		go func() {
			runtime.LockOSThread() // the caller's own thread ends too
			started <- start(t, "sleep", ffproc.Options{Stdout: ffproc.Pipe, Confine: i%2 == 0})
		}()
		p := <-started
		readReady(t, p)
		children = append(children, p)
	}
	seen := map[int]bool{}
	for range rounds {
		tids, retire := make(chan int), make(chan struct{})
		for range threads {
			go func() {
				runtime.LockOSThread() // and ends locked: the runtime throws the thread away
				tids <- unix.Gettid()
				<-retire
			}()
		}
		for range threads {
			seen[<-tids] = true
		}
		close(retire)
	}
	require.Greater(t, len(seen), rounds*threads/2, "the threads were not really retired")
	gone := func() bool {
		for tid := range seen {
			if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid)); err == nil && tid != os.Getpid() {
				return false // the main thread alone is never thrown away
			}
		}
		return true
	}
	require.Eventually(t, gone, patience, time.Millisecond)
	for _, p := range children {
		r, err := p.Stop(within(t))
		require.NoError(t, err)
		require.Equal(t, syscall.SIGTERM, r.Signal, "the kernel's SIGKILL came before our SIGTERM")
	}
}

func TestChildDiesWithItsParent(t *testing.T) {
	for _, kind := range []string{"plain", "confined"} {
		t.Run(kind, func(t *testing.T) {
			p := start(t, "parent:"+kind, ffproc.Options{Stdout: ffproc.Pipe})
			line, err := bufio.NewReader(p.Stdout).ReadString('\n')
			require.NoError(t, err)
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			require.NoError(t, err, line)
			require.NoError(t, syscall.Kill(pid, 0))
			require.NoError(t, syscall.Kill(p.Pid(), syscall.SIGKILL)) // the parent alone: its child has its own group
			waitGone(t, pid)
		})
	}
}

// The parent-death signal would leave the grandchild behind.
func TestLeashedGroupDiesWithItsParent(t *testing.T) {
	p := start(t, "leash", ffproc.Options{Stdout: ffproc.Pipe})
	line, err := bufio.NewReader(p.Stdout).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err, line)
	group, err := syscall.Getpgid(pid)
	require.NoError(t, err)
	require.NotEqual(t, p.Pid(), group)
	require.NoError(t, syscall.Kill(-group, syscall.SIGTERM)) // a stop that nobody obeys
	require.NoError(t, syscall.Kill(p.Pid(), syscall.SIGKILL))
	waitGone(t, pid)
	waitGone(t, group) // the leash itself
}

func TestLeash(t *testing.T) {
	for _, row := range []struct{ name, command string }{
		{"ends by itself", "exit 3"},
		{"leaves somebody behind", "sleep 60 & exit 3"},
		{"kills its own group", "kill -9 0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path, args := ffproc.Shell(row.command)
			p, err := ffproc.Start(bg, path, args, &ffproc.Options{Leash: true, WaitDelay: 50 * time.Millisecond})
			require.NoError(t, err)
			group, err := syscall.Getpgid(p.Pid())
			if err == nil {
				require.NotEqual(t, p.Pid(), group)
				require.True(t, p.Owns(p.Pid()))
			}
			require.False(t, p.Owns(os.Getpid()))
			r, err := p.Wait(within(t))
			require.Error(t, err)
			if row.command == "kill -9 0" {
				require.Equal(t, "signal 9 (SIGKILL)", r.Reason())
			} else {
				require.Equal(t, "exit code 3", r.Reason())
			}
			if group > 0 {
				require.Eventually(t, func() bool { return len(testbed.Group(group)) == 0 }, patience, time.Millisecond, "somebody is left in the group")
			}
		})
	}
	t.Run("a shell obeys, what it started needs a moment", func(t *testing.T) {
		path, args := ffproc.Shell(`sh -c 'trap "sleep 0.3; echo cleaned >&2; exit" TERM; echo ready; while :; do sleep 0.01; done' & wait`)
		p, err := ffproc.Start(bg, path, args, &ffproc.Options{
			Leash: true, Stdout: ffproc.Pipe, WaitDelay: time.Millisecond, Ladder: ffproc.Ladder{{Signal: syscall.SIGTERM, Wait: patience}},
		})
		require.NoError(t, err)
		readReady(t, p)
		require.NoError(t, p.Close())
		// dash may say what the signal did to it, before.
		require.Equal(t, "cleaned\n", strings.TrimPrefix(p.StderrTail(), "Terminated\n"))
	})
	t.Run("stopped", func(t *testing.T) {
		p := start(t, "sleep", ffproc.Options{Stdout: ffproc.Pipe, Leash: true})
		readReady(t, p)
		r, err := p.Stop(within(t))
		require.NoError(t, err)
		require.Equal(t, syscall.SIGTERM, r.Signal)
	})
}

func TestReason(t *testing.T) {
	for _, row := range []struct {
		r    ffproc.Result
		want string
	}{
		{ffproc.Result{Code: 0}, "exit code 0"},
		{ffproc.Result{Code: 127}, "exit code 127"},
		{ffproc.Result{Code: -1, Signal: syscall.SIGSEGV}, "signal 11 (SIGSEGV)"},
		{ffproc.Result{Code: 137}, "signal 9 (SIGKILL)"},
		{ffproc.Result{Code: 255}, "exit code 255"},
	} {
		require.Equal(t, row.want, row.r.Reason())
	}
}

func TestGrandchildDoesNotHangWait(t *testing.T) {
	for _, kind := range []string{"same group", "escaped"} {
		t.Run(kind, func(t *testing.T) {
			p := start(t, "grandchild:"+kind, ffproc.Options{Stdout: ffproc.Pipe, WaitDelay: 100 * time.Millisecond})
			out := make(chan string)
			go func() {
				b, err := io.ReadAll(p.Stdout)
				out <- fmt.Sprint(string(b), err)
			}()
			_, err := p.Wait(within(t))
			require.NoError(t, err)
			var pid int
			text := <-out
			_, err = fmt.Sscan(text, &pid)
			require.NoError(t, err, text)
			require.True(t, strings.HasSuffix(text, "<nil>"), text)
			if kind == "escaped" {
				require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			}
			waitGone(t, pid)
		})
	}
}

func TestConfine(t *testing.T) {
	for _, confine := range []bool{true, false, true} {
		t.Run(fmt.Sprint(confine), func(t *testing.T) {
			p := start(t, "status", ffproc.Options{Stdin: ffproc.Pipe, Stdout: ffproc.Pipe, Confine: confine})
			var status strings.Builder
			for in := bufio.NewScanner(p.Stdout); in.Scan() && in.Text() != "ready"; {
				status.WriteString(in.Text() + "\n")
			}
			limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.Pid()))
			require.NoError(t, err)
			fields := map[string][]string{}
			for _, line := range strings.Split(string(limits), "\n") {
				if len(line) > 26 {
					fields[strings.TrimSpace(line[:26])] = strings.Fields(line[26:])
				}
			}
			if !confine {
				require.Contains(t, status.String(), "NoNewPrivs:\t0")
				require.NotEqual(t, "256", fields["Max open files"][0])
				return
			}
			require.Contains(t, status.String(), "NoNewPrivs:\t1")
			require.Equal(t, []string{"256", "256"}, fields["Max open files"][:2])
			require.Equal(t, []string{"0", "0"}, fields["Max core file size"][:2])
		})
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	round := func() {
		p := start(t, "sleep", ffproc.Options{Stdin: ffproc.Pipe, Stdout: ffproc.Pipe, ExtraPipes: 2, Confine: true})
		readReady(t, p)
		require.NoError(t, p.Close())
		q := start(t, "exit:1", ffproc.Options{Stdin: ffproc.Pipe, Stdout: ffproc.Pipe})
		_, err := q.Wait(within(t))
		require.Error(t, err)
		require.Error(t, q.Close())
		_, err = ffproc.Start(bg, os.Args[0], nil, &ffproc.Options{Dir: "/nonexistent", Stdin: ffproc.Pipe, Stdout: ffproc.Pipe})
		require.Error(t, err)
	}
	round()
	before := descriptors(t)
	for range 20 {
		round()
	}
	require.Equal(t, before, descriptors(t))

	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	require.True(t, errors.Is(err, unix.ECHILD) || err == nil && info.Signo == 0, "a zombie: %v %v", err, info)
}

func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}
