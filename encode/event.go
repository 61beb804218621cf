// Events: what happens to the output while Run is at work.

package encode

import "time"

// State is how it stands with the output.
type State int

// The states. A file goes from Connecting over Live to Ended or Failed; a live
// output may come back from Reconnecting any number of times.
const (
	Connecting   State = iota + 1 // ffmpeg was started and has written nothing yet
	Live                          // it writes frames
	Reconnecting                  // it is gone, and will be started again after a pause
	Failed                        // Run returns an error
	Ended                         // Run returns none
)

// String is the state in one word.
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Live:
		return "live"
	case Reconnecting:
		return "reconnecting"
	case Failed:
		return "failed"
	case Ended:
		return "ended"
	}
	return "none"
}

// Event is a change of State.
type Event struct {
	State    State
	At       time.Time
	Restarts uint64        // starts of ffmpeg after the first one, with the one that is announced
	Err      error         // Reconnecting: why the output was lost; Failed: what Run returns. Without secrets
	Pause    time.Duration // Reconnecting: from now to the next start, at least
}

// to tells of a state.
func (s *session) to(ev Event) {
	if s.opts.OnEvent != nil {
		ev.At, ev.Restarts = time.Now(), s.r.Restarts
		s.opts.OnEvent(ev)
	}
}

// ended tells of the last state.
func (s *session) ended(err error) {
	if err != nil {
		s.to(Event{State: Failed, Err: err})
		return
	}
	s.to(Event{State: Ended})
}
