// What the explorer must find: nothing in the protocol, and something in every
// mutant of it.

package model

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// size says when a row runs.
type size int

const (
	short  size = iota // always
	normal             // without -short
	long               // FRAMEBRIDGE_MODEL=long
)

func running() size {
	switch {
	case os.Getenv("FRAMEBRIDGE_MODEL") == "long":
		return long
	case testing.Short():
		return short
	}
	return normal
}

// stateLimit keeps a row whose bounds are too wide from eating the machine.
const stateLimit = 40_000_000

// exploration is a configuration of any of the models.
type exploration interface{ explore() *result }

func (b slotsBounds) explore() *result { return explore(slotsSystem(b), stateLimit) }
func (b lifeBounds) explore() *result  { return explore(lifeSystem(b), stateLimit) }
func (b sleepBounds) explore() *result { return explore(sleepSystem(b), stateLimit) }

// The protocol, as far as the bounds go. The number of states is exact: a model
// that explores less than it did goes red too.
func TestProtocol(t *testing.T) {
	taken := map[step]bool{}
	total := 0
	for _, row := range []struct {
		name   string
		when   size
		bounds exploration
		states int
	}{
		// One reader under each memory model.
		{"copy, SC", short, slotsBounds{Slots: 3, Frames: 5, Readers: "C", Memory: sc}, 858},
		{"copy, TSO", short, slotsBounds{Slots: 3, Frames: 5, Readers: "C", Memory: tso}, 1161},
		{"copy, weak", short, slotsBounds{Slots: 3, Frames: 5, Readers: "C", Memory: weak}, 3968},
		{"copy, two slots, weak", short, slotsBounds{Slots: 2, Frames: 5, Readers: "C", Memory: weak, Short: true}, 10249},
		{"pin, SC", short, slotsBounds{Slots: 3, Frames: 5, Readers: "P", Memory: sc, Kills: true, Short: true}, 11824},
		{"pin, TSO", short, slotsBounds{Slots: 3, Frames: 5, Readers: "P", Memory: tso, Kills: true}, 13003},
		{"pin, weak", short, slotsBounds{Slots: 3, Frames: 4, Readers: "P", Memory: weak, Kills: true}, 20894},
		{"pin, two slots, weak, kills", normal, slotsBounds{Slots: 2, Frames: 4, Readers: "P", Memory: weak, Kills: true, Short: true}, 68406},
		{"pin, three slots, weak, kills", long, slotsBounds{Slots: 3, Frames: 6, Readers: "P", Memory: weak, Kills: true, Short: true}, 257499},
		{"look back, SC", short, slotsBounds{Slots: 2, Frames: 4, Readers: "R", Memory: sc, Kills: true, Short: true}, 2449},
		{"look back, TSO", short, slotsBounds{Slots: 3, Frames: 4, Readers: "R", Memory: tso}, 1557},
		{"look back, weak", short, slotsBounds{Slots: 2, Frames: 4, Readers: "R", Memory: weak, Short: true}, 10111},
		{"look back, three slots, weak", normal, slotsBounds{Slots: 3, Frames: 4, Readers: "R", Memory: weak, Kills: true}, 9428},
		// Two readers.
		{"copy and pin, SC, kills", normal, slotsBounds{Slots: 2, Frames: 3, Readers: "CP", Memory: sc, Kills: true, Short: true}, 65606},
		{"copy and pin, TSO, kills", normal, slotsBounds{Slots: 2, Frames: 3, Readers: "CP", Memory: tso, Kills: true}, 70790},
		{"copy and pin, weak", normal, slotsBounds{Slots: 2, Frames: 3, Readers: "CP", Memory: weak}, 64796},
		{"two pins, SC", normal, slotsBounds{Slots: 3, Frames: 4, Readers: "PP", Memory: sc}, 120539},
		{"two pins, TSO", normal, slotsBounds{Slots: 2, Frames: 3, Readers: "PP", Memory: tso}, 43858},
		{"two pins, weak", normal, slotsBounds{Slots: 2, Frames: 3, Readers: "PP", Memory: weak}, 172680},
		{"two pins, SC, kills", long, slotsBounds{Slots: 3, Frames: 5, Readers: "PP", Memory: sc, Kills: true, Short: true}, 6533549},
		{"two pins, three slots, TSO, kills", long, slotsBounds{Slots: 3, Frames: 4, Readers: "PP", Memory: tso, Kills: true}, 1213780},
		{"two pins, three slots, weak", long, slotsBounds{Slots: 3, Frames: 4, Readers: "PP", Memory: weak}, 602661},

		// One lossless reader and one writer.
		{"lossless", short, lifeBounds{Slots: 2, Frames: 4, Writers: 1, Readers: "L"}, 15005},
		{"lossless, three slots", short, lifeBounds{Slots: 3, Frames: 4, Writers: 1, Readers: "L"}, 18798},
		{"lossless, two moves", short, lifeBounds{Slots: 2, Frames: 2, Writers: 1, Moves: 2, Readers: "L"}, 51390},
		{"lossless, a move, everything dies", short, lifeBounds{Slots: 2, Frames: 2, Writers: 1, Moves: 1, Readers: "L", Evict: true, GiveUp: true, Leave: true, Die: true, Kill: true}, 40956},
		{"lossless, three moves", normal, lifeBounds{Slots: 2, Frames: 3, Writers: 1, Moves: 3, Readers: "L"}, 234468},
		{"lossless, evictions, a second owner of the cell", normal, lifeBounds{Slots: 2, Frames: 3, Writers: 1, Readers: "L", Evict: true, Leave: true, Die: true, Kill: true, Reborn: true}, 101091},
		{"lossless, a move, evictions, a second owner", normal, lifeBounds{Slots: 2, Frames: 2, Writers: 1, Moves: 1, Readers: "L", Evict: true, GiveUp: true, Leave: true, Die: true, Reborn: true}, 166043},
		{"lossless, two moves, evictions, a second owner", long, lifeBounds{Slots: 2, Frames: 3, Writers: 1, Moves: 2, Readers: "L", Evict: true, GiveUp: true, Leave: true, Die: true, Reborn: true}, 1712863},
		{"lossless, three slots, three moves, everything dies", long, lifeBounds{Slots: 3, Frames: 4, Writers: 1, Moves: 3, Readers: "L", Evict: true, GiveUp: true, Leave: true, Die: true, Kill: true, Reborn: true}, 10547804},
		// Successors.
		{"a writer is killed and taken over, lossless", normal, lifeBounds{Slots: 2, Frames: 1, Writers: 2, Moves: 1, Readers: "L", Kill: true}, 638775},
		{"a writer leaves its name and is followed, lossless", normal, lifeBounds{Slots: 2, Frames: 1, Writers: 2, Moves: 1, Readers: "L", GiveUp: true}, 301110},
		{"a writer is killed and taken over, newest", short, lifeBounds{Slots: 2, Frames: 1, Writers: 2, Moves: 1, Readers: "N", Kill: true}, 87009},
		{"a writer is killed and taken over, two frames, lossless", long, lifeBounds{Slots: 2, Frames: 2, Writers: 2, Moves: 1, Readers: "L", Kill: true, Die: true}, 3511808},
		{"three writers for one name, kills", normal, lifeBounds{Slots: 2, Frames: 1, Writers: 3, Moves: 1, Kill: true}, 166141},
		{"two writers and a cleaner, kills", short, lifeBounds{Slots: 2, Frames: 1, Writers: 3, Moves: 1, Cleaner: true, Kill: true}, 50317},
		{"two writers and a cleaner, kills, newest", normal, lifeBounds{Slots: 2, Frames: 1, Writers: 3, Cleaner: true, Readers: "N", Kill: true}, 149642},
		// Two readers.
		{"lossless and newest, a move", normal, lifeBounds{Slots: 2, Frames: 1, Writers: 1, Moves: 1, Readers: "LN"}, 104056},
		{"two lossless", normal, lifeBounds{Slots: 2, Frames: 1, Writers: 1, Readers: "LL"}, 297244},
		{"two lossless, two frames", long, lifeBounds{Slots: 2, Frames: 2, Writers: 1, Readers: "LL"}, 1404319},
		{"two lossless, a move", long, lifeBounds{Slots: 2, Frames: 1, Writers: 1, Moves: 1, Readers: "LL"}, 1971500},
		{"two lossless, evictions, deaths", long, lifeBounds{Slots: 2, Frames: 2, Writers: 1, Readers: "LL", Evict: true, Die: true}, 2061110},

		{"sleeping and waking", short, sleepBounds{Rounds: 5}, 490},
	} {
		if row.when > running() {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			start := time.Now()
			r := row.bounds.explore()
			require.Empty(t, r.Bad, "%v", r)
			t.Logf("%v in %v", r, time.Since(start).Round(time.Millisecond))
			require.Equal(t, row.states, r.States, "states")
			total += r.States
			for st := range r.Taken {
				taken[st] = true
			}
		})
	}
	t.Logf("%d states in all", total)
	if t.Failed() {
		return
	}
	for st := none + 1; st < stepCount; st++ {
		x := info(st)
		switch {
		case x.kind&broken != 0:
			require.False(t, taken[st], "%q is a step of mutants only", x.what)
		case running() > short && !place(st):
			assert.True(t, taken[st], "no row comes to the step %q", x.what)
		}
	}
}

