// The model of slots, continued: the readers.

package model

// readSet is what of a frame has been loaded. One load is one step. Under weak
// memory they go in any order that the code does not forbid.
type readSet uint8

const (
	gotFirst  readSet = 1 << iota // the sequence, before
	gotHeader                     // first half
	gotBody                       // second half
	gotAgain                      // the sequence, after
	gotAll    = gotFirst | gotHeader | gotBody | gotAgain
)

// before is what must have been loaded before load l.
func (b *slotsBounds) before(l readSet) readSet {
	if b.Memory != weak {
		return l - 1 // in the order of the program
	}
	switch l {
	case gotHeader, gotBody:
		return gotFirst // an acquire load keeps later loads behind it
	case gotAgain:
		if b.Break == noLoadFence {
			return gotFirst // an acquire load does not keep earlier loads before it
		}
		return gotFirst | gotHeader | gotBody
	}
	return 0
}

func (b *slotsBounds) reader(s *slotsState, out *moves[slotsState], i int) {
	who, th, pinning := [...]string{"reader 0", "reader 1"}[i], i+1, b.Readers[i] == 'P'
	pin := wordPin + uint8(i)
	r := &s.r[i]
	fork := func(st step) (*slotsState, *slotsReader) { t := out.fork(s, who, st); return t, &t.r[i] }
	if b.Kills && !gone(r.pc) {
		t, r := fork(readerKilled)
		*r = slotsReader{pc: dead, reborn: r.reborn}
		t.lock[i] = false
	}
	switch r.pc {
	case dead:
		if pinning && !r.reborn && s.mem.queue[th].n == 0 {
			t, r := fork(cellLock)
			*r = slotsReader{pc: cellZero, want: 1, reborn: true}
			t.lock[i] = true
		}
	case cellZero:
		if s.mem.canStore(b.Memory, th, seqcst) {
			t, r := fork(cellZero)
			b.store(t, out, th, pin, 0, seqcst)
			r.pc = readWord
		}
	case readWord:
		w := s.mem.load(th, wordPublish)
		switch {
		case !s.mem.canLoad(b.Memory, th):
		case w>>2 >= r.want:
			_, r := fork(readWord)
			if b.Readers[i] == 'R' {
				*r = slotsReader{pc: lookBack, newest: w >> 2, want: r.want, reborn: r.reborn}
				return
			}
			r.frame, r.slot, r.got, r.broken = w>>2, w&3, 0, false
			r.pc = readBegin
			if pinning {
				r.pc = readPin
			}
			if b.Break == sequenceBeforeBack {
				r.pc = readEarly
			}
		case gone(s.w.pc) && s.mem.queue[0].n == 0:
			_, r := fork(readerEnds)
			*r = slotsReader{pc: finished, reborn: r.reborn}
		}
	case lookBack:
		if !s.mem.canLoad(b.Memory, th) {
			return
		}
		t, r := fork(lookBack)
		seq := t.mem.load(th, wordSeq+r.slot)
		switch {
		case seq == 0 || seq%2 != 0 || seq/2 > r.newest && b.Break != unboundLook:
			b.lookOn(r)
		default:
			r.frame, r.got, r.pc = seq/2, 0, readBegin
		}
	case readPin:
		o := seqcst
		switch b.Break {
		case pinRelease:
			o = release
		case plainPin:
			o = plain
		}
		if s.mem.canStore(b.Memory, th, o) {
			t, r := fork(readPin)
			b.store(t, out, th, pin, r.frame, o)
			r.pc = readBack
			switch b.Break {
			case noBack:
				r.pc = readBegin
			case sequenceBeforeBack:
				r.pc = readEarly
			}
		}
	case readEarly: // a mutant: the sequence before the back word
		if s.mem.canLoad(b.Memory, th) {
			t, r := fork(readEarly)
			r.first = t.mem.load(th, wordSeq+r.slot)
			r.got, r.pc = gotFirst, readBack
		}
	case readBack:
		if b.Break != pinRelease && !s.mem.canLoad(b.Memory, th) {
			return
		}
		t, r := fork(readBack)
		back := t.mem.load(th, wordBack)
		r.pc = readBegin
		if back != 0 && back&3 == r.slot && back>>2 != r.frame {
			r.pc = readClear
		}
		r.sure = r.pc == readBegin && r.got&gotFirst != 0 && r.first == 2*r.frame
	case readBegin:
		b.window(s, i, fork, out)
	case readClear:
		if s.mem.canStore(b.Memory, th, seqcst) {
			t, r := fork(readClear)
			if r.got == gotAll&^gotAgain { // clearBeforeCheck
				r.pc = readBegin
			} else {
				*r = slotsReader{pc: readWord, want: r.want, reborn: r.reborn}
			}
			b.store(t, out, th, pin, 0, seqcst)
		}
	}
}

