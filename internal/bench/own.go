//go:build linux

// What we cost by ourselves: copying, publishing, reading in place, and the
// table against frame size and readers.

package main

import (
	"fmt"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/shm"
)

var (
	hd  = framebuf.Format{PixelFormat: framebuf.RGBA, Width: 1920, Height: 1080}
	uhd = framebuf.Format{PixelFormat: framebuf.RGBA, Width: 3840, Height: 2160}
)

var sizes = []struct {
	name string
	f    framebuf.Format
}{
	{"360p", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 640, Height: 360}},
	{"720p", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 1280, Height: 720}},
	{"1080p", hd},
	{"4K", uhd},
}

func nothing(*framebuf.Slot) error { return nil }

// segment makes a writer and touches every page once.
func (b *bench) segment(name string, f framebuf.Format, slots int) (*framebuf.Writer, error) {
	w, err := framebuf.Create(name, f, &framebuf.Options{Dir: b.dir, Slots: slots, Linger: -1})
	if err != nil {
		return nil, err
	}
	for range 2 * slots {
		if err := w.Publish(b.ctx, func(s *framebuf.Slot) error { clear(s.Bytes()); return nil }); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// copying compares a copying read of a frame with a copy of the same bytes in
// pieces, both from the same slot into memory that is already there.
func (b *bench) copying() error {
	w, err := b.segment("copy", hd, 4)
	if err != nil {
		return err
	}
	defer w.Close()
	r, err := framebuf.Open(b.ctx, "copy", &framebuf.ReaderOptions{Dir: b.dir})
	if err != nil {
		return err
	}
	defer r.Close()
	view, err := framebuf.Open(b.ctx, "copy", &framebuf.ReaderOptions{Dir: b.dir, Mode: framebuf.Pinned})
	if err != nil {
		return err
	}
	defer view.Close()
	const n = 200
	dst := make([]byte, hd.Size())
	plain := func() (int, error) {
		for range n {
			if err := w.Publish(b.ctx, nothing); err != nil {
				return 0, err
			}
			f, err := view.Next(b.ctx)
			if err != nil {
				return 0, err
			}
			shm.Copy(dst, f.Bytes())
			if err := f.Release(); err != nil {
				return 0, err
			}
		}
		return n, nil
	}
	read := func() (int, error) {
		for range n {
			if err := w.Publish(b.ctx, nothing); err != nil {
				return 0, err
			}
			f, err := r.Next(b.ctx)
			if err != nil {
				return 0, err
			}
			if err := f.Release(); err != nil {
				return 0, err
			}
		}
		return n, nil
	}
	return b.compare([]way{{"memcpy in pieces", plain}, {"copying read", read}}, "memcpy in pieces")
}

// own prints what a publication and a read in place cost without the pixels.
func (b *bench) own() error {
	for _, s := range sizes {
		pub, pin, err := b.ownTimes(s.f)
		if err != nil {
			return err
		}
		fmt.Printf("%-6s publish %5.2f µs   read in place %5.2f µs\n", s.name, pub, pin)
	}
	return nil
}

func (b *bench) ownTimes(f framebuf.Format) (publish, pinned float64, err error) {
	w, err := b.segment("own", f, 4)
	if err != nil {
		return 0, 0, err
	}
	defer w.Close()
	r, err := framebuf.Open(b.ctx, "own", &framebuf.ReaderOptions{Dir: b.dir, Mode: framebuf.Pinned})
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	var pubs, pins []time.Duration
	for range 5000 {
		start := time.Now()
		if err := w.Publish(b.ctx, nothing); err != nil {
			return 0, 0, err
		}
		mid := time.Now()
		frame, err := r.Next(b.ctx)
		if err != nil {
			return 0, 0, err
		}
		if err := frame.Release(); err != nil {
			return 0, 0, err
		}
		pubs, pins = append(pubs, mid.Sub(start)), append(pins, time.Since(mid))
	}
	p, _ := percentiles(pubs)
	q, _ := percentiles(pins)
	return p, q, nil
}

// table prints the time of one publication, and the CPU of the writer's side,
// against frame size and number of sleeping readers in another process.
func (b *bench) table() error {
	counts := []int{0, 1, 2, 4, 8, 16}
	fmt.Printf("publish, µs (median), by number of sleeping readers in another process\n%-8s", "size")
	for _, n := range counts {
		fmt.Printf("%8d", n)
	}
	fmt.Printf("%18s\n", "copying read, ms")
	for _, s := range sizes {
		fmt.Printf("%-8s", s.name)
		for _, n := range counts {
			t, err := b.publishTime(s.f, n)
			if err != nil {
				return err
			}
			fmt.Printf("%8.1f", t)
		}
		c, err := b.copyTime(s.f)
		if err != nil {
			return err
		}
		fmt.Printf("%18.2f\n", c)
	}
	return nil
}

func (b *bench) publishTime(f framebuf.Format, readers int) (float64, error) {
	w, err := b.segment("table", f, 4)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	stop, err := b.startReaders("table", readers)
	if err != nil {
		return 0, err
	}
	defer stop()
	if err := w.AwaitReaders(b.ctx, readers); err != nil {
		return 0, err
	}
	var times []time.Duration
	for range 100 {
		time.Sleep(3 * time.Millisecond) // the readers fall asleep again
		start := time.Now()
		if err := w.Publish(b.ctx, nothing); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	p50, _ := percentiles(times)
	return p50, nil
}

func (b *bench) copyTime(f framebuf.Format) (float64, error) {
	w, err := b.segment("copytime", f, 4)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	r, err := framebuf.Open(b.ctx, "copytime", &framebuf.ReaderOptions{Dir: b.dir})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var times []time.Duration
	for range 100 {
		if err := w.Publish(b.ctx, nothing); err != nil {
			return 0, err
		}
		start := time.Now()
		frame, err := r.Next(b.ctx)
		if err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
		if err := frame.Release(); err != nil {
			return 0, err
		}
	}
	p50, _ := percentiles(times)
	return p50 / 1000, nil
}
