//go:build linux

// B8 and B9: views that outlive their owners, and very many readers.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

func viewRows() []row {
	return []row{
		{
			id: "B8", fault: "a view used after Close, during it, and after its owner is garbage",
			must: "an error or the right bytes, never a crash",
			run:  viewsOutliveOwners,
		},
		{
			id: "B9", fault: "1,000 readers in one process",
			must: "one sleeping thread for the segment, not one for each reader",
			run:  crowd,
		},
	}
}

func viewRoles() map[string]role {
	return map[string]role{"viewer": misuseViews, "crowd": readInCrowd}
}

// views is the part of a viewer.
type views struct {
	Dir    string
	Rounds int
	Seed   int
}

// viewsOutliveOwners has the misuse done in processes of their own, so that a
// crash is seen as one. Each has a hundred rounds: what it drops on purpose is
// gone with it.
func viewsOutliveOwners(ctx context.Context, t *trial) {
	rounds, of := 0, t.of(500, 10_000)
	for rounds < of {
		var together []*party // they mostly wait to be let in
		for range 5 {
			together = append(together, t.start(ctx, "viewer", views{Dir: t.dir(), Rounds: 100, Seed: rounds}))
			rounds += 100
		}
		for _, p := range together {
			var said string
			require.NoError(t, p.hear(&said), "a process crashed")
			require.NoError(t, p.wait(), said)
			if said != "" {
				t.Errorf("wrong: %s", said)
			}
		}
	}
	t.reached("%d misuses of 5 kinds: 0 crashes, every answer right", rounds)
}

// misuseViews tells what went wrong, or nothing.
func misuseViews(ctx context.Context, part []byte, tell func(any)) error {
	var v views
	if err := json.Unmarshal(part, &v); err != nil {
		return err
	}
	misuses := []func(context.Context, *framebuf.Writer, *framebuf.Reader, *framebuf.Frame) error{
		closeUnderView, useAfterReaderClosed, useAfterAllIsGone, useAfterRelease, dropOwner,
	}
	for i := range v.Rounds {
		err := func() error {
			name := fmt.Sprintf("cam%d", i)
			w, err := framebuf.Create(name, size(64, 36), &framebuf.Options{Dir: v.Dir, Linger: -1, Slots: 4})
			if err != nil {
				return err
			}
			defer w.Close()
			mode := framebuf.Mode((v.Seed + i/len(misuses)) % 3)
			r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{Dir: v.Dir, Mode: mode})
			if err != nil {
				return err
			}
			if err := publish(ctx, w); err != nil {
				return err
			}
			f, err := r.Next(ctx)
			if err != nil {
				return err
			}
			if err := misuses[i%len(misuses)](ctx, w, r, f); err != nil {
				return fmt.Errorf("%v, misuse %d: %w", mode, i%len(misuses), err)
			}
			return nil
		}()
		if err != nil {
			tell(err.Error())
			return nil
		}
	}
	tell("")
	return nil
}

var errWrongBytes = errors.New("the bytes are wrong")

// whole is nil if f can be read and is frame 0.
func whole(f *framebuf.Frame) error {
	return f.Guard(func() error {
		if b := f.Bytes(); len(b) != f.Format.Size() || !stamp.Whole(b, 0) {
			return errWrongBytes
		}
		return nil
	})
}

// closeUnderView closes the writer and the reader while a view is read.
func closeUnderView(_ context.Context, w *framebuf.Writer, r *framebuf.Reader, f *framebuf.Frame) error {
	var stop atomic.Bool
	read := make(chan error, 1)
	go func() {
		for !stop.Load() {
			if err := whole(f); err != nil {
				read <- err
				return
			}
		}
		read <- nil
	}()
	var closing sync.WaitGroup
	closing.Go(func() { _ = r.Close() })
	closing.Go(func() { _ = w.Close() })
	closing.Wait()
	stop.Store(true)
	if err := <-read; err != nil {
		return err
	}
	return f.Release()
}

func useAfterReaderClosed(ctx context.Context, w *framebuf.Writer, r *framebuf.Reader, f *framebuf.Frame) error {
	if err := r.Close(); err != nil {
		return err
	}
	if err := whole(f); err != nil {
		return err
	}
	if _, err := r.Next(ctx); !errors.Is(err, framebuf.ErrClosed) {
		return fmt.Errorf("next after close: %w", err)
	}
	for range 6 { // the frame was let go by Close: it may be overwritten, and must say so
		if err := publish(ctx, w); err != nil {
			return err
		}
	}
	err := whole(f)
	switch held := f.Release(); {
	case held == nil:
		return err
	case errors.Is(held, framebuf.ErrBroken), errors.Is(held, framebuf.ErrEvicted):
		return nil
	default:
		return held
	}
}

