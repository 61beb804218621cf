// Looking at segments from outside, and removing dead ones.

package framebuf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/seqlock"
	"github.com/framebridge/framebridge/internal/shm"
)

// Status is what can be seen of a segment from outside, at one moment.
type Status struct {
	Name        string
	Generation  Generation
	Previous    Generation // the generation before; zero if there was none
	Kind        Kind
	State       State
	Sealed      bool // see Options.Sealed
	Alive       bool // its writer lives
	WriterPID   int  // as the writer says; for people
	Source      SourceState
	LastError   string
	Kept        bool // see Options.Keep
	Live        bool // the source cannot wait
	Lossless    LosslessPolicy
	LayoutMajor int
	LayoutMinor int
	Bytes       int64 // memory of the data file
	Slots       int
	Capacity    int64 // bytes
	FirstFrame  uint64
	Newest      *Info // nil if no frame is there
	Published   uint64
	Abandoned   uint64
	Broken      uint64 // pins
	Evicted     uint64 // readers
	Restarts    uint64
	Stalls      uint64
	Drops       [dropReasons]uint64 // by DropReason
	Blocked     time.Duration       // the writer waited for lossless readers
	Created     time.Time
	Readers     []ReaderStatus
}

// Dropped is the sum of Drops.
func (s *Status) Dropped() (n uint64) {
	for _, d := range s.Drops {
		n += d
	}
	return n
}

// ReaderStatus is what can be seen of a registered reader.
type ReaderStatus struct {
	ID       int // its cell
	Mode     Mode
	PID      int    // as it says; for people
	Label    string // as it says
	Cursor   uint64 // n+1 of the last frame let go; Lossless only
	Behind   uint64 // frames published and not let go; Lossless only
	Missed   uint64 // as it says
	Joined   bool   // a lossless reader that the writer waits for
	Evicted  bool
	Broken   uint64 // pins
	SeenHere bool   // it has mapped this generation
}

// Stat looks at one segment without disturbing it. name may be one of
// InheritedName; dir is not used then. trustUID are users to trust, as
// in ReaderOptions. Errors as Open.
func Stat(dir, name string, trustUID ...int) (*Status, error) {
	st, err := stat(dir, name, trustUID)
	if err != nil {
		return nil, fmt.Errorf("framebuf: stat %s: %w", name, readersTrust(err))
	}
	return st, nil
}

func stat(dir, name string, trustUID []int) (*Status, error) {
	if err := CheckSource(name); err != nil {
		return nil, err
	}
	var d *shm.Dir
	var s *segment
	in, handedDown := parseInherited(name)
	var err error
	if handedDown {
		s, err = in.openData(trustUID)
	} else {
		if d, err = openDir(dir, shm.DirOptions{TrustUIDs: trustUID}); err != nil {
			return nil, notFound(err)
		}
		defer d.Close()
		s, err = openData(d, name, false, false)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.release() }()
	out := &Status{Name: name, Sealed: s.sealed()}
	if out.Alive, err = s.file.Locked(0); err != nil {
		return nil, err
	}
	if err := shm.Guard(func() error { s.describe(out); return nil }, s.m); err != nil {
		return nil, fault(err)
	}
	var c *control
	if handedDown {
		c, err = in.openControl(&s.st, false, trustUID)
	} else {
		c, err = openControl(d, name, &s.st, false)
	}
	if err == nil {
		defer func() { _ = c.release() }()
		// A scribbled control file costs the list of readers, nothing else.
		_ = shm.Guard(func() error { out.Readers = s.readers(c); return nil }, s.m, c.m)
	}
	return out, nil
}

func (s *segment) describe(out *Status) {
	st := &s.st
	out.Generation, out.Previous, out.Kind = st.generation, st.previous, st.kind
	out.State, out.WriterPID = s.state(), int(st.writerPID)
	out.Source, out.LastError = SourceState(s.dyn32(dySource).Load()), s.loadError()
	out.Kept = s.kept()
	out.Live, out.Lossless = st.flags&flagLive != 0, st.lossless
	out.LayoutMajor, out.LayoutMinor = int(st.major), int(st.minor)
	out.Bytes, out.Slots, out.Capacity = st.fileSize, st.slots, st.capacity
	out.FirstFrame = st.firstFrame
	out.Published, out.Abandoned = s.dyn64(dyPublished).Load(), s.dyn64(dyAbandoned).Load()
	out.Broken, out.Evicted = s.dyn64(dyBroken).Load(), s.dyn64(dyEvicted).Load()
	out.Restarts, out.Stalls = s.dyn64(dyRestarts).Load(), s.dyn64(dyStalls).Load()
	for i := range out.Drops {
		out.Drops[i] = s.dyn64(dyDrops + 8*i).Load()
	}
	out.Blocked = time.Duration(s.dyn64(dyBlocked).Load())
	out.Created = time.Unix(0, st.createdWall)
	for range tries {
		n, slot, ok := unpack(s.dyn64(dyPublish).Load())
		if !ok || slot >= st.slots {
			return
		}
		info := &Info{Generation: st.generation}
		if seq := s.sequence(slot); seqlock.Begin(seq, n) {
			h := append([]byte(nil), s.record(slot)[:srMeta]...)
			if seqlock.Valid(seq, n) {
				if _, ok := info.load(h, int(st.capacity), st.metaCapacity); ok {
					out.Newest = info
				}
				return
			}
		}
	}
}

