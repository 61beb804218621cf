// Looking back: the frames that are still in the slots.

package framebuf

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/framebridge/framebridge/internal/shm"
)

// Recent ranges over the frames that are still in the segment, newest first, as
// private copies. It does not wait for any, and changes neither what Next gives nor
// what is counted. Each frame is released when the body is done with it; one that
// the writer overwrites meanwhile is left out, so numbers may have gaps. An ended
// segment still has its frames.
//
// With ReaderOptions.Follow, and for a segment that moved, it is the present
// generation of the name that counts (not for Lossless, which reads the old one to
// its end first). It is for the goroutine that calls Next; a body that calls Next
// and so goes on to another generation ends the iteration.
//
// Errors match ErrClosed, ErrDamaged, those of Open, or that of ctx, and end the
// iteration.
func (r *Reader) Recent(ctx context.Context) iter.Seq2[*Frame, error] {
	return func(yield func(*Frame, error) bool) {
		seg, there, err := r.lookBack(ctx)
		if err != nil {
			yield(nil, r.wrap(err))
			return
		}
		defer func() { _ = seg.release() }()
		for _, p := range there {
			f, err := r.lookAt(seg, p)
			switch {
			case err != nil:
				yield(nil, r.wrap(err))
				return
			case f == nil:
				continue
			}
			more := yield(f, nil)
			_ = f.Release()
			if !more {
				return
			}
		}
	}
}

// place is a frame and the slot that held it.
type place struct {
	n    uint64
	slot int
}

// lookBack lists the frames that can be looked at, newest first. The caller releases
// the segment.
func (r *Reader) lookBack(ctx context.Context) (seg *segment, there []place, err error) {
	r.next.Lock()
	defer r.next.Unlock()
	if r.closed.Load() {
		return nil, nil, ErrClosed
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err := r.renew(ctx); err != nil {
		return nil, nil, err
	}
	seg = r.seg
	err = fault(shm.Guard(func() error { there = seg.recent(); return nil }, seg.m))
	if err != nil {
		return nil, nil, err
	}
	seg.acquire()
	return seg, there, nil
}

// recent lists the complete frames up to the published one, newest first.
func (s *segment) recent() (there []place) {
	// sync: publish. The publish word first: what it counts is complete, and a
	// sequence loaded after it is of a published frame if its number is not above it.
	newest := s.dyn64(dyPublish).Load() >> 16
	for slot := range s.st.slots {
		if seq := s.sequence(slot).Load(); seq != 0 && seq%2 == 0 && seq/2 <= newest {
			there = append(there, place{n: seq/2 - 1, slot: slot})
		}
	}
	slices.SortFunc(there, func(a, b place) int { return int(int64(b.n) - int64(a.n)) })
	return there
}

// lookAt copies one frame; nil if it is no longer there.
func (r *Reader) lookAt(seg *segment, p place) (f *Frame, err error) {
	r.next.Lock()
	defer r.next.Unlock()
	if r.closed.Load() {
		return nil, ErrClosed
	}
	if r.seg != seg { // the body went on to another generation
		return nil, nil
	}
	err = fault(shm.Guard(func() (err error) { f, err = r.copyFrame(p.n, p.slot); return err }, seg.m))
	return f, err
}

// renew goes to the present generation of the name if the one at hand is over. No
// name, or a name that is not ready, leaves the old one.
func (r *Reader) renew(ctx context.Context) error {
	var st State
	if err := shm.Guard(func() error { st = r.seg.state(); return nil }, r.seg.m); err != nil {
		return fault(err)
	}
	old := r.seg
	switch {
	case r.in != nil, r.opts.Mode == Lossless, !st.over(), st != Moved && !r.opts.Follow, r.dir.Is(r.name, old.file):
		return nil
	}
	seg, err := r.look()
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("the generation after %v: %w", old.st.generation, err)
	case seg.st.generation == old.st.generation:
		_ = seg.release()
		return nil
	}
	return r.adopt(ctx, seg)
}
