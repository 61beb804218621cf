// The life of a segment, continued: readers.

package model

func (b *lifeBounds) reader(s *lifeState, out *moves[lifeState], i int) {
	who, lossless := [...]string{"reader 0", "reader 1"}[i], b.Readers[i] == 'L'
	fork := func(st step) (*lifeState, *lifeReader) { t := out.fork(s, who, st); return t, &t.r[i] }
	r := &s.r[i]
	if gone(r.pc) {
		if b.Reborn && !r.reborn {
			_, r := fork(readerComes)
			*r = lifeReader{pc: openName, reborn: true}
		}
		return
	}
	if b.Die && lossless && r.pc != openName {
		t, r := fork(readerKilled)
		if r.chain != 0 && r.cell != 0 {
			if l := &t.chain[r.chain-1].cell[r.cell-1].lock; *l == uint8(i+1) {
				*l = 0
			}
		}
		*r = lifeReader{pc: dead, reborn: r.reborn}
	}
	if b.Leave && lossless && r.pc == losslessPromised {
		_, r := fork(readerCloses)
		b.leave(r)
	}
	switch {
	case r.pc >= openName && r.pc <= joinAlone:
		b.joining(s, out, i, fork)
	case r.pc >= hopName && r.pc <= leaveLock:
		b.following(s, out, i, fork)
	case lossless && r.pc >= losslessPromised && r.pc <= losslessLost:
		b.losslessStep(s, out, i, fork)
	case r.pc >= awaitState && r.pc <= awaitAfterWord:
		b.awaiting(s, out, i, fork)
	default:
		b.newestStep(s, out, i, fork)
	}
}

// joining is Open, as far as the first promise.
func (b *lifeBounds) joining(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeReader)) {
	pc := s.r[i].pc
	if pc == openName && s.name == 0 {
		for j := range b.Writers {
			if !gone(s.w[j].pc) && !s.w[j].cleaner {
				return // waits for the name
			}
		}
	}
	t, r := fork(pc)
	g := &generation{}
	if r.gen != 0 {
		g = &t.gen[r.gen-1]
	}
	var c *lifeCell
	if r.chain != 0 && r.cell != 0 {
		c = &t.chain[r.chain-1].cell[r.cell-1]
	}
	over := g.state == ended || g.state == moved || g.state == buried
	switch pc {
	case openName:
		if t.name == 0 {
			b.gone(r)
			return
		}
		r.gen, r.pc = t.name, openControl
		if b.Readers[i] == 'N' {
			r.want, r.pc = 1, readWord
		}
	case openControl:
		if t.chain[g.chain-1].linked {
			r.chain, r.pc = g.chain, cellLock
			return
		}
		r.pc = openIdle
	case openIdle:
		r.pc = joinAlone
		if !over && g.lock != 0 {
			b.gone(r) // ErrNotFound: the name went away between the two files
		}
	case cellLock:
		for k := range int(b.cells()) {
			if x := &t.chain[r.chain-1].cell[k]; x.lock == 0 {
				x.lock = uint8(i + 1)
				r.cell, r.pc = uint8(k+1), cellZero
				return
			}
		}
		b.gone(r) // ErrCells
	case cellZero:
		if b.Break != noZero {
			c.cursor = 0
		}
		r.pc = cellSeen
	case cellSeen:
		c.seen, r.pc = r.gen, cellToken
	case cellToken:
		t.tokens++
		c.token, r.token = t.tokens, t.tokens
		r.stand, r.pc = asked, joinIdle
	case joinIdle, joinLock, joinAnswer, joinMoved:
		if b.Break == answerBeforeIdle {
			b.joinedTooEarly(t, r)
			return
		}
		switch {
		case pc == joinIdle && over, pc == joinLock && g.lock == 0:
			r.state, r.pc = nobodyWrites, joinAnswer // what was answered is seen from here on
		case pc == joinIdle:
			r.pc = joinLock
		case pc == joinLock:
			r.pc = joinAnswer
		case pc == joinAnswer && b.answered(t, r):
			r.state, r.pc = 0, joinTake
		case pc == joinAnswer && r.state == nobodyWrites && b.Break != idleTakesMoved:
			r.state, r.pc = 0, joinMoved
		case pc == joinAnswer && r.state == nobodyWrites:
			r.state, r.pc = 0, joinAlone
		case pc == joinAnswer:
			r.pc = joinIdle
		case g.state == moved:
			r.pc = hopName
		default:
			r.pc = joinAlone
		}
	case joinTake:
		a := &g.answer[r.cell-1]
		if a.state == evicted {
			b.leave(r)
			return
		}
		r.want = max(a.first, 1)
		r.due, r.stand, r.pc = r.want, admitted, losslessPromised
	case joinAlone:
		if r.token != 0 && g.answer[r.cell-1].token == r.token && g.answer[r.cell-1].state == joined {
			out.bad("reader %d begins at the newest frame, and was promised frame %d on", i, g.answer[r.cell-1].first)
		}
		r.want = max(g.publish, g.first)
		r.due, r.stand, r.pc = r.want, alone, losslessPromised
	}
}

