//go:build linux

// A2, A11: the writer dies at a known step.

package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// stepper kills writers at places, one after the other, in one directory.
type stepper struct {
	t       *trial
	dir     string
	tight   string // a directory without room for two segments; empty: none
	notices *spans
}

// writerKilledAtSteps kills at each place, many times.
func writerKilledAtSteps(ctx context.Context, t *trial) {
	const side = 4
	all, times := placesOf("A2"), t.of(1, 50)
	root := os.Geteuid() == 0
	notices := &spans{}
	steppers := make([]*stepper, side)
	for i, dir := range t.dirs(side) {
		steppers[i] = &stepper{t: t, dir: dir, notices: notices}
		if root {
			steppers[i].tight = t.mountedFor(ctx, 600<<10)
		}
	}
	var kills atomic.Int64
	t.lanes(ctx, side, times*len(all), func(lane, i int) {
		if p := all[i%len(all)]; p.way != "tight" || root {
			steppers[lane].kill(ctx, p)
			kills.Add(1)
		}
	})
	if notices.max() > time.Second {
		t.late("a death was noticed after %v", notices.max())
	}
	left := ""
	if !root {
		left = "; where memory is short: not run, mounting a small tmpfs needs root"
	}
	t.reached("%d kills at %d steps: 0 torn, every published frame read, 0 leaked; noticed p99 %v, max %v%s",
		kills.Load(), len(all), notices.at(0.99), notices.max(), left)
}

// kill starts a writer that dies at the place, and the next one.
func (s *stepper) kill(ctx context.Context, p place) {
	dir, what := s.dir, p.way+", "+p.at
	// Paced, so that readers are asleep when it comes to the place.
	part := stream{Sizes: small(), Await: 3, Every: 4 * time.Millisecond}
	readers := []framebuf.Mode{framebuf.Newest, framebuf.Pinned, framebuf.Lossless}
	first := uint64(p.read)
	switch p.way {
	case "fresh":
		part.Await, readers = 0, nil
	case "tight", "over":
		part.Await, readers = 0, nil
		if p.way == "tight" {
			dir = s.tight
		}
		first = s.corpse(ctx, dir)
	case "move":
		part.Sizes, part.Change = []framebuf.Format{size(64, 36), size(256, 144)}, 3
	case "join":
		part.Await, readers = 1, []framebuf.Mode{framebuf.Lossless}
	case "evict":
		part.Await, readers = 2, []framebuf.Mode{framebuf.Lossless}
		part.Lossless, part.Evict = framebuf.LosslessEvict, 100*time.Millisecond
	case "end":
		part.Frames, part.Rest = 6, 10*time.Millisecond
	}
	part.Dir = dir
	w := s.t.start(ctx, "writer", part, failAt(p.at))
	if len(readers) > 0 {
		w.event("ready")
		if p.way == "evict" {
			defer s.keepOne(ctx, dir)()
		}
	}
	var looking []*onlooker
	for _, m := range readers {
		looking = append(looking, s.t.onlook(ctx, stream{Dir: dir, Mode: m}))
	}
	w.dies(p.at)
	died := time.Now()
	s.names(dir, p)
	for _, l := range looking {
		r, ended := l.end(s.t)
		s.notices.add(ended.Sub(died))
		read := int(r.Delivered)
		if l.mode != framebuf.Lossless && read > 0 { // what counts is the last one
			read = int(r.Last) + 1
		}
		if r.Error != p.told || read != p.read {
			s.t.Errorf("%s: a %v reader had %d frames, not %d, and ended with %q", what, l.mode, read, p.read, r.Error)
		}
	}
	if p.told == "end" || p.name() == "tight-unnamed" || p.name() == "tight-control-unlinked" || p.name() == "tight-unmapped" {
		first = 0 // numbers begin anew
	}
	s.t.goesOn(ctx, dir, what, first)
}

