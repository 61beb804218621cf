package capture

// When ffmpeg is started again, and after what pause.

import (
	"regexp"
	"strings"
	"time"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/pause"
)

// Restart says what happens when a source is lost or falls silent.
//
// Whatever it says, these are final: ffmpeg is missing, the segment fails, and
// ErrGeometryChanged. Once a source has given a frame, everything else is tried
// again, because it worked before. Before the first frame a bad configuration is
// final (an option, filter, decoder or protocol that ffmpeg does not know, a
// password that is refused).
type Restart int

const (
	// RestartAuto keeps live sources going. Before the first frame an answer that
	// says no is final (connection refused, not found, no video in it): the address
	// is probably wrong. Silence is not: ffmpeg is started again.
	RestartAuto Restart = 0
	// RestartNever ends the capture when the source does. Silence is reported and
	// waited out.
	RestartNever Restart = 1
	// RestartAlways keeps any source going, also one that is not there yet, and one
	// that ended in order: a file begins anew. Standard input cannot be.
	RestartAlways Restart = 2
)

const (
	// defaultStall is how long a source may be silent.
	defaultStall = 5 * time.Second
	// longestPatience bounds how long a source that connects may take for its first
	// frame. A camera that sends a key frame every ten seconds never got further if
	// each try were cut off at five, so each try gets twice the time of the last one.
	longestPatience = 30 * time.Second
)

// schedule is how ffmpeg is started again. Tests have a faster one.
type schedule struct {
	pause.Schedule
	patience time.Duration // for a first frame at most
}

func usualSchedule() schedule { return schedule{pause.Usual(), longestPatience} }

// restarts reports whether ffmpeg is started again at all.
func (c *Capture) restarts() bool {
	switch c.o.Restart {
	case RestartNever:
		return false
	case RestartAlways:
		return c.input.Kind != ffargs.Stdin
	}
	return c.source.Live
}

// listens reports whether ffmpeg waits for a sender, where it else goes to a
// server.
func (c *Capture) listens() bool {
	args := " " + strings.Join(c.o.InputArgs, " ") + " "
	return c.input.Scheme == "udp" || c.input.Scheme == "rtp" ||
		c.input.Kind == ffargs.URL && listening.MatchString(c.input.Name) ||
		strings.Contains(args, " -listen ") || strings.Contains(args, " listener ") || strings.Contains(args, " -rtsp_flags listen ")
}

// listening is what says so in an address.
var listening = regexp.MustCompile(`[?&](listen=[12]|mode=listener)(&|$)`)

// stall is how long the source may be silent; 0 without limit.
func (c *Capture) stall() time.Duration {
	switch {
	case c.o.StallAfter < 0:
		return 0
	case c.o.StallAfter > 0:
		return c.o.StallAfter
	}
	return defaultStall
}

// limits are those of the next session.
func (c *Capture) limits() (l silenceLimits) {
	if c.source.Live || c.restarts() {
		l.stall = c.stall()
	}
	if c.restarts() && l.stall > 0 {
		l.later = l.stall
		l.first = min(l.stall<<min(c.fruitless, 10), max(l.stall, c.schedule.patience))
	}
	if c.listens() {
		l.first = 0 // another start gains nothing, and a sender would find nobody meanwhile
	}
	if c.o.GiveUp > 0 {
		l.first = tighter(l.first, max(c.o.GiveUp-time.Since(c.alive), time.Millisecond))
		l.later = tighter(l.later, c.o.GiveUp)
	}
	return l
}
