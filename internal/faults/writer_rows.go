//go:build linux

// A: death, hang and restart of writers and readers. Here the row of the writer
// that dies anywhere; steps_rows.go has the one that dies at each step.

package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

func writerRows() []row {
	return []row{
		{
			id: "A1", fault: "writer gets SIGKILL at a random point", headline: 1,
			must: "readers keep the last whole frame and hear that it died; the next writer starts by itself",
			run:  writerKilled,
		},
		{
			id: "A2", fault: "writer gets SIGKILL at each step of the protocol",
			must: "as A1; every frame that was published is read, numbers rise",
			run:  writerKilledAtSteps,
		},
		{
			id: "A3", fault: "writer stands still for 3 s (SIGSTOP)", sleeps: true,
			must: "nobody takes it for dead, no second writer starts, and it goes on",
			run:  writerStopped,
		},
		{
			id: "A4", fault: "reader gets SIGKILL while it holds or joins", headline: 2,
			must: "the writer frees what it held; other lossless readers lose nothing",
			run:  readerKilled,
		},
		{
			id: "A5", fault: "reader stands still (SIGSTOP)", sleeps: true,
			must: "only a lossless one holds the writer back: until it goes on, or for EvictAfter",
			run:  readerStopped,
		},
		{
			id: "A6", fault: "20 writers start under one name at the same moment",
			must: "one wins; the others are told who has it",
			run:  writersRace,
		},
		{
			id: "A7", fault: "cleaner gets SIGKILL while it removes what is dead",
			must: "the next one finishes",
			run:  cleanerKilled,
		},
		{
			id: "A8", fault: "name is made again and again, in other sizes, under readers",
			must: "readers come over and never mix generations",
			run:  madeAgain,
		},
		{
			id: "A9", fault: "recorded process numbers are wrong, or the same in two containers",
			must: "nobody goes by them",
			run:  wrongPIDs,
		},
		{
			id: "A10", fault: "clocks of writer and reader differ by days (time namespaces)",
			must: "no false stall, death or eviction",
			run:  wrongClocks,
		},
		{
			id: "A11", fault: "writer gets SIGKILL before its segment has a name",
			must: "no half-made name, no memory left",
			run:  killedUnborn,
		},
		{
			id: "A12", fault: "whoever replaces a value that outlives its writer gets SIGKILL, at each step",
			must: "the old value or the new one, whole; nobody is locked out, nothing is left behind",
			run:  valueKilled,
		},
	}
}

// small is the size of frames where the size does not matter.
func small() []framebuf.Format { return []framebuf.Format{size(64, 36)} }

// writerKilled kills writers while readers of every mode look on: some until the
// death, and some over all deaths.
func writerKilled(ctx context.Context, t *trial) {
	const side = 3
	kills := t.of(60, 1000)
	dirs := t.dirs(side)
	following, stop := context.WithCancel(ctx)
	defer stop()
	followers := make([][]*onlooker, side)
	for i, dir := range dirs {
		followers[i] = t.audience(following, stream{Dir: dir, Follow: true})
	}
	notices := &spans{}
	t.lanes(ctx, side, kills, func(lane, i int) {
		part := stream{Dir: dirs[lane], Sizes: small()}
		if i%2 == 0 { // readers sleep between frames; else they never do
			part.Every = 2 * time.Millisecond
		}
		w := t.start(ctx, "writer", part)
		if i%5 == 4 { // while it starts
			time.Sleep(rand.N(10 * time.Millisecond))
			w.kill()
			return
		}
		w.event("ready")
		looking := t.audience(ctx, part)
		time.Sleep(rand.N(25 * time.Millisecond))
		at := time.Now()
		w.kill()
		var last uint64
		if st, err := framebuf.Stat(part.Dir, "cam0"); err != nil {
			t.Errorf("%v", err)
		} else if st.Newest != nil {
			last = st.Newest.Number
		}
		for _, l := range looking {
			r, ended := l.end(t)
			if r.Error != "died" || r.Last != last {
				t.Errorf("a %v reader ended with %q and frame %d of %d", l.mode, r.Error, r.Last, last)
			}
			notices.add(ended.Sub(at))
		}
	})
	var deaths, frames uint64
	t.lanes(ctx, side, side, func(_, i int) {
		w := t.start(ctx, "writer", stream{Dir: dirs[i], Sizes: small(), Every: time.Millisecond, Tag: 1})
		w.event("ready")
		for _, f := range followers[i] {
			t.eventually(5*time.Second, "a follower reads the last writer", func() bool { return f.sees().Tag == 1 })
		}
		last := w.finish().Last
		for _, f := range followers[i] {
			t.eventually(5*time.Second, "a follower reads the last frame", func() bool { return f.sees().Last == last })
		}
	})
	stop()
	for _, f := range followers {
		for _, f := range f {
			r, _ := f.end(t)
			require.Equal(t, "told to stop", r.Error)
			if r.Anew > 0 {
				t.Errorf("numbers fell %d times", r.Anew)
			}
			deaths, frames = deaths+r.Changes, frames+r.Delivered
		}
	}
	if notices.max() > time.Second {
		t.late("a death was noticed after %v", notices.max())
	}
	t.reached("%d kills, 3 readers each: 0 torn, 0 backwards, 0 leaked; death noticed p99 %v, max %v; readers that follow came over %d times in %d frames",
		kills, notices.at(0.99), notices.max(), deaths, frames)
}

// goesOn starts the next writer of a name, after what has happened to the last
// one, and reads it to its end. It must start without help, number its frames
// from first at least, and leave nothing behind.
func (t *trial) goesOn(ctx context.Context, dir, after string, first uint64) {
	const frames = 5
	w := t.start(ctx, "writer", stream{Dir: dir, Sizes: small(), Frames: frames, Await: 1})
	w.event("ready")
	r, _ := t.onlook(ctx, stream{Dir: dir, Mode: framebuf.Lossless}).end(t)
	if end := w.event("end"); end.Error != "" || w.wait() != nil {
		t.Errorf("%s: the next writer ended with %q", after, end.Error)
	}
	if r.Error != "end" || r.Delivered != frames {
		t.Errorf("%s: %d of %d frames of the next writer, then %q", after, r.Delivered, frames, r.Error)
	}
	if r.First < first {
		t.Errorf("%s: the next writer began at frame %d, not at %d", after, r.First, first)
	}
	for _, name := range listed(dir) {
		t.Errorf("%s: leaked: %s", after, name)
	}
	_, _ = framebuf.GC(ctx, dir)
}
