//go:build linux

// B: what readers get. numbers_rows.go and views_rows.go hold the rest of it.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

func readerRows() []row {
	return []row{
		{
			id: "B1", fault: "a writer that never rests, beside readers that copy and that pin", headline: 4,
			must: "no torn frame; at most 10 tries, then ErrOverrun",
			run:  unthrottled,
		},
		{
			id: "B2", fault: "three readers that keep each frame for 100 ms, beside a fast one",
			must: "the fast one loses at most 2 % more than alone",
			run:  slowBesideFast,
		},
		{
			id: "B3", fault: "lossless readers that pause at random, a writer without pauses", headline: 5,
			must: "every frame once and in order, in constant memory",
			run:  everyFrameOnce,
		},
	}
}

// tries is the documented bound of one call.
const tries = 10

// hunter is a reader in this process that checks every frame and the tries of
// every call.
type hunter struct {
	report
	stats     framebuf.ReaderStats
	last      time.Time // of the frame before
	most      uint64    // tries of one call
	beyond    uint64    // calls that tried more often than they may, or gave up early
	untouched bool      // the writer does not fill its frames
}

// hunt reads until ctx ends and adds each frame to total.
func (h *hunter) hunt(ctx context.Context, r *framebuf.Reader, total *atomic.Uint64) error {
	for {
		switch err := h.one(ctx, r); {
		case err == nil:
			total.Add(1)
		case errors.Is(err, framebuf.ErrOverrun):
			h.Overruns++
		default:
			return err
		}
	}
}

// one is one call of Next.
func (h *hunter) one(ctx context.Context, r *framebuf.Reader) error {
	before := r.Stats()
	f, err := r.Next(ctx)
	h.stats = r.Stats()
	n := h.stats.Retries - before.Retries
	h.most = max(h.most, n)
	if overrun := errors.Is(err, framebuf.ErrOverrun); n > tries || overrun && n < tries || err == nil && n == tries {
		h.beyond++
	}
	if err != nil {
		return err
	}
	now := time.Now()
	if h.Delivered > 0 {
		h.Longest = max(h.Longest, now.Sub(h.last))
	}
	h.last = now
	whole := h.untouched || stamp.Whole(f.Bytes(), f.Number) && f.PTS == int64(f.Number)
	if err := f.Release(); errors.Is(err, framebuf.ErrBroken) {
		h.Broken++
		whole = true // it said that it is not
	} else if err != nil {
		return err
	}
	h.seen(f.Number, f.Missed, whole)
	return nil
}

// unthrottled runs a writer process against a copying and a pinning reader, for
// every number of slots and two sizes.
func unthrottled(ctx context.Context, t *trial) {
	for _, f := range []struct {
		width, height, quick, night int
	}{
		{320, 180, 12_000, 900_000},
		{1920, 1080, 400, 100_000},
	} {
		var delivered, retries, overruns, broken uint64
		for _, slots := range []int{2, 3, 4, 8} {
			share := uint64(t.of(f.quick, f.night) / 4)
			dir := t.dir()
			writer := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(f.width, f.height)}, Slots: slots})
			writer.event("ready")
			var total atomic.Uint64
			reading, stop := context.WithCancel(ctx)
			modes := []framebuf.Mode{framebuf.Newest, framebuf.Pinned}
			hunters := make([]hunter, len(modes))
			var running sync.WaitGroup
			for i, m := range modes {
				r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: m})
				require.NoError(t, err)
				running.Go(func() {
					defer r.Close()
					hunters[i].Error = kind(hunters[i].hunt(reading, r, &total))
				})
			}
			for total.Load() < share && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			stop()
			running.Wait()
			wrote := writer.finish()
			for i, m := range modes {
				h := &hunters[i]
				who := fmt.Sprintf("%v, %d slots, %dx%d", m, slots, f.width, f.height)
				h.check(t, who)
				require.Equal(t, "told to stop", h.Error, who)
				if h.beyond > 0 {
					t.Errorf("%s: wrong: a call with %d tries", who, h.most)
				}
				if h.Delivered > 0 && h.Last-h.First+1 != h.Delivered+h.Missed {
					t.Errorf("%s: wrong count: frames %d to %d, but %d delivered and %d missed", who, h.First, h.Last, h.Delivered, h.Missed)
				}
				delivered += h.Delivered
				retries += h.stats.Retries
				overruns += h.Overruns
				broken += h.Broken
				t.note("%s: %d of %d frames, %d retries (at most %d a call), %d overruns, %d views broken, longest gap %v",
					who, h.Delivered, wrote.Delivered, h.stats.Retries, h.most, h.Overruns, h.Broken, h.Longest.Round(time.Millisecond))
			}
		}
		t.also("%dx%d: %d frames delivered, 0 torn, %d retries, %d overruns, %d broken views told", f.width, f.height, delivered, retries, overruns, broken)
	}
	t.outrun(ctx)
}

