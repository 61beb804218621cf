//go:build linux

// A3 to A5: processes that stand still, and readers that die holding frames.

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

// writerStopped stops writers for 3 s. From outside a writer that stands still is
// one that is alive and publishes nothing: the stall clock of capture goes by the
// same.
func writerStopped(ctx context.Context, t *trial) {
	const pause, limit = 3 * time.Second, time.Second
	side := t.of(6, 20)
	dirs := t.dirs(side)
	stalls := &spans{}
	var refused atomic.Int64
	stops := t.of(6, 100)
	t.lanes(ctx, side, stops, func(lane, _ int) {
		dir := dirs[lane]
		part := stream{Dir: dir, Sizes: small(), Every: 5 * time.Millisecond, Await: 3}
		w := t.start(ctx, "writer", part)
		w.event("ready")
		looking := t.audience(ctx, part)
		for _, l := range looking {
			t.eventually(5*time.Second, "frames come", func() bool { return l.sees().Delivered > 3 })
		}
		w.signal(syscall.SIGSTOP)
		stopped := time.Now()
		published, since, stalled := uint64(0), stopped, false
		for ; time.Since(stopped) < pause; time.Sleep(100 * time.Millisecond) {
			st, err := framebuf.Stat(dir, "cam0")
			require.NoError(t, err)
			if !st.Alive || st.State != framebuf.Live {
				t.Errorf("a stopped writer is %v, alive %v", st.State, st.Alive)
			}
			if st.Published != published {
				published, since = st.Published, time.Now()
			} else if !stalled && time.Since(since) >= limit {
				stalled = true
				stalls.add(time.Since(stopped) - limit)
			}
			if err := t.intrude(ctx, dir, w.cmd.Process.Pid); err != nil {
				t.Errorf("%v", err)
			} else {
				refused.Add(1)
			}
		}
		if !stalled {
			t.late("in %v nobody could see that the writer stands still", pause)
		}
		for _, l := range looking {
			select {
			case <-l.done:
				t.Errorf("a %v reader took a stopped writer for %q", l.mode, l.sees().Error)
			default:
			}
		}
		w.signal(syscall.SIGCONT)
		for _, l := range looking {
			before := l.sees().Delivered
			t.eventually(5*time.Second, "the writer goes on", func() bool { return l.sees().Delivered > before+3 })
		}
		last := w.finish().Last
		for _, l := range looking {
			r, _ := l.end(t)
			if r.Error != "end" || r.Last != last || l.mode == framebuf.Lossless && r.Delivered != last+1 {
				t.Errorf("a %v reader had %d frames to %d of %d, and ended with %q", l.mode, r.Delivered, r.Last, last, r.Error)
			}
		}
	})
	t.reached("%d stops: 0 false deaths; a second writer, rm and gc refused %d of %d times; stall visible at its limit + p99 %v; lossless readers lost 0",
		stops, refused.Load(), refused.Load(), stalls.at(0.99))
}

// intrude tries what only a dead writer allows.
func (t *trial) intrude(ctx context.Context, dir string, pid int) error {
	w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: dir})
	if err == nil {
		_ = w.Close()
		return errors.New("a second writer started")
	}
	if !errors.Is(err, framebuf.ErrBusy) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", pid)) {
		return fmt.Errorf("a second writer was told: %w", err)
	}
	if err := framebuf.Remove(dir, "cam0"); !errors.Is(err, framebuf.ErrBusy) {
		return fmt.Errorf("rm was told: %w", err)
	}
	if removed, err := framebuf.GC(ctx, dir); len(removed) > 0 || err != nil {
		return fmt.Errorf("gc removed %v: %w", removed, err)
	}
	return nil
}

// beat publishes from the suite's own process and measures its pauses.
type beat struct {
	w         *framebuf.Writer
	stop      func() error
	published atomic.Uint64

	mu      sync.Mutex
	from    time.Time     // pauses count from here
	longest time.Duration // one call of Publish, since from
}

// beat starts one.
func (t *trial) beat(ctx context.Context, every time.Duration, o framebuf.Options, sizes ...framebuf.Format) *beat {
	o.Linger = -1
	w, err := framebuf.Create("cam0", sizes[0], &o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(ctx)
	b, done := &beat{w: w}, make(chan error, 1)
	go func() { done <- b.run(ctx, every) }()
	b.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		return errors.Join(err, w.Close())
	})
	t.cleanup(func() { _ = b.stop() })
	return b
}

func (b *beat) run(ctx context.Context, every time.Duration) error {
	for next := time.Now(); ; next = next.Add(every) {
		time.Sleep(time.Until(next))
		start := time.Now()
		err := b.w.Publish(ctx, func(s *framebuf.Slot) error {
			s.Info.PTS = int64(s.Info.Number)
			stamp.Fill(s.Bytes(), s.Info.Number)
			return nil
		})
		if err != nil {
			return err
		}
		b.mu.Lock()
		if start.Before(b.from) {
			start = b.from
		}
		b.longest = max(b.longest, time.Since(start))
		b.mu.Unlock()
		b.published.Add(1)
	}
}

