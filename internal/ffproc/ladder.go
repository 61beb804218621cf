package ffproc

// Stop ladders: in which order a child is asked to end, and how long each time.

import (
	"syscall"
	"time"
)

// Step is one rung of a stop ladder: what is done, then how long the child may take to
// end before the next rung.
type Step struct {
	CloseStdin bool           // close our end of the child's standard input
	Signal     syscall.Signal // sent to the process group; 0 sends none
	Wait       time.Duration  // 0 goes to the next rung at once
}

// Ladder is the order in which a child is asked to end. After the last rung SIGKILL goes
// to the process group, always; that rung is not written down.
type Ladder []Step

// CaptureLadder is for a child that reads a source and has nothing to finish: SIGTERM,
// 0.5 s, SIGTERM, 2 s. ffmpeg blocked in a silent source ignores the first signal and
// leaves on the second.
func CaptureLadder() Ladder {
	return Ladder{
		{Signal: syscall.SIGTERM, Wait: 500 * time.Millisecond},
		{Signal: syscall.SIGTERM, Wait: 2 * time.Second},
	}
}

// EncodeLadder is for a child that writes a file or a stream from its standard input: end
// of file, the drain time for the frames that it still holds, then one SIGINT and 2 s. A
// second signal would make ffmpeg leave out the trailer, so there is none.
func EncodeLadder(drain time.Duration) Ladder {
	return Ladder{
		{CloseStdin: true, Wait: drain},
		{Signal: syscall.SIGINT, Wait: 2 * time.Second},
	}
}
