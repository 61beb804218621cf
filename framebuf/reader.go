// The reader: its life from Open to Close. wait.go waits and judges, newest.go
// and lossless.go read, register.go takes a cell, follow.go changes generations.

package framebuf

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framebridge/framebridge/internal/shm"
)

// Mode is how a reader reads. The numbers are part of the layout.
type Mode uint32

// The modes.
const (
	// Newest copies the newest frame, and skips what it missed, counting it. It
	// never disturbs the writer and works with read permission only.
	Newest Mode = 0
	// Pinned reads the newest frame in place, without a copy. The writer avoids
	// pinned slots but never waits for them: Frame.Release tells whether the view
	// held.
	Pinned Mode = 1
	// Lossless reads every frame exactly once, in order, in place. The writer
	// waits for it, within its policy.
	Lossless Mode = 2
)

// String is newest, pinned or lossless.
func (m Mode) String() string {
	switch m {
	case Newest:
		return "newest"
	case Pinned:
		return "pinned"
	case Lossless:
		return "lossless"
	}
	return fmt.Sprintf("mode(%d)", uint32(m))
}

// ReaderOptions of Open. The zero value, or nil, means the defaults.
type ReaderOptions struct {
	// Dir is the directory of segments. Default: DefaultDir.
	Dir string
	// TrustUID names users whose segments may be read, beside this user and root. A
	// user who is trusted can show any picture and change it at any moment, and
	// nothing else. Pinned and Lossless also need the right to write the control file,
	// which Options.Group of the writer gives. Default: none.
	TrustUID []int
	// Sealed refuses a segment whose memory somebody could take away or, other than
	// its writer, write: see Options.Sealed. Default: false.
	Sealed bool
	// Mode is how to read. Default: Newest.
	Mode Mode
	// ReadOnly never touches the control file: the reader is invisible to the
	// writer. Newest only. Default: false, which for Newest still works without
	// write permission.
	ReadOnly bool
	// Hold is how many frames the caller keeps while it asks for the next one, at
	// most 5 for Pinned, and slots - 1 for Lossless. Default: 0.
	Hold int
	// Label is what the reader calls itself, for people: 24 bytes of ASCII.
	// Default: none.
	Label string
	// Wait makes Open wait for the segment to appear until its context ends.
	// Default: false.
	Wait bool
	// Follow goes on with the next writer of the name, after an end or a death,
	// until the context of Next ends. A moved segment is followed always.
	// Default: false.
	Follow bool
	// Spliced tells the writer that pages of frames may sit in a pipe: if this
	// process dies, its slots stay owed for 1 s more. Default: false.
	Spliced bool
}

// Reader reads the frames of a segment.
//
// Next, Frames and View are for one goroutine at a time. Frames may be released
// from any goroutine, and Close may be called at any time. Frames that are out
// when the reader is closed stay readable until they are released.
type Reader struct {
	name string
	opts ReaderOptions
	in   *inherited // nil: found by name
	dir  *shm.Dir

	next   sync.Mutex // held by Next; Close waits for it
	closed atomic.Bool

	mu       sync.Mutex // everything below
	seg      *segment
	ctl      *control // nil: no cell
	cell     int
	token    uint64
	stand    standing
	want     uint64       // n+1 of the next frame wanted
	gap      uint64       // frames lost between two chains of generations, to be reported
	out      []*Frame     // views not released yet, oldest first
	pinOf    [pins]*Frame // who uses which pin
	copyNext bool         // after a broken pin
	broken   int          // pins broken in a row
	pool     [][]byte
	scratch  []byte // private copy of a slot header and meta
	stats    ReaderStats
}

// ReaderStats counts what one reader saw.
type ReaderStats struct {
	Delivered   uint64 // frames handed out
	Missed      uint64 // frames published and never seen
	Retries     uint64 // tries to read a frame that the writer spoilt
	Overruns    uint64 // times that ten tries were not enough
	Broken      uint64 // views that did not hold
	Generations uint64 // generations read
}

// Open opens the segment name for reading. nil options are the defaults. ctx
// bounds the waiting of Options.Wait and of joining as a lossless reader, which
// takes at most about 100 ms with a living writer.
//
// name may also be one of InheritedName: a sealed segment that was handed down to
// this process. Its descriptors are not used up, and stay as they are. Wait and
// Follow have no meaning for it.
//
// Errors match ErrName, ErrNotFound, ErrDamaged, ErrVersion, ErrUntrusted,
// ErrNotMemory, ErrNotSealed, fs.ErrPermission; for Pinned and Lossless also ErrReadOnly and
// ErrCells; for Lossless ErrRefused (a *RefusedError); outside Linux
// errors.ErrUnsupported.
func Open(ctx context.Context, name string, o *ReaderOptions) (*Reader, error) {
	r, err := open(ctx, name, o)
	if err != nil {
		return nil, fmt.Errorf("framebuf: open %s: %w", name, readersTrust(err))
	}
	return r, nil
}