// reset begins the measuring anew.
func (b *beat) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.from, b.longest = time.Now(), 0
}

// goesOn waits for n more frames and returns the longest pause since reset.
func (b *beat) goesOn(t *trial, n uint64) time.Duration {
	until := b.published.Load() + n
	t.eventually(10*time.Second, "the writer goes on", func() bool { return b.published.Load() >= until })
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.longest
}

// readerKilled kills readers at each of their steps and at random, beside a
// lossless one that must lose nothing.
func readerKilled(ctx context.Context, t *trial) {
	dir, kills := t.dir(), t.of(100, 1000)
	b := t.beat(ctx, 500*time.Microsecond, framebuf.Options{Dir: dir, Slots: 8, Cells: 3}, size(64, 36)) // a cell that leaks would soon be missed
	steady := t.start(ctx, "reader", stream{Dir: dir, Mode: framebuf.Lossless})
	steady.event("ready")
	pauses := t.killReaders(ctx, kills, stream{Dir: dir}, b, t.killArriving)
	broken, err := framebuf.Stat(dir, "cam0")
	require.NoError(t, err)
	require.NoError(t, b.stop())
	r := steady.event("end")
	r.check(t, "the steady reader")
	if published := b.published.Load(); r.Error != "end" || r.Missed > 0 || r.First+r.Delivered != published {
		t.Errorf("the steady reader had %d frames from %d on of %d, missed %d, and ended with %q", r.Delivered, r.First, published, r.Missed, r.Error)
	}
	if broken.Evicted > 0 {
		t.Errorf("%d readers were evicted", broken.Evicted)
	}
	if pauses.max() > time.Second {
		t.late("the writer paused for %v", pauses.max())
	}
	t.reached("%d kills, at %d steps, at random, holding: 0 of %d frames lost for the other lossless reader; writer's pause p99 %v, max %v",
		kills, len(placesOf("A4")), r.Delivered, pauses.at(0.99), pauses.max())
}

// pulse tells whether a writer goes on.
type pulse interface {
	reset()                                  // begins the measuring anew
	goesOn(t *trial, n uint64) time.Duration // waits for n more frames and returns the longest pause since reset
}

// killReaders kills readers, each with part as its part, beside a writer: each
// fourth at a step.
func (t *trial) killReaders(ctx context.Context, kills int, part stream, writer pulse, arriving func(context.Context, place)) (pauses *spans) {
	all := placesOf("A4")
	pauses = &spans{}
	for i := 0; i < kills && ctx.Err() == nil; i++ {
		part := part
		part.Mode = framebuf.Mode(i / 4 % 3)
		switch p := all[7*(i/4)%len(all)]; { // every way soon, if there are not enough for every step
		case i%4 == 0 && p.way == "arrive":
			arriving(ctx, p)
			continue
		case i%4 == 0:
			part.Mode = framebuf.Pinned
			if p.way == "lossless" {
				part.Mode = framebuf.Lossless
			}
			victim := t.start(ctx, "reader", part, failAt(p.at))
			if p.way == "leave" {
				victim.event("ready")
				victim.tellToStop()
			}
			victim.dies(p.at)
			writer.reset()
		case i%4 == 1: // at random, also while it starts
			victim := t.start(ctx, "reader", part)
			time.Sleep(rand.N(25 * time.Millisecond))
			writer.reset()
			victim.kill()
		default: // holding all that it may
			part.Mode, part.Hold, part.Keep = framebuf.Pinned+framebuf.Mode(i%2), 5, true
			victim := t.start(ctx, "reader", part)
			victim.event("holding")
			writer.reset()
			victim.kill()
		}
		pauses.add(writer.goesOn(t, 20))
	}
	return pauses
}

// killArriving kills a lossless reader while it comes over to a new generation: the
// writer must be able to move again.
func (t *trial) killArriving(ctx context.Context, p place) {
	dir := t.dir()
	victim := t.start(ctx, "reader", stream{Dir: dir, Mode: framebuf.Lossless}, failAt(p.at))
	w := t.start(ctx, "writer", stream{
		Dir: dir, Sizes: []framebuf.Format{size(64, 36), size(256, 144), size(320, 180)}, Change: 3, Frames: 9, Await: 1,
	})
	victim.dies(p.at)
	if end := w.event("end"); end.Error != "" || end.Delivered != 9 {
		t.Errorf("%s: the writer published %d of 9 frames, then: %q", p.at, end.Delivered, end.Error)
	}
	require.NoError(t, w.wait())
}

