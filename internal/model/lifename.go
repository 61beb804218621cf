// The life of a segment, continued: moving, ending, starting, and removing what is
// dead. All that changes who has the name.

package model

// moving makes the next generation.
func (b *lifeBounds) moving(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeWriter)) {
	w := &s.w[i]
	switch w.pc {
	case arriveSeen:
		t, w := fork(arriveSeen)
		b.seen(t, w)
		if w.k++; w.k < b.cells() {
			return
		}
		behind := w.x != 0
		w.k, w.x, w.pc, w.late = 0, 0, moveBuild, false
		if behind && b.Break != noArrivals {
			w.pc, w.late = arriveLate, true
			return
		}
		for k := range w.cell {
			w.cell[k].blocked = false
		}
	case arriveLate:
		_, w := fork(writerPause)
		b.look(w, arriveSeen)
		_, w = fork(writerTick)
		b.tick(w, arriveLate)
		b.evict(s, i, fork)
		b.close(fork)
	case moveBuild: // nobody sees the new file yet: one step, carryOver included
		t, w := fork(moveBuild)
		if t.gens == maxGens { // out of bounds: as if there were no memory for it
			w.moves, w.pc = 0, idle
			return
		}
		g := &t.gen[t.gens]
		t.gens++
		*g = generation{state: live, first: w.next, chain: w.chain, previous: t.gen[w.gen-1].previous || b.Break == movesArePrevious, lock: uint8(i + 1)}
		if b.Break != noCarryOver {
			g.answer = t.gen[w.gen-1].answer
		}
		if b.Break == lockAfterName {
			g.lock = 0
		}
		w.other, w.pc = t.gens, moveStage
		w.moves--
	case moveStage:
		t, w := fork(moveStage)
		if t.name != w.gen {
			out.bad("a living segment has lost its name")
		}
		t.staged, w.pc = w.other, moveRename
	case moveRename:
		t, w := fork(moveRename)
		t.name, t.staged, w.pc = w.other, 0, moveFinal
		if b.Break == stateFirst {
			w.pc = moveState
		}
	case moveFinal:
		t, w := fork(moveFinal)
		t.gen[w.gen-1].final = b.finalOf(w)
		w.pc = moveState
		if b.Break == stateFirst {
			w.pc = moveRelease
		}
	case moveState:
		t, w := fork(moveState)
		t.gen[w.gen-1].state = moved
		w.pc = moveRelease
		if b.Break == stateFirst {
			w.pc = moveFinal
		}
	case moveRelease:
		t, w := fork(moveRelease)
		t.gen[w.gen-1].lock, t.gen[w.other-1].lock = 0, uint8(i+1)
		w.gen, w.other, w.front, w.frames, w.pc = w.other, 0, 0, [slotCount]uint8{}, idle
	}
}

// finalOf is Final for the current generation: 0 if it has no frame.
func (b *lifeBounds) finalOf(w *lifeWriter) uint8 {
	if w.front == 0 {
		return 0
	}
	return w.next - 1
}

// seen looks whether reader k has mapped the current generation; x says that one
// has not.
func (b *lifeBounds) seen(t *lifeState, w *lifeWriter) {
	if b.cells() == 0 {
		return
	}
	if c := &w.cell[w.k]; c.lossless && t.chain[w.chain-1].cell[w.k].seen != w.gen {
		c.blocked, w.x = true, 1
	}
}

// closing ends the segment in order.
func (b *lifeBounds) closing(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeWriter)) {
	w := &s.w[i]
	switch w.pc {
	case closeFinal:
		t, w := fork(closeFinal)
		t.gen[w.gen-1].final = b.finalOf(w)
		w.pc = closeEnded
		if b.Break == stateFirst {
			w.pc = closeLinger
		}
	case closeEnded:
		t, w := fork(closeEnded)
		t.gen[w.gen-1].state = ended
		t.chain[w.chain-1].end = endedInOrder
		w.pc = closeLinger
		if b.Break == stateFirst {
			w.pc = closeFinal
		}
	case closeLinger: // as long as it takes: time is not modelled
		if b.cells() > 0 {
			_, w := fork(writerTick)
			b.tick(w, closeLinger)
		}
		_, w := fork(closeLinger)
		w.k, w.x, w.pc = 0, 0, closeSeen
		if b.cells() == 0 || b.Break == noLastWait {
			w.pc = closeUnlink
		}
	case closeSeen:
		t, w := fork(closeSeen)
		b.seen(t, w)
		if w.k++; w.k < b.cells() {
			return
		}
		behind := w.x != 0
		w.k, w.x, w.pc = 0, 0, closeLate
		for k := range w.cell {
			w.cell[k].blocked = false
		}
		if !behind {
			w.pc = closeUnlink
		}
	case closeLate:
		_, w := fork(writerTick)
		b.tick(w, closeLinger)
		if b.GiveUp {
			t, w := fork(closeGiveUp)
			t.chain[w.chain-1].gaveUp = true
			w.pc = closeRelease
		}
	case closeUnlink:
		t, w := fork(closeUnlink)
		if t.name != w.gen {
			out.bad("a living segment has lost its name")
		}
		t.name, w.pc = 0, closeUnlinkControl
	case closeUnlinkControl:
		t, w := fork(closeUnlinkControl)
		t.chain[w.chain-1].linked, w.pc = false, closeRelease
	case closeRelease:
		t, w := fork(closeRelease)
		b.release(t, i, endedInOrder)
		*w = lifeWriter{pc: finished}
	}
}

