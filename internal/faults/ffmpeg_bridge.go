//go:build linux

// What the rows of ffmpeg share: a bridge that runs, its children, clips.

package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/plugin"
)

// bridging is a bridge that runs.
type bridging struct {
	*party
	t    *trial
	part bridge
	done chan struct{}

	mu    sync.Mutex
	turns []turn
}

// bridge starts one. Where the row does not say how pixels travel, it is the plug-in and the pipe in turn, if there is a plug-in.
func (t *trial) bridge(ctx context.Context, part bridge) *bridging {
	if part.Transport == capture.TransportAuto && t.bridges.Add(1)%2 == 0 {
		part.Transport = capture.TransportPipe
	}
	b := &bridging{party: t.start(ctx, "bridge", part), t: t, part: part, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		for {
			var n turn
			if b.hear(&n) != nil {
				return
			}
			b.mu.Lock()
			b.turns = append(b.turns, n)
			b.mu.Unlock()
		}
	}()
	return b
}

// all is what it has told so far.
func (b *bridging) all() []turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.turns)
}

// last is the last turn that is the one looked for.
func (b *bridging) last(is func(turn) bool) (turn, bool) {
	all := b.all()
	for _, n := range slices.Backward(all) {
		if is(n) {
			return n, true
		}
	}
	return turn{}, false
}

// reaches waits for the n-th time, from 1, that who is in a state.
func (b *bridging) reaches(who, state string, n int, d time.Duration) (found turn) {
	b.t.eventually(d, fmt.Sprintf("%s is %s (%d)", who, state, n), func() bool {
		seen := 0
		for _, x := range b.all() {
			if x.Who == who && x.State == state {
				if seen++; seen == n {
					found = x
					return true
				}
			}
		}
		if _, over := b.last(func(x turn) bool { return x.Who == who && x.Over != nil }); over || b.ended() {
			b.t.Errorf("it ended before %s was %s (%d): %s", who, state, n, b.story())
			b.t.FailNow()
		}
		return false
	})
	return found
}

