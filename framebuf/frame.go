// A frame in a reader's hands.

package framebuf

import (
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/seqlock"
	"github.com/framebridge/framebridge/internal/shm"
)

// Frame is one frame, the caller's until Release. Its Info is a private copy.
// Bytes and images are a private copy for Newest, and a view into shared memory
// for Pinned and Lossless. Methods are safe for concurrent use, except that
// nothing may touch the pixels during or after Release.
type Frame struct {
	Info

	// Missed is how many frames were published since the last one this reader got,
	// and were never seen. For Lossless only after a restart of the writer: what was
	// published between its end and this reader's joining anew.
	Missed uint64

	r    *Reader
	seg  *segment
	slot int
	n    uint64
	pin  int // -1 none
	view bool
	data []byte
	meta []byte
	gone bool // guarded by r.mu
	err  error
}

// Bytes is the payload, read-only: writing to a view ends the process. For
// pictures the planes lie in it as Info.Plane says.
func (f *Frame) Bytes() []byte { return f.data }

// Meta is what the writer gave the frame beside the payload, JSON by convention;
// a private copy.
func (f *Frame) Meta() []byte { return f.meta }

// Guard runs fn, which may touch the frame's bytes on this goroutine, and turns a
// fault there, from a truncated file, into ErrDamaged. After Release it is
// ErrClosed, and fn does not run. View does this by itself.
func (f *Frame) Guard(fn func() error) error {
	if f.isGone() {
		return fmt.Errorf("framebuf: frame %d: %w: it was released", f.Number, ErrClosed)
	}
	if !f.view {
		return fn()
	}
	return fault(shm.Guard(fn, f.seg.m))
}

// Valid reports whether all that was read from the frame so far is that frame:
// nil, or ErrBroken (Pinned), ErrEvicted (Lossless), ErrDamaged. A copy is always
// valid.
func (f *Frame) Valid() error {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	return f.valid()
}

func (f *Frame) isGone() bool {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	return f.gone
}

func (f *Frame) valid() error {
	if f.gone || !f.view {
		return f.err
	}
	held := false
	err := fault(shm.Guard(func() error {
		held = seqlock.Valid(f.seg.sequence(f.slot), f.n)
		return nil
	}, f.seg.m))
	switch {
	case err != nil:
		return err
	case held:
		return nil
	case f.pin >= 0:
		return ErrBroken
	}
	return ErrEvicted
}

// Release gives the frame back and reports, for a view, whether it held to the
// end: nil, or the errors of Valid. What was computed from a view that did not
// hold is void. Idempotent: later calls report the same.
func (f *Frame) Release() error {
	r := f.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.gone {
		return f.err
	}
	failpoint.At("before-release")
	f.err = f.valid() // all loads of the frame before the pin is cleared
	f.gone = true
	if i := slices.Index(r.out, f); i >= 0 {
		r.out = slices.Delete(r.out, i, i+1)
	}
	r.drop(f)
	if !f.view {
		r.recycle(f.data)
	} else {
		_ = f.seg.release()
	}
	f.data = nil
	return f.err
}

// drop takes back what kept the frame: its pin or the cursor. Called with mu held.
func (r *Reader) drop(f *Frame) {
	if f.pin >= 0 {
		r.pinOf[f.pin] = nil
	}
	err := shm.Guard(func() error {
		switch {
		case f.pin >= 0:
			if r.ctl != nil {
				r.ctl.pin(r.cell, f.pin).Store(0)
				failpoint.At("pin-cleared")
			}
			r.afterPin(f.err)
		case f.view:
			r.letGo()
		default:
			r.copyNext = false
		}
		return nil
	}, r.ctl.mapping())
	if err != nil && f.err == nil {
		f.err = fault(err)
	}
}

// afterPin counts a view that did not hold; the next frame is then copied, and
// after three in a row, when the writer no longer heeds this cell, a new token
// makes it look again.
func (r *Reader) afterPin(err error) {
	if err == nil {
		r.broken = 0
		return
	}
	r.stats.Broken++
	r.broken++
	r.copyNext = true
	if r.broken >= brokenLimit && r.ctl != nil {
		r.broken = 0
		r.token = randomToken()
		r.ctl.cell64(r.cell, clToken).Store(r.token)
	}
}

// Verify computes the CRC-32C of the payload and compares it with the writer's.
// The error matches ErrChecksum, also if the frame carries none.
func (f *Frame) Verify() error {
	if f.Flags&FlagCRC == 0 {
		return fmt.Errorf("framebuf: %w: the writer stored none (Options.Checksum)", ErrChecksum)
	}
	var sum uint32
	if err := f.Guard(func() error { sum = crc32.Checksum(f.data, castagnoli); return nil }); err != nil {
		return err
	}
	if sum != f.CRC {
		return fmt.Errorf("framebuf: frame %d: %w: %08x, not %08x", f.Number, ErrChecksum, sum, f.CRC)
	}
	return nil
}
