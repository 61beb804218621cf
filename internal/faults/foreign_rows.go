//go:build linux

// D5, D7: other users.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
)

func foreignRows() []row {
	return []row{
		{
			id: "D5", fault: "another user reads, writes, cuts, unlinks, renames, links and locks a segment",
			must: "denied by the kernel; members of the group that it is shared with read, and no more",
			run:  otherUsers,
		},
		{
			id: "D7", fault: "fs.protected_regular is 2, and root opens another user's segment in a sticky directory",
			must: "opened as without it: nothing is opened with O_CREAT",
			run:  protectedRegular,
		},
	}
}

func foreignRoles() map[string]role {
	return map[string]role{"stranger": beStranger, "user writer": writeAsUser}
}

// Users and a group that nobody is. They need no entry anywhere.
const (
	strangerUID = 65533
	sharedGID   = 65532
)

// asUser makes a process of the suite another user's. It returns what start needs:
// the program is copied to where that user can run it.
func (t *trial) asUser() func(uid, gid int) func(*exec.Cmd) {
	dir := t.scratch()
	require.NoError(t, os.Chmod(dir, 0o755))
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	path := filepath.Join(dir, "faults")
	require.NoError(t, os.WriteFile(path, program, 0o755))
	require.NoError(t, os.Chmod(path, 0o755))
	return func(uid, gid int) func(*exec.Cmd) {
		return func(c *exec.Cmd) {
			c.Path, c.Dir = path, "/"
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
	}
}

// intrusion is the part of a stranger.
type intrusion struct {
	Dir     string
	Control string
	Times   int
	Reads   bool // it may, by its group
}

// intruded is what a stranger could do.
type intruded struct {
	Tried, Denied, Read int
	Wrong               []string
}

func otherUsers(ctx context.Context, t *trial) {
	t.needRoot("being another user")
	as, times := t.asUser(), t.of(100, 1000)
	sum := intruded{}
	for _, c := range []struct {
		name  string
		mode  os.FileMode // of the directory
		group string
		gid   int // of the stranger
	}{
		{"private directory", 0o700, "", strangerUID},
		{"open directory", 0o755, "", strangerUID},
		{"sticky directory", os.ModeSticky | 0o777, "", strangerUID},
		{"shared, not a member", 0o755, strconv.Itoa(sharedGID), strangerUID},
		{"shared, a member", 0o750, strconv.Itoa(sharedGID), sharedGID},
	} {
		dir := t.dir()
		require.NoError(t, os.Chown(dir, 0, sharedGID))
		require.NoError(t, os.Chmod(dir, c.mode))
		w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: dir, Linger: -1, Group: c.group})
		require.NoError(t, err)
		require.NoError(t, publish(ctx, w))
		before := t.census(dir)
		p := t.start(ctx, "stranger", intrusion{Dir: dir, Control: t.controlOf(dir, "cam0"), Times: times, Reads: c.gid == sharedGID}, as(strangerUID, c.gid))
		var r intruded
		require.NoError(t, p.hear(&r), c.name)
		require.NoError(t, p.wait())
		for _, wrong := range r.Wrong {
			t.Errorf("%s: %s", c.name, wrong)
		}
		if after := t.census(dir); c.gid != sharedGID && !slices.Equal(before, after) || len(after) != len(before) {
			t.Errorf("%s: was %v, is %v", c.name, before, after)
		}
		if locked, err := framebuf.Stat(dir, "cam0"); err != nil || !locked.Alive {
			t.Errorf("%s: the writer seems dead: %v", c.name, err)
		}
		require.NoError(t, useOnce(w, dir), c.name)
		sum.Tried += r.Tried
		sum.Denied += r.Denied
		sum.Read += r.Read
	}
	t.reached("%d of %d attempts of 17 kinds denied, in 5 kinds of directory and sharing; members of the group read %d of %d frames", sum.Denied, sum.Tried, sum.Read, times)
}

// beStranger tries everything that is not allowed.
func beStranger(ctx context.Context, part []byte, tell func(any)) error {
	p, err := parse[intrusion](part)
	if err != nil {
		return err
	}
	var r intruded
	for i := range p.Times {
		for _, c := range p.attempts(ctx) {
			r.Tried++
			if err := c.do(); denied(err) {
				r.Denied++
			} else if len(r.Wrong) < 20 {
				r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %v", c.name, err))
			}
		}
		if !p.Reads {
			continue
		}
		if err := readOne(ctx, p.Dir, allModes[i%3]); err != nil {
			r.Wrong = append(r.Wrong, fmt.Sprintf("a member reads %v: %v", allModes[i%3], err))
			continue
		}
		r.Read++
	}
	tell(r)
	return nil
}

// denied reports whether the kernel refused. A lock through a descriptor that may
// only read is EBADF, a truncation EINVAL.
func denied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, framebuf.ErrBusy) || errors.Is(err, unix.EBADF) || errors.Is(err, unix.EINVAL)
}

