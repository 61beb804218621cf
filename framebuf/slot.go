// One slot while its frame is made, and its publication.

package framebuf

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/seqlock"
	"github.com/framebridge/framebridge/internal/shm"
)

// Slot is a frame in the making. Fill Bytes (or draw on an image of it), set
// Info, then Publish or Abandon. Not safe for concurrent use; nothing of it may
// be used afterwards: its memory may be gone.
type Slot struct {
	// Info begins as the writer's template with no PTS, captured now. Number,
	// Format and planes are set and stay what they are.
	Info Info

	w      *Writer
	seg    *segment // kept mapped until the slot is gone
	format Format
	index  int
	length int
	meta   int
	gone   bool
}

func (w *Writer) newSlot(index int) *Slot {
	s := &Slot{Info: w.template, w: w, seg: w.seg, format: w.format, index: index, length: w.format.Size()}
	s.seg.acquire()
	i := &s.Info
	i.Number, i.Format = w.next, w.format
	i.Plane, i.PlaneCount = w.format.planes()
	i.PTS, i.Duration, i.CRC = NoPTS, 0, 0
	if f := i.PixelFormat; (f == YUV420P || f == NV12) && i.Color.Matrix == 0 {
		i.Color.Matrix = MatrixUnknown // 0 means RGB, which these are not: nobody said
	}
	now := shm.Now()
	i.Captured, i.CapturedWall, i.TAIOffset = time.Duration(now.Mono), time.Unix(0, now.Wall), w.seg.st.taiOffset
	i.Generation = w.seg.st.generation
	return s
}

// Bytes is the payload in shared memory: for pictures the packed planes of
// Info.Format, for Data as much as SetLength said, at first nothing. It holds
// what an older frame left there. A read(2) into it is the way without a copy.
//
// Touching it faults if somebody truncates the file; Writer.Publish guards
// against that, Begin does not (see Guard).
func (s *Slot) Bytes() []byte {
	return s.seg.payload(s.index)[:s.length:s.length]
}

// Capacity is how many bytes the payload may have.
func (s *Slot) Capacity() int { return int(s.seg.st.capacity) }

// SetLength sets the payload's length in bytes, for Data. The error matches
// ErrTooLarge, or ErrFormat for pictures, whose size says their length.
func (s *Slot) SetLength(n int) error {
	switch {
	case s.Info.PixelFormat != Data:
		return fmt.Errorf("framebuf: set length: %w: %v has %d bytes", ErrFormat, s.Info.Format, s.length)
	case n < 0 || n > s.Capacity():
		return fmt.Errorf("framebuf: set length: %w: %d bytes, the slots have %d", ErrTooLarge, n, s.Capacity())
	}
	s.length = n
	return nil
}

// SetMeta gives the frame meta: any bytes, JSON by convention. The error matches
// ErrTooLarge or ErrDamaged.
func (s *Slot) SetMeta(b []byte) error {
	if len(b) > s.seg.st.metaCapacity {
		return fmt.Errorf("framebuf: set meta: %w: %d bytes, the segment has room for %d (Options.MetaCapacity)", ErrTooLarge, len(b), s.seg.st.metaCapacity)
	}
	err := s.Guard(func() error { copy(s.seg.record(s.index)[srMeta:], b); return nil })
	if err == nil {
		s.meta = len(b)
	}
	return err
}

// Guard runs fn, which may touch Bytes, and turns a fault there into ErrDamaged.
// After Publish or Abandon it is ErrClosed, and fn does not run.
func (s *Slot) Guard(fn func() error) error {
	if s.isGone() {
		return fmt.Errorf("framebuf: slot of %s: %w", s.w.name, ErrClosed)
	}
	return fault(shm.Guard(fn, s.seg.m))
}

