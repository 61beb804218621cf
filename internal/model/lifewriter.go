// The life of a segment, continued: the writer from its first frame to its end.

package model

func (b *lifeBounds) writer(s *lifeState, out *moves[lifeState], i int) {
	who := [...]string{"writer 1", "writer 2", "writer 3"}[i]
	fork := func(st step) (*lifeState, *lifeWriter) { t := out.fork(s, who, st); return t, &t.w[i] }
	w := &s.w[i]
	if b.Kill && (b.Writers == 1 || i < b.Writers-1) {
		t, w := fork(writerKilled)
		b.release(t, i, killed)
		*w = lifeWriter{pc: dead}
	}
	switch {
	case w.pc >= startSweep && w.pc <= startRelease:
		b.starting(s, out, i, fork)
	case w.pc >= arriveSeen && w.pc <= moveRelease:
		b.moving(s, out, i, fork)
	case w.pc >= closeFinal && w.pc <= closeRelease:
		b.closing(s, out, i, fork)
	case w.pc >= lookToken && w.pc <= buryClear:
		b.looking(s, i, fork)
	default:
		b.publishing(s, out, i, fork)
	}
}

// release is what the kernel does when a process ends: its locks go.
func (b *lifeBounds) release(t *lifeState, i int, how uint8) {
	w := &t.w[i]
	if w.chain != 0 && !w.cleaner {
		if c := &t.chain[w.chain-1]; c.end == 0 {
			c.end = how
		}
	}
	for g := range t.gen {
		if t.gen[g].lock == uint8(i+1) {
			t.gen[g].lock = 0
		}
	}
	for c := range t.chain {
		if t.chain[c].lock == uint8(i+1) {
			t.chain[c].lock = 0
		}
	}
}

// look begins a look at all cells, and goes on at ret.
func (b *lifeBounds) look(w *lifeWriter, ret step) {
	w.k, w.x, w.ret, w.pc = 0, 0, ret, lookToken
	if b.cells() == 0 {
		w.pc = ret
	}
}

// tick looks, buries, and goes on at back.
func (b *lifeBounds) tick(w *lifeWriter, back step) {
	if b.cells() == 0 {
		return
	}
	w.back = back
	b.look(w, buryAlive)
}

// nextCell goes on with the next cell, or ends the walk.
func (b *lifeBounds) nextCell(w *lifeWriter, walk, done step) {
	w.k++
	w.x, w.pc = 0, walk
	if w.k < b.cells() {
		return
	}
	w.k, w.pc = 0, done
	if done == w.ret {
		w.ret = 0
	}
	if done == w.back {
		w.back = 0
	}
}

func (b *lifeBounds) publishing(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeWriter)) {
	w := &s.w[i]
	switch w.pc {
	case idle:
		if s.name != w.gen {
			_, _ = fork(idle)
			out.bad("a living segment has lost its name")
		}
		if b.cells() > 0 {
			_, w := fork(writerTick)
			b.tick(w, idle)
		}
		if w.left > 0 {
			_, w := fork(writerBegin)
			b.look(w, writerClaim)
		}
		if w.moves > 0 && s.gens < maxGens {
			_, w := fork(writerSetFormat)
			b.look(w, arriveSeen)
		}
		b.close(fork)
	case writerClaim:
		t, w := fork(writerClaim)
		slot := b.choose(w)
		if slot < 0 {
			b.block(w)
			w.pc, w.late = blocked, true
			return
		}
		t.gen[w.gen-1].back = w.next
		w.slot, w.pc, w.late = uint8(slot), writerOdd, false
	case blocked:
		_, w := fork(writerPause)
		b.look(w, writerClaim)
		_, w = fork(writerTick)
		b.tick(w, blocked)
		b.evict(s, i, fork)
		b.close(fork)
	case writerOdd:
		t, w := fork(writerOdd)
		w.frames[w.slot] = 0
		t.gen[w.gen-1].seq[w.slot] = 2*w.next - 1
		for k := range w.cell {
			w.cell[k].blocked = false
		}
		w.pc = writerPayload
	case writerPayload:
		t, w := fork(writerPayload)
		t.gen[w.gen-1].content[w.slot] = w.next
		w.pc = writerEven
		if b.Break == publishFirst {
			w.pc = writerPublish
		}
	case writerEven:
		if b.cells() > 0 && b.Break != publishFirst {
			_, w := fork(writerTick)
			b.tick(w, writerEven)
		}
		if b.Break != publishFirst {
			b.close(fork)
		}
		t, w := fork(writerEven)
		t.gen[w.gen-1].seq[w.slot] = 2 * w.next
		w.pc = writerPublish
		if b.Break == publishFirst {
			b.published(t, w)
		}
	case writerPublish:
		t, w := fork(writerPublish)
		g := &t.gen[w.gen-1]
		g.publish, g.front = w.next, w.slot+1
		t.chain[w.chain-1].newest = w.next
		w.pc = writerEven
		if b.Break != publishFirst {
			b.published(t, w)
		}
	}
}

