//go:build linux

// C6, C7, C9: directories that are no memory, and processes that get too little
// of something.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
)

func limitRows() []row {
	return []row{
		{
			id: "C6", fault: "the directory is not in memory",
			must: "refused, nothing is made",
			run:  notInMemory,
		},
		{
			id: "C7", fault: "the memory limit of the container is below the segment's size",
			must: "an error or a kill; nothing is left, and the next start succeeds",
			run:  containerTooSmall,
		},
		{
			id: "C9", fault: "too few descriptors, too little address space",
			must: "a clear error at every step; nothing leaks, nothing panics",
			run:  starvedProcesses,
		},
	}
}

func limitRoles() map[string]role { return map[string]role{"starved": starved} }

func notInMemory(ctx context.Context, t *trial) {
	dir := t.scratch()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	if st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC {
		t.notRun("the directory for temporary files is in memory here")
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "segments"), 0o700))
	segments := filepath.Join(dir, "segments")
	trials := t.of(100, 1000)
	for range trials {
		calls := map[string]func() error{
			"create": func() error {
				_, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: segments})
				return err
			},
			"open": func() error {
				_, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: segments, Wait: true})
				return err
			},
			"stat":   func() error { _, err := framebuf.Stat(segments, "cam0"); return err },
			"list":   func() error { _, err := framebuf.List(segments); return err },
			"remove": func() error { return framebuf.Remove(segments, "cam0") },
			"gc":     func() error { _, err := framebuf.GC(ctx, segments); return err },
		}
		for what, call := range calls {
			if err := call(); !errors.Is(err, framebuf.ErrNotMemory) || !strings.Contains(err.Error(), segments) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if left := listed(segments); len(left) > 0 {
			t.Errorf("made: %v", left)
			t.FailNow()
		}
	}
	t.reached("%d of %d × create, open, stat, list, remove, gc refused; nothing made", trials, trials)
}

// limitedGroup is a new control group of version 2 with so much memory.
func (t *trial) limitedGroup(bytes int64) *os.File {
	const root = "/sys/fs/cgroup"
	handed, err := os.ReadFile(filepath.Join(root, "cgroup.subtree_control"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.notRun("needs control groups of version 2 at " + root)
	case !bytesHaveWord(handed, "memory"):
		t.notRun("the memory controller is not handed down from " + root)
	}
	dir := filepath.Join(root, "framebridge-faults-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.notRun("making a control group: " + err.Error())
	}
	t.cleanup(func() { require.NoError(t, os.Remove(dir)) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "memory.max"), fmt.Append(nil, bytes), 0))
	_ = os.WriteFile(filepath.Join(dir, "memory.swap.max"), []byte("0"), 0) // there may be no swap
	f, err := os.Open(dir)
	require.NoError(t, err)
	t.cleanup(func() { _ = f.Close() })
	return f
}

func bytesHaveWord(text []byte, word string) bool {
	for _, w := range bytes.Fields(text) {
		if string(w) == word {
			return true
		}
	}
	return false
}

func containerTooSmall(ctx context.Context, t *trial) {
	group := t.limitedGroup(32 << 20)
	dir := t.dir()
	within := func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
		c.Stderr = nil
	}
	trials, killed, failed := t.of(10, 50), 0, 0
	for range trials {
		big := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(1920, 1080)}, Slots: 8, Frames: 8}, within)
		var r report
		switch err := big.hear(&r); {
		case err != nil && big.wasKilled():
			killed++
		case err == nil && strings.Contains(r.Error, framebuf.ErrNoSpace.Error()):
			failed++
		default:
			t.Errorf("66 MB in a group of 32 MiB: %+v, %v", r, err)
		}
		small := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(64, 36)}, Frames: 1}, within)
		small.event("ready")
		if r := small.finish(); r.Error != "" {
			t.Errorf("the next start: %s", r.Error)
		}
		if left := listed(dir); len(left) > 0 {
			t.Errorf("left: %v", left)
			t.FailNow()
		}
	}
	t.reached("%d starts: %d clear errors, %d killed; the next start succeeded each time, 0 leaked", trials, failed, killed)
}

// hunger is what a starved process gets too little of.
type hunger struct {
	Dir    string
	Of     string // descriptors, address space
	Trials int
}

// starvation is one trial.
type starvation struct {
	Left   uint64 // of what there was too little of, beyond what the process had
	Failed int    // calls
	Wrong  string
}

