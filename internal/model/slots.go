// The model of slots: one writer, and readers that copy or pin the newest frame,
// under three memory models. A frame is two halves, written and read apart: what
// is a header and a payload in the code.
//
// Numbers are n+1 everywhere: frame 1 is the first one, 0 is none.

package model

import "fmt"

// slotsBounds is one configuration.
type slotsBounds struct {
	Slots   int
	Frames  int
	Readers string // C copies, P pins, R looks back at what the slots still hold
	Memory  memoryModel
	Kills   bool // of the writer and of readers; a new owner takes a dead one's cell
	Short   bool // a frame may end in the middle: the slot stays odd, its number is used again
	Break   mutant
}

// slotsState is all that the processes share and know.
type slotsState struct {
	mem  memory
	lock [readerCount]bool // of the cells
	w    slotsWriter
	r    [readerCount]slotsReader
}

type slotsWriter struct {
	pc     step
	next   uint8
	slot   uint8
	cell   uint8 // whose pins are looked at
	front  uint8 // slot + 1; 0 none
	frames [slotCount]uint8
	tried  [slotCount]bool
	force  bool
	found  bool
	dead   [readerCount]bool // what an earlier tick saw: for the mutant that believes it
}

type slotsReader struct {
	pc     step
	want   uint8
	newest uint8 // of R: the frame that was published when it began to look
	frame  uint8
	slot   uint8
	got    readSet
	first  uint8 // sequence before
	header uint8
	body   uint8
	again  uint8 // sequence after
	sure   bool  // pinned and checked: the writer may not touch it, except that it breaks the pin
	broken bool  // it did
	reborn bool  // a second owner of the cell
}

func slotsSystem(b slotsBounds) *system[slotsState] {
	s := slotsState{w: slotsWriter{pc: writerClaim, next: 1}}
	for i := range b.Readers {
		s.r[i].pc, s.r[i].want, s.lock[i] = readWord, 1, true
	}
	return &system[slotsState]{
		start: s, next: b.next, show: b.show,
		goals: []goal[slotsState]{{
			name:  "not everybody comes to an end",
			when:  func(*slotsState) bool { return true },
			met:   func(s *slotsState) bool { return b.over(s) },
			avoid: killing,
		}},
	}
}

func (b *slotsBounds) over(s *slotsState) bool {
	for i := range b.Readers {
		if !gone(s.r[i].pc) {
			return false
		}
	}
	return gone(s.w.pc)
}

func gone(pc step) bool { return pc == finished || pc == dead }

func (b *slotsBounds) show(s *slotsState) string {
	m := &s.mem.word
	text := fmt.Sprintf("publish=%s back=%s", word(m[wordPublish]), word(m[wordBack]))
	for i := range b.Slots {
		text += fmt.Sprintf(" slot%d(seq %d: %d %d)", i, m[wordSeq+i], m[wordHeader+i], m[wordPayload+i])
	}
	for i := range b.Readers {
		text += fmt.Sprintf(" pin%d=%d", i, m[wordPin+i])
	}
	return text
}

// pack is the publish or back word: a frame and its slot.
func pack(frame, slot uint8) uint8 { return frame<<2 | slot }

func word(w uint8) string {
	if w == 0 {
		return "none"
	}
	return fmt.Sprintf("%d@%d", w>>2, w&3)
}

func (b slotsBounds) next(s *slotsState, out *moves[slotsState]) {
	b.writer(s, out)
	for i := range b.Readers {
		b.reader(s, out, i)
	}
	for th := range s.mem.queue {
		for i := range int(s.mem.queue[th].n) {
			if s.mem.canDrain(b.Memory, th, i) {
				t := out.fork(s, "memory", storeSeen)
				x := t.mem.drain(th, i)
				b.overwrites(t, out, x.word, x.value)
			}
		}
	}
}

// store is a store by thread th that is checked when it is seen. The caller has
// asked canStore.
func (b *slotsBounds) store(t *slotsState, out *moves[slotsState], th int, word, value uint8, o order) {
	t.mem.store(b.Memory, th, word, value, o)
	if b.Memory == sc || b.Memory == tso && o == seqcst {
		b.overwrites(t, out, word, value)
	}
}

// overwrites finds a store that destroys what a reader has pinned and checked.
func (b *slotsBounds) overwrites(t *slotsState, out *moves[slotsState], word, value uint8) {
	if word >= wordPin {
		return
	}
	for i := range b.Readers {
		r := &t.r[i]
		if r.sure && !r.broken && r.slot == word%slotCount && (word >= wordHeader || value != 2*r.frame) {
			out.bad("frame %d, pinned by reader %d and not broken, is overwritten", r.frame, i)
		}
	}
}

