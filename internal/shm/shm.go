// Package shm makes, opens, locks and maps the files that segments live in. It
// is the only code that can leak a mapping or meet a bus error.
//
// Nothing here knows what a segment contains. The rules it keeps are those that
// shared files need against crashes and against strangers: memory is reserved
// before it is mapped, a name appears only when the file is complete, nothing is
// opened through a symbolic link, no descriptor is 0, 1 or 2 or survives an exec,
// and a touch of memory that is gone becomes an error (see Guard).
package shm

import (
	"errors"
	"fmt"
)

// Errors of this package. The wrapped text names the path.
var (
	// ErrNotMemory is returned when the directory does not lie in memory (tmpfs).
	ErrNotMemory = errors.New("not on a memory file system (tmpfs)")
	// ErrUntrusted is returned for a file or directory that a stranger could
	// have planted or could change: wrong owner, wrong type, wrong mode, a
	// symbolic link, more than one name.
	ErrUntrusted = errors.New("not trusted")
	// ErrGroup is returned when a file or directory cannot be shared with a group.
	ErrGroup = errors.New("not possible to share with this group")
	// ErrFault is matched by every *FaultError.
	ErrFault = errors.New("memory is gone: the file was truncated")
)

// OwnerError is returned for a file or directory of a user who is not trusted. It
// matches ErrUntrusted.
type OwnerError struct {
	Path string
	UID  int // whose it is
}

// Error names the owner.
func (e *OwnerError) Error() string {
	return fmt.Sprintf("%s: %v: it belongs to user %d", e.Path, ErrUntrusted, e.UID)
}

// Is reports whether target is ErrUntrusted.
func (e *OwnerError) Is(target error) bool { return target == ErrUntrusted }

// DirOptions say how to open a directory. The zero value is right for one that
// exists and holds what this user or root made.
type DirOptions struct {
	Create        bool  // make it first (mode 0700, only the last element)
	AnyFileSystem bool  // it need not be in memory
	TrustUIDs     []int // owners to trust, beside this user and root: of the directory and of what is opened in it
}

// Access is who may do what with a new file, whatever the umask says.
type Access struct {
	Mode uint32 // permission bits
	GID  int    // group that the file is given to; NoGroup leaves it
}

// NoGroup is Access.GID of a file that stays with the group that the kernel gives it.
const NoGroup = -1

// SpaceError is returned when a file system has not enough room. It matches
// syscall.ENOSPC.
type SpaceError struct {
	Path   string // the directory; empty for a file in none
	Needed int64  // bytes asked for
	Free   int64  // bytes free when the reservation failed; -1 unknown
	err    error
}

// Error says how much was needed and how much there was.
func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s: %d bytes needed, %d free", e.Path, e.Needed, e.Free)
}

// Unwrap returns the system's error.
func (e *SpaceError) Unwrap() error { return e.err }

// FaultError says that memory of a mapping is no longer there. It matches
// ErrFault.
type FaultError struct {
	Offset int64 // bytes from the start of the mapping
}

// Error names the offset.
func (e *FaultError) Error() string {
	return fmt.Sprintf("memory at offset %d is gone: the file was truncated", e.Offset)
}

// Is reports whether target is ErrFault.
func (e *FaultError) Is(target error) bool { return target == ErrFault }

// Stat is what is known of an open file.
type Stat struct {
	Size  int64
	Inode uint64
	Dev   uint64
	Links int
	UID   int
	GID   int
	Mode  uint32 // permission bits
}

// Clock is one instant on the clocks that a frame carries.
type Clock struct {
	Mono int64 // CLOCK_MONOTONIC, ns
	Wall int64 // CLOCK_REALTIME, ns since 1970
}
