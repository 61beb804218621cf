//go:build linux

// A6 to A8: who gets a name, who cleans it up, and making it again.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

func nameRoles() map[string]role {
	return map[string]role{"racer": racer, "cleaner": cleaner}
}

// racer waits for the start, which is the end of file 3, and becomes the writer of
// the name, or tells why not. Every 8 bytes of its frames say that they are its own.
func racer(ctx context.Context, part []byte, tell func(any)) error {
	var s stream
	if err := json.Unmarshal(part, &s); err != nil {
		return err
	}
	tell(report{Event: "ready"})
	_, _ = io.Copy(io.Discard, os.NewFile(3, "start"))
	w, err := framebuf.Create(s.name(), s.Sizes[0], &framebuf.Options{Dir: s.Dir, Linger: -1})
	if err != nil {
		tell(report{Event: "outcome", Error: kind(err), Last: holder(err)})
		return nil
	}
	defer w.Close()
	tell(report{Event: "outcome"})
	own := uint64(os.Getpid()) << 32
	for ctx.Err() == nil {
		err := w.Publish(ctx, func(s *framebuf.Slot) error { stamp.Fill(s.Bytes(), own|s.Info.Number); return nil })
		if err != nil {
			return nil //nolint:nilerr // told to stop
		}
	}
	return nil
}

// holder is the process that ErrBusy names; 0: none.
func holder(err error) (pid uint64) {
	if _, after, ok := strings.Cut(err.Error(), "(process "); ok {
		_, _ = fmt.Sscanf(after, "%d", &pid)
	}
	return pid
}

// writersRace lets 20 processes make the same name at the same moment: while it is
// free, and while a dead segment has it.
func writersRace(ctx context.Context, t *trial) {
	const racers = 20
	dir, rounds := t.dir(), t.of(8, 200)
	frames := 0
	for round := 0; round < rounds && ctx.Err() == nil; round++ {
		start, hold, err := os.Pipe()
		require.NoError(t, err)
		var all []*party
		for range racers {
			p := t.start(ctx, "racer", stream{Dir: dir, Sizes: small()}, func(c *exec.Cmd) { c.ExtraFiles = []*os.File{start} })
			all = append(all, p)
		}
		for _, p := range all {
			p.event("ready")
		}
		_ = hold.Close() // go
		_ = start.Close()
		var winner *party
		var told []uint64
		for _, p := range all {
			switch r := p.event("outcome"); {
			case r.Error == "" && winner != nil:
				t.Errorf("round %d: a second winner", round)
			case r.Error == "":
				winner = p
			case r.Error != "busy":
				t.Errorf("round %d: a loser was told %q", round, r.Error)
			default:
				told = append(told, r.Last)
			}
		}
		require.NotNil(t, winner, "round %d: nobody won", round)
		pid := uint64(winner.cmd.Process.Pid)
		for _, said := range told {
			if said != pid {
				t.Errorf("round %d: a loser was told that process %d has the name, which %d has", round, said, pid)
			}
		}
		frames += t.allOf(ctx, dir, pid)
		if round%2 == 0 {
			winner.kill() // the next ones find a dead segment
		} else {
			winner.tellToStop()
		}
		for _, p := range all {
			_ = p.wait()
		}
	}
	t.goesOn(ctx, dir, "the last race", 0)
	t.reached("1 winner in %d of %d rounds of %d, half of them over a dead segment; every loser was told the winner; 0 of %d frames mixed",
		rounds, rounds, racers, frames)
}

// allOf reads some frames: every one must be of that process.
func (t *trial) allOf(ctx context.Context, dir string, pid uint64) (n int) {
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir})
	require.NoError(t, err)
	defer r.Close()
	for n < 10 {
		f, err := r.Next(ctx)
		if errors.Is(err, framebuf.ErrOverrun) {
			continue
		}
		require.NoError(t, err)
		if !stamp.Whole(f.Bytes(), pid<<32|f.Number) {
			t.Errorf("frame %d is not the winner's alone", f.Number)
		}
		require.NoError(t, f.Release())
		n++
	}
	return n
}

