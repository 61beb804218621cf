//go:build linux

// H: the clean end, which nobody may take for a crash, nor a crash for it.

package main

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

func endRows() []row {
	return []row{
		{
			id: "H1", fault: "source ends", headline: 11,
			must: "every lossless reader gets every frame, then io.EOF; everybody exits with 0",
			run:  sourceEnds,
		},
		{
			id: "H2", fault: "reader comes after the end, or after the segment is gone", sleeps: true,
			must: "the last frame, then io.EOF; or ErrNotFound",
			run:  lateReaders,
		},
		{
			id: "H3", fault: "generate and capture get SIGTERM",
			must: "readers are told the end, the name goes, exit code 143",
			run:  terminated,
		},
		{
			id: "H4", fault: "writer gets SIGKILL around its end",
			must: "the state that it had stored decides: end or death, the same for everybody",
			run:  endOrDeath,
		},
	}
}

// sourceEnds lets sources end: the suite's own, for the times, and those of the
// command line, for the exit codes.
func sourceEnds(ctx context.Context, t *trial) {
	const side, frames = 2, 30
	dirs, runs := t.dirs(side), t.of(40, 1000)
	program, notBuilt := t.framebridge(ctx)
	ends := &spans{}
	var delivered, written, exits, clean atomic.Int64
	exit := func(name string, err error) {
		exits.Add(1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		clean.Add(1)
	}
	t.lanes(ctx, side, runs, func(lane, i int) {
		dir := dirs[lane]
		if notBuilt == "" && i%4 == 3 {
			written.Add(3 * frames)
			delivered.Add(t.commandsEnd(ctx, program, dir, frames, exit))
			return
		}
		var readers []*party
		for range 3 {
			readers = append(readers, t.start(ctx, "reader", stream{Dir: dir, Mode: framebuf.Lossless}))
		}
		w := t.start(ctx, "writer", stream{Dir: dir, Sizes: small(), Frames: frames, Await: 4})
		w.event("ready")
		looking := t.onlook(ctx, stream{Dir: dir, Mode: framebuf.Mode(i % 2)}) // newest or pinned
		for _, p := range readers {
			r := p.event("end")
			r.check(t, "a lossless reader")
			if r.Error != "end" || r.Delivered != frames || r.Missed > 0 {
				t.Errorf("a lossless reader had %d of %d frames, and ended with %q", r.Delivered, frames, r.Error)
			}
			ends.add(r.EndAfter)
			delivered.Add(int64(r.Delivered))
			exit("a reader", p.wait())
		}
		if r, _ := looking.end(t); r.Error != "end" || r.Last != frames-1 {
			t.Errorf("a %v reader read up to frame %d of %d, and ended with %q", looking.mode, r.Last, frames-1, r.Error)
		}
		end := w.event("end")
		written.Add(3 * int64(end.Delivered))
		exit("a writer", w.wait())
		for _, name := range listed(dir) {
			t.Errorf("left after the end: %s", name)
		}
	})
	if ends.max() > time.Second {
		t.late("the end came %v after the last frame", ends.max())
	}
	commands := ", a quarter of them framebridge generate and dump"
	if notBuilt != "" {
		commands = " (the command line: not run, " + notBuilt + ")"
	}
	t.reached("%d runs × 3 readers%s: %d of %d frames delivered; end after the last frame p50 %v, p99 %v, max %v; %d of %d exits with 0",
		runs, commands, delivered.Load(), written.Load(), ends.at(0.5), ends.at(0.99), ends.max(), clean.Load(), exits.Load())
}

// commandsEnd is one such run with the command line. It returns how many frames
// were delivered.
func (t *trial) commandsEnd(ctx context.Context, program, dir string, frames int, exit func(string, error)) (delivered int64) {
	generate := t.runs(ctx, program, dir, "generate", "cam0", "--frames", strconv.Itoa(frames), "--pace", "fast", "-s", "64x36", "--await-readers", "3", "-q")
	require.NoError(t, generate.Start())
	type dumped struct {
		lines int
		err   error
	}
	results := make(chan dumped, 3)
	for range 3 {
		go func() {
			out, err := t.runs(ctx, program, dir, "dump", "cam0", "--as", "json", "-q").Output()
			results <- dumped{strings.Count(string(out), "\n"), err}
		}()
	}
	for range 3 {
		d := <-results
		exit("framebridge dump", d.err)
		if d.lines != frames {
			t.Errorf("framebridge dump wrote %d of %d frames", d.lines, frames)
		}
		delivered += int64(d.lines)
	}
	exit("framebridge generate", generate.Wait())
	return delivered
}

// lateReaders comes at known and at random moments after the end.
func lateReaders(ctx context.Context, t *trial) {
	const linger = 300 * time.Millisecond
	side := t.of(6, 10)
	dirs, rounds := t.dirs(side), t.of(18, 200)
	var late, gone atomic.Int64
	t.lanes(ctx, side, rounds, func(lane, i int) {
		dir := dirs[lane]
		w := t.start(ctx, "writer", stream{Dir: dir, Sizes: small(), Frames: 5, Linger: linger})
		w.event("ready")
		t.eventually(5*time.Second, "the source ends", func() bool {
			st, err := framebuf.Stat(dir, "cam0")
			return err == nil && st.State == framebuf.Ended
		})
		ended := time.Now()
		read := func(m framebuf.Mode) report {
			var rep report
			r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: m})
			if err == nil {
				err = (&stream{}).readOn(ctx, r, &rep, func(any) {})
				_ = r.Close()
			}
			rep.Error = kind(err)
			rep.check(t, m.String()+" reader")
			return rep
		}
		modes := []framebuf.Mode{framebuf.Newest, framebuf.Pinned, framebuf.Lossless}
		for _, m := range modes {
			switch r := read(m); {
			case r.Error == "not found" && time.Since(ended) > linger/2: // since the end was seen: it came before
				t.late("a %v reader came %v after the end, which stays for %v", m, time.Since(ended), linger)
			case r.Error != "end" || r.Delivered != 1 || r.Last != 4:
				t.Errorf("a %v reader after the end had %d frames, the last %d, and ended with %q", m, r.Delivered, r.Last, r.Error)
			}
			late.Add(1)
		}
		time.Sleep(rand.N(linger))
		for over := false; !over; { // into the removal
			switch r := read(modes[i%3]); {
			case r.Error == "not found" && r.Delivered == 0:
				over = true
			case r.Error != "end" || r.Last != 4:
				t.Errorf("a %v reader at the removal had %d frames, the last %d, and ended with %q", modes[i%3], r.Delivered, r.Last, r.Error)
			default:
				late.Add(1)
				time.Sleep(rand.N(time.Millisecond))
			}
		}
		require.Empty(t, w.event("end").Error)
		for _, m := range modes {
			if r := read(m); r.Error != "not found" {
				t.Errorf("a %v reader after the removal was told %q", m, r.Error)
			}
			gone.Add(1)
		}
	})
	t.reached("%d segments: last frame and end for %d of %d readers, not found for %d of %d", rounds, late.Load(), late.Load(), gone.Load(), gone.Load())
}

