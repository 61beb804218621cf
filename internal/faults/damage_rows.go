//go:build linux

// C3, C4: segments that are cut or unlinked while they are in use.

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

func damageRows() []row {
	return []row{
		{
			id: "C3", fault: "segment truncated under its writer and readers, while they read, write or wait", headline: 7,
			must: "an error that says so; the process lives and works on with another segment",
			run:  truncatedInUse,
		},
		{
			id: "C4", fault: "segment unlinked by hand", sleeps: true,
			must: "the writer and the readers notice within a second and say so; nothing published is lost",
			run:  unlinkedByHand,
		},
	}
}

func damageRoles() map[string]role {
	return map[string]role{
		"surviving writer": func(ctx context.Context, part []byte, tell func(any)) error {
			return inStream(part, tell, func(s *stream, r *report) error { return s.survive(ctx, "writer", tell, s.writeGuarded(r)) })
		},
		"surviving reader": func(ctx context.Context, part []byte, tell func(any)) error {
			return inStream(part, tell, func(s *stream, r *report) error {
				return s.survive(ctx, s.Mode.String(), tell, s.readGuarded(r))
			})
		},
	}
}

var allModes = []framebuf.Mode{framebuf.Newest, framebuf.Pinned, framebuf.Lossless}

// work opens something, calls ready and goes on until it fails.
type work func(ctx context.Context, ready func()) error

// survive does the work; when it has failed, the process shows that it lives by
// writing and reading a segment of its own.
func (s *stream) survive(ctx context.Context, who string, tell func(any), do work) error {
	failure := do(ctx, func() { tell(report{Event: "ready"}) })
	w, err := framebuf.Create("after-"+who, size(64, 36), &framebuf.Options{Dir: s.Dir, Linger: -1})
	if err != nil {
		return err
	}
	if err := useOnce(w, s.Dir); err != nil {
		return err
	}
	return failure
}

// useOnce writes and reads a frame and closes the writer. It takes no context: the
// caller's may have ended.
func useOnce(w *framebuf.Writer, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := framebuf.Open(ctx, w.Name(), &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	if err != nil {
		return errors.Join(err, w.Close())
	}
	err = errors.Join(publish(ctx, w), r.View(ctx, intact))
	return errors.Join(err, r.Close(), w.Close())
}

// intact is for View: an error unless every byte is the frame's.
func intact(f *framebuf.Frame) error {
	if !stamp.Whole(f.Bytes(), f.Number) {
		return fmt.Errorf("frame %d is torn", f.Number)
	}
	return nil
}

func (s *stream) writeGuarded(r *report) work {
	return func(ctx context.Context, ready func()) error {
		w, err := framebuf.Create(s.name(), s.Sizes[0], &framebuf.Options{Dir: s.Dir, Slots: s.Slots, Linger: -1})
		if err != nil {
			return err
		}
		defer w.Close()
		ready()
		for {
			if err := publish(ctx, w); err != nil {
				return err
			}
			r.Delivered++
			select {
			case <-time.After(s.Every):
			case <-ctx.Done():
			}
		}
	}
}

func (s *stream) readGuarded(r *report) work {
	return func(ctx context.Context, ready func()) error {
		reader, err := framebuf.Open(ctx, s.name(), &framebuf.ReaderOptions{Dir: s.Dir, Mode: s.Mode, Wait: true})
		if err != nil {
			return err
		}
		defer reader.Close()
		ready()
		for {
			err := reader.View(ctx, func(f *framebuf.Frame) error {
				r.Delivered++
				return intact(f)
			})
			switch {
			case errors.Is(err, framebuf.ErrBroken) || errors.Is(err, framebuf.ErrOverrun):
				r.Broken++
			case err != nil:
				return err
			}
			if s.PauseMax > 0 {
				time.Sleep(rand.N(s.PauseMax))
			}
		}
	}
}

// cut is what is done to the file.
type cut struct {
	name string
	to   func(geometry) int64
	back bool // and made long again: all zeros
	ends []string
}

// geometry is where the slots of a segment lie, by LAYOUT.md.
type geometry struct{ first, stride, size int64 }

func geometryOf(path string) (g geometry, err error) {
	f, err := os.Open(path)
	if err != nil {
		return g, err
	}
	defer f.Close()
	var h [256]byte
	if _, err := io.ReadFull(f, h[:]); err != nil {
		return g, err
	}
	at := func(off int) int64 { return int64(binary.LittleEndian.Uint64(h[off:])) }
	return geometry{size: at(24), first: at(64), stride: at(72)}, nil
}

func cuts() []cut {
	return []cut{
		{name: "to 0", to: func(geometry) int64 { return 0 }, ends: []string{"damaged"}},
		// The end of the stream may still be found in the first page: the writer put it
		// there when it had failed.
		{name: "to a page", to: func(geometry) int64 { return page }, ends: []string{"damaged", "end"}},
		{name: "in a slot", to: func(g geometry) int64 { return g.first + g.stride + g.stride/2 }, ends: []string{"damaged", "end"}},
		// Nothing faults any more, so nobody need notice, and zeros under a writer that is
		// just filling them are a frame: all that is asked is that they live.
		{name: "to 0 and back", to: func(geometry) int64 { return 0 }, back: true, ends: []string{"damaged", "end", "died", "evicted", "told to stop", "zeros"}},
	}
}

func truncatedInUse(ctx context.Context, t *trial) {
	activities := []struct {
		name         string
		every, pause time.Duration
	}{
		{"busy", 0, 0},
		{"readers wait", 40 * time.Millisecond, 0},
		{"writer waits", 0, 20 * time.Millisecond}, // for the lossless reader
	}
	want, survived, ends := t.of(60, 1000), 0, map[string]int{}
	for i := 0; survived < want && ctx.Err() == nil; i++ {
		c, a := cuts()[i%4], activities[i%3]
		dir := t.dir()
		part := stream{Dir: dir, Sizes: []framebuf.Format{size(640, 360)}, Every: a.every}
		all := []*party{t.start(ctx, "surviving writer", part)}
		all[0].event("ready")
		for _, m := range allModes {
			part.Mode = m
			if m == framebuf.Lossless {
				part.PauseMax = a.pause
			}
			all = append(all, t.start(ctx, "surviving reader", part))
		}
		for _, p := range all[1:] {
			p.event("ready")
		}
		path := filepath.Join(dir, "cam0")
		g, err := geometryOf(path)
		require.NoError(t, err)
		time.Sleep(rand.N(20 * time.Millisecond))
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(c.to(g)))
		if c.back {
			require.NoError(t, f.Truncate(g.size))
			time.Sleep(50 * time.Millisecond)
			for _, p := range all {
				p.tellToStop()
			}
		}
		require.NoError(t, f.Close())
		for k, p := range all {
			var r report
			if err := p.hear(&r); err != nil {
				t.Errorf("%s, %s, party %d: no word after the cut, %v", c.name, a.name, k, p.wait())
				continue
			}
			if c.back && strings.HasSuffix(r.Error, " is torn") {
				r.Error = "zeros"
			}
			if err := p.wait(); err != nil || !slices.Contains(c.ends, r.Error) {
				t.Errorf("%s, %s, party %d: %q, %v", c.name, a.name, k, r.Error, err)
				continue
			}
			survived++
			ends[r.Error]++
		}
		if len(t.faults) > 20 {
			t.FailNow()
		}
		_, err = framebuf.GC(ctx, dir)
		require.NoError(t, err)
		// What was cut is no segment any more, and nobody else may judge it.
		_ = os.Remove(path)
		for _, left := range listed(dir) {
			require.NoError(t, os.Remove(filepath.Join(dir, left)))
		}
	}
	t.reached("%d of %d processes survived: %v", survived, survived, ends)
}