// outOfMemory reports whether that is what Go's runtime said when it gave up.
func outOfMemory(said string) bool {
	return !strings.Contains(said, "panic:") &&
		(strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory") || strings.Contains(said, "pthread_create failed") || strings.Contains(said, "newosproc"))
}

func starvedProcesses(ctx context.Context, t *trial) {
	each := t.of(20, 100)
	counts := map[string]int{}
	for _, of := range []string{"descriptors", "address space"} {
		dir := t.dir()
		var said bytes.Buffer
		begin := func(trials int) *party {
			said.Reset()
			return t.start(ctx, "starved", hunger{Dir: dir, Of: of, Trials: trials}, func(c *exec.Cmd) { c.Stderr = &said })
		}
		p := begin(each)
		for i := range each {
			var s starvation
			if err := p.hear(&s); err != nil {
				end := p.wait()
				// Go's own runtime cannot go on without memory, whatever we do.
				if of != "address space" || !outOfMemory(said.String()) {
					t.Errorf("%s: the process is gone: %v: %s", of, end, said.String())
					break
				}
				counts["runtime"]++
				_, err := framebuf.GC(ctx, dir)
				require.NoError(t, err)
				p = begin(each - i - 1)
				continue
			}
			counts[of] += s.Failed
			if s.Wrong != "" {
				t.Errorf("%s, %d left: %s", of, s.Left, s.Wrong)
			}
		}
		_ = p.wait()
	}
	t.reached("%d starved rounds: %d calls failed clearly for want of descriptors, %d of address space; 0 leaks, 0 panics; Go's own runtime gave up %d times for want of memory",
		2*each, counts["descriptors"], counts["address space"], counts["runtime"])
	t.note("a full table of files (ENFILE) would starve the whole machine: not tried; fork that fails is a matter of F")
}

func starved(ctx context.Context, part []byte, tell func(any)) error {
	h, err := parse[hunger](part)
	if err != nil {
		return err
	}
	// Once in plenty: what the runtime needs, it has from then on.
	if err := errors.Join(h.round(ctx)...); err != nil {
		return err
	}
	open := descriptors()
	for i := range h.Trials {
		s, resource, base, want := starvation{Left: uint64(i % 20)}, unix.RLIMIT_NOFILE, uint64(descriptors()), syscall.EMFILE
		if h.Of != "descriptors" { // with slack for the runtime, in steps of half a mapping
			s.Left, resource, base, want = uint64(1+i%20)*(4<<20), unix.RLIMIT_AS, addressSpace(), syscall.ENOMEM
		}
		var failed []error
		if err := withLimit(resource, base+s.Left, func() { failed = h.round(ctx) }); err != nil {
			return err
		}
		for _, err := range failed {
			if !errors.Is(err, want) || !strings.Contains(err.Error(), want.Error()) || !strings.HasPrefix(err.Error(), "framebuf: ") {
				s.Wrong = err.Error()
			}
		}
		s.Failed = len(failed)
		if now := descriptors(); now != open {
			s.Wrong = fmt.Sprintf("%d descriptors, not %d", now, open)
		}
		if left := listed(h.Dir); len(left) > 0 {
			s.Wrong = fmt.Sprintf("left: %v", left)
		}
		tell(s)
	}
	return nil
}

// round does everything once, as far as it comes, and returns what failed. A
// mapping has 8 MiB.
func (h *hunger) round(ctx context.Context) (errs []error) {
	w, err := framebuf.Create("cam0", size(1024, 1020), &framebuf.Options{Dir: h.Dir, Slots: 2, Linger: -1})
	if err != nil {
		return []error{err}
	}
	do := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var readers []*framebuf.Reader
	for _, m := range allModes {
		r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: h.Dir, Mode: m})
		do(err)
		if err == nil {
			readers = append(readers, r)
		}
	}
	do(w.Publish(ctx, func(*framebuf.Slot) error { return nil }))
	_, err = framebuf.Stat(h.Dir, "cam0")
	do(err)
	_, err = framebuf.List(h.Dir)
	do(err)
	_, err = framebuf.GC(ctx, h.Dir)
	do(err)
	do(w.SetFormat(ctx, size(1024, 1100)))
	for _, r := range readers {
		do(r.Close())
	}
	do(w.Close())
	return errs
}

// withLimit calls do with a soft limit.
func withLimit(resource int, to uint64, do func()) error {
	var old unix.Rlimit
	if err := unix.Getrlimit(resource, &old); err != nil {
		return err
	}
	low := old
	low.Cur = min(to, old.Max)
	if err := unix.Setrlimit(resource, &low); err != nil {
		return err
	}
	do()
	return unix.Setrlimit(resource, &old)
}

// descriptors is how many this process has open.
func descriptors() int { return len(listed("/proc/self/fd")) - 1 } // one to list them

// addressSpace is how many bytes this process has mapped.
func addressSpace() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseUint(pages, 10, 64)
	if err != nil {
		return 0
	}
	return n * uint64(page)
}
