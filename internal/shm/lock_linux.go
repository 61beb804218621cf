// Liveness: open-file-description locks.

package shm

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock takes the write lock on one byte for this open file description. taken is
// false if another one holds it. The kernel drops the lock when the last
// descriptor of the description is closed and its last mapping is gone, however
// the process ends. f must be open for writing: a reader cannot pretend to be a
// writer.
func (f *File) Lock(off int64) (taken bool, err error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0, Start: off, Len: 1}
	err = unix.FcntlFlock(uintptr(f.fd), unix.F_OFD_SETLK, &lk)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "lock", Path: f.path, Err: err}
	}
	return true, nil
}

// Unlock drops the lock on one byte.
func (f *File) Unlock(off int64) error {
	lk := unix.Flock_t{Type: unix.F_UNLCK, Whence: 0, Start: off, Len: 1}
	if err := unix.FcntlFlock(uintptr(f.fd), unix.F_OFD_SETLK, &lk); err != nil {
		return &os.PathError{Op: "unlock", Path: f.path, Err: err}
	}
	return nil
}

// Locked reports whether another open file description holds the write lock on
// one byte. Only write locks count: a read lock can be taken by anyone who may
// read, so the question is asked as a reader would ask it. The locks of f itself
// are never seen. Works read-only and across PID namespaces.
func (f *File) Locked(off int64) (bool, error) {
	lk := unix.Flock_t{Type: unix.F_RDLCK, Whence: 0, Start: off, Len: 1}
	if err := unix.FcntlFlock(uintptr(f.fd), unix.F_OFD_GETLK, &lk); err != nil {
		return false, &os.PathError{Op: "query the lock of", Path: f.path, Err: err}
	}
	return lk.Type != unix.F_UNLCK, nil
}
