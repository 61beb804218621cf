//go:build linux

// W: waiting and waking.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/shm"
	"github.com/framebridge/framebridge/internal/stamp"
)

func waitRows() []row {
	return []row{
		{
			id: "W1", fault: "a peer that swallows wake-ups, wakes for nothing and moves sleepers away, and signals to both",
			must: "no wait over 150 ms",
			run:  thief,
		},
		{
			id: "W2", fault: "waiting on a segment whose name was removed",
			must: "ErrUnlinked within 1 s", sleeps: true,
			run: orphaned,
		},
		{
			id: "W3", fault: "the context ends, or the reader is closed, during a wait",
			must: "the wait ends: p99 within 100 ms, no goroutine stays", sleeps: true,
			run: interrupted,
		},
		{
			id: "W4", fault: "a frame comes while a reader sleeps",
			must: "it wakes up: p50 100 µs, p99 1 ms on an idle machine (printed, and judged by the wake-up alone)",
			run:  wakeLatency,
		},
	}
}

func waitRoles() map[string]role {
	return map[string]role{"thief": stealWakes}
}

// pauses measures how long this machine keeps a process from running, which no
// wait can be better than.
func (t *trial) pauses() (worst func() time.Duration) {
	var most atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		const step = 5 * time.Millisecond
		for {
			start := time.Now()
			select {
			case <-stop:
				return
			case <-time.After(step):
				most.Store(max(most.Load(), int64(time.Since(start)-step)))
			}
		}
	}()
	return sync.OnceValue(func() time.Duration {
		close(stop)
		<-done
		return time.Duration(most.Load())
	})
}

// theft is the part of a thief.
type theft struct {
	Data, Control string        // files; it may only read them
	Abduct        time.Duration // how often it moves the sleepers away
}

// stealWakes tells at its end how many sleepers it moved.
func stealWakes(ctx context.Context, part []byte, tell func(any)) error {
	var th theft
	if err := json.Unmarshal(part, &th); err != nil {
		return err
	}
	data, undata, err := mapFile(th.Data, false)
	if err != nil {
		return err
	}
	defer undata()
	control, uncontrol, err := mapFile(th.Control, false)
	if err != nil {
		return err
	}
	defer uncontrol()
	words := []*atomic.Uint32{data.word32(data.dynamic() + atEvent), control.word32(atRingEvent)}
	// Words of the same files where nobody ever rings.
	away := []*atomic.Uint32{data.word32(data.dynamic() + atEvent + 8), control.word32(atRingEvent + 8)}
	tell(report{Event: "ready"})
	var moved uint64
	for last, turn := time.Now(), 0; ctx.Err() == nil; {
		if i := turn % 2; time.Since(last) > th.Abduct {
			if n := abduct(words[i], away[i]); n > 0 {
				moved += uint64(n)
				last = time.Now()
				turn++
			}
		}
		steal(words[0])
		steal(words[1])
	}
	tell(report{Event: "end", Delivered: moved})
	return nil
}

// thief has writer and reader wait for each other at every frame, with two slots,
// beside the peer and under signals.
func thief(ctx context.Context, t *trial) {
	rounds := t.of(30_000, 1_000_000)
	dir := t.dir()
	f := size(16, 16)
	w := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{f}, Slots: 2, Frames: rounds, Await: 1, Linger: 5 * time.Second})
	w.event("ready")
	every := 200 * time.Millisecond // each costs up to 100 ms
	if t.night {
		every = time.Second
	}
	th := t.start(ctx, "thief", theft{Data: filepath.Join(dir, "cam0"), Control: t.controlOf(dir, "cam0"), Abduct: every})
	th.event("ready")
	signals := make(chan struct{})
	var signalling sync.WaitGroup
	signalling.Go(func() {
		for {
			select {
			case <-signals:
				return
			case <-time.After(time.Millisecond):
				_ = w.cmd.Process.Signal(syscall.SIGURG)
				_ = syscall.Kill(os.Getpid(), syscall.SIGURG)
			}
		}
	})
	worst := t.pauses()
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	defer r.Close()
	var rep report
	waits := &spans{}
	for {
		start := time.Now()
		view, err := r.Next(ctx)
		if err != nil {
			rep.Error = kind(err)
			break
		}
		waits.add(time.Since(start))
		rep.seen(view.Number, view.Missed, stamp.Whole(view.Bytes(), view.Number))
		require.NoError(t, view.Release())
	}
	pause := worst()
	close(signals)
	signalling.Wait()
	rep.check(t, "reader")
	require.Equal(t, "end", rep.Error)
	require.Equal(t, uint64(rounds), rep.Delivered)
	require.NoError(t, r.Close()) // the writer stays for it
	require.NoError(t, w.wait())
	moved := th.finish().Delivered
	require.NotZero(t, moved, "the thief never moved a sleeper")
	// A round is the reader's wait, and inside it the writer's for the cursor: each
	// may lose its wake-up.
	if limit := 150*time.Millisecond + pause; waits.max() > limit {
		t.late("a wait of %v, with pauses of the machine of %v", waits.max(), pause)
	}
	t.reached("%d rounds, %d sleepers moved away: 0 waits over 150 ms, longest %v (the machine paused for up to %v)", rounds, moved, waits.max(), pause.Round(time.Millisecond))
}