func (p *intrusion) attempts(ctx context.Context) []call {
	data := filepath.Join(p.Dir, "cam0")
	open := func(path string, flags int) error {
		f, err := os.OpenFile(path, flags, 0)
		if err == nil {
			_ = f.Close()
		}
		return err
	}
	all := []call{
		{"open to write", func() error { return open(data, os.O_RDWR) }},
		{"open to truncate", func() error { return open(data, os.O_WRONLY|os.O_TRUNC) }},
		{"truncate", func() error { return os.Truncate(data, 0) }},
		{"unlink", func() error { return os.Remove(data) }},
		{"unlink the control file", func() error { return os.Remove(p.Control) }},
		{"rename", func() error { return os.Rename(data, data+"-1") }},
		{"rename over", func() error { return os.Rename(p.Control, data) }},
		{"chmod", func() error { return os.Chmod(data, 0o666) }},
		{"chown", func() error { return os.Chown(data, strangerUID, -1) }},
		{"touch", func() error { return unix.Utimes(data, []unix.Timeval{{Sec: 1}, {Sec: 1}}) }},
		{"remove", func() error { return framebuf.Remove(p.Dir, "cam0") }},
		{"create over", func() error {
			w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: p.Dir, Linger: -1})
			if err == nil {
				_ = w.Close()
			}
			return err
		}},
	}
	if p.Reads {
		return append(
			all,
			call{"lock as a writer", func() error {
				return through(data, func(fd int) error {
					return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Len: 1})
				})
			}},
			call{"truncate through a descriptor", func() error { return through(data, func(fd int) error { return unix.Ftruncate(fd, 0) }) }},
			call{"write through a descriptor", func() error {
				return through(data, func(fd int) error { _, err := unix.Pwrite(fd, []byte{1}, 0); return err })
			}},
			call{"open again to write", func() error {
				return through(data, func(fd int) error { return open("/proc/self/fd/"+strconv.Itoa(fd), os.O_RDWR) })
			}},
			call{"map to write", func() error {
				return through(data, func(fd int) error {
					b, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
					if err == nil {
						_ = unix.Munmap(b)
					}
					return err
				})
			}},
		)
	}
	all = append(
		all,
		call{"open", func() error { return open(data, os.O_RDONLY) }},
		call{"open the control file", func() error { return open(p.Control, os.O_RDWR) }},
	)
	for _, m := range allModes {
		all = append(all, call{"read " + m.String(), func() error { return readOne(ctx, p.Dir, m) }})
	}
	return all
}

// through calls do with a descriptor that may only read.
func through(path string, do func(fd int) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(int(f.Fd()))
}

const protectedSetting = "/proc/sys/fs/protected_regular"

// protect sets fs.protected_regular to 2 for the row.
func (t *trial) protect() {
	before, err := os.ReadFile(protectedSetting)
	if err != nil {
		t.notRun("fs.protected_regular cannot be read: " + err.Error())
	}
	if strings.TrimSpace(string(before)) == "2" {
		return
	}
	if err := os.WriteFile(protectedSetting, []byte("2\n"), 0); err != nil {
		t.notRun("fs.protected_regular cannot be set: " + err.Error())
	}
	t.cleanup(func() { require.NoError(t, os.WriteFile(protectedSetting, before, 0)) })
}

func protectedRegular(ctx context.Context, t *trial) {
	t.needRoot("setting fs.protected_regular")
	as := t.asUser()
	dir := t.dir()
	require.NoError(t, os.Chmod(dir, os.ModeSticky|0o777))
	p := t.start(ctx, "user writer", stream{Dir: dir}, as(strangerUID, strangerUID))
	p.event("ready")
	t.protect()
	times, worked := t.of(100, 1000), 0
	// What it forbids, to know that it is at work.
	if err := openOrCreate(filepath.Join(dir, "cam0")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("an open with O_CREAT: %v", err)
	}
	for i := range times {
		r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: allModes[i%3], TrustUID: []int{strangerUID}})
		if err == nil {
			err = errors.Join(r.View(ctx, intact), r.Close())
		}
		if err != nil {
			t.Errorf("%v: %v", allModes[i%3], err)
			continue
		}
		worked++
		// And who was not told to trust does not.
		_, err = framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir})
		if owner := new(framebuf.OwnerError); !errors.As(err, &owner) || owner.UID != strangerUID {
			t.Errorf("not trusted: %v", err)
		}
		w, err := framebuf.Create("own", size(64, 36), &framebuf.Options{Dir: dir, Linger: -1})
		require.NoError(t, err)
		require.NoError(t, errors.Join(publish(ctx, w), w.Close()))
	}
	p.tellToStop()
	require.NoError(t, p.wait())
	t.reached("%d of %d opened and read in every mode, as many segments made beside; an open with O_CREAT is denied there", worked, times)
}

// openOrCreate opens as programs do that create what is not there.
func openOrCreate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		_ = f.Close()
	}
	return err
}

// writeAsUser publishes a frame now and then until it is told to stop.
func writeAsUser(ctx context.Context, part []byte, tell func(any)) error {
	s, err := parse[stream](part)
	if err != nil {
		return err
	}
	w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: s.Dir, Linger: -1, Lossless: framebuf.LosslessEvict})
	if err != nil {
		return err
	}
	if err := publish(ctx, w); err != nil {
		return errors.Join(err, w.Close())
	}
	tell(report{Event: "ready"})
	<-ctx.Done()
	return w.Close()
}
