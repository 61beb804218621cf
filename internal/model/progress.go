// Nobody waits for ever: from every state there is a way on.

package model

import "fmt"

// goal is a promise of progress: from each state where when holds, a state where
// met holds can be reached by steps that are none of avoid. A way out that needs
// a kill, or the end of the stream, is none.
type goal[S comparable] struct {
	name  string
	when  func(*S) bool
	met   func(*S) bool
	avoid kind
}

// mark is what a state means for each goal: bit 2i for when, bit 2i+1 for met.
func (e *explorer[S]) mark(s *S) (bits uint8) {
	for i := range e.sys.goals {
		g := &e.sys.goals[i]
		if g.when(s) {
			bits |= 1 << (2 * i)
		}
		if g.met(s) {
			bits |= 2 << (2 * i)
		}
	}
	return bits
}

// progress looks for a state from which a goal is out of reach.
func (e *explorer[S]) progress(res *result) {
	if len(e.sys.goals) == 0 {
		return
	}
	n := len(e.parent)
	// The edges into each state: into[at[i]:at[i+1]].
	at := make([]uint32, n+1)
	for _, x := range e.edges {
		at[x.to+1]++
	}
	for i := range n {
		at[i+1] += at[i]
	}
	into, fill := make([]uint32, len(e.edges)), append([]uint32(nil), at...)
	for i, x := range e.edges {
		into[fill[x.to]] = uint32(i)
		fill[x.to]++
	}
	for i := range e.sys.goals {
		g := &e.sys.goals[i]
		reached, todo := make([]bool, n), []uint32(nil)
		for id, bits := range e.marks {
			if bits&(2<<(2*i)) != 0 {
				reached[id], todo = true, append(todo, uint32(id))
			}
		}
		for len(todo) > 0 {
			id := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, x := range into[at[id]:at[id+1]] {
				from := &e.edges[x]
				if !reached[from.from] && info(from.step).kind&g.avoid == 0 {
					reached[from.from], todo = true, append(todo, from.from)
				}
			}
		}
		for id, bits := range e.marks {
			if bits&(1<<(2*i)) != 0 && !reached[id] {
				res.Bad = fmt.Sprintf("stuck: %s", g.name)
				res.Trace = e.trace(uint32(id), -1)
				return
			}
		}
	}
}
