// Taking a reader cell, joining, and leaving.

package framebuf

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/shm"
)

func (c *control) mapping() *shm.Mapping {
	if c == nil {
		return nil
	}
	return c.m
}

// standing is how far a reader has come with the current control file.
type standing int

const (
	strange  standing = iota // has not registered
	asked                    // lossless: a token is stored, the answer is not there
	admitted                 // the writer answered; or no answer is needed: not lossless
	alone                    // nobody writes, so nothing is overwritten and no answer is needed
)

// finishJoining registers, and joins a lossless reader, as far as that has not
// happened. A context that ends in the middle leaves it for the next call.
func (r *Reader) finishJoining(ctx context.Context) error {
	if r.stand == strange {
		if err := r.register(); err != nil {
			return err
		}
	}
	for r.stand == asked {
		s, c := r.seg, r.ctl
		err := fault(shm.Guard(func() error { return r.join(ctx) }, s.m, c.m))
		if errors.Is(err, errMoved) {
			err = r.hop(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// register takes a cell in the control file of the current segment. A newest
// reader that may not, or finds no free cell, goes on without one.
func (r *Reader) register() error {
	if r.opts.ReadOnly {
		r.stand = admitted
		return nil
	}
	c, err := r.openCells()
	if err == nil {
		err = fault(shm.Guard(func() error { return r.takeCell(c) }, c.m))
		if err != nil {
			_ = c.release()
		}
	}
	switch {
	case err == nil:
		r.mu.Lock()
		r.ctl = c
		r.mu.Unlock()
		r.stand = admitted
		if r.opts.Mode == Lossless {
			r.stand = asked
		}
		return nil
	case r.opts.Mode == Newest:
		r.stand = admitted
		return nil
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (%w)", ErrReadOnly, err)
	case errors.Is(err, fs.ErrNotExist) && r.seg.idle():
		// The writer ended and took the control file away; nobody overwrites
		// anything any more, so neither promise nor pin is needed.
		r.stand = admitted
		if r.opts.Mode == Lossless {
			r.selfAdmit()
		}
		return nil
	}
	return notFound(err) // the name went away between the two files
}

// takeCell locks a free cell and fills it. The token comes last.
func (r *Reader) takeCell(c *control) error {
	for k := 1; k <= c.cells; k++ {
		taken, err := c.file.Lock(int64(k))
		if err != nil {
			return err
		}
		if !taken {
			continue
		}
		failpoint.At("cell-locked")
		c.cell64(k, clCursor).Store(0)
		for j := range pins {
			c.pin(k, j).Store(0)
		}
		c.cell32(k, clMode).Store(uint32(r.opts.Mode))
		wishes := uint32(0)
		if r.opts.Spliced {
			wishes |= wishSpliced
		}
		c.cell32(k, clWishes).Store(wishes)
		c.cell32(k, clHold).Store(uint32(r.opts.Hold))
		c.cell32(k, clPID).Store(uint32(os.Getpid()))
		c.cell64(k, clMissed).Store(0)
		c.cell64(k, clSeenGen).Store(r.seg.st.generation.Low())
		label := c.m.Bytes()[k*cellSize+clLabel:][:labelSize]
		clear(label)
		copy(label, r.opts.Label)
		r.cell, r.token = k, randomToken()
		failpoint.At("cell-written")
		// sync: join. Everything else in the cell comes before the token.
		c.cell64(k, clToken).Store(r.token)
		failpoint.At("token-stored")
		c.ring() // a writer that waits for a reader looks at once
		return nil
	}
	return fmt.Errorf("%w: all %d are taken", ErrCells, c.cells)
}

func randomToken() uint64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // never fails, see crypto/rand
		if t := binary.LittleEndian.Uint64(b[:]); t != 0 {
			return t
		}
	}
}

// join waits for the writer's answer: the first frame that it guarantees.
// errMoved asks for the next generation, where the answer will be.
func (r *Reader) join(ctx context.Context) error {
	s := r.seg
	for {
		ev := s.dyn32(dyEvent).Load()
		// Whether anybody writes is asked before the answer is looked for: one that came
		// until then is seen, and with it what the writer kept for this reader.
		done, err := r.answered(s, s.idle())
		switch {
		case done || err != nil:
			return err
		case r.closed.Load():
			return ErrClosed
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if err := s.sleep(ev, waitTick); err != nil {
			return errors.Join(ErrDamaged, err)
		}
	}
}

// answered looks for the answer once. idle says that nobody wrote any more before
// that: without an answer, none will come.
func (r *Reader) answered(s *segment, idle bool) (done bool, err error) {
	// sync: answer. The writer stores the token after the rest.
	if s.table64(r.cell, rtToken).Load() == r.token {
		return true, r.takeAnswer(s)
	}
	switch {
	case !idle:
		return false, nil
	case s.state() == Moved:
		return false, errMoved
	}
	r.selfAdmit()
	return true, nil
}

func (r *Reader) takeAnswer(s *segment) error {
	switch s.table32(r.cell, rtState).Load() {
	case answerJoined:
		failpoint.At("joined")
		r.startAt(s.table64(r.cell, rtFirst).Load())
		r.stand = admitted
		return nil
	case answerEvicted:
		return ErrEvicted
	}
	return &RefusedError{SlotsNeeded: int(min(s.table64(r.cell, rtDetail).Load(), maxSlots+1))}
}

// selfAdmit joins a segment that nobody writes: at the published frame.
func (r *Reader) selfAdmit() {
	var first uint64
	_ = shm.Guard(func() error {
		first = max(r.seg.dyn64(dyPublish).Load()>>16, r.seg.st.firstFrame+1)
		return nil
	}, r.seg.m)
	r.startAt(first)
	r.stand = alone
}

// startAt sets the first frame of a lossless reader, as n+1. After a restart of
// the writer, what lies between is a gap that the first frame reports.
func (r *Reader) startAt(first uint64) {
	r.mu.Lock() // letGo looks, from any goroutine
	defer r.mu.Unlock()
	first = max(first, 1)
	if r.want != 0 && first > r.want {
		r.gap += first - r.want
	}
	r.want = first
}

// leave gives the cell back: pins, then token, then the lock. Called with mu held.
func (r *Reader) leave() {
	c := r.ctl
	if c == nil {
		return
	}
	r.ctl, r.stand = nil, strange
	failpoint.At("leaving")
	_ = shm.Guard(func() error {
		for j := range pins {
			c.pin(r.cell, j).Store(0)
		}
		failpoint.At("pins-cleared")
		c.cell64(r.cell, clToken).Store(0)
		failpoint.At("token-cleared")
		c.ring()
		return nil
	}, c.m)
	_ = c.release() // drops the lock
}

// poll is how often a name is looked at while nothing can be waited on.
const poll = 20 * time.Millisecond
