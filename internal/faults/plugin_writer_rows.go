//go:build linux

// A1p: writers that are plug-ins get SIGKILL.

package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
)

// large is what the rows copy where only the copy counts.
func large() flat { return flat{shape{1280, 720}, "0xf08070"} }

// pluginWriterKilled kills in turn captures whose ffmpeg copies, and ffmpegs that are writers themselves.
func pluginWriterKilled(ctx context.Context, t *trial) {
	const side = 2
	plugins, f := t.needPlugins(ctx), large()
	part := stream{Judge: f.judge(t.tints(ctx, f))}
	kills, dirs := t.of(12, 1000), t.dirs(side)
	following, stop := context.WithCancel(ctx)
	defer stop()
	followers := make([][]*onlooker, side)
	for i, dir := range dirs {
		followers[i] = t.look(following, stream{Dir: dir, Follow: true, Judge: part.Judge}, modesOf(i))
	}
	var began, torn atomic.Int64
	notices := &spans{}
	t.lanes(ctx, side, kills, func(lane, i int) {
		part := part
		part.Dir = dirs[lane]
		var kill func() (gone func())
		if i%2 == 0 {
			kill = t.captureToKill(ctx, part.Dir, f)
		} else {
			kill = t.tap(ctx, plugins, part.Dir, f)
		}
		if i%12 >= 10 { // while it starts
			time.Sleep(rand.N(200 * time.Millisecond))
			kill()
			return
		}
		t.flows(part.Dir)
		looking := t.look(ctx, part, modesOf(lane))
		data, unmap, err := mapFile(filepath.Join(part.Dir, "cam0"), false)
		require.NoError(t, err)
		defer unmap()
		if i/2%2 == 0 {
			time.Sleep(rand.N(25 * time.Millisecond))
		} else {
			t.awaitCopy(part.Dir, f.bytes())
		}
		at := time.Now()
		gone := kill()
		st, err := framebuf.Stat(part.Dir, "cam0")
		require.NoError(t, err)
		for _, l := range looking {
			r, ended := l.end(t)
			if r.Error != "died" || r.Last != st.Newest.Number {
				t.Errorf("a %v reader ended with %q and frame %d of %d", l.mode, r.Error, r.Last, st.Newest.Number)
			}
			notices.add(ended.Sub(at))
		}
		gone()
		u := data.unfinished(f.bytes())
		began.Add(count(u.began))
		torn.Add(count(u.torn()))
	})
	var deaths, frames uint64
	t.lanes(ctx, side, side, func(_, i int) {
		b := t.bridge(ctx, bridge{Dir: dirs[i], Input: f.input(), Transport: capture.TransportPlugin})
		first := t.flows(dirs[i]).FirstFrame
		for _, l := range followers[i] {
			t.eventually(5*time.Second, "a follower reads the last writer", func() bool { return l.sees().Last >= first })
		}
		b.stop()
		last := first + b.over("capture").Out - 1
		for _, l := range followers[i] {
			t.eventually(5*time.Second, "a follower reads the last frame", func() bool { return l.sees().Last == last })
		}
	})
	stop()
	for _, l := range followers {
		for _, l := range l {
			r, _ := l.end(t)
			require.Equal(t, "told to stop", r.Error)
			if r.Anew > 0 {
				t.Errorf("numbers fell %d times", r.Anew)
			}
			deaths, frames = deaths+r.Changes, frames+r.Delivered
		}
	}
	for range t.of(1, 20) {
		t.orphaned(ctx, f)
	}
	if notices.max() > time.Second {
		t.late("a death was noticed after %v", notices.max())
	}
	if torn.Load() == 0 {
		t.late("no kill hit the copy")
	}
	t.reached("%d kills, half of captures and half of taps: %d left a frame unfinished, %d of them with a piece of it copied; 0 torn, 0 backwards, 0 leaked; death noticed p99 %v, max %v; readers that follow came over %d times in %d frames",
		kills, began.Load(), torn.Load(), notices.at(0.99), notices.max(), deaths, frames)
}

// modesOf are all modes, or the one that costs a writer next to nothing, so that it copies nearly all the time.
func modesOf(lane int) []framebuf.Mode {
	if lane%2 == 0 {
		return allModes
	}
	return []framebuf.Mode{framebuf.Pinned}
}

// look is an onlooker of each of the modes.
func (t *trial) look(ctx context.Context, s stream, modes []framebuf.Mode) (all []*onlooker) {
	for _, s.Mode = range modes {
		all = append(all, t.onlook(ctx, s))
	}
	return all
}

// captureToKill starts a capture of f by the plug-in. kill is SIGKILL, and gone waits until nothing is left of its ffmpeg.
func (t *trial) captureToKill(ctx context.Context, dir string, f flat) (kill func() (gone func())) {
	b := t.bridge(ctx, bridge{Dir: dir, Input: f.input(), Transport: capture.TransportPlugin, Restart: capture.RestartNever})
	return func() func() {
		pids := childrenOf(b.cmd.Process.Pid)
		b.kill()
		return func() {
			for _, pid := range pids {
				t.eventually(time.Second, "capture's ffmpeg is gone", func() bool { return !alive(pid) })
			}
		}
	}
}

func count(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
