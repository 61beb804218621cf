// A mapped data file: where its words are.

package framebuf

import (
	"sync/atomic"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/futex"
	"github.com/framebridge/framebridge/internal/seqlock"
	"github.com/framebridge/framebridge/internal/shm"
)

// segment is one generation's data file, mapped. Sizes and offsets come from st,
// a private copy, so no change of the file can send an access outside.
type segment struct {
	st   static
	file *shm.File
	m    *shm.Mapping
	refs atomic.Int32 // the holder and each frame that is out; unmapped at 0

	waitKey futex.Key // of the frame event; of a segment that is read
}

func newSegment(st static, file *shm.File, m *shm.Mapping) *segment {
	s := &segment{st: st, file: file, m: m}
	s.refs.Store(1)
	return s
}

// acquire keeps the mapping for one more user.
func (s *segment) acquire() { s.refs.Add(1) }

// release lets go; the last one unmaps and closes.
func (s *segment) release() error {
	if s.refs.Add(-1) != 0 {
		return nil
	}
	return s.unmap()
}

// unmap gives the memory back at once, for a holder that is alone; release still
// has to be called.
func (s *segment) unmap() error {
	err := s.m.Close()
	if cerr := s.file.Close(); err == nil {
		err = cerr
	}
	return err
}

func (s *segment) dyn32(off int) *atomic.Uint32 { return word32(s.m.Bytes(), s.st.dynOffset+off) }
func (s *segment) dyn64(off int) *atomic.Uint64 { return word64(s.m.Bytes(), s.st.dynOffset+off) }

// kept reports whether the segment outlives its writer.
func (s *segment) kept() bool { return s.st.flags&flagKept != 0 }

func (s *segment) state() State { return State(s.dyn32(dyState).Load()) }

// table is a word of the reader table's record k.
func (s *segment) table64(k, off int) *atomic.Uint64 {
	return word64(s.m.Bytes(), s.st.tableOffset+k*s.st.tableRecord+off)
}

func (s *segment) table32(k, off int) *atomic.Uint32 {
	return word32(s.m.Bytes(), s.st.tableOffset+k*s.st.tableRecord+off)
}

// record is the slot record of slot i.
func (s *segment) record(i int) []byte {
	o := s.st.slotTable + i*s.st.slotRecord
	return s.m.Bytes()[o : o+s.st.slotRecord : o+s.st.slotRecord]
}

func (s *segment) sequence(i int) *atomic.Uint64 {
	return word64(s.m.Bytes(), s.st.slotTable+i*s.st.slotRecord+srSequence)
}

// payload is the payload of slot i, all of its capacity.
func (s *segment) payload(i int) []byte {
	o := s.st.place(i)
	return s.m.Bytes()[o : o+s.st.capacity : o+s.st.capacity]
}

// ring adds 1 to the frame event and wakes everyone who waits for it.
func (s *segment) ring() {
	ev := s.dyn32(dyEvent)
	ev.Add(1)
	failpoint.At("before-wake")
	_ = futex.WakeAll(ev) // a fault here is found at the next touch
}

// lastNumber is the highest frame number that the segment ever spoke of; ok is
// false if there is none. For a take-over: the writer is gone.
func (s *segment) lastNumber() (n uint64, ok bool) {
	see := func(v uint64, have bool) {
		if have && (!ok || v > n) {
			n, ok = v, true
		}
	}
	for _, w := range []int{dyPublish, dyBack} {
		v, _, have := unpack(s.dyn64(w).Load())
		see(v, have)
	}
	for i := range s.st.slots {
		seq := s.sequence(i).Load()
		see((max(seq, 1)-1)/2, seq != 0) // 2n+1 and 2n+2 both give n
	}
	return n, ok
}

// find looks for the slot that holds exactly frame n.
func (s *segment) find(n uint64) (slot int, ok bool) {
	want := seqlock.Complete(n)
	for i := range s.st.slots {
		if s.sequence(i).Load() == want {
			return i, true
		}
	}
	return 0, false
}