// outrun lets a writer that only publishes overtake a reader that copies, so that
// the bound of its tries is met.
func (t *trial) outrun(ctx context.Context) {
	calls := t.of(100, 2000)
	dir := t.dir()
	w, err := framebuf.Create("cam0", size(1920, 1080), &framebuf.Options{Dir: dir, Slots: 2, Linger: -1})
	require.NoError(t, err)
	var writing sync.WaitGroup
	publishing, stop := context.WithCancel(ctx)
	writing.Go(func() {
		for w.Publish(publishing, func(*framebuf.Slot) error { return nil }) == nil {
			continue
		}
	})
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir})
	require.NoError(t, err)
	h := hunter{untouched: true}
	done, overruns := 0, 0
	for ; done < calls || overruns == 0 && done < 20*calls; done++ { // a busy machine holds the writer back
		switch err := h.one(ctx, r); {
		case errors.Is(err, framebuf.ErrOverrun):
			overruns++
		case err != nil:
			t.Errorf("outrun: wrong: %v", err)
			done = 20 * calls
		}
	}
	stop()
	writing.Wait()
	if h.beyond > 0 {
		t.Errorf("outrun: wrong: a call with %d tries", h.most)
	}
	require.NoError(t, errors.Join(r.Close(), w.Close()))
	t.also("outrun: %d of %d calls gave up, at most %d tries a call", overruns, done, h.most)
}

// pacedLoss runs one fast reader for a while at 60 frames a second, beside so many
// slow ones, and returns which part of the frames it missed.
func (t *trial) pacedLoss(ctx context.Context, fast framebuf.Mode, slow, frames int) (loss float64, brokenViews uint64) {
	dir := t.dir()
	f := size(640, 360)
	w := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{f}, Slots: 6, Every: time.Second / 60, Frames: frames, Await: slow + 1})
	w.event("ready")
	var readers sync.WaitGroup
	for range slow {
		r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Pinned})
		require.NoError(t, err)
		readers.Go(func() {
			defer r.Close()
			for {
				view, err := r.Next(ctx)
				if err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
				_ = view.Release()
			}
		})
	}
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: fast})
	require.NoError(t, err)
	defer r.Close()
	var rep report
	rep.Error = kind((&stream{Sizes: []framebuf.Format{f}}).readOn(ctx, r, &rep, func(any) {}))
	rep.check(t, "the fast reader")
	require.Equal(t, "end", rep.Error)
	readers.Wait()
	require.NoError(t, w.wait())
	return 1 - float64(rep.Delivered)/float64(frames), rep.Broken
}

// slowBesideFast compares a fast reader beside slow ones with the same reader
// alone. The machine may pause either, so the better of up to five pairs counts.
func slowBesideFast(ctx context.Context, t *trial) {
	frames := t.of(45, 1200)
	for _, m := range []framebuf.Mode{framebuf.Newest, framebuf.Pinned} {
		const pairs = 5
		for i := range pairs {
			alone, _ := t.pacedLoss(ctx, m, 0, frames)
			beside, broken := t.pacedLoss(ctx, m, 3, frames)
			t.note("%v: loses %.1f %% alone, %.1f %% beside three slow ones", m, 100*alone, 100*beside)
			if broken > 0 {
				t.Errorf("%v: wrong: %d views of the fast reader were broken, with a slot to spare", m, broken)
			}
			if beside <= alone+0.02 {
				t.also("%v: %.1f %% of %d frames lost, alone %.1f %%", m, 100*beside, frames, 100*alone)
				break
			}
			if i == pairs-1 {
				t.late("%v: loses %.1f %%, alone %.1f %%", m, 100*beside, 100*alone)
			}
		}
	}
}

// everyFrameOnce is the promise of lossless reading, at its plainest.
func everyFrameOnce(ctx context.Context, t *trial) {
	frames, pause := t.of(3000, 100_000), time.Millisecond
	if t.night {
		pause = 5 * time.Millisecond
	}
	dir := t.dir()
	part := stream{Dir: dir, Sizes: []framebuf.Format{size(320, 180)}, Frames: frames, Await: 2, TellEvery: frames / 10, Mode: framebuf.Lossless, PauseMax: pause}
	part.Linger = 10 * time.Second // for the reader that is behind; it ends when both have left
	writer := t.start(ctx, "writer", part)
	writer.event("ready")
	readers := []*party{t.start(ctx, "reader", part), t.start(ctx, "reader", part)}
	for _, r := range readers {
		r.event("ready")
	}
	all := []*party{writer, readers[0], readers[1]}
	early, grown := make([]int64, len(all)), int64(0)
	for tenth := 1; tenth <= 10; tenth++ {
		writer.event("progress")
		for i, p := range all {
			now := t.memory(p)
			switch {
			case tenth == 3:
				early[i] = now
			case tenth > 3 && now > 0:
				grown = max(grown, now-early[i])
			}
		}
	}
	for i, p := range readers {
		r := p.event("end")
		require.NoError(t, p.wait())
		r.check(t, "reader")
		if r.Error != "end" || r.First != 0 || r.Delivered != uint64(frames) || r.Last != uint64(frames-1) || r.Missed != 0 {
			t.Errorf("reader %d: wrong: %d frames, %d to %d, %d missed, ended with %q", i, r.Delivered, r.First, r.Last, r.Missed, r.Error)
		}
	}
	wrote := writer.event("end")
	require.NoError(t, writer.wait())
	require.Equal(t, "", wrote.Error)
	// Go's own heap breathes by a few MiB; a frame kept by mistake is 225 KiB.
	if limit := int64(8 << 20); grown > limit {
		t.Errorf("memory grew by %d KiB", grown>>10)
	}
	t.reached("%d frames to each of 2 readers with pauses up to %v: 0 lost, 0 twice, 0 out of order; memory at most +%d KiB after a third of them", frames, pause, grown>>10)
}

// memory is what a process holds for itself alone, without the segment.
func (t *trial) memory(p *party) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0 // it has ended
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			require.NoError(t, err)
			return kib << 10
		}
	}
	return 0
}
