// Choosing and claiming a slot: the writer's half of the pin hand-shake, and
// waiting for lossless readers.

package framebuf

import (
	"context"
	"fmt"
	"time"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/futex"
	"github.com/framebridge/framebridge/internal/seqlock"
	"github.com/framebridge/framebridge/internal/shm"
)

// claim makes a slot the writer's own: its sequence is odd when claim returns.
// Called with mu held; mu is released while waiting.
//
// The writer never waits for a pin. It waits for lossless readers only, because
// they asked for it and it agreed.
func (w *Writer) claim(ctx context.Context) (int, error) {
	clear(w.tried)
	for round := 0; ; round++ {
		if err := w.usable(ctx); err != nil {
			return 0, err
		}
		w.look()
		s, force := w.choose(), false
		if s < 0 {
			s = w.longestHeld()
			force = s >= 0
		}
		if s < 0 {
			if err := w.awaitCursors(round); err != nil {
				return 0, err
			}
			clear(w.tried)
			continue
		}
		// sync: claim/pin. Both sides store their word, then load the other's, all
		// sequentially consistent: at least one of them sees the other. Weaker
		// orders fail on amd64 too. Go's atomics are sequentially consistent.
		w.seg.dyn64(dyBack).Store(pack(w.next, s))
		failpoint.At("back-stored")
		if w.pinned(s, force) && !force {
			w.tried[s] = true
			continue
		}
		w.frames[s] = 0
		seqlock.BeginWrite(w.seg.sequence(s), w.next)
		failpoint.At("claimed")
		w.unblock()
		return s, nil
	}
}

func (w *Writer) usable(ctx context.Context) error {
	switch {
	case w.closed:
		return ErrClosed
	case w.unlinked:
		return ErrUnlinked
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case w.next >= maxFrame:
		return ErrExhausted
	}
	return nil
}

// choose is the slot to write next: an empty one, else the one with the oldest
// frame that is neither published nor owed nor was found pinned; -1 if there is
// none.
func (w *Writer) choose() int {
	best := -1
	for s, f := range w.frames {
		if s == w.front || w.tried[s] || f != 0 && w.owed(f) {
			continue
		}
		if best < 0 || f < w.frames[best] {
			best = s
		}
	}
	return best
}

// owed reports whether a lossless reader still needs the frame with n+1 = f.
func (w *Writer) owed(f uint64) bool {
	for k := range w.cells {
		if c := &w.cells[k]; c.lossless && c.done < f {
			return true
		}
	}
	return false
}

// pinned reports whether a living reader has pinned the frame in slot s. With
// force its pins are counted as broken.
func (w *Writer) pinned(s int, force bool) bool {
	f, found := w.frames[s], false
	if f == 0 || w.ctlLost {
		return false
	}
	w.guardControl(func() {
		now := shm.Mono()
		for k := 1; k < len(w.cells); k++ {
			if w.pinsOf(k, f, now) && !w.cells[k].ignored() && w.alive(k) {
				found = true
				if force {
					w.breakPins(k, f)
				}
			}
		}
	})
	return found
}

// pinsOf looks at the pins of cell k, notes since when each is held, and reports
// whether one of them is f.
func (w *Writer) pinsOf(k int, f uint64, now int64) bool {
	c, hit := &w.cells[k], false
	for j := range c.pins {
		v, p := w.ctl.pin(k, j).Load(), &c.pins[j]
		if v != p.frame {
			if p.frame != 0 && !p.broken && !c.ignored() {
				c.brokenRun = 0 // let go in its own time
			}
			*p = pinSeen{frame: v, since: now}
		}
		hit = hit || v == f
	}
	return hit
}

func (w *Writer) breakPins(k int, f uint64) {
	c := &w.cells[k]
	for j := range c.pins {
		if p := &c.pins[j]; p.frame == f && !p.broken {
			p.broken = true
			c.brokenRun++
			w.seg.dyn64(dyBroken).Add(1)
			w.seg.table64(k, rtBroken).Add(1)
		}
	}
}

