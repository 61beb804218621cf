// Reading every frame exactly once, in order.

package framebuf

import (
	"context"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/seqlock"
)

func (r *Reader) readLossless(ctx context.Context) (*Frame, error) {
	s := r.seg
	if err := r.promised(); err != nil {
		return nil, err
	}
	if _, err := r.await(ctx, r.want, r.promised); err != nil {
		return nil, err
	}
	// The publish word names only the newest frame: look for exactly the wanted
	// one, never for "the next there is", which could skip.
	n := r.want - 1
	slot, ok := s.find(n)
	if !ok {
		return nil, r.lost()
	}
	f, err := r.header(n, slot)
	if err != nil {
		return nil, err
	}
	if f == nil || !seqlock.Valid(s.sequence(slot), n) {
		return nil, r.lost()
	}
	r.inPlace(f)
	failpoint.At("frame-found")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.want++
	f.Missed, r.gap = r.gap, 0
	r.count(f)
	return f, nil
}

// promised reports whether the writer's promise still stands: nil, or ErrEvicted.
func (r *Reader) promised() error {
	if r.stand == alone {
		return nil
	}
	s := r.seg
	// sync: evict. The state is stored before any slot that was owed is claimed.
	switch token, state := s.table64(r.cell, rtToken).Load(), s.table32(r.cell, rtState).Load(); {
	case token == r.token && state == answerJoined:
		return nil
	case token == r.token:
		return ErrEvicted
	case s.idle():
		return nil // nobody writes, nothing is overwritten
	}
	return ErrEvicted
}

// lost names why a promised frame is not there.
func (r *Reader) lost() error {
	if err := r.promised(); err != nil {
		return err
	}
	return ErrLost
}

// letGo moves the cursor to the last frame that is no longer needed: the one
// before the oldest that is still out. Called with mu held.
func (r *Reader) letGo() {
	if r.ctl == nil {
		return
	}
	cursor := r.want - 1 // n+1 of the last frame handed out
	for _, f := range r.out {
		if f.seg == r.seg { // an older generation is never written again
			cursor = min(cursor, f.n)
		}
	}
	// sync: cursor. Store it, then add to the event.
	r.ctl.cell64(r.cell, clCursor).Store(cursor)
	failpoint.At("cursor-stored")
	r.ctl.ring()
}
