// Files: unnamed creation with reserved memory, safe opening, mapping.

package shm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// File is an open file description of its own: locks taken through it belong
// to it alone and go when it is closed or its process dies.
type File struct {
	fd   int
	path string
}

// Close closes the descriptor and drops its locks. It is idempotent, but not
// safe for concurrent use with other methods.
func (f *File) Close() error {
	if f == nil || f.fd < 0 {
		return nil
	}
	fd := f.fd
	f.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}

// Path is the name it was opened or linked by, for messages.
func (f *File) Path() string { return f.path }

// Stat asks the kernel about the open file.
func (f *File) Stat() (Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return Stat{}, &os.PathError{Op: "fstat", Path: f.path, Err: err}
	}
	return statOf(&st), nil
}

// ReadAt reads with pread: no fault is possible, whatever happens to the file.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	for {
		n, err := unix.Pread(f.fd, b, off)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, &os.PathError{Op: "pread", Path: f.path, Err: err}
		}
		return n, nil
	}
}

// Map maps the first size bytes, which the caller has checked against Stat.
// The mapping stays when the file is closed.
func (f *File) Map(size int64, writable bool) (*Mapping, error) {
	if size <= 0 || size != int64(int(size)) {
		return nil, fmt.Errorf("shm: map %s: size %d", f.path, size)
	}
	prot := unix.PROT_READ
	if writable {
		prot |= unix.PROT_WRITE
	}
	b, err := unix.Mmap(f.fd, 0, int(size), prot, unix.MAP_SHARED)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: f.path, Err: err}
	}
	// Frames may be private pictures: keep them out of core dumps. Failure of
	// advice changes nothing else.
	_ = unix.Madvise(b, unix.MADV_DONTDUMP)
	return &Mapping{b: b}, nil
}

// Close unmaps. No slice of Bytes may be used afterwards.
func (m *Mapping) Close() error {
	if m == nil || m.b == nil {
		return nil
	}
	b := m.b
	m.b = nil
	return os.NewSyscallError("munmap", unix.Munmap(b))
}

// CreateUnnamed makes a file of size bytes without a name, with its memory
// reserved: a full file system is a *SpaceError here and never a fault later.
// Killed before Link, it leaves nothing behind.
func (d *Dir) CreateUnnamed(size int64, a Access) (*File, error) {
	fd, err := unix.Openat(d.fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "create a file in", Path: d.path, Err: err}
	}
	fd, err = aboveStdio(fd)
	if err != nil {
		return nil, err
	}
	f := &File{fd: fd, path: d.path}
	if err := f.give(a); err != nil {
		_ = f.Close()
		return nil, err
	}
	if err := f.reserve(size); err != nil {
		_ = f.Close() // before asking, so that a partial reservation is not counted
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EFBIG) || errors.Is(err, unix.ENOMEM) {
			return nil, &SpaceError{Path: d.path, Needed: size, Free: d.Free(), err: err}
		}
		return nil, &os.PathError{Op: "reserve memory in", Path: d.path, Err: err}
	}
	return f, nil
}

// give sets the group and then the mode: a file is never open to the wrong group.
func (f *File) give(a Access) error {
	if a.GID >= 0 {
		if err := unix.Fchown(f.fd, -1, a.GID); err != nil {
			return fmt.Errorf("%w: a file in %s cannot be given to group %d: %w", ErrGroup, f.path, a.GID, err)
		}
	}
	if err := unix.Fchmod(f.fd, a.Mode); err != nil { // the umask has no say
		return &os.PathError{Op: "chmod in", Path: f.path, Err: err}
	}
	return nil
}

// reserve makes the file so large, with memory behind every byte.
func (f *File) reserve(size int64) error {
	for {
		err := unix.Fallocate(f.fd, 0, 0, size)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Link gives an unnamed file its name. A name that exists is fs.ErrExist.
func (d *Dir) Link(f *File, name string) error {
	src := "/proc/self/fd/" + strconv.Itoa(f.fd)
	if err := unix.Linkat(unix.AT_FDCWD, src, d.fd, name, unix.AT_SYMLINK_FOLLOW); err != nil {
		return &os.PathError{Op: "link", Path: d.Join(name), Err: err}
	}
	f.path = d.Join(name)
	return nil
}

// Open opens a regular file that only trusted users can have made: never through
// a symbolic link, never blocking (a FIFO would), one name only, owned by this
// user, root or a trusted user, and neither writable for others nor, unless groupWrite, for its
// group. fs.ErrNotExist and fs.ErrPermission come through.
func (d *Dir) Open(name string, write, groupWrite bool) (*File, Stat, error) {
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	fd, err := unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EISDIR) {
			return nil, Stat{}, fmt.Errorf("shm: %s: %w: %s, not a regular file (%w)", d.Join(name), ErrUntrusted, d.typeOf(name), err)
		}
		return nil, Stat{}, &os.PathError{Op: "open", Path: d.Join(name), Err: err}
	}
	fd, err = aboveStdio(fd)
	if err != nil {
		return nil, Stat{}, err
	}
	f := &File{fd: fd, path: d.Join(name)}
	st, err := f.trusted(d.trustsUID, groupWrite)
	if err != nil {
		_ = f.Close()
		return nil, Stat{}, err
	}
	return f, st, nil
}

func (f *File) trusted(uid func(int) bool, groupWrite bool) (Stat, error) {
	var raw unix.Stat_t
	if err := unix.Fstat(f.fd, &raw); err != nil {
		return Stat{}, &os.PathError{Op: "fstat", Path: f.path, Err: err}
	}
	st := statOf(&raw)
	bad := uint32(0o002)
	if !groupWrite {
		bad |= 0o020
	}
	switch {
	case raw.Mode&unix.S_IFMT != unix.S_IFREG:
		return st, fmt.Errorf("shm: %s: %w: %s, not a regular file", f.path, ErrUntrusted, fileType(raw.Mode))
	case st.Links > 1:
		return st, fmt.Errorf("shm: %s: %w: it has %d names", f.path, ErrUntrusted, st.Links)
	case !uid(st.UID):
		return st, &OwnerError{Path: f.path, UID: st.UID}
	case st.Mode&bad != 0:
		return st, fmt.Errorf("shm: %s: %w: mode %04o lets others write", f.path, ErrUntrusted, st.Mode)
	}
	return st, nil
}

// typeOf says what a name is, for messages.
func (d *Dir) typeOf(name string) string {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return "something"
	}
	return fileType(st.Mode)
}

func fileType(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFIFO:
		return "a FIFO"
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "a device"
	}
	return "something else"
}

// aboveStdio moves a descriptor out of 0 to 2: a process that started with one
// of them closed would otherwise write its messages into a segment.
func aboveStdio(fd int) (int, error) {
	if fd > 2 {
		return fd, nil
	}
	up, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	_ = unix.Close(fd)
	if err != nil {
		return -1, os.NewSyscallError("fcntl", err)
	}
	return up, nil
}

func statOf(st *unix.Stat_t) Stat {
	return Stat{
		Size: st.Size, Inode: st.Ino, Dev: st.Dev, Links: int(st.Nlink),
		UID: int(st.Uid), GID: int(st.Gid), Mode: st.Mode & 0o7777,
	}
}

// Join is the path of a name in the directory, for messages.
func (d *Dir) Join(name string) string { return filepath.Join(d.path, name) }
