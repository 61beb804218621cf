// Sealed memory: files without a name in any directory, which nobody can shrink,
// and which nobody but their maker can write. They are reached by a descriptor
// that was handed down.

package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Seals of a file of fixed size. Nothing may be added to them, and none removed.
const sizeSeals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// CreateSealable makes a file of size bytes that lies in memory and in no
// directory. name is for people, who see it in /proc. It is gone when its last
// descriptor is closed and its last mapping is undone.
func CreateSealable(name string, size int64, a Access) (*File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	if fd, err = aboveStdio(fd); err != nil {
		return nil, err
	}
	f := &File{fd: fd, path: "memory of " + name}
	if err := f.give(a); err != nil {
		_ = f.Close()
		return nil, err
	}
	if err := f.reserve(size); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EFBIG) || errors.Is(err, unix.ENOMEM) {
			return nil, &SpaceError{Needed: size, Free: -1, err: err}
		}
		return nil, &os.PathError{Op: "reserve", Path: f.path, Err: err}
	}
	return f, nil
}

// Seal fixes the size for good. With writes, nobody can map it for writing or
// write to it from now on: mappings that are there go on.
func (f *File) Seal(writes bool) error {
	seals := sizeSeals
	if writes {
		seals |= unix.F_SEAL_FUTURE_WRITE
	}
	if _, err := unix.FcntlInt(uintptr(f.fd), unix.F_ADD_SEALS, seals); err != nil {
		return &os.PathError{Op: "seal", Path: f.path, Err: err}
	}
	return nil
}

// Sealed reports what is sealed: that the file cannot shrink, and that nobody can
// write it who has not mapped it already. Both are for good.
func (f *File) Sealed() (size, writes bool) {
	seals, err := unix.FcntlInt(uintptr(f.fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return false, false // not a file of this kind
	}
	return seals&unix.F_SEAL_SHRINK != 0, seals&(unix.F_SEAL_FUTURE_WRITE|unix.F_SEAL_WRITE) != 0
}

// Reopen opens the file once more, for another process to inherit: an open file
// description of its own, on which no lock of f lies.
func (f *File) Reopen(write bool) (*os.File, error) {
	fd, err := reopen(f.fd, write)
	if err != nil {
		return nil, &os.PathError{Op: "reopen", Path: f.path, Err: err}
	}
	if fd, err = aboveStdio(fd); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.path), nil
}

// OpenInherited opens what an inherited descriptor stands for anew, with the same
// checks as Dir.Open. The descriptor itself is left alone: it shares its open file
// description, and with it every lock, with whoever handed it down.
func OpenInherited(fd int, write, groupWrite bool, trustUIDs []int) (*File, Stat, error) {
	path := "descriptor " + strconv.Itoa(fd)
	own, err := reopen(fd, write)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, Stat{}, fmt.Errorf("shm: %s is not open: it was not handed down: %w", path, err)
		}
		return nil, Stat{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if own, err = aboveStdio(own); err != nil {
		return nil, Stat{}, err
	}
	f := &File{fd: own, path: path}
	st, err := f.trusted((&Dir{trust: trustUIDs}).trustsUID, groupWrite)
	if err != nil {
		_ = f.Close()
		return nil, Stat{}, err
	}
	return f, st, nil
}

// reopen goes through /proc, the one way to a second open file description of a
// file without a name. Never blocking: a FIFO would.
func reopen(fd int, write bool) (int, error) {
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	return unix.Open("/proc/self/fd/"+strconv.Itoa(fd), flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}
