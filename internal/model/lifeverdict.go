// The life of a segment, continued: what an observer who sees everything says to the
// verdicts of readers.

package model

// ending is the verdict that a reader ends with.
type ending uint8

const (
	endEOF       ending = iota
	endAtHop            // EOF, because no further generation of the chain is found
	endDied             // ErrWriterDied
	endDiedAtHop        // ErrWriterDied, because a successor has the name
	endEvicted          // ErrEvicted
	endLost             // ErrLost
	endLostAtHop        // ErrLost, because a promised generation is not found
)

// verdict ends a reader, and asks the observer whether it is true.
func (b *lifeBounds) verdict(t *lifeState, out *moves[lifeState], i int, end ending) {
	r := &t.r[i]
	g := &t.gen[r.gen-1]
	c := &t.chain[g.chain-1]
	lossless := b.Readers[i] == 'L'
	all := !lossless || r.due == 0 || r.due > c.newest
	switch {
	case end != endEvicted && end != endLost && c.end == 0:
		out.bad("reader %d is told an end, and the writer lives", i)
	case end == endEOF && c.end == killed:
		out.bad("reader %d is told a clean end, and the writer was killed", i)
	case end == endEOF && !all:
		out.bad("reader %d is told the end before frame %d of %d", i, r.due, c.newest)
	case end == endEOF && !lossless && r.want <= g.publish:
		out.bad("reader %d is told the end before the final frame %d", i, g.publish)
	case end == endAtHop && !all && r.stand != alone:
		out.bad("reader %d is told the end before frame %d of %d", i, r.due, c.newest)
	case end == endDied && c.end != killed:
		out.bad("reader %d is told that the writer died, and it did not", i)
	case end == endDied && !all:
		out.bad("reader %d is told that the writer died before frame %d of %d", i, r.due, c.newest)
	case end == endDiedAtHop && !b.crashed(t):
		out.bad("reader %d is told that the writer died, and nobody ever did", i)
	case end == endEvicted && !r.told:
		out.bad("reader %d is told that it was evicted, and it was not", i)
	case end == endLost:
		out.bad("reader %d is told that frame %d is lost; it was %s", i, r.want, map[bool]string{false: "never evicted", true: "evicted"}[r.told])
	case end == endLostAtHop && !c.gaveUp && !c.taken && !r.told:
		out.bad("reader %d is told that a promised frame (%d) is gone; standing: %s", i, r.due, standing(r.stand))
	}
	b.leave(r)
}

// crashed reports whether a writer was killed.
func (b *lifeBounds) crashed(s *lifeState) bool {
	for i := range b.Writers {
		if s.w[i].pc == dead {
			return true
		}
	}
	return false
}

func standing(s uint8) string {
	return [...]string{"strange", "asked", "admitted", "alone"}[s]
}
