//go:build linux

// C1, C2: shared memory that is too small, or becomes full.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

func memoryRows() []row {
	return []row{
		{
			id: "C1", fault: "shared memory that is too small, by a page or by much", headline: 6,
			must: "Create fails at once and says what is needed, what is free, where and what to do; nothing is left; one page more and every byte can be written",
			run:  tooSmall,
		},
		{
			id: "C2", fault: "shared memory that others fill while frames flow",
			must: "the running segment does not notice; readers can still open it",
			run:  filledByOthers,
		},
	}
}

func memoryRoles() map[string]role {
	return map[string]role{"mount": mountForOthers, "squeezed": squeezed}
}

// page is what a tmpfs accounts in.
var page = int64(os.Getpagesize())

// tmpfs is where and how large.
type tmpfs struct {
	At     string
	Size   int64 // bytes
	Trials int   // of squeezed
}

func (m *tmpfs) mount() error {
	if err := unix.Mount("tmpfs", m.At, "tmpfs", 0, fmt.Sprintf("mode=0700,size=%d", m.Size)); err != nil {
		return &os.PathError{Op: "mount", Path: m.At, Err: err}
	}
	return nil
}

// privately gives a process mounts of its own: they go with it.
func privately(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} }

func (t *trial) needRoot(why string) {
	if os.Geteuid() != 0 {
		t.notRun(why + " needs root")
	}
}

// mountedFor is a directory on a tmpfs of so many bytes, which a process of the
// suite holds: nothing stays mounted, however the suite ends.
func (t *trial) mountedFor(ctx context.Context, bytes int64) string {
	t.needRoot("mounting a small tmpfs")
	at := t.scratch()
	p := t.start(ctx, "mount", tmpfs{At: at, Size: bytes}, privately)
	p.event("ready")
	dir := fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, at)
	t.cleanup(func() {
		for _, name := range listed(dir) {
			t.Errorf("leaked: %s", name)
		}
	})
	return dir
}

func mountForOthers(ctx context.Context, part []byte, tell func(any)) error {
	var m tmpfs
	if err := json.Unmarshal(part, &m); err != nil {
		return err
	}
	if err := m.mount(); err != nil {
		return err
	}
	tell(report{Event: "ready"})
	<-ctx.Done()
	return nil
}

// squeeze is one trial of C1.
type squeeze struct {
	Pages int64 // free pages beyond what is needed; negative: missing
	Wrong string
	Took  time.Duration // of a Create that failed
}

func tooSmall(ctx context.Context, t *trial) {
	t.needRoot("mounting a small tmpfs")
	trials := t.of(150, 1500)
	p := t.start(ctx, "squeezed", tmpfs{At: t.scratch(), Size: 4 << 20, Trials: trials}, privately)
	failed, fitted, took := 0, 0, &spans{}
	for range trials {
		var s squeeze
		require.NoError(t, p.hear(&s), "the process is gone: a bus error?")
		if s.Wrong != "" {
			t.Errorf("%+d pages: %s", s.Pages, s.Wrong)
		}
		if s.Pages < 0 {
			failed++
			took.add(s.Took)
		} else {
			fitted++
		}
	}
	require.NoError(t, p.wait())
	if took.max() > 100*time.Millisecond {
		t.note("a Create that failed took %v", took.max())
	}
	t.reached("%d of %d clear errors, p99 %v, 0 bytes left; %d of %d that just fit written full; 0 bus errors",
		failed, failed, took.at(0.99), fitted, fitted)
}

// squeezed makes segments in a tmpfs whose free space is just not, or just, enough.
func squeezed(ctx context.Context, part []byte, tell func(any)) error {
	var m tmpfs
	if err := json.Unmarshal(part, &m); err != nil {
		return err
	}
	if err := m.mount(); err != nil {
		return err
	}
	dir := filepath.Join(m.At, "segments")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	empty, err := free(dir)
	if err != nil {
		return err
	}
	w, err := framebuf.Create("cam0", size(320, 180), &framebuf.Options{Dir: dir, Linger: -1})
	if err != nil {
		return err
	}
	left, err := free(dir)
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	needed := empty - left
	// Of the control file alone, of almost nothing, and around the edge.
	pages := []int64{-1, 0, -1, 1, -2, -needed / page, -needed/page + 2, -needed/page + 3, 3}
	for i := range m.Trials {
		s := squeeze{Pages: pages[i%len(pages)]}
		if err := s.try(ctx, m.At, dir, needed+s.Pages*page); err != nil {
			s.Wrong = err.Error()
		}
		tell(s)
	}
	return nil
}

// free is how many bytes the file system of dir has left.
func free(dir string) (int64, error) {
	var fs unix.Statfs_t
	err := unix.Statfs(dir, &fs)
	return int64(fs.Bavail) * fs.Bsize, err
}