// Publish makes the frame the newest one and wakes every reader. Errors: ErrDamaged,
// ErrClosed if the slot or its writer is gone.
func (s *Slot) Publish() error {
	w := s.w
	s.Info.Flags &^= FlagCRC // of another frame, if the caller copied its Info
	if w.opts.Checksum && !s.isGone() {
		if err := s.Guard(func() error { s.Info.CRC = crc32.Checksum(s.Bytes(), castagnoli); return nil }); err != nil {
			s.Abandon()
			return fmt.Errorf("framebuf: publish to %s: %w", w.name, err)
		}
		s.Info.Flags |= FlagCRC
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.gone || w.closed {
		s.leave()
		return fmt.Errorf("framebuf: publish to %s: %w", w.name, ErrClosed)
	}
	defer s.leave()
	err := shm.Guard(func() error { w.publish(s); return nil }, s.seg.m)
	if err != nil {
		return fmt.Errorf("framebuf: publish to %s: %w", w.name, fault(err))
	}
	return nil
}

// publish runs with mu held, inside the guard.
func (w *Writer) publish(s *Slot) {
	i := &s.Info
	// The shape is the slot's, whatever Info the caller copied from elsewhere.
	i.Format = s.format
	i.Plane, i.PlaneCount = s.format.planes()
	i.PayloadSize, i.Number = s.length, w.next
	i.Published = time.Duration(shm.Mono())
	i.store(w.seg.record(s.index), s.meta)
	failpoint.At("header-stored")
	// Order 2 of package seqlock: all of the above before the even mark.
	seqlock.EndWrite(w.seg.sequence(s.index), w.next)
	failpoint.At("completed")
	// sync: publish. The even mark before the publish word.
	w.seg.dyn64(dyPublish).Store(pack(w.next, s.index))
	failpoint.At("published")
	w.front, w.frames[s.index] = s.index, w.next+1
	w.next++
	w.seg.dyn64(dyPublished).Add(1)
	w.seg.dyn64(dyLastFrame).Add(1)
	failpoint.At("frame-counted")
	w.seg.ring()
	failpoint.At("frame-rung")
}

// Abandon gives the slot up: nothing is published, the frame number is used for
// the next frame. It does nothing after Publish.
func (s *Slot) Abandon() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.gone {
		return
	}
	defer s.leave()
	if !s.w.closed {
		_ = shm.Guard(func() error { s.seg.dyn64(dyAbandoned).Add(1); return nil }, s.seg.m)
	}
}

func (s *Slot) isGone() bool {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.gone
}

// leave ends the life of the slot, once. Called with mu held.
func (s *Slot) leave() {
	if s.gone {
		return
	}
	s.gone = true
	if s.w.open == s {
		s.w.open = nil
	}
	_ = s.seg.release()
}

// Publish claims a slot, lets fill make the frame, and publishes it. If fill
// fails, nothing is published and its error is returned. fill runs under a guard:
// memory that is gone is ErrDamaged. Errors otherwise as Begin.
func (w *Writer) Publish(ctx context.Context, fill func(*Slot) error) error {
	s, err := w.Begin(ctx)
	if err != nil {
		return err
	}
	defer s.Abandon() // also when fill panics
	if err := s.Guard(func() error { return fill(s) }); err != nil {
		if errors.Is(err, ErrDamaged) {
			return fmt.Errorf("framebuf: publish to %s: %w", w.name, err)
		}
		return err
	}
	return s.Publish()
}

// storeError writes the last error under its own small sequence, so that nobody
// reads half of two texts. Called with the writer's mu held.
func (s *segment) storeError(text string) {
	text = strings.ToValidUTF8(text, "?")
	for len(text) > errorCapacity {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	seq := s.dyn32(dyErrorSeq)
	seq.Store(seq.Load() | 1)
	seqlock.StoreFence()
	b := s.m.Bytes()[s.st.dynOffset+dyError:][:errorCapacity]
	clear(b)
	copy(b, text)
	s.dyn32(dyErrorLength).Store(uint32(len(text)))
	seq.Store(seq.Load() + 1)
}

// loadError reads the last error; empty if it is being written all the time.
func (s *segment) loadError() string {
	seq := s.dyn32(dyErrorSeq)
	for range 10 {
		before := seq.Load()
		n := min(s.dyn32(dyErrorLength).Load(), errorCapacity)
		b := append([]byte(nil), s.m.Bytes()[s.st.dynOffset+dyError:][:n]...)
		seqlock.LoadFence()
		if before&1 == 0 && seq.Load() == before {
			return printableText(b)
		}
	}
	return ""
}