// names checks what can be seen of the segment after the death.
func (s *stepper) names(dir string, p place) {
	names, err := framebuf.List(dir)
	require.NoError(s.t, err)
	has := slices.Contains(names, "cam0")
	want := true
	switch p.name() {
	case "tight-unnamed", "tight-control-unlinked", "tight-unmapped", "unlinked", "control-unlinked":
		want = false
	case "named", "created":
	default:
		want = p.way != "fresh"
	}
	if has != want {
		s.t.Errorf("%s, %s: the name is there: %v", p.way, p.at, has)
	}
	if !has {
		return
	}
	st, err := framebuf.Stat(dir, "cam0")
	require.NoError(s.t, err, "%s, %s: half-made", p.way, p.at)
	if st.Alive {
		s.t.Errorf("%s, %s: the dead writer counts as alive", p.way, p.at)
	}
}

// corpse leaves a segment whose writer is dead. It returns the number that the
// next frame must have at least.
func (s *stepper) corpse(ctx context.Context, dir string) uint64 {
	s.t.start(ctx, "writer", stream{Dir: dir, Sizes: small()}, failAt("frame-rung@3")).dies("frame-rung@3")
	return 3
}

// keepOne is a lossless reader that reads one frame and lets the writer wait.
func (s *stepper) keepOne(ctx context.Context, dir string) (letGo func()) {
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	require.NoError(s.t, err)
	return func() { _ = r.Close() }
}

// killedUnborn kills writers before their segment has its name: at each step to
// it, and at random.
func killedUnborn(ctx context.Context, t *trial) {
	const side = 4
	var before []place
	for _, p := range placesOf("A2") {
		if p.way == "fresh" && p.name() != "named" && p.name() != "created" {
			before = append(before, p)
		}
	}
	kills := t.of(40, 1000)
	var dirs []string
	for range side {
		if os.Geteuid() == 0 {
			dirs = append(dirs, t.mountedFor(ctx, 8<<20)) // nobody else takes or frees memory there
		} else {
			dirs = append(dirs, t.dir())
		}
	}
	var unborn, hidden, bytes, born atomic.Int64
	t.lanes(ctx, side, kills, func(lane, i int) {
		dir, part := dirs[lane], stream{Dir: dirs[lane], Sizes: []framebuf.Format{size(320, 180)}}
		if i%2 == 0 {
			p := before[i/2%len(before)]
			t.start(ctx, "writer", part, failAt(p.at)).dies(p.at)
		} else {
			w := t.start(ctx, "writer", part)
			time.Sleep(rand.N(12 * time.Millisecond))
			w.kill()
		}
		names, err := framebuf.List(dir)
		require.NoError(t, err)
		if len(names) > 0 {
			born.Add(1)
			if i%2 == 0 {
				t.Errorf("%s: the name was there", before[i/2%len(before)].at)
			}
		} else {
			unborn.Add(1)
			left := listed(dir)
			if len(left) > 0 {
				hidden.Add(1)
			}
			var size int64
			for _, name := range left {
				if st, err := os.Stat(filepath.Join(dir, name)); err == nil {
					size += st.Size()
				}
			}
			bytes.Add(size)
			// A process of another lane has copies of the suite's files until its exec.
			t.eventually(time.Second, "no memory but that of the hidden file is in use", func() bool {
				return os.Geteuid() != 0 || usedBytes(dir) == size
			})
		}
		t.goesOn(ctx, dir, "a start that was killed", 0)
	})
	t.reached("%d killed before the name: 0 names, 0 bytes of frames; %d of them left the hidden control file (%d bytes in all), which the next start removed; %d more had a name already",
		unborn.Load(), hidden.Load(), bytes.Load(), born.Load())
}

// usedBytes is how much of a directory's file system is in use.
func usedBytes(dir string) int64 {
	var fs syscall.Statfs_t
	if syscall.Statfs(dir, &fs) != nil {
		return 0
	}
	return int64(fs.Blocks-fs.Bfree) * fs.Bsize
}