// orphaned removes names under writers that live.
func orphaned(ctx context.Context, t *trial) {
	total, at := t.of(20, 200), 20
	noticed := &spans{}
	worst := t.pauses()
	for done := 0; done < total; done += at {
		dir := t.dir()
		var all sync.WaitGroup
		errs := make([]error, at)
		removed := make(chan time.Time)
		for i := range at {
			name := "cam" + string(rune('a'+i))
			w, err := framebuf.Create(name, size(64, 36), &framebuf.Options{Dir: dir, Linger: -1})
			require.NoError(t, err)
			t.cleanup(func() { _ = w.Close() })
			require.NoError(t, publish(ctx, w))
			r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Mode(i % 3)})
			require.NoError(t, err)
			f, err := r.Next(ctx)
			require.NoError(t, err)
			require.NoError(t, f.Release())
			all.Go(func() {
				defer r.Close()
				<-removed
				at := time.Now()
				require.NoError(t, os.Remove(filepath.Join(dir, name)))
				_, errs[i] = r.Next(ctx)
				noticed.add(time.Since(at))
				_ = w.Close()
			})
		}
		close(removed)
		all.Wait()
		for _, err := range errs {
			if !errors.Is(err, framebuf.ErrUnlinked) {
				t.Errorf("wrong error: %v", err)
			}
		}
	}
	if pause := worst(); noticed.max() > time.Second+pause {
		t.late("noticed after %v", noticed.max())
	}
	t.reached("%d of %d noticed, p50 %v, max %v", total, total, noticed.at(0.5), noticed.max())
}

// interrupted ends waits of readers of every mode.
func interrupted(ctx context.Context, t *trial) {
	total, side := t.of(600, 10_000), 60
	dir := t.dir()
	w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: dir, Linger: -1, Cells: side + 1})
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, publish(ctx, w))
	before := runtime.NumGoroutine()
	cancelled, closed := &spans{}, &spans{}
	worst := t.pauses()
	var wrong atomic.Int64
	var all sync.WaitGroup
	for i := range side {
		all.Go(func() {
			for j := range total / side {
				r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Mode(i % 3)})
				if err != nil {
					wrong.Add(1)
					return
				}
				if f, err := r.Next(ctx); err != nil || f.Release() != nil {
					wrong.Add(1)
				}
				waiting, cancel := context.WithCancel(ctx)
				ended := make(chan error, 1)
				go func() {
					_, err := r.Next(waiting)
					ended <- err
				}()
				time.Sleep(rand.N(20 * time.Millisecond))
				start, want, spent := time.Now(), context.Canceled, cancelled
				if j%2 == 0 {
					cancel()
				} else {
					want, spent = framebuf.ErrClosed, closed
					_ = r.Close()
				}
				if err := <-ended; !errors.Is(err, want) {
					wrong.Add(1)
				}
				spent.add(time.Since(start))
				cancel()
				_ = r.Close()
			}
		})
	}
	all.Wait()
	pause := worst()
	if wrong.Load() > 0 {
		t.Errorf("%d waits ended in a wrong way", wrong.Load())
	}
	for _, s := range []*spans{cancelled, closed} {
		if s.at(0.99) > 100*time.Millisecond+pause {
			t.late("p99 %v, with pauses of the machine of %v", s.at(0.99), pause)
		}
	}
	t.eventually(5*time.Second, "every goroutine is gone", func() bool { return runtime.NumGoroutine() <= before+1 })
	t.reached("%d waits ended, 0 goroutines stayed: cancelled p50 %v, p99 %v, max %v; closed p50 %v, p99 %v, max %v", total/side*side,
		cancelled.at(0.5), cancelled.at(0.99), cancelled.max(), closed.at(0.5), closed.at(0.99), closed.max())
}

// wakeLatency measures from just before the wake-up to the reader's return.
func wakeLatency(ctx context.Context, t *trial) {
	frames := t.of(100, 3000)
	for _, m := range []framebuf.Mode{framebuf.Newest, framebuf.Pinned, framebuf.Lossless} {
		dir := t.dir()
		// Far apart: without wake-ups a frame would be found at the next 100 ms only.
		w := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(64, 36)}, Frames: frames, Every: 10 * time.Millisecond, Await: 1})
		w.event("ready")
		r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: m})
		require.NoError(t, err)
		defer r.Close()
		latency := &spans{}
		missed := uint64(0)
		for {
			f, err := r.Next(ctx)
			if err != nil {
				require.Equal(t, "end", kind(err))
				break
			}
			latency.add(time.Duration(shm.Mono()) - f.Published)
			missed += f.Missed
			require.NoError(t, f.Release())
		}
		require.NoError(t, w.wait())
		if latency.at(0.5) > 5*time.Millisecond {
			t.late("%v: half of the wake-ups take %v: they do not come", m, latency.at(0.5))
		}
		t.also("%v: p50 %v, p99 %v of %d frames", m, latency.at(0.5), latency.at(0.99), frames)
	}
}