func (b *lifeBounds) published(t *lifeState, w *lifeWriter) {
	for k := range w.cell {
		if c := &w.cell[k]; b.Break == evictLate && c.done == toldLater {
			c.done, t.gen[w.gen-1].answer[k].state = 0, evicted
		}
	}
	w.front, w.frames[w.slot] = w.slot+1, w.next
	w.next++
	w.left--
	w.slot, w.pc = 0, idle
}

// close is Close, from wherever the writer does not hold its mutex.
func (b *lifeBounds) close(fork func(step) (*lifeState, *lifeWriter)) {
	_, w := fork(writerClose)
	w.closed = true
	w.slot, w.late = 0, false
	for k := range w.cell {
		w.cell[k].blocked = false
	}
	w.pc = closeFinal
	if b.Break == stateFirst {
		w.pc = closeEnded
	}
}

func (b *lifeBounds) choose(w *lifeWriter) int {
	best := -1
	for s := range b.Slots {
		f := w.frames[s]
		if s+1 == int(w.front) || f != 0 && b.owed(w, f) {
			continue
		}
		if best < 0 || f < w.frames[best] {
			best = s
		}
	}
	return best
}

func (b *lifeBounds) owed(w *lifeWriter, f uint8) bool {
	for k := range w.cell {
		if c := &w.cell[k]; c.lossless && c.done < f {
			return true
		}
	}
	return false
}

// block marks those who owe the oldest frame.
func (b *lifeBounds) block(w *lifeWriter) {
	oldest := uint8(255)
	for s := range b.Slots {
		if s+1 != int(w.front) {
			oldest = min(oldest, w.frames[s])
		}
	}
	for k := range w.cell {
		if c := &w.cell[k]; c.lossless && c.done < oldest {
			c.blocked = true
		}
	}
}

// evict goes on without a reader that the writer waits for: time passes.
func (b *lifeBounds) evict(s *lifeState, i int, fork func(step) (*lifeState, *lifeWriter)) {
	if !b.Evict {
		return
	}
	for k := range s.w[i].cell {
		if !s.w[i].cell[k].blocked {
			continue
		}
		t, w := fork(writerEvict)
		c := &w.cell[k]
		c.lossless, c.blocked = false, false
		for j := range b.Readers {
			if r := &t.r[j]; r.token == c.token {
				r.told = true
			}
		}
		if b.Break == evictLate {
			c.done = toldLater
			continue
		}
		t.gen[w.gen-1].answer[k].state = evicted
	}
}

// toldLater marks a reader that the mutant evictLate has evicted and not told.
const toldLater = 255

// looking is a look at the cells: tokens, cursors; and the burial of the dead.
func (b *lifeBounds) looking(s *lifeState, i int, fork func(step) (*lifeState, *lifeWriter)) {
	t, w := fork(s.w[i].pc)
	cell, c := &t.chain[w.chain-1].cell[w.k], &w.cell[w.k]
	a := &t.gen[w.gen-1].answer[w.k]
	next := func() { b.nextCell(w, lookToken, w.ret) }
	switch w.pc {
	case lookToken:
		switch {
		case cell.token == c.token && c.lossless:
			w.pc = lookCursor
		case cell.token == c.token:
			next()
		default:
			*c = privateCell{}
			w.x, w.pc = cell.token, lookAlive
			if cell.token == 0 || w.closed {
				next()
			}
		}
	case lookAlive:
		if cell.lock == 0 {
			next()
			return
		}
		w.pc = answerRest
		if b.Break == tokenFirst {
			w.pc = answerToken
		}
	case answerRest:
		a.state, a.first = joined, b.firstFor(w)
		w.pc = answerToken
		if b.Break == tokenFirst {
			b.join(w, c)
		}
	case answerToken:
		a.token = w.x
		w.pc = answerRest
		if b.Break != tokenFirst {
			b.join(w, c)
		}
	case lookCursor:
		w.x = min(cell.cursor, w.next-1)
		w.pc = lookAgain
		if w.x <= c.done {
			next()
		}
	case lookAgain:
		if cell.token == c.token {
			c.done, c.blocked = w.x, false
		}
		next()
	case buryAlive:
		w.pc = buryToken
		if c.token == 0 || cell.lock != 0 {
			b.nextCell(w, buryAlive, w.back)
		}
	case buryToken:
		if cell.token == c.token {
			*c = privateCell{token: c.token}
			if b.Break == writerClears {
				w.pc = buryClear
				return
			}
		}
		b.nextCell(w, buryAlive, w.back)
	case buryClear: // a mutant: the writer tidies up in the control file
		*cell = lifeCell{lock: cell.lock}
		*c = privateCell{}
		b.nextCell(w, buryAlive, w.back)
	}
}

func (b *lifeBounds) firstFor(w *lifeWriter) uint8 {
	if w.front != 0 {
		return w.frames[w.front-1]
	}
	return w.next
}

func (b *lifeBounds) join(w *lifeWriter, c *privateCell) {
	*c = privateCell{token: w.x, lossless: true, done: b.firstFor(w) - 1}
	w.x, w.pc = 0, lookCursor
}
