package capture

// From one session to the next: which loss is final, and the pauses between.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pause"
)

// supervise runs ffmpeg until its end is final, and says how that was. The end of
// ctx is a clean one.
func (c *Capture) supervise(ctx context.Context) error {
	c.alive = time.Now()
	c.state.tell(framebuf.SourceConnecting, nil, 0)
	var why error // of the last loss that says something
	for pauses := c.schedule.Start(); ; c.state.restarted() {
		s, err := c.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case s.frames > 0:
			c.alive, c.fruitless = s.lastAt, 0
		default:
			c.fruitless++
		}
		if !c.again(s, err) {
			return err
		}
		if err == nil {
			err = c.about(errors.New("it ended"))
		}
		if cut := s.silent > 0 && s.silent < c.stall(); !cut || why == nil {
			why = err
		}
		if end, over := c.over(why); over {
			return end
		}
		if s.flowed() >= c.schedule.Steady || s.frames > 0 && c.listens() {
			pauses.Reset()
		}
		wait := min(pauses.NextBackOff(), c.left())
		c.state.tell(framebuf.SourceReconnecting, why, wait)
		if !pause.Sleep(ctx, wait) {
			return nil
		}
		if end, over := c.over(why); over {
			return end
		}
	}
}

// again reports whether ffmpeg is to be started again after a session that ended
// with err.
func (c *Capture) again(s *session, err error) bool {
	always := c.o.Restart == RestartAlways
	switch {
	case s.fatal || !c.restarts():
		return false
	case err == nil: // a live source only when it has been captured for as long as it was to be
		return always && !c.source.Live
	case c.pump.out.Load() > 0 || s.silent > 0:
		return true
	}
	return always && !s.lines.diagnosis.hopeless()
}

// over reports whether the time is up, and whether that is an error.
func (c *Capture) over(last error) (end error, over bool) { //nolint:revive // the error is the end's
	switch {
	case c.left() > 0:
		return nil, false
	case c.o.GiveUp > 0 && time.Since(c.alive) >= c.o.GiveUp:
		return fmt.Errorf("capture: %s: %w: given up after %v without a frame; the last try: %w", c.input, ErrSourceLost, c.o.GiveUp, last), true
	}
	return nil, true
}

// left is how long until the time is up.
func (c *Capture) left() time.Duration {
	left := time.Duration(math.MaxInt64)
	if c.o.GiveUp > 0 {
		left = c.o.GiveUp - time.Since(c.alive)
	}
	if line := &c.pump.line; c.o.Duration > 0 && line.first != framebuf.NoPTS {
		left = min(left, c.o.Duration-c.covered()-seconds(line.frame, line.base))
	}
	return left
}

// covered is how much of the source has been captured. With a live one gaps
// count: its time goes on.
func (c *Capture) covered() time.Duration {
	if c.source.Live {
		return c.pump.line.covered(time.Now())
	}
	return c.pump.line.covered(c.pump.line.realAt)
}
