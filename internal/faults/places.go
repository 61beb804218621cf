//go:build linux

package main

import (
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// place is a failpoint, and how a process of the suite comes to it. A test
// compares the names with those in the source, so that none is forgotten.
type place struct {
	at   string // as failAt takes it
	row  string // that kills there
	way  string // what the process does when it comes there: see the row
	read int    // frames that readers must have got by then
	told string // what readers are told
}

// name is the failpoint's.
func (p place) name() string {
	name, _, _ := strings.Cut(p.at, "@")
	return name
}

func places() []place {
	var all []place
	add := func(row, way string, read int, told string, at ...string) {
		for _, at := range at {
			all = append(all, place{at, row, way, read, told})
		}
	}
	// Creating: under a free name, over a dead segment, and over one that must go
	// first because there is no room for both.
	add("A2", "fresh", 0, "", "control-reserved", "control-built", "data-reserved", "data-locked", "control-linked", "named", "created")
	add("A2", "over", 0, "", "dead-locked", "control-linked", "staged", "renamed", "named", "buried")
	add("A2", "tight", 0, "", "tight-buried", "tight-unnamed", "tight-control-unlinked", "tight-unmapped")
	// Publishing the sixth frame. The event is also rung for each of the three readers.
	add("A2", "stream", 5, "died", "back-stored@6", "claimed@6", "fill-begun@6", "fill-half@6", "fill-done@6", "header-stored@6", "completed@6")
	add("A2", "stream", 6, "died", "published@6", "frame-counted@6", "before-wake@9", "frame-rung@6")
	// Answering a reader that joins, and evicting one.
	add("A2", "join", 0, "died", "answering", "answered")
	add("A2", "evict", 4, "died", "evicting", "evicted")
	// Moving after three frames. A segment is also built for that.
	add("A2", "move", 3, "died", "moving", "data-reserved@2", "data-locked@2", "move-built", "move-carried", "staged", "renamed", "move-final", "moved")
	// Ending after six frames.
	add("A2", "end", 6, "died", "ending", "final-stored")
	add("A2", "end", 6, "end", "ended", "end-rung", "lingered", "unlinked", "control-unlinked")

	// Replacing a value, the fifth one: over that of an ended writer.
	add("A12", "value", 0, "old", "dead-locked", "control-reserved", "control-built", "data-reserved", "data-locked", "back-stored", "claimed", "header-stored",
		"completed", "published", "frame-counted", "before-wake", "frame-rung", "control-linked", "staged")
	add("A12", "value", 0, "new", "renamed", "named", "before-wake@2", "buried", "updated", "ending", "final-stored", "ended", "end-rung", "lingered")

	// Of a reader.
	add("A4", "pin", 0, "", "cell-locked", "cell-written", "token-stored", "pin-stored@3", "pin-held@3", "before-release@3", "pin-cleared@3")
	add("A4", "lossless", 0, "", "cell-locked", "cell-written", "token-stored", "joined", "frame-found@3", "before-release@3", "cursor-stored@3")
	add("A4", "leave", 0, "", "leaving", "pins-cleared", "token-cleared")
	add("A4", "arrive", 0, "", "arriving", "arrived")

	// Of a cleaner: a hidden file comes before the segment.
	add("A7", "gc", 0, "", "hidden-locked", "hidden-unlinked", "dead-locked", "dead-unlinked", "dead-buried", "dead-control-unlinked")
	return all
}

// placesOf are those of one row.
func placesOf(row string) []place {
	var some []place
	for _, p := range places() {
		if p.row == row {
			some = append(some, p)
		}
	}
	return some
}

// dies waits until the process has been killed at its failpoint. If it does not
// come there, the row ends.
func (p *party) dies(at string) {
	late := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	_ = p.wait()
	require.True(p.t, late.Stop(), "the process did not come to %q within 10 s", at)
	require.True(p.t, p.wasKilled(), "the process ended and did not come to %q", at)
}
