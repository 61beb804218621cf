// The states of a segment and of its source.

package framebuf

import "fmt"

// State of a segment, stored by its writer.
type State uint32

// The states. Unborn is never seen under a name.
const (
	Unborn   State = 0
	Live     State = 1 // frames are coming, or will
	Draining State = 2 // the source has ended, frames are still coming
	Ended    State = 3 // closed in order
	Moved    State = 4 // goes on under the same name as a new generation
	Dead     State = 5 // its writer was killed, and a next one has taken the name
)

// String is the state's name as `framebridge info` prints it.
func (s State) String() string {
	names := [...]string{"unborn", "live", "draining", "ended", "moved", "dead"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("state(%d)", uint32(s))
}

// over reports whether nothing more will be written to the segment.
func (s State) over() bool { return s == Ended || s == Moved || s == Dead }

// SourceState is the state of what feeds the segment.
type SourceState uint32

// The source states.
const (
	SourceNone         SourceState = 0 // nothing outside feeds it
	SourceConnecting   SourceState = 1
	SourceLive         SourceState = 2
	SourceStalled      SourceState = 3 // connected, no frames
	SourceReconnecting SourceState = 4
	SourceFailed       SourceState = 5 // ended badly: see the last error
	SourceEnded        SourceState = 6 // ended cleanly
)

// String is the source state's name as `framebridge info` prints it.
func (s SourceState) String() string {
	names := [...]string{"none", "connecting", "live", "stalled", "reconnecting", "failed", "ended"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("source(%d)", uint32(s))
}

// DropReason says why a frame of the source never got into the segment.
type DropReason int

// The reasons.
const (
	DropOther   DropReason = 0
	DropLate    DropReason = 1 // the source gave it up because we were late
	DropCorrupt DropReason = 2 // the decoder gave it up
	DropShort   DropReason = 3 // the source ended inside it
	DropMerged  DropReason = 4 // merged with its neighbour (times too close)
	dropReasons            = 8
)
