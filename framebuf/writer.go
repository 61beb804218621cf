// The writer: its life from Create to Close. claim.go chooses slots, tick.go
// answers readers, slot.go publishes, move.go changes generations.

package framebuf

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/futex"
	"github.com/framebridge/framebridge/internal/shm"
)

// Writer publishes frames into a segment. There is one for a name at any time.
//
// Begin, Publish and SetFormat are for one goroutine at a time; everything else
// is safe for concurrent use. A Writer must be closed, else the name stays and
// readers will see a crash once the process ends.
type Writer struct {
	name string
	opts Options
	dir  *shm.Dir // nil: sealed
	gid  int      // of the group that the segment is shared with, or shm.NoGroup

	stop chan struct{} // closed by Close: the tick goroutine ends
	done chan struct{} // closed by the tick goroutine

	mu          sync.Mutex // everything below, and all choosing and ticking
	seg         *segment
	ctl         *control
	ctlLost     bool // the control file faulted: pins and lossless readers are void
	format      Format
	template    Info
	next        uint64   // number of the next frame
	front       int      // published slot; -1 none
	frames      []uint64 // n+1 of the frame in each slot; 0 none or unfinished
	tried       []bool   // by slot, within one claim
	cells       []cell   // index 0 is unused
	open        *Slot
	awaited     int  // readers that AwaitReaders still waits for
	hadLossless bool // at least one has joined
	unlinked    bool
	closed      bool
	ticks       uint64
}

// Create makes the segment name for frames of format f and becomes its writer.
// nil options are the defaults.
//
// The memory is reserved here, so that no later frame can fail for want of it.
// Errors match ErrName, ErrFormat, ErrBusy (another writer lives),
// ErrNoSpace (a *SpaceError), ErrNotMemory, ErrUntrusted, ErrGroup, ErrDamaged (a
// file that is no segment has the name), or errors.ErrUnsupported outside Linux. A
// segment whose writer was killed is taken over, and frame numbers go on from there;
// who may read it is what Options says now, not what it was.
func Create(name string, f Format, o *Options) (*Writer, error) {
	w, err := create(name, f, o)
	if err != nil {
		return nil, fmt.Errorf("framebuf: create %s: %w", name, err)
	}
	return w, nil
}

func create(name string, f Format, o *Options) (*Writer, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	opts, err := o.resolve(f)
	if err != nil {
		return nil, err
	}
	st, err := opts.layout(opts.Capacity)
	if err != nil {
		return nil, err
	}
	st.name = name
	h, err := openHome(&opts)
	if err != nil {
		return nil, err
	}
	var seg *segment
	var ctl *control
	if h.sealed() {
		seg, ctl, err = buildBoth(h, name, &st)
	} else {
		seg, ctl, err = claimName(h, name, &st)
	}
	if err != nil {
		_ = h.dir.Close()
		return nil, err
	}
	w := newWriter(name, f, opts, h, seg, ctl)
	go w.run()
	failpoint.At("created")
	return w, nil
}

