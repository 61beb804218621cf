// Creating a segment: under a new name, over a dead one, and as the next
// generation of a living one.

package framebuf

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/shm"
)

// Values of stBacking.
const (
	backingTmpfs = 1
	backingMemfd = 2
)

// build makes an unnamed, complete, locked data file. Killed at any point, it
// leaves nothing.
func build(h home, st *static) (*segment, error) {
	if _, err := rand.Read(st.generation[:]); err != nil {
		return nil, err
	}
	now := shm.Now()
	st.createdMono, st.createdWall = now.Mono, now.Wall
	st.writerPID, st.backing, st.taiOffset = uint32(os.Getpid()), backingTmpfs, shm.TAIOffset()
	if h.sealed() {
		st.backing = backingMemfd
	}
	file, err := h.create(st.name, st.fileSize, groupDataMode)
	if err != nil {
		return nil, space(err)
	}
	failpoint.At("data-reserved")
	m, err := file.Map(st.fileSize, true)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	s := newSegment(*st, file, m)
	copy(m.Bytes(), st.encode())
	if taken, err := file.Lock(0); err != nil || !taken {
		_ = s.release()
		return nil, errors.Join(errors.New("cannot lock a new file"), err)
	}
	failpoint.At("data-locked")
	s.dyn32(dyState).Store(uint32(Live))
	if h.sealed() {
		if err := file.Seal(true); err != nil {
			_ = s.release()
			return nil, err
		}
	}
	return s, nil
}

// buildControl makes an unnamed, complete control file, locked by the writer.
func buildControl(h home, name string, st *static) (*control, error) {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	st.controlID = binary.LittleEndian.Uint64(id[:])
	file, err := h.create(name, controlSize(st.cells), groupControlMode)
	if err != nil {
		return nil, space(err)
	}
	failpoint.At("control-reserved")
	c, err := fillControl(file, st)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	failpoint.At("control-built")
	if h.sealed() {
		if err := file.Seal(false); err != nil {
			_ = c.release()
			return nil, err
		}
	}
	return c, nil
}

func fillControl(file *shm.File, st *static) (*control, error) {
	w, err := file.Map(controlSize(st.cells), true)
	if err != nil {
		return nil, err
	}
	copy(w.Bytes(), encodeControl(st.cells, st.controlID))
	if err := w.Close(); err != nil { // from here on the writer only reads it
		return nil, err
	}
	if taken, err := file.Lock(0); err != nil || !taken {
		return nil, errors.Join(errors.New("cannot lock a new control file"), err)
	}
	m, err := file.Map(controlSize(st.cells), false)
	if err != nil {
		return nil, err
	}
	return newControl(file, m, st), nil
}

// space puts the sizes of a full file system into this package's error.
func space(err error) error {
	var se *shm.SpaceError
	if errors.As(err, &se) {
		return &SpaceError{Dir: se.Path, Needed: se.Needed, Free: se.Free}
	}
	return err
}

// replace puts a built data file in place of whatever has the name: staged under
// a hidden name and renamed over, so that there is no moment without a name.
func replace(d *shm.Dir, name string, s *segment) error {
	staged := stagingName(name, s.st.generation)
	if err := d.Link(s.file, staged); err != nil {
		return err
	}
	failpoint.At("staged")
	if err := d.Rename(staged, name); err != nil {
		_ = d.Unlink(staged)
		return err
	}
	failpoint.At("renamed")
	return nil
}

// claimTries bounds the races with other writers and cleaners of one name.
const claimTries = 100

// claimName puts a new segment under the name: linked if the name is free,
// renamed over a dead segment if there is one.
func claimName(h home, name string, st *static) (*segment, *control, error) {
	sweepLeftovers(h.dir, name)
	for range claimTries {
		dead, err := lockDead(h.dir, name)
		switch {
		case err == nil:
		case errors.Is(err, ErrNotFound):
			dead = nil
		case errors.Is(err, errAgain):
			continue
		default:
			return nil, nil, err
		}
		s, c, err := takeName(h, name, st, dead, nil)
		if errors.Is(err, fs.ErrExist) {
			continue // another writer was faster: look who it is
		}
		return s, c, err
	}
	return nil, nil, fmt.Errorf("%w: the name kept changing hands", ErrBusy)
}

// sweepLeftovers removes what a start that was killed half-way left under hidden names of
// this segment. What somebody holds is left alone.
func sweepLeftovers(d *shm.Dir, name string) {
	names, err := d.Names()
	if err != nil {
		return // the start itself will say what is wrong with the directory
	}
	for _, n := range names {
		if segment, _, _, ok := parseHidden(n); ok && segment == name {
			_, _ = collect(d, n)
		}
	}
}