func open(ctx context.Context, name string, o *ReaderOptions) (*Reader, error) {
	r := &Reader{name: name}
	if o != nil {
		r.opts = *o
	}
	if in, ok := parseInherited(name); ok {
		r.in, r.opts.Wait, r.opts.Follow = &in, false, false
	}
	switch err := CheckSource(name); {
	case err != nil:
		return nil, err
	case r.opts.Mode > Lossless:
		return nil, fmt.Errorf("%w: mode %d", ErrFormat, r.opts.Mode)
	case r.opts.ReadOnly && r.opts.Mode != Newest:
		return nil, fmt.Errorf("%w: a %v reader needs it", ErrReadOnly, r.opts.Mode)
	case r.opts.Hold < 0 || r.opts.Mode == Pinned && r.opts.Hold >= pins:
		return nil, fmt.Errorf("%w: hold %d; a pinned reader may hold %d frames", ErrHeld, r.opts.Hold, pins-1)
	}
	seg, err := r.find(ctx, Generation{}, r.opts.Wait)
	if err != nil {
		r.shut()
		return nil, err
	}
	if err := r.adopt(ctx, seg); err != nil {
		r.shut()
		if isEOF(err) { // it moved and ended while this reader joined
			err = fmt.Errorf("%w: it has just ended", ErrNotFound)
		}
		return nil, err
	}
	return r, nil
}

// Name is the segment's name.
func (r *Reader) Name() string { return r.name }

// Stats is what the reader has counted so far. Safe for concurrent use.
func (r *Reader) Stats() ReaderStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Source is the state of what feeds the segment, and its last error. After
// io.EOF it tells a clean end (SourceEnded, SourceNone) from a bad one
// (SourceFailed). Safe for concurrent use.
func (r *Reader) Source() (s SourceState, lastError string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seg == nil {
		return SourceNone, ""
	}
	_ = shm.Guard(func() error {
		s, lastError = SourceState(r.seg.dyn32(dySource).Load()), r.seg.loadError()
		return nil
	}, r.seg.m)
	return s, lastError
}

// Next waits for the next frame: the newest one that was not handed out yet, or
// for Lossless the next one in order. The frame is the caller's until Release.
//
// io.EOF is the clean end. Other errors match ErrWriterDied, ErrEvicted, ErrLost,
// ErrOverrun (ask again), ErrHeld, ErrUnlinked, ErrDamaged, ErrClosed, or that of
// ctx. A wait ends at most 100 ms after ctx does.
func (r *Reader) Next(ctx context.Context) (*Frame, error) {
	r.next.Lock()
	defer r.next.Unlock()
	f, err := r.read(ctx)
	if err != nil {
		return nil, r.wrap(err)
	}
	return f, nil
}

// read reads one frame and follows generations.
func (r *Reader) read(ctx context.Context) (*Frame, error) {
	for {
		if r.closed.Load() {
			return nil, ErrClosed
		}
		var f *Frame
		err := r.finishJoining(ctx)
		if err == nil {
			seg, ctl := r.seg, r.ctl // only Next changes them, and it is alone
			err = fault(shm.Guard(func() (err error) { f, err = r.readSegment(ctx); return err }, seg.m, ctl.mapping()))
		}
		if err == nil {
			return f, nil
		}
		if err := r.follow(ctx, err); err != nil {
			return nil, err
		}
	}
}

func (r *Reader) readSegment(ctx context.Context) (*Frame, error) {
	r.mu.Lock()
	held := len(r.out)
	r.mu.Unlock()
	if held > r.opts.Hold {
		return nil, fmt.Errorf("%w: %d are out, ReaderOptions.Hold is %d", ErrHeld, held, r.opts.Hold)
	}
	if r.opts.Mode == Lossless {
		return r.readLossless(ctx)
	}
	return r.readNewest(ctx)
}

// Frames ranges over the frames as Next gives them and releases each one when
// the body is done with it. It ends without an error at the clean end. A view
// that did not hold comes a second time, with ErrBroken or ErrEvicted: discard
// what was computed from it. ErrBroken and ErrOverrun do not end the iteration,
// every other error does.
func (r *Reader) Frames(ctx context.Context) iter.Seq2[*Frame, error] {
	return func(yield func(*Frame, error) bool) {
		for {
			f, err := r.Next(ctx)
			switch {
			case err == nil:
			case isEOF(err):
				return
			default:
				if !yield(nil, err) || !errors.Is(err, ErrOverrun) {
					return
				}
				continue
			}
			more := yield(f, nil)
			if err := f.Release(); err != nil && more {
				more = yield(f, err) && errors.Is(err, ErrBroken)
			}
			if !more {
				return
			}
		}
	}
}

// View hands the next frame to look, under a guard, and releases it. It returns
// the error of look; ErrBroken or ErrEvicted if the view did not hold, in which
// case everything that look computed is void; ErrDamaged if the memory went away
// under it; otherwise the errors of Next.
func (r *Reader) View(ctx context.Context, look func(*Frame) error) error {
	f, err := r.Next(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = f.Release() }() // when look panics
	err = f.Guard(func() error { return look(f) })
	if rerr := f.Release(); rerr != nil {
		return rerr
	}
	return err
}

// Close leaves the segment. A Next that waits returns ErrClosed. Idempotent.
func (r *Reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	r.nudge() // a sleeping Next looks again
	r.next.Lock()
	defer r.next.Unlock()
	r.shut()
	return nil
}

// nudge wakes the waiters of the frame event without changing it, which a
// read-only mapping allows.
func (r *Reader) nudge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seg != nil {
		wake(r.seg)
	}
}

// shut gives everything back.
func (r *Reader) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed.Store(true)
	r.leave()
	if r.seg != nil {
		_ = r.seg.release()
		r.seg = nil
	}
	if r.dir != nil {
		_ = r.dir.Close()
		r.dir = nil
	}
}

func (r *Reader) wrap(err error) error {
	if isEOF(err) {
		return err // io.EOF stays bare, as everywhere in Go
	}
	return fmt.Errorf("framebuf: read %s: %w", r.name, err)
}

// waitTick bounds every sleep: what no event tells is noticed within it.
const waitTick = 100 * time.Millisecond