func (b *bridging) ended() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// story is the turns in short.
func (b *bridging) story() string {
	parts := []string{fmt.Sprintf("transport %d", b.part.Transport)}
	for _, n := range b.all() {
		text := n.Who + " " + n.State
		if n.Over != nil {
			text += fmt.Sprintf(" %+v", *n.Over)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// stop asks for the end and waits for it; took is how long that was.
func (b *bridging) stop() (took time.Duration) {
	at := time.Now()
	b.tellToStop()
	b.close()
	return time.Since(at)
}

// close waits for the end.
func (b *bridging) close() {
	select {
	case <-b.done:
	case <-time.After(time.Minute):
		b.t.Errorf("the bridge hangs: %s", b.story())
		b.kill()
		b.t.FailNow()
	}
	if err := b.wait(); err != nil {
		b.t.Errorf("the bridge: %v; %s", err, b.story())
	}
}

// over is how who ended.
func (b *bridging) over(who string) outcome {
	n, ok := b.last(func(n turn) bool { return n.Who == who && n.Over != nil })
	require.True(b.t, ok, "no end of %s: %s", who, b.story())
	return *n.Over
}

// sampled asks for a sample.
func (b *bridging) sampled() (s sample) {
	at := time.Now()
	b.signal(syscall.SIGUSR1)
	b.t.eventually(10*time.Second, "a sample", func() bool {
		n, ok := b.last(func(n turn) bool { return n.Sample != nil && n.At.After(at) })
		if ok {
			s = *n.Sample
		}
		return ok
	})
	return s
}

// child waits for a child of the bridge whose command line has a word, and which
// is none of before.
func (b *bridging) child(word string, before ...int) (pid int) {
	b.t.eventually(10*time.Second, "a child "+word, func() bool {
		for _, p := range childrenOf(b.cmd.Process.Pid) {
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
			if !slices.Contains(before, p) && bytes.Contains(line, []byte(word)) && !bytes.Contains(line, []byte("-version")) && alive(p) && !isSelf(p) {
				pid = p
				return true
			}
		}
		return false
	})
	return pid
}

// What tells the two ffmpegs of a bridge apart.
const (
	decoding = "showinfo"
	encoding = "fpsprobesize"
)

// zombies are the children that nobody has waited for.
func (b *bridging) zombies() (n int) {
	for _, p := range childrenOf(b.cmd.Process.Pid) {
		if stateOf(p) == 'Z' {
			n++
		}
	}
	return n
}

func childrenOf(pid int) (pids []int) {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// stateOf is the kernel's letter for the state of a process; 0 if there is none.
func stateOf(pid int) byte {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(text), ") ")
	if err != nil || !ok || rest == "" {
		return 0
	}
	return rest[0]
}

// alive is false for a process that only waits to be reaped.
func alive(pid int) bool {
	s := stateOf(pid)
	return s != 0 && s != 'Z' && s != 'X'
}

// isSelf is true for a process between fork and exec.
func isSelf(pid int) bool {
	self, _ := os.Readlink("/proc/self/exe")
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err != nil || program == self
}

// needFFmpeg ends the row where there is none.
func (t *trial) needFFmpeg() string {
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.notRun("there is no ffmpeg")
	}
	return program
}

// clip makes a clip of ffmpeg's test picture.
func (t *trial) clip(ctx context.Context, name string, args ...string) string {
	path := filepath.Join(t.scratch(), name)
	require.NoError(t, ffmpegRun(ctx, append(args, path)...))
	return path
}

// decoded is the plain ffmpeg's view of a clip: each frame in RGBA.
func (t *trial) decoded(ctx context.Context, frameBytes int, args ...string) (frames [][]byte) {
	t.needFFmpeg()
	args = append(append([]string{"-v", "error", "-nostdin"}, args...), "-fps_mode", "passthrough", "-pix_fmt", "rgba", "-f", "rawvideo", "-")
	out, err := exec.CommandContext(ctx, "ffmpeg", args...).Output()
	require.NoError(t, err)
	for ; len(out) >= frameBytes; out = out[frameBytes:] {
		frames = append(frames, out[:frameBytes:frameBytes])
	}
	require.Empty(t, out)
	require.NotEmpty(t, frames)
	return frames
}

// fake is a shell script in ffmpeg's place. $n is the number of this start, from
// 1; ffmpeg itself is "$REAL", and $HERE a directory of its own. It returns how
// often it was started. What only asks ffmpeg what it can do gets the true answer,
// and does not count.
func (t *trial) fake(body string) (path string, starts func() int) {
	program := t.needFFmpeg()
	dir := t.scratch()
	path = filepath.Join(dir, "ffmpeg")
	script := fmt.Sprintf("#!/bin/sh\nREAL=%s\nHERE=%s\ncase \"$*\" in *-version*|*-encoders*|*-muxers*|*frei0r=%s\\ *) exec \"$REAL\" \"$@\";; esac\necho x >>$HERE/starts\nn=$(wc -l <$HERE/starts)\n%s\n", program, dir, plugin.Lane, body)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	return path, func() int {
		text, _ := os.ReadFile(filepath.Join(dir, "starts"))
		return bytes.Count(text, []byte("\n"))
	}
}

// frameSum stands for the content of a frame.
type frameSum [md5.Size]byte

// watched reads the bridge's capture losslessly, in the background, and hands each
// frame to see; the end is the reader's.
func (b *bridging) watched(ctx context.Context, see func(*framebuf.Frame)) (end func() error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-b.done: // it could not capture
			cancel()
		case <-waiting.Done():
		}
	}()
	r, err := framebuf.Open(waiting, "cam0", &framebuf.ReaderOptions{Dir: b.part.Dir, Mode: framebuf.Lossless, Wait: true})
	require.NoError(b.t, err, b.story())
	ended := make(chan error, 1)
	go func() {
		defer r.Close()
		for {
			f, err := r.Next(ctx)
			if err != nil {
				ended <- err
				return
			}
			see(f)
			if err := f.Release(); err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() error {
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Minute):
			return fmt.Errorf("a reader hangs")
		}
	}
}