// fill takes all but so many bytes of the file system of a directory.
func fill(path string, leave int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	have, err := free(path)
	if err != nil || have <= leave {
		return err
	}
	return unix.Fallocate(int(f.Fd()), 0, 0, have-leave)
}

func (s *squeeze) try(ctx context.Context, root, dir string, leave int64) error {
	if err := fill(filepath.Join(root, "ballast"), leave); err != nil {
		return err
	}
	start := time.Now()
	w, err := framebuf.Create("cam0", size(320, 180), &framebuf.Options{Dir: dir, Linger: -1})
	s.Took = time.Since(start)
	if s.Pages >= 0 {
		if err != nil {
			return err
		}
		err = useAll(ctx, w, dir)
		return errors.Join(err, w.Close(), clean(dir, leave))
	}
	if err == nil {
		_ = w.Close()
		return errors.New("it was made")
	}
	space := new(framebuf.SpaceError)
	switch text := err.Error(); {
	case !errors.As(err, &space) || !errors.Is(err, framebuf.ErrNoSpace):
		return err
	case space.Needed <= space.Free || space.Dir != dir:
		return fmt.Errorf("unclear: %w", err)
	case !strings.Contains(text, dir) || !strings.Contains(text, fmt.Sprint(space.Needed)) ||
		!strings.Contains(text, fmt.Sprint(space.Free)) || !strings.Contains(text, "docker"):
		return fmt.Errorf("not all is said: %w", err)
	}
	return clean(dir, leave)
}

// clean reports what is left in a directory, and bytes that did not come back.
func clean(dir string, leave int64) error {
	have, err := free(dir)
	if names := listed(dir); len(names) > 0 || have != leave || err != nil {
		return errors.Join(err, fmt.Errorf("left: %v, and %d bytes", names, leave-have))
	}
	return nil
}

// useAll writes and reads every byte of a segment in a file system that is full.
func useAll(ctx context.Context, w *framebuf.Writer, dir string) error {
	r, err := framebuf.Open(ctx, w.Name(), &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	if err != nil {
		return err
	}
	defer r.Close()
	for i := range 10 {
		if i == 5 { // more than there is: the old format goes on
			if err := w.SetFormat(ctx, size(1920, 1080)); !errors.Is(err, framebuf.ErrNoSpace) {
				return fmt.Errorf("a move that does not fit: %w", err)
			}
		}
		if err := publish(ctx, w); err != nil {
			return err
		}
		err := r.View(ctx, func(f *framebuf.Frame) error {
			if !stamp.Whole(f.Bytes(), f.Number) {
				return errors.New("torn")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func filledByOthers(ctx context.Context, t *trial) {
	dir := t.mountedFor(ctx, 8<<20)
	frames := t.of(1000, 10_000)
	part := stream{Dir: dir, Sizes: []framebuf.Format{size(640, 360)}, Frames: frames, Await: 3}
	w := t.start(ctx, "writer", part)
	w.event("ready")
	var readers []*party
	for _, m := range []framebuf.Mode{framebuf.Newest, framebuf.Pinned, framebuf.Lossless} {
		part.Mode = m
		readers = append(readers, t.start(ctx, "reader", part))
	}
	for _, r := range readers {
		r.event("ready")
	}
	done := make(chan report)
	go func() {
		var r report
		for r.Event != "end" && w.hear(&r) == nil {
		}
		done <- r
	}()
	fills, opened := 0, 0
	ballast := filepath.Join(dir, "ballast")
	for over := false; !over; {
		select {
		case r := <-done:
			over = true
			if r.Error != "" || r.Delivered != uint64(frames) {
				t.Errorf("the writer ended after %d frames: %s", r.Delivered, r.Error)
			}
			continue
		default:
		}
		require.NoError(t, fill(ballast, 0))
		fills++
		// A newcomer needs no memory of that file system.
		late, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Pinned})
		switch {
		case err == nil:
			opened++
			require.NoError(t, late.Close())
		case !errors.Is(err, framebuf.ErrNotFound):
			t.Errorf("opening beside a full file system: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
		require.NoError(t, os.Remove(ballast))
		time.Sleep(time.Millisecond)
	}
	for i, p := range readers {
		r := p.event("end")
		r.check(t, "reader")
		if r.Error != "end" {
			t.Errorf("reader %d ended with %q", i, r.Error)
		}
		if last := len(readers) - 1; i == last && r.Delivered+r.First != uint64(frames) {
			t.Errorf("the lossless reader got %d frames from %d on", r.Delivered, r.First)
		}
	}
	t.reached("%d frames to 3 readers while the file system was filled %d times and opened %d times more: 0 errors", frames, fills, opened)
}
