// The errors of this package, for errors.Is.

package framebuf

import (
	"errors"
	"fmt"

	"github.com/framebridge/framebridge/internal/shm"
)

// Errors of creating and opening.
var (
	// ErrName is returned for a segment name outside [a-z0-9][a-z0-9._-]{0,63}.
	ErrName = errors.New("segment name not allowed")
	// ErrFormat is returned for a frame size, pixel format or option that no
	// segment can have.
	ErrFormat = errors.New("format not possible")
	// ErrNotFound is returned when no segment has the name.
	ErrNotFound = errors.New("segment not found")
	// ErrBusy is returned by Create when a living writer holds the name, and by
	// Remove when the segment is alive.
	ErrBusy = errors.New("segment is in use by a living writer")
	// ErrDamaged is returned when a file is not a segment, contradicts itself, or
	// was truncated while in use.
	ErrDamaged = errors.New("segment damaged")
	// ErrVersion is returned for a segment of another layout version, or one that
	// needs something this build does not know.
	ErrVersion = errors.New("segment has another layout version")
	// ErrNoSpace is matched by *SpaceError.
	ErrNoSpace = errors.New("not enough shared memory")
	// ErrNotMemory is returned when the directory does not lie on tmpfs.
	ErrNotMemory = shm.ErrNotMemory
	// ErrUntrusted is returned for a directory or file that another user owns (an
	// *OwnerError) or may change, or that is not what it should be (a symbolic link,
	// a FIFO).
	ErrUntrusted = shm.ErrUntrusted
	// ErrNotSealed is returned when ReaderOptions.Sealed asks for a sealed segment and
	// this one is not, and by Writer.HandDown.
	ErrNotSealed = errors.New("segment is not sealed")
	// ErrGroup is returned by Create when the segment cannot be shared with
	// Options.Group: there is no such group, this process is not a member of it, or
	// the group cannot enter the directory.
	ErrGroup = shm.ErrGroup
)

// OwnerError is returned for a directory or file of another user, who is not root
// and was not named in ReaderOptions.TrustUID. Its fields are Path and UID. It
// matches ErrUntrusted.
type OwnerError = shm.OwnerError

// Errors of reading.
var (
	// ErrWriterDied is returned when the writer is gone without an orderly end.
	// Everything it had published has been delivered before, to a lossless reader;
	// but for one that still read an older generation of a segment that had moved.
	ErrWriterDied = errors.New("writer died")
	// ErrEvicted is returned to a lossless reader that the writer stopped waiting
	// for. The reader must be opened anew.
	ErrEvicted = errors.New("reader evicted: it stood still for too long")
	// ErrLost is returned to a lossless reader when a frame it was promised is no
	// longer there. It says that somebody broke the protocol.
	ErrLost = errors.New("promised frame is gone")
	// ErrRefused is returned when the writer does not take this lossless reader.
	ErrRefused = errors.New("lossless reading refused")
	// ErrOverrun is returned when the writer overwrote the frame in each of ten
	// tries to read it. The next call may succeed.
	ErrOverrun = errors.New("overrun: the writer is faster than this reader can copy")
	// ErrBroken is returned when the end check of a pinned frame fails: the writer
	// needed the slot. What was computed from the frame is void.
	ErrBroken = errors.New("pin broken: the frame was overwritten while in use")
	// ErrHeld is returned when more frames are held than the reader declared.
	ErrHeld = errors.New("too many frames held")
	// ErrCells is returned when every cell of the control file is taken.
	ErrCells = errors.New("no free reader cell")
	// ErrReadOnly is returned when a mode needs the control file and it may not be
	// written.
	ErrReadOnly = errors.New("the control file may not be written")
	// ErrUnlinked is returned when the name was removed under a living writer.
	ErrUnlinked = errors.New("segment was removed by hand")
	// ErrChecksum is returned by Frame.Verify.
	ErrChecksum = errors.New("checksum of the frame does not match")
)

// Errors of writing and general ones.
var (
	// ErrTooLarge is returned for a payload or meta over the capacity.
	ErrTooLarge = errors.New("larger than the slot")
	// ErrSlotOpen is returned by Begin while another slot is open.
	ErrSlotOpen = errors.New("another slot is still open")
	// ErrExhausted is returned when frame numbers reach 2^47.
	ErrExhausted = errors.New("frame numbers exhausted")
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("closed")
)

// SpaceError is returned by Create when the directory has not enough room. It
// matches ErrNoSpace.
type SpaceError struct {
	Dir    string // empty for a sealed segment
	Needed int64  // bytes
	Free   int64  // bytes; -1 unknown
}

// Error says what is needed, what there is and what to do.
func (e *SpaceError) Error() string {
	if e.Dir == "" {
		return fmt.Sprintf("%v: %d bytes needed; use fewer slots or smaller frames, or give a container more (docker run --memory)", ErrNoSpace, e.Needed)
	}
	return fmt.Sprintf("%v in %s: %d bytes needed, %d free; use fewer slots or smaller frames, remove dead segments (framebridge gc), "+
		"or enlarge it: mount -o remount,size=1G /dev/shm, for a container docker run --shm-size=1g (its default is 64 MiB)",
		ErrNoSpace, e.Dir, e.Needed, e.Free)
}

// Is reports whether target is ErrNoSpace.
func (e *SpaceError) Is(target error) bool { return target == ErrNoSpace }

// RefusedError is returned to a lossless reader that the writer refused. It
// matches ErrRefused.
type RefusedError struct {
	// SlotsNeeded is the number of slots that the reader's hold would need; 0 if
	// the writer takes no lossless readers at all.
	SlotsNeeded int
}

// Error says why.
func (e *RefusedError) Error() string {
	if e.SlotsNeeded > 0 {
		return fmt.Sprintf("%v: to hold that many frames the segment needs %d slots", ErrRefused, e.SlotsNeeded)
	}
	return fmt.Sprintf("%v: the writer does not wait for readers", ErrRefused)
}

// Is reports whether target is ErrRefused.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// fault turns a memory fault into ErrDamaged and leaves other errors alone.
func fault(err error) error {
	if errors.Is(err, shm.ErrFault) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