// longestHeld is the slot, of those found pinned, whose pin has been held
// longest; -1 if none was found pinned.
func (w *Writer) longestHeld() int {
	best, since := -1, int64(0)
	for s, tried := range w.tried {
		if !tried {
			continue
		}
		for k := range w.cells {
			if w.cells[k].ignored() {
				continue
			}
			for _, p := range w.cells[k].pins {
				if p.frame == w.frames[s] && (best < 0 || p.since < since) {
					best, since = s, p.since
				}
			}
		}
		if best < 0 {
			best = s // the pin went away in between
		}
	}
	return best
}

// awaitCursors waits until a lossless reader lets a frame go, at most one tick.
func (w *Writer) awaitCursors(round int) error {
	w.block()
	return w.pause(round, func() bool {
		before := w.progress()
		w.look()
		return w.progress() == before
	})
}

// pause sleeps until a reader rings, at most one tick, with mu released, if there
// is still something to wait for.
func (w *Writer) pause(round int, still func() bool) error {
	var ev uint32
	// sync: cursor. The event is loaded before the cursors, and before SeenGen: a
	// reader stores its word, then adds to the event. A word that changed since the
	// last look is therefore seen by this look, or changes the event that is waited on.
	if !w.guardControl(func() { ev = w.ctl.event().Load() }) {
		return nil // the file is lost, nobody is owed anything any more
	}
	if !still() {
		return nil
	}
	start := shm.Mono()
	err := w.sleep(ev, round)
	if w.closed {
		return ErrClosed
	}
	if err != nil {
		w.ctlLost = true
		w.dropReaders()
	}
	w.seg.dyn64(dyBlocked).Add(uint64(shm.Mono() - start))
	w.evict(shm.Mono())
	return nil
}

// sleep is the part of pause without mu. The caller holds references to the
// mappings: Close may come meanwhile, also from OnWait.
func (w *Writer) sleep(ev uint32, round int) error {
	ctl := w.ctl
	w.mu.Unlock()
	defer w.mu.Lock() // also when OnWait panics
	_, err := futex.Wait(ctl.event(), ev, tickEvery)
	if round > 1000 {
		time.Sleep(time.Millisecond) // somebody rings without letting anything go
	}
	w.report()
	return err
}

// hold keeps both mappings for a call that may sleep; the result lets go.
func (w *Writer) hold() (letGo func()) {
	seg, ctl := w.seg, w.ctl
	seg.acquire()
	ctl.acquire()
	return func() {
		_ = seg.release()
		_ = ctl.release()
	}
}

// progress changes whenever a lossless reader lets something go or leaves.
func (w *Writer) progress() (sum uint64) {
	for k := range w.cells {
		if c := &w.cells[k]; c.lossless {
			sum += c.done + 1
		}
	}
	return sum
}

// Begin claims a slot for the next frame. It waits only for lossless readers,
// within the policy of the segment, and ends with ctx. Call it when the first
// byte of the frame is there to be written, not before: the slot is lost to
// readers from here on.
//
// Errors: ErrSlotOpen, ErrClosed, ErrUnlinked, ErrDamaged, ErrExhausted, or that
// of ctx.
func (w *Writer) Begin(ctx context.Context) (*Slot, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open != nil {
		return nil, fmt.Errorf("framebuf: begin %s: %w", w.name, ErrSlotOpen)
	}
	if w.closed {
		return nil, fmt.Errorf("framebuf: begin %s: %w", w.name, ErrClosed)
	}
	defer w.hold()()
	var s int
	err := shm.Guard(func() (err error) { s, err = w.claim(ctx); return err }, w.seg.m)
	if err != nil {
		return nil, fmt.Errorf("framebuf: begin %s: %w", w.name, fault(err))
	}
	w.open = w.newSlot(s)
	return w.open, nil
}