func unlinkedByHand(ctx context.Context, t *trial) {
	trials, noticed := t.of(10, 100), &spans{}
	const atOnce = 10
	for done := 0; done < trials; done += atOnce {
		var waiting sync.WaitGroup
		for i := range atOnce {
			idle := i%2 == 1 // a writer that has nothing to say does not notice by itself
			w, r, dir := t.unlinkable(ctx, idle)
			time.Sleep(rand.N(20 * time.Millisecond))
			require.NoError(t, os.Remove(filepath.Join(dir, "cam0")))
			start := time.Now()
			for _, reader := range r {
				waiting.Go(func() {
					defer reader.Close()
					var rep report
					err := (&stream{}).readOn(ctx, reader, &rep, func(any) {})
					noticed.add(time.Since(start))
					rep.check(t, "reader")
					// Where the writer noticed first, it has ended in order: nothing is lost.
					if !errors.Is(err, framebuf.ErrUnlinked) && (idle || !errors.Is(err, io.EOF)) {
						t.Errorf("idle %v: a reader ended with %v", idle, err)
					}
				})
			}
			if idle {
				continue
			}
			waiting.Go(func() {
				var rep report
				for rep.Event != "end" && w.hear(&rep) == nil {
				}
				noticed.add(time.Since(start))
				if rep.Error != "unlinked" {
					t.Errorf("the writer ended with %q", rep.Error)
				}
			})
		}
		waiting.Wait()
	}
	if noticed.max() > time.Second {
		t.late("noticed only after %v", noticed.max())
	}
	t.reached("%d unlinked, by 3 readers each and %d writers noticed: p50 %v, max %v", trials, trials/2, noticed.at(0.5), noticed.max())
}

// unlinkable is a writer that streams, or that publishes once and then nothing,
// and readers of every mode.
func (t *trial) unlinkable(ctx context.Context, idle bool) (w *party, readers []*framebuf.Reader, dir string) {
	dir = t.dir()
	part := stream{Dir: dir, Sizes: []framebuf.Format{size(64, 36)}, Every: 2 * time.Millisecond}
	if idle {
		part.Every = time.Hour
	}
	w = t.start(ctx, "writer", part)
	w.event("ready")
	for _, m := range allModes {
		r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: m})
		require.NoError(t, err)
		readers = append(readers, r)
	}
	if idle {
		t.cleanup(func() { // the control file of a writer that was killed
			w.kill()
			_, err := framebuf.GC(ctx, dir)
			require.NoError(t, err)
		})
	}
	return w, readers, dir
}

// parse is json.Unmarshal for roles.
func parse[T any](part []byte) (v T, err error) {
	err = json.Unmarshal(part, &v)
	return v, err
}