// readerStopped stops readers of each kind for 10 s (3 s where nothing is waited
// for).
func readerStopped(ctx context.Context, t *trial) {
	const patience = 5 * time.Second
	side := t.of(3, 20)
	trials := t.of(3, 100)
	dirs := t.dirs(3 * side)
	evictions := &spans{}
	var waited, lost atomic.Int64
	t.lanes(ctx, 3*side, 3*trials, func(lane, i int) {
		dir, f := dirs[lane], size(64, 36)
		switch i % 3 {
		case 0:
			lost.Add(t.stopLooking(ctx, dir))
		case 1: // a source that can wait
			b := t.beat(ctx, 5*time.Millisecond, framebuf.Options{Dir: dir}, f)
			victim := t.start(ctx, "reader", stream{Dir: dir, Mode: framebuf.Lossless})
			victim.event("ready")
			b.goesOn(t, 20)
			victim.signal(syscall.SIGSTOP)
			time.Sleep(patience + time.Second)
			victim.signal(syscall.SIGCONT)
			b.goesOn(t, 20)
			require.NoError(t, b.stop())
			r := victim.event("end")
			r.check(t, "the reader that stood still")
			if r.Error != "end" || r.First+r.Delivered != b.published.Load() {
				t.Errorf("the reader that was waited for had %d frames from %d on, of %d, and ended with %q", r.Delivered, r.First, b.published.Load(), r.Error)
			}
			waited.Add(1)
		case 2: // a live source
			b := t.beat(ctx, 5*time.Millisecond, framebuf.Options{Dir: dir, Lossless: framebuf.LosslessEvict, EvictAfter: patience}, f)
			other := t.onlook(ctx, stream{Dir: dir, Mode: framebuf.Lossless})
			victim := t.start(ctx, "reader", stream{Dir: dir, Mode: framebuf.Lossless})
			victim.event("ready")
			b.goesOn(t, 20)
			b.reset()
			victim.signal(syscall.SIGSTOP)
			t.eventually(2*patience, "it is evicted", func() bool {
				st, err := framebuf.Stat(dir, "cam0")
				return err == nil && st.Evicted == 1
			})
			evictions.add(b.goesOn(t, 20))
			victim.signal(syscall.SIGCONT)
			if r := victim.event("end"); r.Error != "evicted" || r.Torn+r.Unordered+r.Missed > 0 {
				t.Errorf("an evicted reader ended with %q, %d torn, %d out of order, %d missed", r.Error, r.Torn, r.Unordered, r.Missed)
			}
			require.NoError(t, b.stop())
			if r, _ := other.end(t); r.Error != "end" || r.First+r.Delivered != b.published.Load() {
				t.Errorf("the other lossless reader had %d frames of %d, and ended with %q", r.Delivered, b.published.Load(), r.Error)
			}
		}
	})
	if low, high := evictions.at(0), evictions.max(); low < patience-50*time.Millisecond || high > patience+time.Second {
		t.late("evicted after %v to %v, not %v", low, high, patience)
	}
	t.reached("%d looking: the writer waited 0 times and lost %d frames; %d lossless beside a source that can wait: 0 lost in 6 s; %d beside a live one: evicted and told, after %v to %v",
		trials, lost.Load(), waited.Load(), trials, evictions.at(0), evictions.max())
}

// stopLooking stops readers that only look, one of them with frames pinned, and
// returns how many frames the writer is behind its time.
func (t *trial) stopLooking(ctx context.Context, dir string) (late int64) {
	const every, pause = 5 * time.Millisecond, 3 * time.Second
	b := t.beat(ctx, every, framebuf.Options{Dir: dir}, size(64, 36))
	var victims []*party
	for _, part := range []stream{{Mode: framebuf.Newest}, {Mode: framebuf.Pinned}, {Mode: framebuf.Pinned, Hold: 2, Keep: true}} {
		part.Dir = dir
		v := t.start(ctx, "reader", part)
		v.event("ready")
		if part.Keep {
			v.event("holding")
		}
		v.signal(syscall.SIGSTOP)
		victims = append(victims, v)
	}
	before, start := b.published.Load(), time.Now()
	time.Sleep(pause)
	late = max(int64(time.Since(start)/every)-int64(b.published.Load()-before)-2, 0) // 2: the edges
	st, err := framebuf.Stat(dir, "cam0")
	require.NoError(t, err)
	if st.Blocked > 0 || st.Evicted > 0 {
		t.Errorf("beside readers that look: the writer waited %v, evicted %d", st.Blocked, st.Evicted)
	}
	for _, v := range victims {
		v.signal(syscall.SIGCONT)
		v.tellToStop()
		if r := v.event("end"); r.Error != "told to stop" {
			t.Errorf("a reader that stood still ended with %q", r.Error)
		}
	}
	require.NoError(t, b.stop())
	return late
}