// starting takes a name over, or removes what is dead.
func (b *lifeBounds) starting(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeWriter)) {
	w := &s.w[i]
	switch w.pc {
	case startSweep:
		t, w := fork(startSweep)
		b.sweep(t)
		w.pc = startLook
	case startLook:
		t, w := fork(startLook)
		w.other = t.name
		switch {
		case t.name != 0:
			w.pc = startLock
		case w.cleaner:
			b.sweep(t)
			*w = lifeWriter{pc: finished}
		default:
			w.next, w.pc = 1, startControl
		}
	case startLock:
		t, w := fork(startLock)
		if g := &t.gen[w.other-1]; g.lock == 0 {
			g.lock, w.pc = uint8(i+1), startIs
			return
		}
		w.other, w.pc = 0, startLook // busy: tried again, the cleaner not
		if w.cleaner {
			*w = lifeWriter{pc: finished}
		}
	case startIs:
		t, w := fork(startIs)
		w.pc = startSucceed
		if w.cleaner {
			w.pc = startUnlink
		}
		if t.name != w.other && b.Break != noNameCheck {
			t.gen[w.other-1].lock = 0
			w.other, w.pc = 0, startLook
		}
	case startSucceed:
		t, w := fork(startSucceed)
		w.next = b.numberAfter(&t.gen[w.other-1])
		w.x = 0
		if t.gen[w.other-1].state != ended {
			w.x = 1 // its generation is the previous one
			if w.next <= t.chain[t.gen[w.other-1].chain-1].newest {
				out.bad("numbers fall: the next frame is %d", w.next)
			}
		}
		w.pc = startControl
	case startControl: // the control file, then the data file, which has no name yet
		if s.gens == maxGens || s.chains == maxChains {
			t, w := fork(writerGivesUp) // out of bounds
			b.release(t, i, 0)
			*w = lifeWriter{pc: finished}
			return
		}
		t, w := fork(startControl)
		t.chain[t.chains] = chain{linked: true, lock: uint8(i + 1)}
		t.chains++
		t.gen[t.gens] = generation{state: live, first: w.next, chain: t.chains, previous: w.x != 0, lock: uint8(i + 1)}
		t.gens++
		w.gen, w.chain, w.x = t.gens, t.chains, 0
		w.pc = startStage
		if w.other == 0 {
			w.pc = startLink
		}
		if b.Break == unlinkFirst && w.other != 0 {
			w.pc = startUnlink
		}
	case startLink:
		t, w := fork(startLink)
		if t.name == 0 {
			t.name, w.pc = w.gen, idle
			return
		}
		t.chain[w.chain-1].linked, t.chain[w.chain-1].lock = false, 0 // another one was faster
		w.gen, w.chain, w.pc = 0, 0, startLook
	case startStage:
		t, w := fork(startStage)
		t.staged, w.pc = w.gen, startRename
	case startRename:
		t, w := fork(startRename)
		b.taken(t, out)
		t.name, t.staged, w.pc = w.gen, 0, startBury
	case startUnlink:
		t, w := fork(startUnlink)
		b.taken(t, out)
		t.name, w.pc = 0, startBury
		if !w.cleaner {
			out.bad("the name is gone for a while: a kill here, and numbers start anew")
		}
	case startBury:
		t, w := fork(startBury)
		if g := &t.gen[w.other-1]; g.state == live || b.Break == buryEnded {
			g.state = buried
		}
		w.pc = startUnlinkControl
	case startUnlinkControl:
		t, w := fork(startUnlinkControl)
		t.chain[t.gen[w.other-1].chain-1].linked = false
		w.pc = startRelease
	case startRelease:
		t, w := fork(startRelease)
		t.gen[w.other-1].lock = 0
		w.other, w.pc = 0, idle
		if w.cleaner {
			w.pc = startLook
		}
	}
}

// taken notes that the generation that has the name is taken away.
func (b *lifeBounds) taken(t *lifeState, out *moves[lifeState]) {
	if t.name == 0 {
		return
	}
	g := &t.gen[t.name-1]
	c := &t.chain[g.chain-1]
	c.taken = true
	for j := range b.Writers {
		if w := &t.w[j]; !gone(w.pc) && w.chain == g.chain && !w.cleaner {
			out.bad("the name of a living segment is taken away")
		}
	}
}

// numberAfter is the first number of a successor.
func (b *lifeBounds) numberAfter(g *generation) uint8 {
	if g.state == ended {
		return 1
	}
	n := max(g.publish, g.back, g.first-1)
	for i := range b.Slots {
		n = max(n, (g.seq[i]+1)/2)
	}
	return n + 1
}

// sweep removes hidden files that nobody holds and no segment needs.
func (b *lifeBounds) sweep(t *lifeState) {
	if t.staged != 0 && t.gen[t.staged-1].lock == 0 {
		t.staged = 0
	}
	for c := range t.chain {
		if x := &t.chain[c]; x.linked && x.lock == 0 && (t.name == 0 || int(t.gen[t.name-1].chain) != c+1) {
			x.linked = false
		}
	}
}