// useAfterAllIsGone keeps the bytes themselves, which nobody may.
func useAfterAllIsGone(_ context.Context, w *framebuf.Writer, r *framebuf.Reader, f *framebuf.Frame) error {
	kept, size := f.Bytes(), f.Format.Size()
	if err := errors.Join(w.Close(), r.Close(), f.Release()); err != nil {
		return err
	}
	err := f.Guard(func() error {
		_ = stamp.Whole(kept[:size], 0)
		return nil
	})
	if !errors.Is(err, framebuf.ErrClosed) {
		return fmt.Errorf("a guard over a released frame: %w", err)
	}
	return nil
}

func useAfterRelease(_ context.Context, _ *framebuf.Writer, r *framebuf.Reader, f *framebuf.Frame) error {
	if err := f.Release(); err != nil {
		return err
	}
	if b := f.Bytes(); b != nil {
		return fmt.Errorf("%d bytes of a released frame", len(b))
	}
	if _, err := f.Image(); err == nil {
		return errors.New("an image of a released frame")
	}
	if err := f.Verify(); err == nil {
		return errors.New("a released frame was verified")
	}
	if err := errors.Join(f.Valid(), f.Release()); err != nil {
		return err
	}
	return r.Close()
}

// dropOwner forgets reader and frame and keeps the bytes: they stay.
func dropOwner(_ context.Context, _ *framebuf.Writer, _ *framebuf.Reader, f *framebuf.Frame) error {
	kept := f.Bytes()
	f = nil
	for range 5 {
		runtime.GC()
	}
	if !stamp.Whole(kept, 0) {
		return errWrongBytes
	}
	return nil
}

// many is the part of a crowd.
type many struct {
	Dir     string
	Readers int
}

// crowdReport is what the crowd tells.
type crowdReport struct {
	Event     string // ready, end
	Threads   int    // of the process, which are never given back
	Procs     int    // GOMAXPROCS
	Delivered uint64
	Fewest    uint64 // frames that one reader got
	Bad       uint64 // frames that were torn or out of order
	Error     string // of a reader that did not come to the end
}

// crowd publishes to a process of a thousand readers.
func crowd(ctx context.Context, t *trial) {
	const readers = 1000
	frames := t.of(30, 300)
	dir := t.dir()
	w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: dir, Cells: readers, Linger: -1})
	require.NoError(t, err)
	t.cleanup(func() { _ = w.Close() })
	p := t.start(ctx, "crowd", many{Dir: dir, Readers: readers})
	var r crowdReport
	require.NoError(t, p.hear(&r))
	require.Equal(t, "ready", r.Event, r.Error)
	for range frames {
		time.Sleep(20 * time.Millisecond)
		require.NoError(t, publish(ctx, w))
	}
	require.NoError(t, w.Close())
	require.NoError(t, p.hear(&r))
	require.NoError(t, p.wait())
	require.Equal(t, "", r.Error)
	if r.Bad > 0 {
		t.Errorf("%d frames torn or out of order", r.Bad)
	}
	if most := r.Procs + 1 + 10; r.Threads > most {
		t.Errorf("wrong: %d readers have %d threads, of %d allowed", readers, r.Threads, most)
	}
	t.reached("%d readers: %d threads; %d frames delivered, each reader at least %d of %d", readers, r.Threads, r.Delivered, r.Fewest, frames)
}

func readInCrowd(ctx context.Context, part []byte, tell func(any)) error {
	var m many
	if err := json.Unmarshal(part, &m); err != nil {
		return err
	}
	reports := make([]report, m.Readers)
	var reading sync.WaitGroup
	for i := range reports {
		mode := [...]framebuf.Mode{framebuf.Newest, framebuf.Newest, framebuf.Pinned}[i%3]
		if i%50 == 49 {
			mode = framebuf.Lossless
		}
		r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: m.Dir, Mode: mode})
		if err != nil {
			tell(crowdReport{Error: err.Error()})
			return err
		}
		reading.Go(func() {
			defer r.Close()
			reports[i].Error = kind((&stream{}).readOn(ctx, r, &reports[i], func(any) {}))
		})
	}
	tell(crowdReport{Event: "ready"})
	reading.Wait()
	end := crowdReport{Event: "end", Procs: runtime.GOMAXPROCS(0), Threads: threads(), Fewest: ^uint64(0)}
	for _, r := range reports {
		end.Delivered += r.Delivered
		end.Fewest = min(end.Fewest, r.Delivered)
		end.Bad += r.Torn + r.Unordered
		if r.Error != "end" {
			end.Error = r.Error
		}
	}
	tell(end)
	return nil
}

// threads is how many this process has.
func threads() int {
	tasks, _ := os.ReadDir(filepath.Join("/proc", "self", "task"))
	n := 0
	for _, e := range tasks {
		if !strings.HasPrefix(e.Name(), ".") {
			n++
		}
	}
	return n
}
