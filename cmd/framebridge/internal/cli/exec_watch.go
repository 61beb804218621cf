package cli

// Looking how the process in between gets on: from outside, by what it reads and what it publishes.

import (
	"context"
	"errors"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffproc"
)

const (
	lookSoon  = 20 * time.Millisecond  // until it reads
	lookOften = 100 * time.Millisecond // then
	patience  = 10 * time.Second       // how long it may stand still until that is said, again and again
)

// life is one process in between.
type life struct {
	c    *command
	p    *ffproc.Process
	stop context.CancelCauseFunc

	began     time.Time
	strangers map[reader]bool     // who read the input before
	former    framebuf.Generation // of the output, before

	opened bool // it reads its input

	generation framebuf.Generation // of the output; zero: none yet
	first      uint64              // number of its first frame
	hold       *framebuf.Reader    // keeps the output's memory, also when its name is gone; nil: none
	state      framebuf.State
	source     framebuf.SourceState // what it says of its source: failed is no orderly end
	complaint  string               // and why
	gone       bool                 // the name is
	early      bool                 // it has ended in order before the input has
	frames     uint64
	firstAt    time.Time

	at       place
	inputAt  uint64 // frames published in the input, when at was new
	movedAt  time.Time
	warnedAt time.Time

	result ffproc.Result
	err    error // how it ended, if badly
	cause  error // why we stopped it; nil: we did not
}

// reader is how a reader is known again. A cell may be taken by another one.
type reader struct {
	id, pid int
	label   string
}

func readerOf(r *framebuf.ReaderStatus) reader { return reader{r.ID, r.PID, r.Label} }

// place is how far a process has come.
type place struct {
	generation framebuf.Generation
	frames     uint64 // published
	cursor     uint64 // of its reader
	missed     uint64
	behind     uint64 // of those who read the output
}

func (c *command) newLife(stop context.CancelCauseFunc) *life {
	now := time.Now()
	l := &life{c: c, stop: stop, began: now, movedAt: now, warnedAt: now, strangers: map[reader]bool{}}
	if in, err := framebuf.Stat(c.s.dir, c.in); err == nil {
		for k := range in.Readers {
			l.strangers[readerOf(&in.Readers[k])] = true
		}
	}
	if out, err := framebuf.Stat(c.s.dir, c.o.outName()); err == nil {
		l.former = out.Generation
	}
	return l
}

func (l *life) close() {
	if l.hold != nil {
		_ = l.hold.Close()
	}
}

// look looks once, and does what that asks for.
func (l *life) look(now time.Time) {
	c := l.c
	out := l.lookAtOutput(now)
	in, err := framebuf.Stat(c.s.dir, c.in)
	var r *framebuf.ReaderStatus
	if err == nil {
		r = l.reader(in)
	}
	if !l.opened && (r != nil || l.frames > 0) {
		l.opened = true
		select {
		case <-c.opened:
		default:
			close(c.opened)
		}
	}
	overAt, over := c.input()
	if l.inOrder() && (over || c.policy() != "always") {
		c.endRelay() // encode leaves, for which the process may wait before it ends
		if !over && !l.early {
			l.early = true
			c.enough(errElsewhere)
		}
	}
	l.move(now, in, out, r, over)
	quiet := now.Sub(l.movedAt)
	switch {
	case !l.opened && over:
		l.stop(errTooLate)
	case !l.opened:
		if now.Sub(l.began) > openTime {
			l.stop(errNeverOpened)
		}
	case over:
		since := overAt
		if l.movedAt.After(since) || c.wasInterrupted() {
			since = l.movedAt
		}
		if now.Sub(since) >= c.o.exec.wait.Duration {
			l.stop(errStuck)
		}
	case quiet >= patience && now.Sub(l.warnedAt) >= patience:
		l.warnedAt = now
		l.warn(in, r, quiet)
	}
}

// move notes whether the process has got on, or has no reason to.
func (l *life) move(now time.Time, in, out *framebuf.Status, r *framebuf.ReaderStatus, over bool) {
	at, blocked := l.at, false // what can no longer be seen does not move
	at.generation, at.frames = l.generation, l.frames
	if out != nil {
		at.behind = 0
		for k := range out.Readers {
			reads := &out.Readers[k]
			at.behind += reads.Behind
			// Without a free slot it waits for encode, and cannot do anything about it.
			blocked = blocked || reads.Joined && reads.Behind+1 >= uint64(out.Slots)
		}
	}
	idle, published := !over, l.inputAt
	if in != nil && in.Newest != nil {
		published = in.Newest.Number + 1
		idle = idle && published == l.inputAt
	}
	if r != nil {
		at.cursor, at.missed = r.Cursor, r.Missed
		if r.Mode == framebuf.Lossless {
			idle = !over && r.Behind == 0
		}
	}
	if at != l.at || blocked || idle {
		l.at, l.inputAt, l.movedAt, l.warnedAt = at, published, now, now
	}
}