// place says that a step is only where a process stands, or that taking it would
// be a fault.
func place(st step) bool {
	switch st {
	case finished, dead, idle, blocked, arriveLate, closeLate, observes:
		return true
	}
	return false
}

// Every mutant is found out, in the way that one would fear.
func TestMutants(t *testing.T) {
	slots := func(m mutant, readers string, mem memoryModel) slotsBounds {
		return slotsBounds{Slots: 2, Frames: 4, Readers: readers, Memory: mem, Break: m}
	}
	three := func(m mutant, readers string, mem memoryModel) slotsBounds {
		b := slots(m, readers, mem)
		b.Slots = 3
		return b
	}
	reborn := func(b slotsBounds) slotsBounds { b.Kills = true; return b }
	life := func(m mutant, b lifeBounds) lifeBounds {
		b.Break = m
		b.Slots = max(b.Slots, 2)
		b.Frames = max(b.Frames, 2)
		b.Writers = max(b.Writers, 1)
		if b.Readers == "" {
			b.Readers = "L"
		}
		return b
	}
	found := map[mutant]bool{}
	for _, row := range []struct {
		name   string
		m      mutant
		bounds exploration
		want   string // in the promise that is broken
	}{
		{"no odd mark", noOdd, slots(noOdd, "C", sc), "torn"},
		{"published before the payload", publishEarly, slots(publishEarly, "C", sc), "torn"},
		{"no store fence", noStoreFence, slots(noStoreFence, "C", weak), "torn"},
		{"even mark and publish word plain", plainMarks, slots(plainMarks, "C", weak), "torn"},
		{"no second look at the sequence", noValid, slots(noValid, "C", sc), "torn"},
		{"no load fence", noLoadFence, slots(noLoadFence, "C", weak), "torn"},
		{"pin: back word not looked at", noBack, three(noBack, "P", sc), "is overwritten"},
		{"pin: sequence before back word", sequenceBeforeBack, three(sequenceBeforeBack, "P", sc), "is overwritten"},
		{"pin a plain store, TSO", plainPin, slots(plainPin, "P", tso), "is overwritten"},
		{"pin a plain store, weak", plainPin, slots(plainPin, "P", weak), "is overwritten"},
		{"pin a release store, TSO", pinRelease, slots(pinRelease, "P", tso), "is overwritten"},
		{"pin a release store, weak", pinRelease, slots(pinRelease, "P", weak), "is overwritten"},
		{"claim a plain store, TSO", plainClaim, slots(plainClaim, "P", tso), "is overwritten"},
		{"claim a plain store, weak", plainClaim, slots(plainClaim, "P", weak), "is overwritten"},
		{"claim a release store, TSO", claimRelease, slots(claimRelease, "P", tso), "is overwritten"},
		{"claim a release store, weak", claimRelease, slots(claimRelease, "P", weak), "is overwritten"},
		{"pins looked at before the claim", pinsBeforeClaim, slots(pinsBeforeClaim, "P", sc), "is overwritten"},
		{"pin cleared before the end check", clearBeforeCheck, slots(clearBeforeCheck, "P", sc), "is overwritten"},
		{"lock asked at a tick, not after the claim", believesTick, reborn(slots(believesTick, "P", sc)), "is overwritten"},
		{"who looks back takes what is complete", unboundLook, slots(unboundLook, "R", sc), "is not published"},
		{"who looks back has no load fence", noLoadFence, slots(noLoadFence, "R", weak), "torn"},
		{"who looks back does not look again", noValid, slots(noValid, "R", sc), "torn"},

		{"publish word before the even mark", publishFirst, life(publishFirst, lifeBounds{}), "is lost"},
		{"lossless takes the newest", newestInstead, life(newestInstead, lifeBounds{Slots: 3, Frames: 3}), "was next"},
		{"cursor before the end check", cursorFirst, life(cursorFirst, lifeBounds{Frames: 3}), "and it was not"},
		{"lossless without an end check", noValid, life(noValid, lifeBounds{Frames: 3, Evict: true}), "torn"},
		{"no token", noToken, life(noToken, lifeBounds{Frames: 3, Die: true, Reborn: true}), ""},
		{"answered token before the rest", tokenFirst, life(tokenFirst, lifeBounds{}), ""},
		{"cell not zeroed", noZero, life(noZero, lifeBounds{Frames: 4, Die: true, Reborn: true}), ""},
		{"the writer clears a dead reader's cell", writerClears, life(writerClears, lifeBounds{Die: true, Reborn: true}), "stuck: a reader waits for the answer"},
		{"eviction told after the slot was taken", evictLate, life(evictLate, lifeBounds{Frames: 3, Evict: true}), "is lost"},
		{"no waiting for SeenGen before a second move", noArrivals, life(noArrivals, lifeBounds{Moves: 2}), ""},
		{"SeenGen before mapping", seenFirst, life(seenFirst, lifeBounds{Moves: 2}), ""},
		{"the name taken away before all have arrived", noLastWait, life(noLastWait, lifeBounds{Moves: 1}), "is gone"},
		{"answers not carried over", noCarryOver, life(noCarryOver, lifeBounds{Moves: 1}), "evicted"},
		{"lock after the name, on a move", lockAfterName, life(lockAfterName, lifeBounds{Moves: 1}), ""},
		{"ended before the final frame", stateFirst, life(stateFirst, lifeBounds{}), "told the end before"},
		{"moved before the final frame", stateFirst, life(stateFirst, lifeBounds{Moves: 1, Evict: true}), "told the end before"},
		{"ended is the end", noFinal, life(noFinal, lifeBounds{}), "told the end before"},
		{"state not looked at again", noStateAgain, life(noStateAgain, lifeBounds{}), "writer died, and it did not"},
		{"publish word not looked at again", noWordAgain, life(noWordAgain, lifeBounds{Kill: true}), "writer died before"},
		{"dead stored over ended", buryEnded, life(buryEnded, lifeBounds{Writers: 2, Kill: true, Readers: "N"}), "writer died, and it did not"},
		{"name not looked at again, by a cleaner", noNameCheck, life(noNameCheck, lifeBounds{Writers: 3, Cleaner: true, Kill: true, Readers: "N"}), "of a living segment"},
		{"name not looked at again, by a writer", noNameCheck, life(noNameCheck, lifeBounds{Writers: 3, Kill: true, Readers: "N"}), "of a living segment"},
		{"unlinked before the next one is linked", unlinkFirst, life(unlinkFirst, lifeBounds{Writers: 2, Kill: true}), "numbers start anew"},
		{"answer looked for before whether anybody writes", answerBeforeIdle, life(answerBeforeIdle, lifeBounds{Moves: 1}), ""},
		{"unanswered, and told that a promised frame is gone", askedIsPromised, life(askedIsPromised, lifeBounds{Moves: 1}), "is gone; standing: asked"},
		{"a moved generation looks like one that took over", movesArePrevious, life(movesArePrevious, lifeBounds{Frames: 1, Writers: 2, Moves: 1, Readers: "N"}), "nobody ever did"},
		{"a moved generation taken for one that nobody writes", idleTakesMoved, life(idleTakesMoved, lifeBounds{Moves: 2}), "told the end before"},

		{"arrivals: event loaded after SeenGen", eventLate, sleepBounds{Rounds: 1, Break: eventLate}, "nobody will wake it"},
		{"event loaded late", eventLate, sleepBounds{Rounds: 4, Break: eventLate}, "nobody will wake it"},
		{"event rung early", ringFirst, sleepBounds{Rounds: 4, Break: ringFirst}, "nobody will wake it"},
		{"nobody woken", noWake, sleepBounds{Rounds: 4, Break: noWake}, "nobody will wake it"},
	} {
		found[row.m] = true
		t.Run(row.name, func(t *testing.T) {
			r := row.bounds.explore()
			require.NotEmpty(t, r.Bad, "this mutant passes: %v", r)
			require.Contains(t, r.Bad, row.want)
			require.NotEmpty(t, r.Trace)
			t.Log(r)
		})
	}
	for m := intact + 1; m < mutantCount; m++ {
		require.True(t, found[m], "mutant %d is in no row", m)
	}
}