// window loads what is not loaded yet, and judges when all is there.
func (b *slotsBounds) window(s *slotsState, i int, fork func(step) (*slotsState, *slotsReader), out *moves[slotsState]) {
	th := i + 1
	for _, x := range [...]struct {
		load readSet
		step step
		word uint8
	}{{gotFirst, readBegin, wordSeq}, {gotHeader, readHeader, wordHeader}, {gotBody, readBody, wordPayload}, {gotAgain, readValid, wordSeq}} {
		r := &s.r[i]
		if before := b.before(x.load); r.got&x.load != 0 || r.got&before != before {
			continue
		}
		t, r := fork(x.step)
		v := t.mem.load(th, x.word+r.slot)
		r.got |= x.load
		switch x.load {
		case gotFirst:
			r.first = v
			r.sure = b.Readers[i] == 'P' && v == 2*r.frame
		case gotHeader:
			r.header = v
		case gotBody:
			r.body = v
		case gotAgain:
			r.again = v
		}
		if r.got&gotFirst != 0 && r.first != 2*r.frame {
			r.got = gotAll // the writer was faster
			r.again = 0
		}
		if b.Break == clearBeforeCheck && r.got == gotAll&^gotAgain {
			r.pc = readClear
		}
		if r.got == gotAll {
			b.judge(r, i, t.mem.word[wordPublish]>>2, out)
		}
	}
}

// lookOn goes to the next slot, or waits for another frame before it looks again.
func (b *slotsBounds) lookOn(r *slotsReader) {
	*r = slotsReader{pc: lookBack, newest: r.newest, slot: r.slot + 1, want: r.want, reborn: r.reborn}
	if int(r.slot) == b.Slots {
		*r = slotsReader{pc: readWord, want: r.newest + 1, reborn: r.reborn}
	}
}

// judge ends one try. published is the frame that is published by then.
func (b *slotsBounds) judge(r *slotsReader, i int, published uint8, out *moves[slotsState]) {
	held := r.first == 2*r.frame && (r.again == 2*r.frame || b.Break == noValid)
	switch {
	case held && (r.header != r.frame || r.body != r.frame):
		out.bad("torn: reader %d takes (%d %d) for frame %d", i, r.header, r.body, r.frame)
	case held && r.frame > published:
		out.bad("reader %d takes frame %d, which is not published", i, r.frame)
	case held && r.frame < r.want && b.Readers[i] != 'R':
		out.bad("numbers fall: reader %d gets frame %d and wanted %d", i, r.frame, r.want)
	case !held && r.sure && !r.broken:
		out.bad("false alarm: reader %d finds its pin on frame %d broken, and nobody broke it", i, r.frame)
	}
	if b.Readers[i] == 'R' {
		b.lookOn(r)
		return
	}
	if held {
		r.want = r.frame + 1
	}
	if b.Readers[i] == 'P' {
		r.pc, r.sure = readClear, false
		return
	}
	*r = slotsReader{pc: readWord, want: r.want, reborn: r.reborn}
}
