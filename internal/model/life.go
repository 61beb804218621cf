// The model of a segment's life: generations, the control file, the name; writers
// that join readers, evict, move, end, are killed and taken over; lossless and
// copying readers that follow. Every step is seen by all at once here: orders of
// memory are the model of slots.
//
// Numbers are n+1 everywhere, and so are all indexes that may be none: 0 is none.

package model

import "fmt"

const (
	maxGens    = 4
	maxChains  = 3 // control files: one for each chain of moved generations
	maxCells   = 2
	maxWriters = 3
)

// lifeBounds is one configuration.
type lifeBounds struct {
	Slots   int
	Frames  int    // of each writer
	Moves   int    // of each writer
	Writers int    // the first one lives at the start, the others try to take the name over
	Cleaner bool   // the last of the writers is none, but removes what is dead
	Readers string // L lossless, N newest by copy without a cell
	Reborn  bool   // a reader that is gone is followed by another one, in any free cell
	Leave   bool   // readers may close at any time
	Kill    bool   // writers (all but the last process) at any step
	Die     bool   // readers, at any step
	Evict   bool   // policy: evict who stands still, at any time; else wait for ever
	GiveUp  bool   // an ended writer stops waiting for readers that have not come over
	Break   mutant
}

// State of a generation, as in the code.
const (
	unborn uint8 = 0
	live   uint8 = 1
	ended  uint8 = 3
	moved  uint8 = 4
	buried uint8 = 5
)

const (
	noAnswer uint8 = 0
	joined   uint8 = 1
	evicted  uint8 = 2
)

// lifeState is all that the processes share and know.
type lifeState struct {
	gen    [maxGens]generation
	chain  [maxChains]chain
	name   uint8 // the generation that has the name
	staged uint8 // the one that has the hidden name of a generation in the making
	gens   uint8 // ever made
	chains uint8
	tokens uint8
	w      [maxWriters]lifeWriter
	r      [readerCount]lifeReader
}

// generation is one data file.
type generation struct {
	state, publish, front, back, final, first uint8
	chain                                     uint8
	previous                                  bool  // its chain took over from a dead writer
	lock                                      uint8 // the writer's process + 1
	seq, content                              [slotCount]uint8
	answer                                    [maxCells]answer
}

// answer is a record of the reader table.
type answer struct{ token, state, first uint8 }

// chain is one control file, and what an observer who sees everything knows of
// the writer that it belongs to.
type chain struct {
	linked bool
	lock   uint8
	cell   [maxCells]lifeCell

	newest uint8 // the highest frame published
	end    uint8 // 0 not yet
	gaveUp bool  // its writer stopped waiting for readers that had not come over
	taken  bool  // its last generation was taken away by a successor or a cleaner
}

const (
	endedInOrder uint8 = 1
	killed       uint8 = 2
)

// lifeCell is one reader cell.
type lifeCell struct{ token, cursor, seen, lock uint8 }

type lifeWriter struct {
	pc      step
	ret     step // where a look at the cells goes on
	back    step // where a tick goes on
	gen     uint8
	chain   uint8
	next    uint8 // number of the next frame
	left    uint8 // frames still to be made
	moves   uint8
	front   uint8
	frames  [slotCount]uint8
	cell    [maxCells]privateCell
	k, x    uint8 // the cell being looked at, and a value from there
	slot    uint8
	other   uint8 // a generation in hand: the next one, or a dead one
	closed  bool
	cleaner bool
	late    bool // waits for a lossless reader
}

// privateCell is what the writer knows of a reader.
type privateCell struct {
	token, done uint8
	lossless    bool
	blocked     bool
}

type lifeReader struct {
	pc     step
	gen    uint8
	chain  uint8 // 0: no cell
	cell   uint8
	token  uint8
	want   uint8
	stand  uint8
	state  uint8 // of the generation, as loaded
	slot   uint8
	value  uint8
	due    uint8 // for the observer: the frame that must come next; 0 nothing was promised
	told   bool  // for the observer: the writer evicted it
	reborn bool
}

// Standing of a reader, as in the code.
const (
	strange uint8 = iota
	asked
	admitted
	alone
)

func lifeSystem(b lifeBounds) *system[lifeState] {
	var s lifeState
	s.gens, s.chains, s.name = 1, 1, 1
	s.gen[0] = generation{state: live, first: 1, chain: 1, lock: 1}
	s.chain[0] = chain{linked: true, lock: 1}
	s.w[0] = lifeWriter{pc: idle, gen: 1, chain: 1, next: 1, left: uint8(b.Frames), moves: uint8(b.Moves)}
	for i := 1; i < b.Writers; i++ {
		s.w[i] = lifeWriter{pc: startSweep, left: uint8(b.Frames), moves: uint8(b.Moves)}
	}
	if b.Cleaner {
		s.w[b.Writers-1] = lifeWriter{pc: startLook, cleaner: true}
	}
	for i := range b.Readers {
		s.r[i].pc = openName
	}
	return &system[lifeState]{start: s, next: b.next, show: b.show, goals: b.goals()}
}

