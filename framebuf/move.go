// Changing the format of a living segment: in place while it fits the capacity,
// else by moving to a new generation under the same name.

package framebuf

import (
	"context"
	"fmt"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/shm"
)

// SetFormat changes the format of the frames to come. If they fit the capacity,
// the next frame simply has the new format. If not, the segment moves: a new
// generation takes its name, numbers go on, readers follow by themselves and lose
// nothing. A sealed segment has no name by which readers could follow, and cannot
// move. Both generations use memory until the last reader has left the old
// one. Before a second move the writer waits until every lossless reader has
// arrived in the current generation, within the policy of the segment.
//
// Errors: ErrSlotOpen, ErrFormat, ErrTooLarge (sealed), ErrNoSpace (the old format goes on), those of
// Begin, or that of ctx.
func (w *Writer) SetFormat(ctx context.Context, f Format) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("framebuf: change %s to %v: %w", w.name, f, ErrClosed)
	}
	defer w.hold()()
	if err := shm.Guard(func() error { return w.setFormat(ctx, f) }, w.seg.m); err != nil {
		return fmt.Errorf("framebuf: change %s to %v: %w", w.name, f, fault(err))
	}
	return nil
}

func (w *Writer) setFormat(ctx context.Context, f Format) error {
	switch err := f.check(); {
	case err != nil:
		return err
	case w.open != nil:
		return ErrSlotOpen
	case (f.PixelFormat == Data) != (w.format.PixelFormat == Data):
		return fmt.Errorf("%w: a segment is data or pictures for life", ErrFormat)
	}
	if err := w.usable(ctx); err != nil {
		return err
	}
	if int64(f.Size()) > w.seg.st.capacity {
		if w.opts.Sealed {
			return fmt.Errorf("%w: %d bytes, and there are %d; a sealed segment cannot move: make it with Options.Capacity for its largest frame",
				ErrTooLarge, f.Size(), w.seg.st.capacity)
		}
		if err := w.move(ctx, f.Size()); err != nil {
			return err
		}
	}
	w.format = f
	return nil
}

// move makes the next generation. It keeps the control file, so that cursors,
// pins, locks and promises go on and nobody joins again.
func (w *Writer) move(ctx context.Context, capacity int) error {
	st, err := w.opts.layout(capacity)
	if err != nil {
		return err
	}
	if err := w.awaitArrivals(ctx); err != nil {
		return err
	}
	failpoint.At("moving")
	old := w.seg
	st.name, st.previous, st.controlID, st.firstFrame = w.name, old.st.generation, w.ctl.id, w.next
	st.flags |= old.st.flags & flagTookOver
	next, err := build(home{w.dir, w.gid}, &st)
	if err != nil {
		return err
	}
	failpoint.At("move-built")
	err = shm.Guard(func() error { carryOver(next, old); return nil }, old.m, next.m)
	failpoint.At("move-carried")
	if err == nil && !w.dir.Is(w.name, old.file) {
		w.unlinked, err = true, ErrUnlinked // the name may be another writer's by now
	}
	if err == nil {
		err = replace(w.dir, w.name, next)
	}
	if err != nil {
		_ = next.release()
		return err
	}
	final := w.next
	if w.front < 0 {
		final = 0
	}
	w.seg, w.front = next, -1
	w.frames, w.tried = make([]uint64, st.slots), make([]bool, st.slots)
	_ = shm.Guard(func() error {
		gen := old.m.Bytes()[old.st.dynOffset+dyNext:]
		copy(gen, next.st.generation[:])
		old.dyn64(dyFinal).Store(final)
		failpoint.At("move-final")
		// sync: end. Readers load the state, then the final frame and the next
		// generation.
		old.dyn32(dyState).Store(uint32(Moved))
		failpoint.At("moved")
		old.ring()
		return nil
	}, old.m)
	return old.release()
}

// carryOver copies what outlives a generation: the answers to readers, the
// source's state and all counters.
func carryOver(next, old *segment) {
	from, to := old.m.Bytes(), next.m.Bytes()
	copy(to[next.st.tableOffset:next.st.slotTable], from[old.st.tableOffset:old.st.slotTable])
	o, n := old.st.dynOffset, next.st.dynOffset
	copy(to[n+dyHeartbeat:n+dyFinal], from[o+dyHeartbeat:o+dyFinal])
	copy(to[n+dyPublished:n+dynamicSize], from[o+dyPublished:o+dynamicSize])
}

// awaitArrivals waits until every lossless reader has mapped the current
// generation: a second move would take away the name by which it finds it.
func (w *Writer) awaitArrivals(ctx context.Context) error {
	for round := 0; ; round++ {
		if err := w.usable(ctx); err != nil {
			return err
		}
		w.look()
		if !w.notArrived() {
			w.unblock()
			return nil
		}
		if err := w.pause(round, w.notArrived); err != nil {
			return err
		}
	}
}

// notArrived reports whether a lossless reader has not yet mapped the current
// generation, and notes since when the writer waits for it.
func (w *Writer) notArrived() (behind bool) {
	now := shm.Mono()
	w.guardControl(func() {
		for k := range w.cells {
			c := &w.cells[k]
			if !c.lossless || w.ctl.cell64(k, clSeenGen).Load() == w.seg.st.generation.Low() {
				continue
			}
			behind = true
			if c.blocked == 0 {
				c.blocked, c.reported = now, now
			}
		}
	})
	return behind
}
