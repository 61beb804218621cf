package cli

// Keeping the process in between running: one after another, with pauses, until it has ended for good.

import (
	"context"
	"os"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// run starts the command, and again if need be, until it has ended for good. It returns nil if that was as it should be.
func (c *command) run() error {
	defer c.endRelay()
	defer c.letGo()
	pauses := c.pauses.Start()
	for {
		l, err := c.live()
		if err != nil {
			return err
		}
		again, err := c.judge(l)
		if !again {
			if err != nil {
				c.tellLastLines(l)
			}
			return err
		}
		if l.flowed() >= c.pauses.Steady {
			pauses.Reset()
		}
		wait := pauses.NextBackOff()
		c.restarts++
		c.s.note("%s; starting it again in %.1f s", message(err), wait.Seconds())
		c.holdInput()
		if !c.rest(wait) {
			if c.ctx.Err() != nil || c.wasInterrupted() {
				return nil // told, and not why the run ends
			}
			return err
		}
	}
}

// live is one process, from its start to its end.
func (c *command) live() (*life, error) {
	ctx, stop := context.WithCancelCause(c.ctx)
	defer stop(nil)
	l := c.newLife(stop)
	defer l.close()
	p, err := c.start(ctx)
	if err != nil {
		if c.ctx.Err() != nil {
			return nil, nil //nolint:nilnil // stopped before it began: judge takes that
		}
		return nil, err
	}
	l.p = p
	look := time.NewTicker(lookSoon)
	defer look.Stop()
	for {
		select {
		case <-p.Done():
			l.end(ctx)
			return l, nil
		case <-look.C:
		}
		l.look(time.Now())
		if l.opened {
			c.letGo()
			look.Reset(lookOften)
		}
	}
}

// rest waits for d. It reports false if nothing is to be started after that.
func (c *command) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.over:
	case <-c.ctx.Done():
	case <-t.C:
		return true
	}
	return false
}

// holdInput makes a source that can wait do so until letGo: while nobody reads it a file would be over before the next
// process has begun. That one joins at the newest frame.
func (c *command) holdInput() {
	if c.o.live || c.hold != nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, time.Second)
	defer cancel()
	r, err := framebuf.Open(ctx, c.in, &framebuf.ReaderOptions{Dir: c.s.dir, Mode: framebuf.Lossless, Label: holdLabel})
	if err == nil { // else it has ended, or waits for nobody
		c.hold = r
	}
}

func (c *command) letGo() {
	if c.hold != nil {
		_ = c.hold.Close()
		c.hold = nil
	}
}

// holdLabel is what our own reader of the input calls itself.
const holdLabel = "run"

// policy is whether a process that has ended is started again. Our own analyzer never is.
func (c *command) policy() string {
	if c.o.exec.command == "" {
		return "never"
	}
	return c.o.exec.restart.value
}

// inputEnded says that the segment which the command reads has ended.
func (c *command) inputEnded(interrupted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overAt, c.interrupted = time.Now(), interrupted
	close(c.over)
}

// input says since when the input is over; ok is false if it is not.
func (c *command) input() (since time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.overAt, !c.overAt.IsZero()
}

func (c *command) wasInterrupted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.interrupted
}

// sends is told of each frame that encode has handed on.
func (c *command) sends(info *framebuf.Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent.Generation.IsZero() {
		c.unsent = info.Number
	}
	c.sent = *info
}

// waitsFor reports whether whom a writer waits for is the command, or we in its place.
func (c *command) waitsFor(w framebuf.Waiting) bool {
	return int64(w.Reader) == c.cell.Load() || w.PID == os.Getpid() && w.Label == holdLabel
}
