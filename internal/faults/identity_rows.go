//go:build linux

// A9, A10: process numbers and clocks, which mean nothing to anybody else.

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
)

// judge counts verdicts on who lives.
type judge struct {
	t        *trial
	verdicts int
}

func (j *judge) alive(want, got bool, what string) {
	if j.verdicts++; got != want {
		j.t.Errorf("%s: alive %v, not %v", what, got, want)
	}
}

// wrongPIDs forges the recorded process number, and lets both sides be process 1 of
// a container of their own.
func wrongPIDs(ctx context.Context, t *trial) {
	j := &judge{t: t}
	bystander := t.start(ctx, "reader", stream{Dir: t.dir(), Name: "none"}) // waits for a name that never comes
	pids := []uint32{0, 1, uint32(os.Getpid()), uint32(bystander.cmd.Process.Pid), 4_000_000, math.MaxUint32}
	rounds := t.of(1, 20)
	for round := 0; round < rounds && ctx.Err() == nil; round++ {
		for _, pid := range pids {
			j.forged(ctx, pid)
		}
	}
	containers := " (containers: not run, PID namespaces need root)"
	if os.Geteuid() == 0 {
		rounds = t.of(3, 50)
		for round := 0; round < rounds && ctx.Err() == nil; round++ {
			j.containers(ctx, round%2 == 0)
		}
		containers = fmt.Sprintf(" and in %d rounds of three containers where everybody is process 1", rounds)
	}
	t.reached("%d verdicts with %d forged numbers%s: 0 wrong", j.verdicts, len(pids), containers)
}

// forged lets a writer with another process's number live and die.
func (j *judge) forged(ctx context.Context, pid uint32) {
	t, dir, what := j.t, j.t.dir(), fmt.Sprintf("process %d", pid)
	part := stream{Dir: dir, Sizes: small(), Every: time.Millisecond}
	w := t.start(ctx, "writer", part)
	w.event("ready")
	t.forgePID(filepath.Join(dir, "cam0"), pid)
	looking := t.audience(ctx, part)
	stat := func() bool {
		st, err := framebuf.Stat(dir, "cam0")
		require.NoError(t, err)
		require.Equal(t, int64(pid), int64(st.WriterPID), "the forgery took")
		return st.Alive
	}
	j.alive(true, stat(), what+": Stat")
	second, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: dir})
	if second != nil {
		_ = second.Close()
	}
	j.alive(true, errors.Is(err, framebuf.ErrBusy), what+": Create")
	j.alive(true, errors.Is(framebuf.Remove(dir, "cam0"), framebuf.ErrBusy), what+": Remove")
	removed, err := framebuf.GC(ctx, dir)
	j.alive(true, err == nil && len(removed) == 0, what+": GC")
	w.kill()
	j.alive(false, stat(), what+": Stat")
	for _, l := range looking {
		r, _ := l.end(t)
		j.alive(false, r.Error != "died", what+": a reader")
	}
	t.goesOn(ctx, dir, what, 0)
}

// forgePID writes another process number into a static header, with its checksum.
func (t *trial) forgePID(path string, pid uint32) {
	const size, crc, writerPID = 12, 20, 168 // offsets of LAYOUT.md
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	var b [4096]byte
	_, err = f.ReadAt(b[:], 0)
	require.NoError(t, err)
	binary.LittleEndian.PutUint32(b[writerPID:], pid)
	h := b[:binary.LittleEndian.Uint32(b[size:])]
	clear(h[crc : crc+4])
	binary.LittleEndian.PutUint32(h[crc:], crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)))
	_, err = f.WriteAt(h, 0)
	require.NoError(t, err)
}

// contained makes the process number 1 of a PID namespace of its own.
func contained(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
}

// containers lets a writer and a reader, each process 1 of its container, share a
// directory; then the writer dies, or the reader.
func (j *judge) containers(ctx context.Context, writerDies bool) {
	t, dir := j.t, j.t.dir()
	part := stream{Dir: dir, Sizes: small(), Every: time.Millisecond, Mode: framebuf.Lossless, TellEvery: 20}
	w := t.start(ctx, "writer", part, contained)
	w.event("ready")
	r := t.start(ctx, "reader", part, contained)
	r.event("progress")
	st, err := framebuf.Stat(dir, "cam0")
	require.NoError(t, err)
	require.Equal(t, 1, st.WriterPID, "it is process 1 where it lives")
	j.alive(true, st.Alive, "a writer in a container")
	require.Len(t, st.Readers, 1)
	j.alive(true, st.Readers[0].Joined && st.Readers[0].PID == 1, "a reader in a container")
	second := t.start(ctx, "writer", part, contained)
	j.alive(true, second.event("end").Error == "busy", "a writer, to one in a third container")
	if writerDies {
		w.kill()
		j.alive(false, r.event("end").Error != "died", "a writer, to a reader in another container")
	}
	r.kill()
	if !writerDies {
		t.eventually(5*time.Second, "the writer forgets the dead reader", func() bool {
			st, err := framebuf.Stat(dir, "cam0")
			return err == nil && len(st.Readers) == 0
		})
		w.kill()
	}
	t.goesOn(ctx, dir, "a container", 0)
}

