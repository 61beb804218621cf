//go:build !linux

// Stand-ins for systems without what segments need. Nothing is faked: every
// way in returns errors.ErrUnsupported.

package shm

import (
	"errors"
	"os"
	"path/filepath"
)

// File cannot be had on this system.
type File struct{}

// Dir cannot be had on this system.
type Dir struct{}

// OpenDir returns errors.ErrUnsupported.
func OpenDir(string, DirOptions) (*Dir, error) { return nil, errors.ErrUnsupported }

// Made is false.
func (d *Dir) Made() bool { return false }

// Share returns errors.ErrUnsupported.
func (d *Dir) Share(int, bool) error { return errors.ErrUnsupported }

// Close does nothing.
func (d *Dir) Close() error { return nil }

// Path is empty.
func (d *Dir) Path() string { return "" }

// Free is -1, unknown.
func (d *Dir) Free() int64 { return -1 }

// Names returns errors.ErrUnsupported.
func (d *Dir) Names() ([]string, error) { return nil, errors.ErrUnsupported }

// Rename returns errors.ErrUnsupported.
func (d *Dir) Rename(string, string) error { return errors.ErrUnsupported }

// Unlink returns errors.ErrUnsupported.
func (d *Dir) Unlink(string) error { return errors.ErrUnsupported }

// Is is false.
func (d *Dir) Is(string, *File) bool { return false }

// Join is the path of a name, for messages.
func (d *Dir) Join(name string) string { return filepath.Join(d.Path(), name) }

// CreateUnnamed returns errors.ErrUnsupported.
func (d *Dir) CreateUnnamed(int64, Access) (*File, error) { return nil, errors.ErrUnsupported }

// Link returns errors.ErrUnsupported.
func (d *Dir) Link(*File, string) error { return errors.ErrUnsupported }

// Open returns errors.ErrUnsupported.
func (d *Dir) Open(string, bool, bool) (*File, Stat, error) {
	return nil, Stat{}, errors.ErrUnsupported
}

// CreateSealable returns errors.ErrUnsupported.
func CreateSealable(string, int64, Access) (*File, error) { return nil, errors.ErrUnsupported }

// OpenInherited returns errors.ErrUnsupported.
func OpenInherited(int, bool, bool, []int) (*File, Stat, error) {
	return nil, Stat{}, errors.ErrUnsupported
}

// Seal returns errors.ErrUnsupported.
func (f *File) Seal(bool) error { return errors.ErrUnsupported }

// Sealed is false.
func (f *File) Sealed() (size, writes bool) { return false, false }

// Reopen returns errors.ErrUnsupported.
func (f *File) Reopen(bool) (*os.File, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (f *File) Close() error { return nil }

// Path is empty.
func (f *File) Path() string { return "" }

// Stat returns errors.ErrUnsupported.
func (f *File) Stat() (Stat, error) { return Stat{}, errors.ErrUnsupported }

// ReadAt returns errors.ErrUnsupported.
func (f *File) ReadAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }

// Map returns errors.ErrUnsupported.
func (f *File) Map(int64, bool) (*Mapping, error) { return nil, errors.ErrUnsupported }

// Lock returns errors.ErrUnsupported.
func (f *File) Lock(int64) (bool, error) { return false, errors.ErrUnsupported }

// Unlock returns errors.ErrUnsupported.
func (f *File) Unlock(int64) error { return errors.ErrUnsupported }

// Locked returns errors.ErrUnsupported.
func (f *File) Locked(int64) (bool, error) { return false, errors.ErrUnsupported }

// Close forgets the bytes.
func (m *Mapping) Close() error {
	m.b = nil
	return nil
}

// Now is the zero instant.
func Now() Clock { return Clock{} }

// Mono is zero.
func Mono() int64 { return 0 }

// TAIOffset is zero, unknown.
func TAIOffset() int32 { return 0 }
