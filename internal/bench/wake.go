//go:build linux

// Waking sleepers in another process, and what many of them cost the writer.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/futex"
	"github.com/framebridge/framebridge/internal/shm"
)

// startReaders starts one process with n sleeping readers of the segment. stop
// ends it and waits for it.
func (b *bench) startReaders(segment string, n int) (stop func(), err error) {
	if n == 0 {
		return func() {}, nil
	}
	cmd := b.role("sleepers", segment, strconv.Itoa(n))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() { _ = in.Close(); _ = cmd.Wait() }, nil
}

// role is this program started as another process.
func (b *bench) role(role string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.ctx, b.self, args...)
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_BENCH_ROLE="+role, "FRAMEBRIDGE_DIR="+b.dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// runRole is what the other processes do. They end when their input does.
func runRole(role string) int {
	if role == "drain" { // its input is what it reads
		n, err := strconv.Atoi(os.Args[2])
		if err == nil {
			err = drain(os.Args[1], n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: drain:", err)
			return 1
		}
		return 0
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	var err error
	switch role {
	case "sleepers":
		n, _ := strconv.Atoi(os.Args[2])
		err = sleepers(ctx, os.Args[1], n)
	case "waker":
		err = waker(ctx, os.Args[1])
	case "pong":
		err = pong(ctx, os.Args[1])
	case "paced":
		n, _ := strconv.Atoi(os.Args[2])
		err = paced(ctx, os.Args[1], n)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "bench:", role+":", err)
		return 1
	}
	return 0
}

func sleepers(ctx context.Context, segment string, n int) error {
	var wg sync.WaitGroup
	var failed atomic.Value
	for range n {
		wg.Go(func() {
			r, err := framebuf.Open(ctx, segment, &framebuf.ReaderOptions{Mode: framebuf.Pinned})
			if err != nil {
				failed.Store(err)
				return
			}
			defer r.Close()
			for _, err := range r.Frames(ctx) {
				if err != nil && !errors.Is(err, framebuf.ErrBroken) && !errors.Is(err, framebuf.ErrOverrun) {
					failed.Store(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err, ok := failed.Load().(error); ok {
		return err
	}
	return nil
}

const wakes = 2000

// wake compares publish to wake-up with a bare futex between two processes. Both
// carry the sender's clock in shared memory; the receiver writes down how long it
// took.
func (b *bench) wake() error {
	var ours50, ours99, bare50, bare99 []float64
	for range b.pairs {
		p50, p99, err := b.bareWake()
		if err != nil {
			return err
		}
		bare50, bare99 = append(bare50, p50), append(bare99, p99)
		if p50, p99, err = b.ourWake(); err != nil {
			return err
		}
		ours50, ours99 = append(ours50, p50), append(ours99, p99)
	}
	show := func(name string, p50, p99 []float64) {
		a, _ := quartiles(p50)
		c, _ := quartiles(p99)
		fmt.Printf("%-34s p50 %6.1f µs   p99 %7.1f µs\n", name, a, c)
	}
	show("bare futex, another process", bare50, bare99)
	show("publish to wake-up", ours50, ours99)
	ratio, extra := make([]float64, b.pairs), make([]float64, b.pairs)
	for i := range ratio {
		ratio[i], extra[i] = ours50[i]/bare50[i], ours99[i]-bare99[i]
	}
	printRatio("p50 ours / bare", ratio)
	e, _ := quartiles(extra)
	fmt.Printf("  %-40s %6.0f µs (target: at most 1000)\n", "p99 ours − bare", e)
	return nil
}

func (b *bench) ourWake() (p50, p99 float64, err error) {
	f := framebuf.Format{PixelFormat: framebuf.RGBA, Width: 64, Height: 36}
	w, err := b.segment("wake", f, 4)
	if err != nil {
		return 0, 0, err
	}
	defer w.Close()
	return b.measureWakes("waker", "wake", func() error {
		if err := w.AwaitReaders(b.ctx, 1); err != nil {
			return err
		}
		for range wakes {
			time.Sleep(500 * time.Microsecond)
			if err := w.Publish(b.ctx, nothing); err != nil {
				return err
			}
		}
		return nil
	})
}

// waker prints the latency of each frame: Info.Published is the writer's clock.
func waker(ctx context.Context, segment string) error {
	r, err := framebuf.Open(ctx, segment, &framebuf.ReaderOptions{Mode: framebuf.Pinned})
	if err != nil {
		return err
	}
	defer r.Close()
	var out []int64
	for f, err := range r.Frames(ctx) {
		now := shm.Mono()
		if err != nil {
			break // the sender is done
		}
		out = append(out, now-int64(f.Published))
	}
	return printAll(out)
}

func printAll(ns []int64) error {
	for _, v := range ns {
		if _, err := fmt.Println(v); err != nil {
			return err
		}
	}
	return nil
}

// measureWakes starts the receiver, lets send do its part, and reads what the
// receiver measured.
func (b *bench) measureWakes(role, arg string, send func() error) (p50, p99 float64, err error) {
	cmd := b.role(role, arg)
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	got := make(chan []time.Duration, 1)
	go func() {
		var d []time.Duration
		var v int64
		for {
			if _, err := fmt.Fscan(out, &v); err != nil {
				got <- d
				return
			}
			d = append(d, time.Duration(v))
		}
	}()
	if err := send(); err != nil {
		return 0, 0, err
	}
	_ = in.Close()
	d := <-got
	if err := cmd.Wait(); err != nil {
		return 0, 0, err
	}
	if len(d) == 0 {
		return 0, 0, errors.New("the receiver measured nothing")
	}
	p50, p99 = percentiles(d)
	return p50, p99, nil
}

// readers measures the CPU of a writer that publishes 1080p at 60 frames a
// second, alone and with eight registered readers in another process.
func (b *bench) readers() error {
	alone, eight := make([]float64, 0, b.pairs), make([]float64, 0, b.pairs)
	for range b.pairs {
		for _, n := range []int{0, 8} {
			cpu, err := b.pacedCPU(n)
			if err != nil {
				return err
			}
			if n == 0 {
				alone = append(alone, cpu)
			} else {
				eight = append(eight, cpu)
			}
		}
	}
	a, _ := quartiles(alone)
	e, _ := quartiles(eight)
	fmt.Printf("writer's CPU a frame: alone %.0f µs, with eight readers %.0f µs\n", a, e)
	ratio := make([]float64, b.pairs)
	for i := range ratio {
		ratio[i] = eight[i] / alone[i]
	}
	printRatio("eight readers / alone", ratio)
	return nil
}

const pacedFrames = 120

// pacedCPU runs the writer as a process of its own and returns its CPU in µs a
// frame.
func (b *bench) pacedCPU(readers int) (float64, error) {
	cmd := b.role("paced", "paced", strconv.Itoa(readers))
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	for {
		if _, err := framebuf.Stat(b.dir, "paced"); err == nil {
			break
		} else if !errors.Is(err, framebuf.ErrNotFound) || b.ctx.Err() != nil {
			return 0, err
		}
		time.Sleep(time.Millisecond)
	}
	stop, err := b.startReaders("paced", readers)
	if err != nil {
		return 0, err
	}
	err = cmd.Wait()
	stop()
	if err != nil {
		return 0, err
	}
	use := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return float64(use.Microseconds()) / pacedFrames, nil
}

// paced publishes 1080p at 60 frames a second and fills each frame, as a real
// writer does.
func paced(ctx context.Context, segment string, readers int) error {
	w, err := framebuf.Create(segment, hd, &framebuf.Options{Linger: -1})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.AwaitReaders(ctx, readers); err != nil {
		return err
	}
	src := make([]byte, hd.Size())
	tick := time.NewTicker(time.Second / 60)
	defer tick.Stop()
	for range pacedFrames {
		<-tick.C
		if err := w.Publish(ctx, func(s *framebuf.Slot) error { shm.Copy(s.Bytes(), src); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// bareWake is the control: a clock value and a futex word in a shared file.
func (b *bench) bareWake() (p50, p99 float64, err error) {
	page, done, err := sharedPage(b.dir, true)
	if err != nil {
		return 0, 0, err
	}
	defer done()
	defer func() { _ = os.Remove(b.dir + "/" + pageName) }()
	return b.measureWakes("pong", b.dir, func() error {
		for page.ready.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		for range wakes {
			time.Sleep(500 * time.Microsecond)
			page.clock.Store(uint64(shm.Mono()))
			page.word.Add(1)
			_ = futex.WakeAll(page.word)
		}
		page.stop.Store(1)
		page.word.Add(1)
		return futex.WakeAll(page.word)
	})
}

func pong(ctx context.Context, dir string) error {
	page, done, err := sharedPage(dir, false)
	if err != nil {
		return err
	}
	defer done()
	page.ready.Store(1)
	var out []int64
	for seen := uint32(0); page.stop.Load() == 0 && ctx.Err() == nil; {
		if _, err := futex.Wait(page.word, seen, 100*time.Millisecond); err != nil {
			return err
		}
		now := shm.Mono()
		if v := page.word.Load(); v != seen && page.stop.Load() == 0 {
			seen = v
			out = append(out, now-int64(page.clock.Load()))
		}
	}
	return printAll(out)
}