func (b *slotsBounds) writer(s *slotsState, out *moves[slotsState]) {
	w := &s.w
	if gone(w.pc) {
		return
	}
	fork := func(st step) (*slotsState, *slotsWriter) { t := out.fork(s, "writer", st); return t, &t.w }
	if b.Kills {
		_, w := fork(writerKilled)
		*w = slotsWriter{pc: dead}
	}
	if b.Break == believesTick { // a tick asks for locks at any time
		for i := range b.Readers {
			if w.dead[i] == s.lock[i] {
				t, w := fork(buryAlive)
				w.dead[i] = !t.lock[i]
			}
		}
	}
	switch o := b.orderOf(w.pc); w.pc {
	case writerClaim:
		if int(w.next) > b.Frames {
			_, w := fork(writerEnds)
			*w = slotsWriter{pc: finished}
			return
		}
		for _, c := range b.choices(w) {
			if b.Break == pinsBeforeClaim {
				_, w := fork(writerChoose)
				w.slot, w.force, w.cell, w.found, w.pc = c.slot, c.force, 0, false, writerPins
				b.pinsSeen(w)
			} else if s.mem.canStore(b.Memory, 0, o) {
				t, w := fork(writerClaim)
				w.slot, w.force, w.cell, w.found, w.pc = c.slot, c.force, 0, false, writerPins
				b.store(t, out, 0, wordBack, pack(w.next, c.slot), o)
				b.pinsSeen(w)
			}
		}
	case writerClaimLate:
		if s.mem.canStore(b.Memory, 0, o) {
			t, w := fork(writerClaimLate)
			b.store(t, out, 0, wordBack, pack(w.next, w.slot), o)
			w.pc = writerOdd
		}
	case writerPins:
		if b.Break != claimRelease && !s.mem.canLoad(b.Memory, 0) {
			return
		}
		t, w := fork(writerPins)
		if f := w.frames[w.slot]; t.mem.load(0, wordPin+w.cell) != f {
			w.cell++
		} else {
			w.pc = writerAlive
		}
		b.pinsSeen(w)
	case writerAlive:
		t, w := fork(writerAlive)
		alive := t.lock[w.cell]
		if b.Break == believesTick {
			alive = !w.dead[w.cell]
		}
		if alive {
			w.found = true
			if w.force {
				t.r[w.cell].broken = true
			}
		}
		w.cell++
		w.pc = writerPins
		b.pinsSeen(w)
	case writerOdd:
		if !s.mem.canStore(b.Memory, 0, o) {
			return
		}
		t, w := fork(writerOdd)
		w.frames[w.slot] = 0
		if b.Break != noOdd {
			b.store(t, out, 0, wordSeq+w.slot, 2*w.next-1, o)
		}
		if b.Break != noStoreFence {
			t.mem.fence(b.Memory, 0)
		}
		w.pc = writerHeader
		if b.Break == publishEarly {
			w.pc = writerEven
		}
	case writerHeader, writerPayload:
		if b.Short && w.pc == writerPayload {
			_, w := fork(writerAbandon)
			b.again(w)
		}
		if !s.mem.canStore(b.Memory, 0, o) {
			return
		}
		t, w := fork(w.pc)
		if w.pc == writerHeader {
			b.store(t, out, 0, wordHeader+w.slot, w.next, o)
			w.pc = writerPayload
		} else {
			b.store(t, out, 0, wordPayload+w.slot, w.next, o)
			w.pc = writerEven
			if b.Break == publishEarly {
				b.published(w)
			}
		}
	case writerEven:
		if !s.mem.canStore(b.Memory, 0, o) {
			return
		}
		t, w := fork(writerEven)
		b.store(t, out, 0, wordSeq+w.slot, 2*w.next, o)
		w.pc = writerPublish
	case writerPublish:
		if !s.mem.canStore(b.Memory, 0, o) {
			return
		}
		t, w := fork(writerPublish)
		b.store(t, out, 0, wordPublish, pack(w.next, w.slot), o)
		if b.Break == publishEarly {
			w.pc = writerHeader
		} else {
			b.published(w)
		}
	}
}

func (b *slotsBounds) published(w *slotsWriter) {
	w.front, w.frames[w.slot] = w.slot+1, w.next
	w.next++
	b.again(w)
}

// orderOf is how strong the store at a step is.
func (b *slotsBounds) orderOf(pc step) order {
	switch {
	case pc == writerHeader || pc == writerPayload:
		return plain
	case b.Break == claimRelease && pc == writerClaim:
		return release
	case b.Break == plainMarks && (pc == writerEven || pc == writerPublish):
		return plain
	case b.Break == plainClaim && pc == writerClaim:
		return plain
	}
	return seqcst
}

// again is the begin of the next frame.
func (b *slotsBounds) again(w *slotsWriter) {
	*w = slotsWriter{pc: writerClaim, next: w.next, front: w.front, frames: w.frames, dead: w.dead}
}

type choice struct {
	slot  uint8
	force bool
}

// choices is where the writer may go. It is one slot, except when pins must be
// broken: who has held longest is a matter of time, so here it may be any.
func (b *slotsBounds) choices(w *slotsWriter) []choice {
	best := -1
	var held []choice
	for s := range b.Slots {
		switch {
		case w.tried[s]:
			held = append(held, choice{uint8(s), true})
		case s+1 == int(w.front):
		case best < 0 || w.frames[s] < w.frames[best]:
			best = s
		}
	}
	if best >= 0 {
		return []choice{{uint8(best), false}}
	}
	return held
}

// pinsSeen goes on when every pin was looked at.
func (b *slotsBounds) pinsSeen(w *slotsWriter) {
	if w.pc != writerPins || int(w.cell) < len(b.Readers) && w.frames[w.slot] != 0 {
		return
	}
	w.cell = 0
	switch {
	case w.found && !w.force:
		w.tried[w.slot] = true
		w.slot, w.found, w.pc = 0, false, writerClaim
	case b.Break == pinsBeforeClaim:
		w.pc = writerClaimLate
	default:
		w.pc = writerOdd
	}
}