// ahead starts a process in a time namespace of its own, whose monotonic clocks are
// ahead of ours.
func ahead(d time.Duration) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		self, seconds := c.Path, int(d.Seconds())
		c.Path, _ = exec.LookPath("unshare")
		c.Args = []string{"unshare", "--time", fmt.Sprint("--monotonic=", seconds), fmt.Sprint("--boottime=", seconds), self}
	}
}

// wrongClocks lets writers and readers live in time namespaces: their clocks differ
// as after a restored container. The wall clock is not stepped here, as it is the
// machine's: no decision reads it (it is stamped on frames, and on segments for
// people).
func wrongClocks(ctx context.Context, t *trial) {
	if _, err := exec.LookPath("unshare"); err != nil || os.Geteuid() != 0 {
		t.notRun("time namespaces need root and unshare(1)")
	}
	const day = 24 * time.Hour
	shifts := []time.Duration{day, 365 * day}
	if monotonic() > time.Hour {
		shifts = append(shifts, -10*time.Minute) // a clock cannot begin below 0
	}
	rounds, writers, notices, frames := t.of(1, 20), 0, &spans{}, uint64(0)
	for round := 0; round < rounds && ctx.Err() == nil; round++ {
		for _, shift := range shifts {
			frames += t.wrongClock(ctx, shift, notices)
			writers++
		}
	}
	if notices.max() > time.Second {
		t.late("a death was noticed after %v", notices.max())
	}
	t.reached("%d writers whose monotonic clock is off by up to a year: 0 false verdicts in %d frames, a death noticed p99 %v (the wall clock was not stepped: it is the machine's)",
		writers, frames, notices.at(0.99))
}

// wrongClock is one writer and readers of three clocks.
func (t *trial) wrongClock(ctx context.Context, shift time.Duration, notices *spans) (frames uint64) {
	dir := t.dir()
	part := stream{
		Dir: dir, Sizes: small(), Every: 2 * time.Millisecond, Mode: framebuf.Lossless, TellEvery: 10,
		Lossless: framebuf.LosslessEvict, Evict: time.Second,
	}
	w := t.start(ctx, "writer", part, ahead(shift))
	w.event("ready")
	t.seeShift(ctx, dir, shift)
	other := t.start(ctx, "reader", part, ahead(time.Hour)) // a third clock
	other.event("progress")
	looking := t.audience(ctx, stream{Dir: dir})
	w.signal(syscall.SIGSTOP)
	time.Sleep(300 * time.Millisecond) // each reader judges a few times
	w.signal(syscall.SIGCONT)
	for _, l := range looking {
		before := l.sees().Delivered
		t.eventually(5*time.Second, "frames go on", func() bool { return l.sees().Delivered > before })
	}
	st, err := framebuf.Stat(dir, "cam0")
	require.NoError(t, err)
	if !st.Alive || st.Evicted > 0 {
		t.Errorf("clocks %v apart: alive %v, %d evicted", shift, st.Alive, st.Evicted)
	}
	at := time.Now()
	w.kill()
	for _, l := range looking {
		r, ended := l.end(t)
		if r.Error != "died" {
			t.Errorf("clocks %v apart: a %v reader ended with %q", shift, l.mode, r.Error)
		}
		notices.add(ended.Sub(at))
		frames += r.Delivered
	}
	r := other.event("end")
	r.check(t, "a reader with another clock")
	if r.Error != "died" {
		t.Errorf("clocks %v apart: a reader ended with %q", shift, r.Error)
	}
	t.goesOn(ctx, dir, "another clock", st.Published)
	return frames
}

// seeShift makes sure that the writer's clock is really another one.
func (t *trial) seeShift(ctx context.Context, dir string, want time.Duration) {
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir})
	require.NoError(t, err)
	defer r.Close()
	f, err := r.Next(ctx)
	require.NoError(t, err)
	off := f.Captured - monotonic()
	require.NoError(t, f.Release())
	if (off - want).Abs() > 10*time.Second {
		t.notRun(fmt.Sprintf("this kernel gives no time namespace to a program that is started: the writer's clock is off by %v, not %v", off, want))
	}
}

// monotonic is the reading of CLOCK_MONOTONIC here.
func monotonic() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // cannot fail for this clock
	return time.Duration(now.Nano())
}
