// The directory that segments lie in.

package shm

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Dir is an open, checked directory. Safe for concurrent use until Close.
type Dir struct {
	fd   int
	path string
}

// File systems whose files are memory (include/uapi/linux/magic.h).
const (
	tmpfsMagic     = 0x01021994
	ramfsMagic     = 0x858458f6
	hugetlbfsMagic = 0x958458f6
)

// OpenDir opens the directory at path and, if create is set, makes it first
// (mode 0700, only the last element). It must be a real directory of this user
// or root in which nobody outside its group may replace files, on a memory
// file system unless anyFileSystem is set.
func OpenDir(path string, create, anyFileSystem bool) (*Dir, error) {
	if create {
		if err := unix.Mkdir(path, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
		}
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
	d := &Dir{fd: fd, path: path}
	if err := d.check(anyFileSystem); err != nil {
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
		return fmt.Errorf("shm: %s: %w: it belongs to user %d", d.path, ErrUntrusted, st.Uid)
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
	return uid == os.Geteuid() || uid == 0
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