func (b *lifeBounds) goals() []goal[lifeState] {
	return []goal[lifeState]{
		{
			name: "not everybody comes to an end",
			when: func(*lifeState) bool { return true },
			met: func(s *lifeState) bool {
				for i := range b.Writers {
					if !gone(s.w[i].pc) {
						return false
					}
				}
				for i := range b.Readers {
					if !gone(s.r[i].pc) {
						return false
					}
				}
				return true
			},
			avoid: killing,
		},
		{
			name: "a reader waits for the answer to its join, and its writer lives",
			when: func(s *lifeState) bool {
				for i := range b.Readers {
					r := &s.r[i]
					if r.stand == asked && r.pc >= joinIdle && r.pc <= joinAlone && b.holder(s, r.chain) >= 0 {
						return true
					}
				}
				return false
			},
			met: func(s *lifeState) bool {
				for i := range b.Readers {
					if s.r[i].stand == asked {
						return false
					}
				}
				return true
			},
			avoid: killing | closing,
		},
		{
			name: "the writer waits for a reader that will never let go",
			when: func(s *lifeState) bool { return b.waiting(s) },
			met:  func(s *lifeState) bool { return !b.waiting(s) },
			// Time alone is no way out: the reader must do something.
			avoid: killing | closing | timing,
		},
	}
}

// holder is the living writer of a chain that has not ended, or -1.
func (b *lifeBounds) holder(s *lifeState, chain uint8) int {
	for i := range b.Writers {
		if w := &s.w[i]; !gone(w.pc) && w.chain == chain && w.gen != 0 && !w.closed {
			return i
		}
	}
	return -1
}

func (b *lifeBounds) waiting(s *lifeState) bool {
	for i := range b.Writers {
		if s.w[i].late {
			return true
		}
	}
	return false
}

func (b *lifeBounds) cells() uint8 {
	n := uint8(0)
	for _, k := range b.Readers {
		if k == 'L' {
			n++
		}
	}
	return n
}

func (b lifeBounds) next(s *lifeState, out *moves[lifeState]) {
	for i := range b.Writers {
		if w := &s.w[i]; !gone(w.pc) {
			b.writer(s, out, i)
		}
	}
	for i := range b.Readers {
		b.reader(s, out, i)
	}
	for i := range out.list {
		b.forget(&out.list[i].to)
	}
	b.nothingLeft(s, out)
}

// forget drops what nobody can see any more, so that states that differ in it
// alone are one.
func (b *lifeBounds) forget(s *lifeState) {
	var genUsed [maxGens + 1]bool
	genUsed[s.name], genUsed[s.staged] = true, true
	var chainUsed [maxChains + 1]bool
	for i := range b.Writers {
		genUsed[s.w[i].gen], genUsed[s.w[i].other], chainUsed[s.w[i].chain] = true, true, true
	}
	for i := range b.Readers {
		genUsed[s.r[i].gen], chainUsed[s.r[i].chain] = true, true
	}
	for g := range s.gen {
		if !genUsed[g+1] {
			s.gen[g] = generation{}
		} else {
			chainUsed[s.gen[g].chain] = true
		}
	}
	for c := range s.chain {
		if !chainUsed[c+1] && !s.chain[c].linked {
			s.chain[c] = chain{}
		}
	}
}

// nothingLeft: when all have ended and nobody was killed, the name is free and
// no hidden file is there, except after a writer gave up waiting.
func (b *lifeBounds) nothingLeft(s *lifeState, out *moves[lifeState]) {
	if len(out.list) > 0 {
		return
	}
	left := s.name != 0 || s.staged != 0
	for c := range s.chain {
		if s.chain[c].gaveUp {
			return
		}
		left = left || s.chain[c].linked
	}
	if left && !b.crashed(s) {
		out.fork(s, "observer", observes)
		out.bad("all have ended, and something is left under the name")
	}
}

func (b *lifeBounds) show(s *lifeState) string {
	text := fmt.Sprintf("name=%s", genName(s.name))
	for g := range int(s.gens) {
		x := &s.gen[g]
		if x.state == unborn {
			continue
		}
		text += fmt.Sprintf(" %s(%s first %d publish %d final %d", genName(uint8(g+1)), [...]string{"unborn", "live", "", "ended", "moved", "dead"}[x.state], x.first, x.publish, x.final)
		if x.lock == 0 {
			text += " unlocked"
		}
		for i := range b.Slots {
			text += fmt.Sprintf(" %d:%d", x.seq[i], x.content[i])
		}
		for k := range int(b.cells()) {
			if a := &x.answer[k]; a.token != 0 {
				text += fmt.Sprintf(" answer%d{token %d %s first %d}", k+1, a.token, [...]string{"-", "joined", "evicted"}[a.state], a.first)
			}
		}
		text += ")"
	}
	for c := range int(s.chains) {
		for k := range int(b.cells()) {
			if x := &s.chain[c].cell[k]; x.token != 0 || x.lock != 0 {
				text += fmt.Sprintf(" cell%d{token %d cursor %d seen %s lock %t}", k+1, x.token, x.cursor, genName(x.seen), x.lock != 0)
			}
		}
	}
	for i := range b.Readers {
		text += fmt.Sprintf(" reader%d{%s want %d %s}", i, genName(s.r[i].gen), s.r[i].want, standing(s.r[i].stand))
	}
	return text
}

func genName(g uint8) string {
	if g == 0 {
		return "-"
	}
	return "G" + string('0'+rune(g))
}