// takeName builds the segment and gives it the name, in place of dead if that is
// not nil. It lets go of dead. fill, if there is one, fills the segment before it has
// the name.
func takeName(h home, name string, st *static, dead *segment, fill func(*segment, *control) error) (*segment, *control, error) {
	d := h.dir
	if held := dead; held != nil {
		defer func() { _ = held.release() }()
		st.firstFrame, st.previous = succeed(held)
		if !st.previous.IsZero() {
			st.flags |= flagTookOver
		}
	}
	s, c, err := buildBoth(h, name, st)
	if se := new(SpaceError); dead != nil && fill == nil && errors.As(err, &se) && (se.Free < 0 || se.Free+dead.st.fileSize >= se.Needed) {
		// There is no room for both: the dead one goes first, unless a value is in it. Killed between here and
		// the link, the name is gone and numbers start anew; without this, nothing
		// could start until somebody cleaned up by hand.
		bury(dead)
		failpoint.At("tight-buried")
		_ = d.Unlink(name)
		failpoint.At("tight-unnamed")
		_ = d.Unlink(controlName(name, dead.st.controlID))
		failpoint.At("tight-control-unlinked")
		if rerr := dead.unmap(); rerr != nil {
			return nil, nil, rerr
		}
		failpoint.At("tight-unmapped")
		dead = nil
		s, c, err = buildBoth(h, name, st)
	}
	if err != nil {
		return nil, nil, err
	}
	if fill != nil {
		if err := fill(s, c); err != nil {
			_ = s.release()
			_ = c.release()
			return nil, nil, err
		}
	}
	// The control file first, so that who finds the segment finds it too; and not
	// before now, so that a start that is killed hardly ever leaves it behind.
	err = d.Link(c.file, controlName(name, c.id))
	failpoint.At("control-linked")
	switch {
	case err != nil:
	case dead == nil:
		err = d.Link(s.file, name)
	default:
		err = replace(d, name, s)
	}
	if err != nil {
		_ = s.release()
		_ = d.Unlink(controlName(name, c.id))
		_ = c.release()
		return nil, nil, err
	}
	failpoint.At("named")
	if dead != nil {
		bury(dead)
		failpoint.At("buried")
		_ = d.Unlink(controlName(name, dead.st.controlID))
	}
	return s, c, nil
}

// buildBoth makes the control file and the data file that names it.
func buildBoth(h home, name string, st *static) (*segment, *control, error) {
	c, err := buildControl(h, name, st)
	if err != nil {
		return nil, nil, err
	}
	s, err := build(h, st)
	if err != nil {
		_ = c.release()
		return nil, nil, err
	}
	return s, c, nil
}

// errAgain says that the name changed while it was looked at.
var errAgain = errors.New("the name changed")

// cleanerTries: a cleaner holds the lock of a dead segment for a moment, and must
// not be taken for its writer.
const cleanerTries = 50

// lockDead takes the lock of the segment that has the name, which only a dead
// one lets go, and makes sure that the name still means it. The error is
// ErrNotFound, ErrBusy, errAgain, or what is wrong with the file.
func lockDead(d *shm.Dir, name string) (*segment, error) {
	s, err := openData(d, name, true, true)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: the name is taken by a file that this user may not write (%w)", ErrUntrusted, err)
	}
	if err != nil {
		return nil, err
	}
	taken, err := s.file.Lock(0)
	for range cleanerTries {
		if taken || err != nil {
			break
		}
		time.Sleep(time.Millisecond)
		taken, err = s.file.Lock(0)
	}
	switch {
	case err != nil:
	case !taken:
		err = fmt.Errorf("%w: %s (process %d, as it says)", ErrBusy, name, s.st.writerPID)
	case !d.Is(name, s.file):
		err = errAgain
	default:
		failpoint.At("dead-locked")
		return s, nil
	}
	_ = s.release()
	return nil, err
}

// succeed says where the successor of a dead segment starts: after the last
// number it ever spoke of, and anew after a clean end of one that was not kept.
func succeed(dead *segment) (first uint64, previous Generation) {
	var n uint64
	var ok bool
	err := shm.Guard(func() error {
		clean := dead.state() == Ended
		if !clean || dead.kept() {
			n, ok = dead.lastNumber()
			if !ok && dead.st.firstFrame > 0 { // it never got to a frame
				n, ok = dead.st.firstFrame-1, true
			}
		}
		if !clean {
			previous = dead.st.generation
		}
		return nil
	}, dead.m)
	if err != nil || !ok || n+1 >= maxFrame {
		return 0, previous
	}
	return n + 1, previous
}

// bury tells those who still look at a dead segment that nobody will come back
// to it. A clean end stays a clean end.
func bury(dead *segment) {
	_ = shm.Guard(func() error {
		if st := dead.state(); st == Live || st == Draining {
			dead.dyn32(dyState).Store(uint32(Dead))
		}
		dead.ring()
		return nil
	}, dead.m)
}
