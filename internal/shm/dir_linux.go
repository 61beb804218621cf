// The directory that segments lie in.

package shm

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Dir is an open, checked directory. Safe for concurrent use until Close.
type Dir struct {
	fd    int
	path  string
	trust []int
	made  bool
}

// File systems whose files are memory (include/uapi/linux/magic.h).
const (
	tmpfsMagic     = 0x01021994
	ramfsMagic     = 0x858458f6
	hugetlbfsMagic = 0x958458f6
)

// OpenDir opens the directory at path. It must be a real directory of this user,
// of root or of a trusted user, in which nobody outside its group may replace
// files, on a memory file system unless o says otherwise.
func OpenDir(path string, o DirOptions) (*Dir, error) {
	made := false
	if o.Create {
		err := unix.Mkdir(path, 0o700)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
		}
		made = err == nil
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
			return nil, fmt.Errorf("shm: %s: %w: not a directory, or a symbolic link", path, ErrUntrusted)
		}
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	fd, err = aboveStdio(fd)
	if err != nil {
		return nil, err
	}
	d := &Dir{fd: fd, path: path, trust: o.TrustUIDs, made: made}
	if err := d.check(o.AnyFileSystem); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Dir) check(anyFileSystem bool) error {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return &os.PathError{Op: "fstat", Path: d.path, Err: err}
	}
	if !d.trustsUID(int(st.Uid)) {
		return &OwnerError{Path: d.path, UID: int(st.Uid)}
	}
	// A sticky directory (as /dev/shm itself) lets others add names but not
	// remove or replace ours.
	if st.Mode&0o002 != 0 && st.Mode&unix.S_ISVTX == 0 {
		return fmt.Errorf("shm: %s: %w: mode %04o lets others replace files", d.path, ErrUntrusted, st.Mode&0o7777)
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(d.fd, &fs); err != nil {
		return &os.PathError{Op: "statfs", Path: d.path, Err: err}
	}
	switch uint64(fs.Type) {
	case tmpfsMagic, ramfsMagic, hugetlbfsMagic:
	default:
		if !anyFileSystem {
			return fmt.Errorf("shm: %s: %w", d.path, ErrNotMemory)
		}
	}
	return nil
}

func (d *Dir) trustsUID(uid int) bool {
	return uid == os.Geteuid() || uid == 0 || slices.Contains(d.trust, uid)
}

// Made reports whether this call of OpenDir made the directory.
func (d *Dir) Made() bool { return d.made }

// Share sees to it that a group can reach and list the directory. With open, one
// of this user that nobody else can enter is given to the group, mode 2750. Any
// other one must let the group in already; else the error matches ErrGroup and
// says what to do.
func (d *Dir) Share(gid int, open bool) error {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return &os.PathError{Op: "fstat", Path: d.path, Err: err}
	}
	mode := st.Mode & 0o7777
	switch {
	case mode&0o022 != 0 && mode&unix.S_ISVTX == 0:
		return fmt.Errorf("%w: in %s (mode %04o) its group may replace files: chmod +t %s", ErrGroup, d.path, mode, d.path)
	case mode&0o005 == 0o005, int(st.Gid) == gid && mode&0o050 == 0o050:
		return nil
	case !open || int(st.Uid) != os.Geteuid() || mode&0o077 != 0:
		return fmt.Errorf("%w: group %d cannot enter %s (group %d, mode %04o): chgrp %d %s && chmod 2750 %s, or take another directory",
			ErrGroup, gid, d.path, st.Gid, mode, gid, d.path, d.path)
	}
	if err := unix.Fchown(d.fd, -1, gid); err != nil {
		return fmt.Errorf("%w: %s cannot be given to group %d: %w", ErrGroup, d.path, gid, err)
	}
	if err := unix.Fchmod(d.fd, unix.S_ISGID|0o750); err != nil { // the umask has no say
		return &os.PathError{Op: "chmod", Path: d.path, Err: err}
	}
	return nil
}

// Close closes the directory. It is idempotent.
func (d *Dir) Close() error {
	if d == nil || d.fd < 0 {
		return nil
	}
	fd := d.fd
	d.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}

// Path is the directory's path as it was opened.
func (d *Dir) Path() string { return d.path }

// Free is how many bytes an ordinary user could still reserve there; -1 if the
// kernel does not say (a tmpfs without a limit says 0 blocks in all).
func (d *Dir) Free() int64 {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(d.fd, &fs); err != nil || fs.Blocks == 0 {
		return -1
	}
	return int64(fs.Bavail) * fs.Bsize
}

// Names lists the directory in no particular order.
func (d *Dir) Names() ([]string, error) {
	fd, err := unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.path, Err: err}
	}
	if fd, err = aboveStdio(fd); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), d.path)
	defer f.Close()
	return f.Readdirnames(-1)
}

// Rename moves a name over another one, which may exist: at no moment is there
// no file under the new name.
func (d *Dir) Rename(from, to string) error {
	if err := unix.Renameat(d.fd, from, d.fd, to); err != nil {
		return &os.LinkError{Op: "rename", Old: d.Join(from), New: d.Join(to), Err: err}
	}
	return nil
}

// Unlink removes a name.
func (d *Dir) Unlink(name string) error {
	if err := unix.Unlinkat(d.fd, name, 0); err != nil {
		return &os.PathError{Op: "unlink", Path: d.Join(name), Err: err}
	}
	return nil
}

// Is reports whether name is, now, the very file f.
func (d *Dir) Is(name string, f *File) bool {
	var a, b unix.Stat_t
	if unix.Fstatat(d.fd, name, &a, unix.AT_SYMLINK_NOFOLLOW) != nil || unix.Fstat(f.fd, &b) != nil {
		return false
	}
	return a.Ino == b.Ino && a.Dev == b.Dev
}