// warn says that the process stands still although there is something to do.
func (l *life) warn(in *framebuf.Status, r *framebuf.ReaderStatus, quiet time.Duration) {
	if r != nil && r.Mode == framebuf.Lossless && in.Newest != nil {
		l.c.s.note("waiting for %s (reader %d) to take frame %d", l.c.short, r.ID, in.Newest.Number+1-r.Behind)
		return
	}
	var came uint64
	if in != nil && in.Newest != nil {
		came = in.Newest.Number + 1 - l.inputAt
	}
	l.c.s.note("%s has published nothing for %v, in which %d frames came", l.c.short, quiet.Round(time.Second), came)
}

// reader is the process's reader of the input, nil if there is none. Of several it is the one that is furthest behind.
func (l *life) reader(in *framebuf.Status) (found *framebuf.ReaderStatus) {
	owned := false
	for k := range in.Readers {
		r := &in.Readers[k]
		if l.strangers[readerOf(r)] || r.Mode == framebuf.Lossless && !r.Joined {
			continue
		}
		owns := l.p.Owns(r.PID) // never where it has PIDs of its own
		switch {
		case found == nil, owns && !owned, owns == owned && r.Behind > found.Behind:
			found, owned = r, owns
		}
	}
	l.c.cell.Store(0)
	if found != nil {
		l.c.cell.Store(int64(found.ID))
	}
	return found
}

// lookAtOutput takes in what can be seen of the output.
func (l *life) lookAtOutput(now time.Time) *framebuf.Status {
	out, err := framebuf.Stat(l.c.s.dir, l.c.o.outName())
	switch {
	case err == nil && out.Generation == l.former:
		return nil
	case err == nil:
		if out.Generation != l.generation {
			if l.generation.IsZero() {
				l.first = out.FirstFrame
			}
			l.generation = out.Generation
			l.close()
			// Neither seen by the writer nor reading anything.
			l.hold, _ = framebuf.Open(l.c.ctx, l.c.o.outName(), &framebuf.ReaderOptions{Dir: l.c.s.dir, ReadOnly: true})
		}
		l.state, l.source, l.complaint, l.gone = out.State, out.Source, out.LastError, false
		if out.Newest != nil {
			l.count(now, out.Newest.Number)
		}
		return out
	case errors.Is(err, framebuf.ErrNotFound) && !l.generation.IsZero():
		l.gone = true
		if l.hold != nil {
			l.source, l.complaint = l.hold.Source()
		}
	}
	return nil
}

// count takes in the number of a frame that was published.
func (l *life) count(now time.Time, number uint64) {
	if number < l.first || number+1-l.first <= l.frames {
		return
	}
	l.frames = number + 1 - l.first
	if l.firstAt.IsZero() {
		l.firstAt = now
		if l.c.restarts > 0 {
			l.c.s.note("%s is back (restarts: %d)", l.c.short, l.c.restarts)
		}
	}
	l.c.worked = true
}

// inOrder reports whether the process has ended its output in order. An output whose writer died keeps its name.
func (l *life) inOrder() bool {
	return (l.state == framebuf.Ended || l.gone) && l.source != framebuf.SourceFailed
}

// flowed is how long it has published frames.
func (l *life) flowed() time.Duration {
	if l.firstAt.IsZero() {
		return 0
	}
	return time.Since(l.firstAt)
}

// end takes in how it ended.
func (l *life) end(ctx context.Context) {
	l.result, l.err = l.p.Wait(context.Background())
	if ctx.Err() != nil {
		l.cause = context.Cause(ctx)
	}
	now := time.Now()
	l.lookAtOutput(now)
	if l.hold != nil {
		for f, err := range l.hold.Recent(context.Background()) {
			if err == nil {
				l.count(now, f.Number)
			}
			break
		}
	}
	l.c.mu.Lock()
	sent := l.c.sent
	l.c.mu.Unlock()
	switch {
	case sent.Generation.IsZero() || sent.Generation == l.former:
	case l.generation.IsZero(): // it came and went between two looks
		l.generation, l.gone = sent.Generation, true
		l.count(now, sent.Number)
	case sent.Generation == l.generation:
		l.count(now, sent.Number)
	}
}
