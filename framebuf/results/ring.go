// What a reader knows: private copies of the last records, as many as the segment has slots.

package results

import (
	"math"

	"github.com/framebridge/framebridge/framebuf"
)

// ring is the last records, oldest first, over one writer or several. It knows no
// segment, so that it can be tested alone.
type ring struct {
	slots   int
	records []Record
	given   int    // how many of records have been taken
	lost    uint64 // records that left before they were taken, and those missed before them

	begun      bool
	generation framebuf.Generation // of the segment, when the newest record came
	next       uint64              // number of the record after the newest
	left       bool                // some records have left, here or in the segment

	last answer
}

// answer is what was found last. It holds for the frames from..until-1 of a
// generation until a record is added.
type answer struct {
	ok          bool
	generation  uint64
	from, until uint64
	at          int // in records
}

// knows reports whether a record is older than, or is, the newest one.
func (g *ring) knows(f *framebuf.Info) bool {
	return g.begun && f.Generation == g.generation && f.Number < g.next
}

// restart says where a new writer begins to count, if it does so anew.
func (g *ring) restart(first uint64) { g.next = first }

// add takes a record that is newer than all others. generation is that of the segment
// in which it was found.
func (g *ring) add(r Record, generation framebuf.Generation) {
	if r.Number < g.next {
		g.next = 0 // numbers began anew
	}
	if g.begun {
		r.Missed = r.Number - g.next
	}
	g.left = g.left || r.Missed > 0 || !g.begun && r.Number > 0
	g.begun, g.generation, g.next = true, generation, r.Number+1
	g.records = append(g.records, r)
	g.last = answer{}
	for len(g.records) > g.slots {
		g.drop()
	}
}

// drop takes the oldest record away.
func (g *ring) drop() {
	if g.given > 0 {
		g.given--
	} else {
		g.lost += 1 + g.records[0].Missed
	}
	g.records[0] = Record{} // append moves on to a new array only now and then
	g.records = g.records[1:]
	g.left = true
}

// take is the oldest record that was not taken yet.
func (g *ring) take() (r Record, ok bool) {
	if g.given == len(g.records) {
		return Record{}, false
	}
	r = g.records[g.given]
	r.Missed += g.lost
	g.given, g.lost = g.given+1, 0
	return r, true
}

// find is the record of the highest frame not above a frame, the newest of several. If
// there is none it tells the lowest and the highest frame spoken of; any is false if
// there is no record of that generation.
func (g *ring) find(generation, frame uint64) (r Record, ok bool, still span) {
	if a := g.last; a.ok && a.generation == generation && a.from <= frame && frame < a.until {
		return g.records[a.at], true, span{}
	}
	a := answer{generation: generation, until: math.MaxUint64}
	for i := range g.records {
		ref := &g.records[i].Reference
		switch {
		case !ref.Set || ref.Generation != generation:
		case ref.Frame > frame:
			a.until = min(a.until, ref.Frame)
			still.take(ref.Frame)
		case !a.ok || ref.Frame >= a.from:
			a.ok, a.from, a.at = true, ref.Frame, i
		}
	}
	if !a.ok {
		return Record{}, false, still
	}
	g.last = a
	return g.records[a.at], true, span{}
}

// span is the frames that records speak of.
type span struct {
	any       bool
	low, high uint64
}

func (s *span) take(frame uint64) {
	if !s.any {
		*s = span{any: true, low: frame, high: frame}
	}
	s.low, s.high = min(s.low, frame), max(s.high, frame)
}