// cleaner removes what is dead in a directory.
func cleaner(ctx context.Context, part []byte, tell func(any)) error {
	var s stream
	if err := json.Unmarshal(part, &s); err != nil {
		return err
	}
	_, err := framebuf.GC(ctx, s.Dir)
	tell(report{Event: "end", Error: kind(err)})
	return nil
}

// cleanerKilled kills cleaners at each step and at random; then another cleaner, or
// the next writer, finds the rest.
func cleanerKilled(ctx context.Context, t *trial) {
	const side = 4
	all, kills := placesOf("A7"), t.of(36, 200)
	dirs := t.dirs(side)
	var bySweep, byWriter, atRandom atomic.Int64
	t.lanes(ctx, side, kills, func(lane, i int) {
		dir := dirs[lane]
		part := stream{Dir: dir, Sizes: small()}
		// A segment whose writer died, and the hidden files of two starts that died.
		t.start(ctx, "writer", part, failAt("published@3")).dies("published@3")
		t.start(ctx, "writer", part, failAt("staged")).dies("staged")
		require.Len(t, listed(dir), 4, "the data file, the staged one, and a control file for each")
		what := "a cleaner killed at random"
		if p := all[i/2%len(all)]; i%4 == 3 {
			c := t.start(ctx, "cleaner", part)
			time.Sleep(rand.N(8 * time.Millisecond))
			c.kill()
			atRandom.Add(1)
		} else {
			what = "a cleaner killed at " + p.at
			t.start(ctx, "cleaner", part, failAt(p.at)).dies(p.at)
		}
		if i%2 == 0 {
			c := t.start(ctx, "cleaner", part)
			if end := c.event("end"); end.Error != "" || c.wait() != nil {
				t.Errorf("%s: the next one: %s", what, end.Error)
			}
			for _, name := range listed(dir) {
				t.Errorf("%s: left after the next one: %s", what, name)
			}
			bySweep.Add(1)
			return
		}
		t.goesOn(ctx, dir, what, 0)
		byWriter.Add(1)
	})
	t.reached("%d kills, at %d steps and %d at random: the next cleaner finished %d, the next writer %d; 0 files left",
		kills, len(all), atRandom.Load(), bySweep.Load(), byWriter.Load())
}

// madeAgain makes a name again and again under readers that follow: after a death,
// after an end, and by moving to the next size.
func madeAgain(ctx context.Context, t *trial) {
	dir, times := t.dir(), t.of(24, 1000)
	sizes := []framebuf.Format{size(640, 360), size(1280, 720), size(1920, 1080)}
	following, stop := context.WithCancel(ctx)
	defer stop()
	followers := t.audience(following, stream{Dir: dir, Follow: true, Sizes: sizes})
	over := &spans{}
	ends, last := uint64(0), report{}
	for i := 1; i <= times && ctx.Err() == nil; i++ {
		w := t.start(ctx, "writer", stream{
			Dir: dir, Sizes: []framebuf.Format{sizes[i%3], sizes[(i+1)%3]}, Change: 3, Frames: 6, Tag: uint64(i), Every: time.Millisecond, TellEvery: 6, Stay: true,
		})
		w.event("ready")
		ready := time.Now()
		for _, f := range followers {
			t.eventually(10*time.Second, "a reader comes over", func() bool { return f.sees().Tag == uint64(i) })
			over.add(time.Since(ready))
		}
		if i%2 == 0 && i < times {
			w.kill()
			continue
		}
		w.event("progress") // it has moved as well
		last = w.finish()
		ends++
	}
	for _, f := range followers {
		t.eventually(10*time.Second, "a reader reads the last frame", func() bool { return f.sees().Last == last.Last })
	}
	stop()
	var frames, changes uint64
	for _, f := range followers {
		r, _ := f.end(t)
		if r.Error != "told to stop" || r.Anew > ends-1 {
			t.Errorf("a %v reader ended with %q; numbers began anew %d times after %d ends", f.mode, r.Error, r.Anew, ends)
		}
		frames, changes = frames+r.Delivered, changes+r.Changes
	}
	if over.max() > 5*time.Second {
		t.late("a reader needed %v to come over", over.max())
	}
	t.reached("%d made again in 3 sizes, half after a death: 0 of %d frames with wrong geometry or content, %d changes of generation; read again after p50 %v, p99 %v",
		times, frames, changes, over.at(0.5), over.at(0.99))
}
