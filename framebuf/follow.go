// Finding the segment under its name, and going on with its next generation.

package framebuf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/shm"
)

// find opens the data file that has the name now. With wait it stays until there
// is one whose generation is not the one already read.
func (r *Reader) find(ctx context.Context, read Generation, wait bool) (*segment, error) {
	for {
		ev := r.event()
		seg, err := r.look()
		if err == nil {
			if seg.st.generation != read {
				return seg, nil
			}
			_ = seg.release()
			err = fmt.Errorf("%w: only the generation that was read to its end", ErrNotFound)
		}
		if !wait || !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if r.closed.Load() {
			return nil, ErrClosed
		}
		if r.doze(ctx, ev); ctx.Err() != nil {
			return nil, fmt.Errorf("%w while waiting: %w", err, context.Cause(ctx))
		}
	}
}

// event is the frame event of the segment that was read last; 0 if there is none.
func (r *Reader) event() (ev uint32) {
	if r.seg != nil {
		_ = shm.Guard(func() error { ev = r.seg.dyn32(dyEvent).Load(); return nil }, r.seg.m)
	}
	return ev
}

// doze waits until the name is worth another look: for poll at most, and no longer
// than until whoever takes the name over rings the old segment's event. That is what
// happens to a kept one, which is looked at less often.
func (r *Reader) doze(ctx context.Context, ev uint32) {
	if r.seg != nil {
		most := poll
		if r.seg.kept() {
			most = waitTick
		}
		err := shm.Guard(func() error { return r.seg.sleep(ev, most) }, r.seg.m)
		if err == nil {
			return
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(poll):
	}
}

// look opens the directory, if it is not open yet, and the data file in it.
func (r *Reader) look() (*segment, error) {
	if r.dir == nil && r.in == nil {
		d, err := openDir(r.opts.Dir, shm.DirOptions{TrustUIDs: r.opts.TrustUID})
		if err != nil {
			return nil, notFound(err)
		}
		r.mu.Lock()
		r.dir = d
		r.mu.Unlock()
	}
	return r.openSource()
}

// adopt makes seg the current segment. A reader whose control file goes on keeps
// its cell; otherwise it registers anew.
func (r *Reader) adopt(ctx context.Context, seg *segment) error {
	r.mu.Lock()
	old := r.seg
	r.seg = seg
	r.stats.Generations++
	keeps := r.ctl != nil && r.ctl.id == seg.st.controlID
	if !keeps {
		r.leave()
		r.stand = strange
	}
	r.scratch = make([]byte, seg.st.slotRecord)
	if first := seg.st.firstFrame + 1; first < r.want {
		r.want = first // numbers began anew: nothing was missed
	}
	r.mu.Unlock()
	if old != nil {
		_ = old.release()
	}
	if !keeps {
		return r.finishJoining(ctx)
	}
	return r.cellError(shm.Guard(func() error {
		failpoint.At("arriving")
		r.ctl.cell64(r.cell, clSeenGen).Store(seg.st.generation.Low())
		failpoint.At("arrived")
		r.ctl.ring() // a writer may wait to move again
		return nil
	}, r.ctl.m))
}

// cellError is what a fault in the control file means for this reader: nothing to
// one that copies, which goes on without a cell, and ErrDamaged to the others.
func (r *Reader) cellError(err error) error {
	if err == nil || r.opts.Mode != Newest {
		return fault(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave()
	r.stand = admitted
	return nil
}

// hop goes to the generation that follows a moved one, which has the name
// already. It does not join: the cell and its answer go on.
//
// No name, or one that another chain of generations has: the chain has ended. A
// crash leaves its segment lying, so no name means a clean end, and a chain that
// took the name over from a dead writer says so.
func (r *Reader) hop(ctx context.Context) error {
	seg, err := r.find(ctx, r.seg.st.generation, false)
	// A lossless reader that was promised the generation it never found cannot say
	// that it has all: it may also have been evicted there.
	end := io.EOF
	if r.opts.Mode == Lossless && r.stand == admitted {
		end = ErrLost
	}
	if errors.Is(err, ErrNotFound) {
		return end
	}
	if err != nil {
		return err
	}
	if seg.st.controlID != r.seg.st.controlID {
		died := seg.st.flags&flagTookOver != 0
		_ = seg.release()
		if died {
			return ErrWriterDied
		}
		return end
	}
	return r.adopt(ctx, seg)
}

// follow decides what to do about the end of a generation. It returns nil if
// reading goes on, else the error for the caller.
func (r *Reader) follow(ctx context.Context, end error) error {
	switch {
	case errors.Is(end, errMoved):
		err := r.hop(ctx)
		if err == nil || !r.opts.Follow || !isEOF(err) && !errors.Is(err, ErrWriterDied) {
			return err
		}
	case r.opts.Follow && (isEOF(end) || errors.Is(end, ErrWriterDied) || errors.Is(end, ErrUnlinked)):
	default:
		return end
	}
	seg, err := r.find(ctx, r.seg.st.generation, true)
	if err != nil {
		return err
	}
	return r.adopt(ctx, seg)
}