func (s *segment) readers(c *control) (out []ReaderStatus) {
	newest := s.dyn64(dyPublish).Load() >> 16
	for k := 1; k <= c.cells; k++ {
		token := c.cell64(k, clToken).Load()
		if token == 0 {
			continue
		}
		if locked, err := c.file.Locked(int64(k)); err != nil || !locked {
			continue
		}
		r := ReaderStatus{
			ID: k, Mode: Mode(c.cell32(k, clMode).Load()), PID: int(c.cell32(k, clPID).Load()), Label: c.label(k),
			Missed: c.cell64(k, clMissed).Load(), Broken: s.table64(k, rtBroken).Load(),
			SeenHere: c.cell64(k, clSeenGen).Load() == s.st.generation.Low(),
		}
		if r.Mode == Lossless {
			answered := s.table64(k, rtToken).Load() == token
			state := s.table32(k, rtState).Load()
			r.Joined, r.Evicted = answered && state == answerJoined, answered && state == answerEvicted
			r.Cursor = c.cell64(k, clCursor).Load()
			from := max(r.Cursor, max(s.table64(k, rtFirst).Load(), 1)-1)
			r.Behind = newest - min(from, newest)
		}
		out = append(out, r)
	}
	return out
}

// List names the segments in a directory (empty: DefaultDir), alive or dead, of
// whatever user, in order. trustUID are users to trust, as in ReaderOptions. A
// directory that does not exist has none.
func List(dir string, trustUID ...int) ([]string, error) {
	d, err := openDir(dir, shm.DirOptions{TrustUIDs: trustUID})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("framebuf: list: %w", readersTrust(err))
	}
	defer d.Close()
	all, err := d.Names()
	if err != nil {
		return nil, fmt.Errorf("framebuf: list: %w", err)
	}
	names := slices.DeleteFunc(all, func(n string) bool { return CheckName(n) != nil })
	slices.Sort(names)
	return names, nil
}

// Remove removes a dead segment. Errors match ErrName, ErrNotFound, ErrBusy (its
// writer lives), ErrUntrusted, ErrDamaged (it is no segment: remove the file by
// hand).
func Remove(dir, name string) error {
	if err := remove(dir, name); err != nil {
		return fmt.Errorf("framebuf: remove %s: %w", name, err)
	}
	return nil
}

func remove(dir, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	d, err := openDir(dir, shm.DirOptions{})
	if err != nil {
		return notFound(err)
	}
	defer d.Close()
	return removeDead(d, name, func(*segment) bool { return false })
}

// removeDead unlinks a dead segment under its lock, control file last: whoever
// comes between finds either both or a control file that a sweep removes. One that is
// to be spared is ErrBusy.
func removeDead(d *shm.Dir, name string, spare func(*segment) bool) error {
	for range claimTries {
		s, err := lockDead(d, name)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			return err
		}
		defer func() { _ = s.release() }()
		if spare(s) {
			return ErrBusy
		}
		if err := d.Unlink(name); err != nil {
			return err
		}
		failpoint.At("dead-unlinked")
		bury(s)
		failpoint.At("dead-buried")
		err = d.Unlink(controlName(name, s.st.controlID))
		failpoint.At("dead-control-unlinked")
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	return fmt.Errorf("%w: the name kept changing hands", ErrBusy)
}

// GC removes everything dead from a directory (empty: DefaultDir): segments whose
// writer is gone, and hidden files that no segment needs. It never touches what
// is alive or kept, what belongs to another user, or what is no segment. It returns the
// names of the files removed, and the joined errors of those it could not.
func GC(ctx context.Context, dir string) (removed []string, err error) {
	d, err := openDir(dir, shm.DirOptions{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("framebuf: gc: %w", err)
	}
	defer d.Close()
	names, err := d.Names()
	if err != nil {
		return nil, fmt.Errorf("framebuf: gc: %w", err)
	}
	slices.Sort(names)
	var errs []error
	for _, n := range names {
		if ctx.Err() != nil {
			errs = append(errs, context.Cause(ctx))
			break
		}
		gone, err := collect(d, n)
		if gone {
			removed = append(removed, n)
		}
		if err != nil && !errors.Is(err, ErrBusy) && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("framebuf: gc: %s: %w", n, err))
		}
	}
	return removed, errors.Join(errs...)
}

// collect removes one file if it is dead and ours.
func collect(d *shm.Dir, name string) (gone bool, err error) {
	if CheckName(name) == nil {
		err := removeDead(d, name, (*segment).kept)
		if errors.Is(err, ErrDamaged) || errors.Is(err, ErrUntrusted) || errors.Is(err, ErrVersion) {
			return false, nil // not ours to judge
		}
		return err == nil, err
	}
	segment, id, staged, ok := parseHidden(name)
	if !ok || !strings.HasPrefix(name, ".") {
		return false, nil
	}
	f, _, err := d.Open(name, true, true)
	if err != nil {
		return false, nil //nolint:nilerr // a stranger's, or gone
	}
	defer f.Close()
	// Holding byte 0 keeps any writer from using the file; a staged data file and
	// a control file both have their writer's lock there.
	if taken, err := f.Lock(0); err != nil || !taken || !d.Is(name, f) {
		return false, err
	}
	if !staged && controlNeeded(d, segment, id) {
		return false, nil
	}
	failpoint.At("hidden-locked")
	err = d.Unlink(name)
	failpoint.At("hidden-unlinked")
	return err == nil, err
}

// controlNeeded reports whether the segment's data file names this control file.
func controlNeeded(d *shm.Dir, segment string, id uint64) bool {
	s, err := openData(d, segment, false, false)
	if err != nil {
		return !errors.Is(err, ErrNotFound)
	}
	defer func() { _ = s.release() }()
	return s.st.controlID == id
}
