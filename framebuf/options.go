// How a segment is made.

package framebuf

import (
	"cmp"
	"fmt"
	"time"
)

// LosslessPolicy says what a writer does for lossless readers.
type LosslessPolicy uint32

// The policies.
const (
	// LosslessWait: the writer waits for a living lossless reader without limit
	// (until its context ends). For sources that can wait: files, generators.
	LosslessWait LosslessPolicy = 0
	// LosslessEvict: the writer waits for Options.EvictAfter and then goes on
	// without the reader, which gets ErrEvicted. For live sources.
	LosslessEvict LosslessPolicy = 1
	// LosslessRefuse: the writer takes no lossless readers and never waits.
	LosslessRefuse LosslessPolicy = 2
)

// Options of Create. The zero value, or nil, means the defaults.
type Options struct {
	// Dir is the directory of segments. Default: DefaultDir. It is made if only
	// its last element is missing.
	Dir string
	// Group, a name or number, lets the members of that group read the segment, also
	// those who are other users: the data file gets mode 0640, the control file 0660,
	// and the directory 2750 if this user alone could enter it and Create made it or it
	// is the user's own of DefaultDir; any other one must let the group in already.
	// Members cannot change a frame. They can spoil pins and lossless reading, and as
	// lossless readers hold the writer back within its policy. Default: none, the
	// segment is for this user alone (mode 0600).
	Group string
	// Sealed makes a segment without a name, in memory that nobody can take away from
	// its readers and nobody but the writer can write, not even this user: Dir is not
	// used, no tmpfs limits its size, and nothing is left of it when the last process
	// that has it ends. Child processes get it with Writer.HandDown; nobody else can
	// find it. It cannot move: Capacity is what its frames may ever have. Linger is not
	// used: who has the descriptors can read it after the end. Default: false.
	Sealed bool
	// Keep makes a segment that outlives its writer: an orderly Close waits for nobody
	// and leaves it under its name, its frames readable, and the numbers of the next
	// writer's frames go on. GC leaves it; Remove takes it away. For values, see
	// Update. Not with Sealed. Default: false.
	Keep bool
	// Slots is the number of slots, from 2. Default: 4; 64 for Data.
	Slots int
	// Capacity is how many bytes a frame may have. A segment whose frames may grow
	// should say so here; a frame that does not fit moves the segment to a new
	// generation. Default: the size of Format; 16 KiB for Data.
	Capacity int
	// MetaCapacity is how many bytes of meta a frame may have. Default: 1536.
	MetaCapacity int
	// Cells is how many readers can register. Default: 63.
	Cells int
	// Kind is Video, AudioKind or DataSegment. Default: Video, and DataSegment for
	// Data.
	Kind Kind
	// Lossless says what lossless readers get. Default: LosslessWait.
	Lossless LosslessPolicy
	// EvictAfter is how long a lossless reader may stand still while its slot is
	// needed, with LosslessEvict. Default: 5 s.
	EvictAfter time.Duration
	// Live says that the source cannot wait, for readers to know. Default: false.
	Live bool
	// Linger is how long Close keeps an ended segment for late readers. Default:
	// 5 s; negative: not at all.
	Linger time.Duration
	// MaxBytes is the largest segment that Create makes. Default: 4 GiB.
	MaxBytes int64
	// Checksum stores a CRC-32C with each frame. Default: false.
	Checksum bool
	// Template is what Slot.Info begins with: time base, rate, colour and so on.
	// Number, generation, format, planes and times in it are not used.
	Template Info
	// OnWait is called when the writer has waited 5 s for a lossless reader, and
	// every 5 s after that, on the goroutine that is in Begin. Default: nil.
	OnWait func(Waiting)
}

// Waiting describes a writer that waits for a lossless reader.
type Waiting struct {
	Reader int           // its cell
	Label  string        // what it calls itself
	PID    int           // as it says; for people
	For    time.Duration // how long it has stood still
}

// resolve fills in the defaults and refuses what cannot be.
func (o *Options) resolve(f Format) (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	if err := f.check(); err != nil {
		return r, err
	}
	slots, capacity, kind := defaultSlots, f.Size(), Video
	if f.PixelFormat == Data {
		slots, capacity, kind = dataSlots, dataCapacity, DataSegment
	}
	r.Slots = cmp.Or(r.Slots, slots)
	r.Capacity = cmp.Or(r.Capacity, capacity)
	r.Kind = cmp.Or(r.Kind, kind)
	r.MetaCapacity = cmp.Or(r.MetaCapacity, defaultMeta)
	r.Cells = cmp.Or(r.Cells, defaultCells)
	r.EvictAfter = cmp.Or(r.EvictAfter, 5*time.Second)
	r.Linger = cmp.Or(r.Linger, 5*time.Second)
	r.MaxBytes = cmp.Or(r.MaxBytes, maxSegment)
	if r.Sealed || r.Keep {
		r.Linger = -1
	}
	switch {
	case r.Slots < 2 || r.Slots > maxSlots:
		return r, fmt.Errorf("%w: %d slots; from 2 to %d", ErrFormat, r.Slots, maxSlots)
	case r.Capacity < f.Size() || r.Capacity < 1 || int64(r.Capacity) > maxFileSize:
		return r, fmt.Errorf("%w: a capacity of %d bytes for frames of %d", ErrFormat, r.Capacity, f.Size())
	case r.MetaCapacity < 0 || r.MetaCapacity > maxMeta:
		return r, fmt.Errorf("%w: %d bytes of meta; at most %d", ErrFormat, r.MetaCapacity, maxMeta)
	case r.Cells < 1 || r.Cells > maxCells:
		return r, fmt.Errorf("%w: %d reader cells; from 1 to %d", ErrFormat, r.Cells, maxCells)
	case r.Keep && r.Sealed:
		return r, fmt.Errorf("%w: a sealed segment cannot be kept: nothing is left of it after its last process", ErrFormat)
	case r.Lossless > LosslessRefuse:
		return r, fmt.Errorf("%w: lossless policy %d", ErrFormat, r.Lossless)
	}
	return r, nil
}

// layout is the static header for such frames. The error names the bytes.
func (o *Options) layout(capacity int) (static, error) {
	align := videoAlign
	if o.Kind == DataSegment {
		align = dataAlign
	}
	s := newStatic(o.Slots, int64(capacity), align, o.MetaCapacity, o.Cells)
	if s.fileSize > o.MaxBytes {
		return s, fmt.Errorf("%w: %d slots of %d bytes make %d bytes; the limit is %d (Options.MaxBytes)", ErrFormat, o.Slots, capacity, s.fileSize, o.MaxBytes)
	}
	s.kind, s.lossless = o.Kind, o.Lossless
	if o.Live {
		s.flags |= flagLive
	}
	if o.Keep {
		s.flags |= flagKept
	}
	return s, nil
}