// nobodyWrites is noted before a joining reader looks for its answer.
const nobodyWrites = 255

func (b *lifeBounds) answered(t *lifeState, r *lifeReader) bool {
	a := &t.gen[r.gen-1].answer[r.cell-1]
	return a.token == r.token || b.Break == noToken && a.token != 0
}

// joinedTooEarly is the mutant answerBeforeIdle.
func (b *lifeBounds) joinedTooEarly(t *lifeState, r *lifeReader) {
	g := &t.gen[r.gen-1]
	over := g.state == ended || g.state == moved || g.state == buried
	switch {
	case r.state == 0 && r.pc == joinIdle:
		r.state = nobodyWrites // begin with the answer
		r.pc = joinAnswer
	case r.pc == joinAnswer && b.answered(t, r):
		r.state, r.pc = 0, joinTake
	case r.pc == joinAnswer:
		r.pc = joinMoved
	case r.pc == joinMoved && g.state == moved:
		r.state, r.pc = 0, hopName
	case r.pc == joinMoved:
		r.pc = joinIdle
	case r.pc == joinIdle && over, r.pc == joinLock && g.lock == 0:
		r.state, r.pc = 0, joinAlone
	case r.pc == joinIdle:
		r.pc = joinLock
	default:
		r.pc = joinAnswer
	}
}

func (b *lifeBounds) gone(r *lifeReader) { *r = lifeReader{pc: finished, reborn: r.reborn} }

// leave gives the cell back, after any end.
func (b *lifeBounds) leave(r *lifeReader) {
	if r.chain == 0 {
		b.gone(r)
		return
	}
	*r = lifeReader{pc: leaveToken, chain: r.chain, cell: r.cell, reborn: r.reborn}
}

// following goes to the next generation, or leaves.
func (b *lifeBounds) following(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeReader)) {
	t, r := fork(s.r[i].pc)
	switch r.pc {
	case hopName:
		b.hop(t, out, i)
	case hopSeen:
		t.chain[r.chain-1].cell[r.cell-1].seen = r.gen
		r.pc = losslessPromised
		if r.stand == asked {
			r.pc = joinIdle
		}
	case leaveToken:
		t.chain[r.chain-1].cell[r.cell-1].token = 0
		r.pc = leaveLock
	case leaveLock:
		t.chain[r.chain-1].cell[r.cell-1].lock = 0
		b.gone(r)
	}
}

func (b *lifeBounds) hop(t *lifeState, out *moves[lifeState], i int) {
	r := &t.r[i]
	c := t.gen[r.gen-1].chain
	if b.Break == seenFirst && r.chain != 0 { // a mutant: says that it is there before it is
		if x := &t.chain[c-1].cell[r.cell-1]; x.seen == r.gen {
			x.seen = r.gen + 1
			return
		}
	}
	end := endAtHop
	if r.stand == admitted || r.stand == asked && b.Break == askedIsPromised {
		end = endLostAtHop // it was promised more than it can find
	}
	if t.name == 0 || t.name == r.gen {
		b.verdict(t, out, i, end)
		return
	}
	g := &t.gen[t.name-1]
	if g.chain != c {
		if g.previous {
			end = endDiedAtHop
		}
		b.verdict(t, out, i, end)
		return
	}
	r.gen = t.name
	r.want = min(r.want, g.first)
	if r.stand == asked {
		r.want = 0
	}
	switch {
	case b.Readers[i] == 'N':
		r.pc = readWord
	case r.chain == 0:
		r.stand, r.want, r.due, r.pc = strange, 0, 0, openControl
	default:
		r.pc = hopSeen
	}
}

