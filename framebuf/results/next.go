// Following all records, over the lives of analyzers.

package results

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Next is the next record: at first the oldest one that is still in the ring, then
// each one after it; it waits for those to come. Record.Missed counts what was
// overwritten in between.
//
// io.EOF is the clean end. Other errors match framebuf.ErrWriterDied,
// framebuf.ErrUnlinked, framebuf.ErrDamaged, framebuf.ErrClosed, ErrNotResults, or that
// of ctx. A wait ends at most 100 ms after ctx does.
func (r *Reader) Next(ctx context.Context) (Record, error) {
	for {
		if rec, ok := r.ring.take(); ok {
			return rec, nil
		}
		if err := r.await(ctx); err != nil {
			return Record{}, r.wrap(err)
		}
	}
}

// Records ranges over the records as Next gives them. It ends without an error at the
// clean end; any other error is the last thing it yields.
func (r *Reader) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			rec, err := r.Next(ctx)
			if errors.Is(err, io.EOF) || !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// await waits until the segment has something new, or goes on to the next generation.
func (r *Reader) await(ctx context.Context) error {
	f, end := r.segment().Next(ctx)
	if f != nil {
		defer func() { _ = f.Release() }()
	}
	over := errors.Is(end, io.EOF) || errors.Is(end, framebuf.ErrWriterDied) || errors.Is(end, framebuf.ErrUnlinked)
	if end != nil && !over && !errors.Is(end, framebuf.ErrOverrun) {
		return end
	}
	found, err := r.collect(ctx)
	switch {
	case err != nil || found:
		return err
	case f != nil && !r.ring.knows(&f.Info): // a writer so fast that looking back found nothing
		if err := isRecord(f); err != nil {
			return err
		}
		r.ring.add(recordOf(r.name, f), f.Generation)
		return nil
	case !over:
		return nil
	case !r.opts.Follow:
		return end
	}
	return r.follow(ctx)
}

// poll is how often a name is looked at for its next writer.
const poll = 20 * time.Millisecond

// follow waits for the next generation and goes to it.
func (r *Reader) follow(ctx context.Context) error {
	t := time.NewTicker(poll)
	defer t.Stop()
	for {
		if went, err := r.advance(ctx); err != nil || went {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.done:
			return framebuf.ErrClosed
		case <-t.C:
		}
	}
}

// advance goes to the generation that has the name, if it is not the one at hand, and
// takes in what that one still holds. By the time the new one is open it may be one
// still later: that is found out by its frames.
func (r *Reader) advance(ctx context.Context) (went bool, err error) {
	st, err := r.stat()
	if err != nil || st == nil || st.Generation == r.tried || st.Generation == r.ring.generation {
		return false, err
	}
	seg, err := framebuf.Open(ctx, r.name, r.segmentOptions(false))
	if errors.Is(err, framebuf.ErrNotFound) { // it has just ended
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := r.collect(ctx); err != nil {
		_ = seg.Close()
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		_ = seg.Close()
		return false, framebuf.ErrClosed
	}
	old := r.seg
	r.seg, r.tried, r.ring.slots = seg, st.Generation, st.Slots
	if st.Previous.IsZero() || st.Previous == r.ring.generation {
		// It begins anew, or right behind the old one, which has been read to its end. (A
		// writer that was killed inside a record leaves a number that none has.)
		r.ring.restart(st.FirstFrame)
	}
	return true, old.Close()
}

func (r *Reader) wrap(err error) error {
	if err == io.EOF { //nolint:errorlint // the bare one stays bare, as everywhere in Go
		return err
	}
	return fmt.Errorf("results: %s: %w", r.name, err)
}