func newWriter(name string, f Format, opts Options, h home, seg *segment, ctl *control) *Writer {
	return &Writer{
		name: name, opts: opts, dir: h.dir, gid: h.gid, seg: seg, ctl: ctl, format: f, template: opts.Template,
		next: seg.st.firstFrame, front: -1,
		frames: make([]uint64, seg.st.slots), tried: make([]bool, seg.st.slots), cells: make([]cell, seg.st.cells+1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// Name is the segment's name.
func (w *Writer) Name() string { return w.name }

// Generation is the current generation. It changes when the segment moves.
func (w *Writer) Generation() Generation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seg.st.generation
}

// Format is the format of the next frame.
func (w *Writer) Format() Format {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.format
}

// SetTemplate changes what Slot.Info begins with, from the next Begin on.
func (w *Writer) SetTemplate(t Info) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.template = t
}

// SetSource tells readers the state of what feeds the segment.
func (w *Writer) SetSource(s SourceState) {
	w.dynamic(func(seg *segment) { seg.dyn32(dySource).Store(uint32(s)); seg.ring() })
}

// SetError records the last error of the source for readers and for people: at
// most 256 bytes, cut at a rune. The caller has removed secrets from it.
func (w *Writer) SetError(text string) {
	w.dynamic(func(seg *segment) { seg.storeError(text) })
}

// CountRestart counts a restart of the source.
func (w *Writer) CountRestart() {
	w.dynamic(func(seg *segment) { seg.dyn64(dyRestarts).Add(1) })
}

// CountStall counts a stall of the source.
func (w *Writer) CountStall() { w.dynamic(func(seg *segment) { seg.dyn64(dyStalls).Add(1) }) }

// CountDrops counts n frames that the source lost before they reached the
// segment.
func (w *Writer) CountDrops(why DropReason, n uint64) {
	if why < 0 || why >= dropReasons {
		why = DropOther
	}
	w.dynamic(func(seg *segment) { seg.dyn64(dyDrops + 8*int(why)).Add(n) })
}

// dynamic touches the dynamic header, unless the writer is closed. A fault there
// is found by the next Begin or Publish, which report it.
func (w *Writer) dynamic(touch func(*segment)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	_ = shm.Guard(func() error { touch(w.seg); return nil }, w.seg.m)
}

// AwaitReaders waits until n readers have registered (in any mode; one that
// opened the segment read-only is not seen). The error is that of ctx, or
// ErrClosed.
func (w *Writer) AwaitReaders(ctx context.Context, n int) error {
	t := time.NewTicker(tickEvery / 2)
	defer t.Stop()
	for {
		w.mu.Lock()
		have, closed := 0, w.closed
		if !closed {
			have = w.registered()
			w.awaited = max(n-have, 0)
		}
		w.mu.Unlock()
		switch {
		case closed:
			return fmt.Errorf("framebuf: await readers of %s: %w", w.name, ErrClosed)
		case have >= n:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("framebuf: await readers of %s: %w", w.name, context.Cause(ctx))
		case <-t.C:
		}
	}
}

// SetLinger changes Options.Linger: 0 or less means that Close waits for no late
// reader. For a writer that ends because something failed.
func (w *Writer) SetLinger(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opts.Linger = d
}

// Close ends the segment in order: readers get what was published, then the end
// of the stream. It then keeps the segment for late readers for Options.Linger,
// or until every lossless reader has left, and removes it. If a lossless reader
// has not yet come over from an earlier generation after Options.EvictAfter, the
// ended segment keeps its name, so that nothing is lost, until the next start or
// GC. A segment with Options.Keep stays. Idempotent; a later call returns at once. May be called while another
// goroutine is in Begin, which then returns ErrClosed.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	patience := w.opts.Linger
	w.unblock() // an orderly end evicts nobody
	failpoint.At("ending")
	err := shm.Guard(func() error {
		w.seg.dyn64(dyFinal).Store(w.next) // n+1 of the last frame: w.next is one beyond it
		if w.front < 0 {
			w.seg.dyn64(dyFinal).Store(0)
		}
		failpoint.At("final-stored")
		// sync: end. Readers load the state, then the final frame.
		w.seg.dyn32(dyState).Store(uint32(Ended))
		failpoint.At("ended")
		w.seg.ring()
		return nil
	}, w.seg.m)
	_ = futex.WakeAll(w.ctl.event()) // a Begin that waits for readers ends
	w.mu.Unlock()
	failpoint.At("end-rung")
	if err == nil && patience > 0 {
		w.linger(patience)
	}
	arrived := err != nil || w.awaitLast()
	failpoint.At("lingered")
	close(w.stop)
	<-w.done
	w.remove(arrived)
	return fault(err)
}

// awaitLast waits until every living lossless reader has found the last
// generation: without a name it could not, and would lose frames that it was
// promised. It gives up after EvictAfter and says so; the ended segment then
// keeps its name, and is removed by the next start or by GC.
func (w *Writer) awaitLast() bool {
	t := time.NewTicker(tickEvery / 2)
	defer t.Stop()
	for end := time.Now().Add(w.opts.EvictAfter); ; <-t.C {
		w.mu.Lock()
		behind := w.notArrived()
		w.mu.Unlock()
		if !behind {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// linger waits for late readers and for those that have not finished.
func (w *Writer) linger(patience time.Duration) {
	t := time.NewTicker(tickEvery / 2)
	defer t.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-t.C {
		w.mu.Lock()
		over := w.hadLossless && w.awaited == 0 && !w.losslessLeft()
		w.mu.Unlock()
		if over {
			return
		}
	}
}

// remove takes the names away, if asked and if they are still ours, and lets go
// of the memory.
func (w *Writer) remove(names bool) {
	w.mu.Lock() // a Begin on its way out still looks
	defer w.mu.Unlock()
	names = names && !w.opts.Sealed && !w.opts.Keep
	if names && w.dir.Is(w.name, w.seg.file) {
		_ = w.dir.Unlink(w.name)
	}
	failpoint.At("unlinked")
	if n := controlName(w.name, w.ctl.id); names && w.dir.Is(n, w.ctl.file) {
		_ = w.dir.Unlink(n)
	}
	failpoint.At("control-unlinked")
	_ = w.seg.release()
	_ = w.ctl.release()
	_ = w.dir.Close()
}
