// The explorer: every interleaving of a system, breadth first, and the shortest
// way to the first thing that goes wrong.

package model

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// system is something to explore. A state is a plain value without pointers, so
// that it can be copied, compared and hashed.
type system[S comparable] struct {
	start S
	next  func(s *S, out *moves[S]) // all that can happen in s
	show  func(s *S) string         // a state in a counterexample
	goals []goal[S]
}

// move is one thing that can happen.
type move[S comparable] struct {
	who  string
	step step
	to   S
	bad  string // the promise that this breaks
}

// moves collects what can happen in one state.
type moves[S comparable] struct {
	list []move[S]
}

// fork adds a move and returns its state, at first a copy of s, for the caller to
// change. The pointer holds until the next fork.
func (m *moves[S]) fork(s *S, who string, st step) *S {
	m.list = append(m.list, move[S]{who: who, step: st, to: *s})
	return &m.list[len(m.list)-1].to
}

// bad says that the last move breaks a promise.
func (m *moves[S]) bad(format string, args ...any) {
	m.list[len(m.list)-1].bad = fmt.Sprintf(format, args...)
}

// result of an exploration.
type result struct {
	States      int
	Transitions int
	Taken       map[step]bool
	Bad         string   // empty: every promise holds
	Trace       []string // how it came to that
}

// String is the verdict, with the counterexample if there is one.
func (r *result) String() string {
	if r.Bad == "" {
		return fmt.Sprintf("OK: %d states, %d transitions", r.States, r.Transitions)
	}
	return fmt.Sprintf("%s (after %d states; %d steps):\n%s", r.Bad, r.States, len(r.Trace), strings.Join(r.Trace, "\n"))
}

// explorer holds what was seen. States are known by a 64-bit hash: with 10^7 of
// them two share one with a probability of 3 in a million, and the seed differs
// from run to run.
type explorer[S comparable] struct {
	sys    *system[S]
	seed   maphash.Seed
	seen   *table
	parent []uint32
	choice []uint8 // which move of the parent led here
	marks  []uint8 // two bits for each goal, see progress.go
	edges  []edge
	taken  [256]bool
	out    moves[S]
}

type edge struct {
	from, to uint32
	step     step
}

// explore visits every state that can be reached. It stops at the first broken
// promise, or beyond limit states, which is a fault of the bounds and not of the
// protocol.
func explore[S comparable](sys *system[S], limit int) *result {
	e := &explorer[S]{sys: sys, seed: maphash.MakeSeed(), seen: newTable()}
	res := &result{Taken: map[step]bool{}}
	e.visit(&sys.start, 0, 0)
	level, below := []S{sys.start}, []S(nil)
	for first := uint32(0); len(level) > 0; level, below = below, level[:0] {
		for i := range level {
			id := first + uint32(i)
			e.out.list = e.out.list[:0]
			sys.next(&level[i], &e.out)
			for c := range e.out.list {
				m := &e.out.list[c]
				res.Transitions++
				e.taken[m.step] = true
				if m.bad != "" {
					res.States, res.Bad = len(e.parent), m.bad
					res.Trace = e.trace(id, c)
					return res
				}
				to, fresh := e.visit(&m.to, id, c)
				if fresh {
					below = append(below, m.to)
				}
				if len(sys.goals) > 0 && to != id {
					e.edges = append(e.edges, edge{id, to, m.step})
				}
			}
			if len(e.parent) > limit {
				res.States, res.Bad = len(e.parent), fmt.Sprintf("more than %d states", limit)
				return res
			}
		}
		first += uint32(len(level))
	}
	res.States = len(e.parent)
	for st, was := range e.taken {
		if was {
			res.Taken[step(st)] = true
		}
	}
	e.progress(res)
	return res
}

// visit gives a state its number; fresh says that it is new.
func (e *explorer[S]) visit(s *S, from uint32, choice int) (id uint32, fresh bool) {
	id, fresh = e.seen.put(maphash.Comparable(e.seed, *s), uint32(len(e.parent)))
	if !fresh {
		return id, false
	}
	e.parent = append(e.parent, from)
	e.choice = append(e.choice, uint8(choice))
	if len(e.sys.goals) > 0 {
		e.marks = append(e.marks, e.mark(s))
	}
	return id, true
}

// trace walks to state id again and tells each step; last is one more move from
// there, or -1.
func (e *explorer[S]) trace(id uint32, last int) []string {
	var choices []int
	if last >= 0 {
		choices = append(choices, last)
	}
	for ; id != 0; id = e.parent[id] {
		choices = append(choices, int(e.choice[id]))
	}
	s := e.sys.start
	lines := []string{"  start" + strings.Repeat(" ", 52) + e.sys.show(&s)}
	for i := len(choices) - 1; i >= 0; i-- {
		var out moves[S]
		e.sys.next(&s, &out)
		m := &out.list[choices[i]]
		s = m.to
		lines = append(lines, fmt.Sprintf("  %-10s %-45s %s", m.who, info(m.step).what, e.sys.show(&s)))
	}
	return lines
}