// terminated sends SIGTERM to the command line's writers.
func terminated(ctx context.Context, t *trial) {
	const side = 2
	program, why := t.framebridge(ctx)
	if why != "" {
		t.notRun(why)
	}
	_, err := exec.LookPath("ffmpeg")
	capturing := err == nil
	dirs, runs := t.dirs(side), t.of(8, 200)
	took := &spans{}
	var captures atomic.Int64
	t.lanes(ctx, side, runs, func(lane, i int) {
		dir := dirs[lane]
		args := []string{"generate", "cam0", "-s", "64x36", "-r", "100", "-q"}
		if capturing && i%2 == 1 {
			args = []string{"capture", "lavfi:testsrc2=size=64x48:rate=100", "cam0", "-re", "--lossless", "--await-readers", "0", "-q"}
			captures.Add(1)
		}
		c := t.runs(ctx, program, dir, args...)
		require.NoError(t, c.Start())
		t.cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		t.eventually(10*time.Second, args[0]+" writes", func() bool {
			st, err := framebuf.Stat(dir, "cam0")
			return err == nil && st.Alive
		})
		looking := t.audience(ctx, stream{Dir: dir, Foreign: true})
		for _, l := range looking {
			t.eventually(10*time.Second, "frames come", func() bool { return l.sees().Delivered > 2 })
		}
		time.Sleep(rand.N(20 * time.Millisecond))
		at := time.Now()
		require.NoError(t, c.Process.Signal(syscall.SIGTERM))
		_ = c.Wait()
		took.add(time.Since(at))
		if code := c.ProcessState.ExitCode(); code != 143 {
			t.Errorf("%s: exit code %d, not 143", args[0], code)
		}
		for _, l := range looking {
			if r, _ := l.end(t); r.Error != "end" {
				t.Errorf("%s: a %v reader ended with %q", args[0], l.mode, r.Error)
			}
		}
		for _, name := range listed(dir) {
			t.Errorf("%s: left after SIGTERM: %s", args[0], name)
		}
	})
	if took.max() > 5*time.Second {
		t.late("it took %v to end", took.max())
	}
	what := ""
	if !capturing {
		what = " (capture: not run, no ffmpeg)"
	}
	t.reached("%d SIGTERMs, %d of them to capture%s: end told to 3 readers each, code 143, 0 names left; it took p50 %v, p99 %v, max %v",
		runs, captures.Load(), what, took.at(0.5), took.at(0.99), took.max())
}

