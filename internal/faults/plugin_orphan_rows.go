//go:build linux

// The end of A1p: an ffmpeg that outlives its capture, in the middle of a copy.

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
)

// escaping is a program in ffmpeg's place that starts it where neither the kernel nor its group ends it with capture.
const escaping = `setsid "$REAL" "$@" & echo $! >$HERE/pid; wait`

// orphaned stops such an ffmpeg inside a copy, kills its capture, lets another writer take the name over, and lets the copy go on:
// into memory that nobody but the orphan and old readers have, and there into a frame that was never published.
func (t *trial) orphaned(ctx context.Context, f flat) {
	dir := t.dir()
	fake, _ := t.fake(escaping)
	b := t.bridge(ctx, bridge{Dir: dir, FFmpeg: fake, Input: f.input(), Transport: capture.TransportPlugin})
	t.flows(dir)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(fake), "pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	t.cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })

	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Pinned})
	require.NoError(t, err)
	defer r.Close()
	held, err := r.Next(ctx)
	require.NoError(t, err)
	old := t.mapRaw(filepath.Join(dir, "cam0"), false)
	var copied unfinished
	t.eventually(10*time.Second, "ffmpeg stands still inside a copy", func() bool {
		require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		t.eventually(time.Second, "ffmpeg stands still", func() bool { return stoppedWhole(pid) })
		copied = old.unfinished(f.bytes())
		inside := copied.torn()
		if !inside {
			require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
		}
		return inside
	})
	b.kill()

	w := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(f.w, f.h)}, Every: time.Millisecond})
	w.event("ready")
	looking := t.audience(ctx, stream{Dir: dir})
	require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
	t.eventually(5*time.Second, "the orphan has copied its frame", func() bool {
		_, plain := tint(copied.bytes)
		return plain
	})
	for _, l := range looking {
		n := l.sees().Delivered
		t.eventually(5*time.Second, "readers go on", func() bool { return l.sees().Delivered > n+10 })
	}
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	last := w.finish().Last
	for _, l := range looking {
		if r, _ := l.end(t); r.Error != "end" || r.Last != last {
			t.Errorf("beside an orphan a %v reader ended with %q and frame %d of %d", l.mode, r.Error, r.Last, last)
		}
	}
	if _, plain := tint(held.Bytes()); !plain {
		t.Errorf("the orphan wrote to a frame that was published")
	}
	require.NoError(t, held.Release())
}

// stoppedWhole reports whether every thread of a process stands still.
func stoppedWhole(pid int) bool {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		if n, err := strconv.Atoi(task.Name()); err != nil || stateOf(n) != 'T' {
			return false
		}
	}
	return err == nil
}