// losslessStep is readLossless, and Release.
func (b *lifeBounds) losslessStep(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeReader)) {
	t, r := fork(s.r[i].pc)
	g := &t.gen[r.gen-1]
	switch r.pc {
	case losslessPromised, awaitPromised, losslessLost:
		b.promised(t, out, i)
	case losslessWord:
		r.pc = awaitState
		if g.publish >= r.want {
			r.slot, r.pc = 0, losslessFind
			if b.Break == newestInstead {
				r.want = g.publish
			}
		}
	case losslessFind:
		if g.seq[r.slot] == 2*r.want {
			r.pc = losslessBegin
			return
		}
		if r.slot++; int(r.slot) == b.Slots {
			r.slot, r.pc = 0, losslessLost
		}
	case losslessBegin:
		r.pc = losslessBody
		if g.seq[r.slot] != 2*r.want {
			r.slot, r.pc = 0, losslessLost
		}
	case losslessBody:
		r.value, r.pc = g.content[r.slot], losslessValid
		if b.Break == cursorFirst && r.chain != 0 {
			t.chain[r.chain-1].cell[r.cell-1].cursor = r.want
		}
	case losslessValid:
		if g.seq[r.slot] != 2*r.want && b.Break != noValid {
			b.verdict(t, out, i, endEvicted)
			return
		}
		switch {
		case r.value != r.want:
			out.bad("torn: reader %d takes %d for frame %d", i, r.value, r.want)
		case r.want != r.due:
			out.bad("reader %d gets frame %d, and frame %d was next", i, r.want, r.due)
		}
		r.due = r.want + 1
		r.value, r.slot, r.pc = 0, 0, losslessCursor
		if r.chain == 0 {
			r.want++
			r.pc = losslessPromised
		}
	case losslessCursor:
		t.chain[r.chain-1].cell[r.cell-1].cursor = r.want
		r.want++
		r.pc = losslessPromised
	}
}

// promised asks the reader table whether the writer's promise still stands; from
// losslessLost, to name why a frame is not there.
func (b *lifeBounds) promised(t *lifeState, out *moves[lifeState], i int) {
	r := &t.r[i]
	g := &t.gen[r.gen-1]
	if r.stand != alone {
		switch a := &g.answer[r.cell-1]; {
		case a.token == r.token && a.state == joined || b.Break == noToken:
		case a.token == r.token, g.state == live && g.lock != 0:
			b.verdict(t, out, i, endEvicted)
			return
		}
	}
	switch r.pc {
	case losslessPromised:
		r.pc = losslessWord
	case awaitPromised:
		r.pc = awaitLock
	default:
		b.verdict(t, out, i, endLost)
	}
}

// awaiting is await and afterEnd, for readers of both kinds.
func (b *lifeBounds) awaiting(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeReader)) {
	t, r := fork(s.r[i].pc)
	g := &t.gen[r.gen-1]
	lossless := b.Readers[i] == 'L'
	found := readBegin
	waits := readWord
	if lossless {
		found, waits = losslessFind, losslessWord
	}
	over := g.state == ended || g.state == moved || g.state == buried
	end := func() {
		r.state, r.pc = g.state, awaitFinal
		if g.state == buried {
			r.pc = awaitAfterWord
		}
	}
	switch r.pc {
	case awaitState:
		r.pc = awaitLock
		if lossless {
			r.pc = awaitPromised
		}
		if over {
			end()
			if b.Break == noFinal && r.state == ended {
				b.verdict(t, out, i, endEOF)
			}
		}
	case awaitLock:
		r.pc = waits
		if g.lock == 0 {
			r.pc = awaitStateAgain
			if b.Break == noStateAgain {
				r.pc = awaitWordAgain
			}
		}
	case awaitStateAgain:
		r.pc = awaitWordAgain
		switch {
		case over:
			end()
		case b.Break == noWordAgain:
			b.verdict(t, out, i, endDied)
		}
	case awaitWordAgain, awaitAfterWord:
		r.state = 0
		if g.publish < r.want {
			b.verdict(t, out, i, endDied)
			return
		}
		r.pc = found
		r.slot = 0
		if !lossless {
			r.value, r.slot = g.publish, g.front-1
		}
	case awaitFinal:
		switch {
		case r.want <= g.final:
			r.pc = awaitAfterWord
		case r.state == moved:
			r.state, r.pc = 0, hopName
		default:
			b.verdict(t, out, i, endEOF)
		}
	}
}

// newestStep is readNewest by copy, whose orders are the model of slots.
func (b *lifeBounds) newestStep(s *lifeState, out *moves[lifeState], i int, fork func(step) (*lifeState, *lifeReader)) {
	t, r := fork(s.r[i].pc)
	g := &t.gen[r.gen-1]
	switch r.pc {
	case readWord:
		r.value, r.slot, r.pc = 0, 0, awaitState
		if g.publish >= r.want {
			r.value, r.slot, r.pc = g.publish, g.front-1, readBegin
		}
	case readBegin:
		r.pc = readBody
		if g.seq[r.slot] != 2*r.value {
			r.value, r.slot, r.pc = 0, 0, readWord
		}
	case readBody:
		r.state, r.pc = g.content[r.slot], readValid // kept in state until judged
	case readValid:
		if g.seq[r.slot] == 2*r.value {
			if r.state != r.value {
				out.bad("torn: reader %d takes %d for frame %d", i, r.state, r.value)
			}
			if r.value < r.want {
				out.bad("numbers fall: reader %d gets frame %d and wanted %d", i, r.value, r.want)
			}
			r.want = r.value + 1
		}
		r.value, r.slot, r.state, r.pc = 0, 0, 0, readWord
	}
}