// endOrDeath kills around the end. What the file says afterwards is the truth.
func endOrDeath(ctx context.Context, t *trial) {
	const side, frames = 4, 20
	dirs, runs := t.dirs(side), t.of(60, 2700)
	var ends, deaths atomic.Int64
	t.lanes(ctx, side, runs, func(lane, i int) {
		dir := dirs[lane]
		part := stream{Dir: dir, Sizes: small(), Frames: frames, Await: 3, Every: 500 * time.Microsecond, Linger: 20 * time.Millisecond}
		var w *party
		at := "final-stored" // right before it says so, or right after
		if i%6 == 3 {
			at = "ended"
		}
		if i%3 == 0 {
			part.Rest = 5 * time.Millisecond // readers are asleep
			w = t.start(ctx, "writer", part, failAt(at))
		} else {
			w = t.start(ctx, "writer", part)
		}
		w.event("ready")
		looking := t.audience(ctx, stream{Dir: dir})
		lossless := looking[2]
		if i%3 == 0 {
			w.dies(at)
		} else {
			t.eventually(5*time.Second, "the first frame", func() bool { return lossless.sees().Delivered > 0 })
			time.Sleep(rand.N(20 * time.Millisecond)) // its frames take 10 ms
			w.kill()
		}
		told := "died"
		st, err := framebuf.Stat(dir, "cam0")
		switch {
		case kind(err) == "not found":
			told = "end"
		case err != nil:
			t.Errorf("%v", err)
		case st.State == framebuf.Ended:
			told = "end"
		}
		for _, l := range looking {
			r, _ := l.end(t)
			if r.Error != told {
				t.Errorf("a %v reader was told %q, not %q", l.mode, r.Error, told)
			}
			if told == "end" && l == lossless && r.Delivered != frames {
				t.Errorf("a lossless reader had %d of %d frames at the end", r.Delivered, frames)
			}
		}
		if told == "end" {
			ends.Add(1)
		} else {
			deaths.Add(1)
		}
	})
	for _, dir := range dirs {
		t.goesOn(ctx, dir, "the last kill", 0)
	}
	t.reached("%d kills: %d ends and %d deaths, told right to 3 readers each", runs, ends.Load(), deaths.Load())
}
