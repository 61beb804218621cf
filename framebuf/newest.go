// Reading the newest frame: copied, or pinned in place.

package framebuf

import (
	"context"
	"fmt"
	"slices"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/seqlock"
	"github.com/framebridge/framebridge/internal/shm"
)

// tries bounds every optimistic loop: then ErrOverrun, never a spin.
const tries = 10

func (r *Reader) readNewest(ctx context.Context) (*Frame, error) {
	w, err := r.await(ctx, max(r.want, 1), nil)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	pinning := r.opts.Mode == Pinned && !r.copyNext && r.ctl != nil
	r.mu.Unlock()
	for range tries {
		f, err := r.attempt(w, pinning)
		if f != nil || err != nil {
			return f, err
		}
		r.mu.Lock()
		r.stats.Retries++
		r.mu.Unlock()
		w = r.seg.dyn64(dyPublish).Load()
	}
	if ctx.Err() != nil { // who asks again and again hears of it too
		return nil, context.Cause(ctx)
	}
	if r.seg.idle() {
		return r.lastOf(pinning)
	}
	r.mu.Lock()
	r.stats.Overruns++
	r.mu.Unlock()
	return nil, ErrOverrun
}

// attempt reads the frame that a publish word names; nil if the writer got in
// between.
func (r *Reader) attempt(w uint64, pinning bool) (f *Frame, err error) {
	n, slot, ok := unpack(w)
	if !ok || slot >= r.seg.st.slots { // the word is shared: never trust it as an index
		return nil, nil
	}
	if pinning {
		f, err = r.pinFrame(n, slot)
	} else {
		f, err = r.copyFrame(n, slot)
	}
	if f != nil {
		r.delivered(f)
	}
	return f, err
}

// lastOf reads the newest frame of a segment that nobody writes any more. If that
// is not whole it will never be, as only a writer that broke the protocol leaves
// it so.
func (r *Reader) lastOf(pinning bool) (*Frame, error) {
	f, err := r.attempt(r.seg.dyn64(dyPublish).Load(), pinning)
	if f != nil || err != nil {
		return f, err
	}
	why := fmt.Errorf("%w: the frame published last is not whole", ErrDamaged)
	if st := r.seg.state(); st == Ended || st == Moved {
		return nil, why
	}
	return nil, fmt.Errorf("%w (%w)", ErrWriterDied, why)
}

// delivered counts a frame of a newest or pinned reader and what was missed
// before it.
func (r *Reader) delivered(f *Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := f.Number + 1
	if r.stats.Delivered > 0 && t > r.want {
		f.Missed = t - r.want
	}
	r.want = t + 1
	r.count(f)
	if f.Missed > 0 && r.ctl != nil {
		// For people; a control file that is gone costs only that.
		_ = shm.Guard(func() error { r.ctl.cell64(r.cell, clMissed).Store(r.stats.Missed); return nil }, r.ctl.m)
	}
}

// count books a frame as handed out. Called with mu held.
func (r *Reader) count(f *Frame) {
	r.stats.Delivered++
	r.stats.Missed += f.Missed
	if f.view {
		r.out = append(r.out, f)
	}
}

// copyFrame copies frame n out of slot; nil if the writer got in between.
func (r *Reader) copyFrame(n uint64, slot int) (*Frame, error) {
	s := r.seg
	seq := s.sequence(slot)
	// sync: publish. Order 3 of package seqlock.
	if !seqlock.Begin(seq, n) {
		return nil, nil
	}
	f, err := r.header(n, slot)
	if f == nil {
		return nil, err
	}
	f.data = r.buffer(f.PayloadSize)
	shm.Copy(f.data, s.payload(slot))
	// Order 4: only now may any of it be believed.
	if !seqlock.Valid(seq, n) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.recycle(f.data)
		return nil, nil
	}
	return f, nil
}

// pinFrame pins frame n in slot; nil if the writer was faster.
func (r *Reader) pinFrame(n uint64, slot int) (*Frame, error) {
	s := r.seg
	r.mu.Lock()
	j := slices.Index(r.pinOf[:], nil) // there is one: Hold is below the number of pins
	r.mu.Unlock()
	pin := r.ctl.pin(r.cell, j)
	// sync: claim/pin. Store the pin, then load the back word, then the sequence,
	// in this order and sequentially consistent; the writer stores the back word,
	// then loads the pins.
	pin.Store(n + 1)
	failpoint.At("pin-stored")
	if b, bs, ok := unpack(s.dyn64(dyBack).Load()); ok && bs == slot && b != n {
		pin.Store(0)
		return nil, nil
	}
	if !seqlock.Begin(s.sequence(slot), n) {
		pin.Store(0)
		return nil, nil
	}
	f, err := r.header(n, slot)
	if f == nil || !seqlock.Valid(s.sequence(slot), n) {
		pin.Store(0)
		return nil, err
	}
	r.inPlace(f)
	f.pin = j
	r.mu.Lock()
	r.pinOf[j] = f
	r.mu.Unlock()
	failpoint.At("pin-held")
	return f, nil
}

// header copies the slot record of frame n, which the caller has found complete,
// and makes a frame of it. The caller checks the sequence once more before it
// hands the frame out. A header that contradicts itself gives nil, and ErrDamaged
// if it is no torn one: then its writer broke it.
func (r *Reader) header(n uint64, slot int) (*Frame, error) {
	s := r.seg
	copy(r.scratch[srNumber:srMeta], s.record(slot)[srNumber:srMeta])
	f := &Frame{r: r, seg: s, slot: slot, n: n, pin: -1}
	metaLength, ok := f.load(r.scratch, int(s.st.capacity), s.st.metaCapacity)
	if !ok || f.Number != n {
		if seqlock.Valid(s.sequence(slot), n) {
			return nil, fmt.Errorf("%w: the header of frame %d contradicts itself", ErrDamaged, n)
		}
		return nil, nil
	}
	f.Number, f.Generation = n, s.st.generation
	if metaLength > 0 {
		f.meta = append([]byte(nil), s.record(slot)[srMeta:srMeta+metaLength]...)
	}
	return f, nil
}

// inPlace makes a frame a view into the segment and keeps the mapping for it.
func (r *Reader) inPlace(f *Frame) {
	f.view = true
	f.data = f.seg.payload(f.slot)[:f.PayloadSize:f.PayloadSize]
	f.seg.acquire()
}

// buffer is a private buffer of n bytes, a used one if there is one.
func (r *Reader) buffer(n int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := len(r.pool) - 1; k >= 0 {
		b := r.pool[k]
		r.pool = r.pool[:k]
		if cap(b) >= n {
			return b[:n]
		}
	}
	return make([]byte, n)
}

// recycle takes a buffer back, up to a few. Called with mu held.
func (r *Reader) recycle(b []byte) {
	if len(r.pool) < 2+r.opts.Hold {
		r.pool = append(r.pool, b)
	}
}
