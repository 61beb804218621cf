// Values that outlive their writer: one frame, replaced as a whole.

package framebuf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/shm"
)

// updateSlots is Options.Slots of a value: it has one frame.
const updateSlots = 2

// Update replaces the value of the kept data segment name (see Options.Keep), or
// makes it, and returns the number of its frame, which rises with each update.
//
// change is handed the present value, nil if there is none, and fills the next one;
// its error ends Update and changes nothing. From the moment in which it sees the old
// value until the new one is published nobody else can write: a counter may be read
// and increased in it. Other writers are waited for until ctx ends. A killed one
// locks nobody out, and leaves the old value or the new one. The old frame is a
// private copy, gone when change returns; next is as in Writer.Publish.
//
// The new segment has at least the capacity of the old one. Of o, Slots defaults to 2,
// Keep is always set, and Sealed is refused. Readers that Follow the name are woken.
// An update costs a few system calls and two small files; what changes with every
// frame belongs into a segment of frames.
//
// Errors are that of change, those of Create, ErrBusy with that of ctx, and ErrFormat
// for a name that a segment of pictures or sound has.
func Update(ctx context.Context, name string, o *Options, change func(old *Frame, next *Slot) error) (number uint64, err error) {
	number, err = update(ctx, name, o, change)
	if err != nil {
		return 0, fmt.Errorf("framebuf: update %s: %w", name, err)
	}
	return number, nil
}

func update(ctx context.Context, name string, o *Options, change func(*Frame, *Slot) error) (uint64, error) {
	if err := CheckName(name); err != nil {
		return 0, err
	}
	var opts Options
	if o != nil {
		opts = *o
	}
	opts.Keep = true
	if opts.Slots == 0 {
		opts.Slots = updateSlots
	}
	opts, err := opts.resolve(Format{})
	if err != nil {
		return 0, err
	}
	h, err := openHome(&opts)
	if err != nil {
		return 0, err
	}
	u := updater{ctx: ctx, name: name, opts: opts, home: h, change: change}
	sweepLeftovers(h.dir, name)
	if err := u.run(); err != nil {
		_ = h.dir.Close()
		return 0, err
	}
	return u.number, u.w.Close()
}

// updater is one Update under way.
type updater struct {
	ctx    context.Context //nolint:containedctx // it lives as long as one call
	name   string
	opts   Options
	home   home
	change func(*Frame, *Slot) error

	w      *Writer // of the new segment, once it has the name
	number uint64
}

// run tries until the name is free, or not busy, at the moment it is taken.
func (u *updater) run() error {
	for wait := time.Millisecond; ; wait = min(2*wait, 16*time.Millisecond) {
		dead, err := lockDead(u.home.dir, u.name)
		if errors.Is(err, ErrNotFound) {
			dead, err = nil, nil
		}
		if err == nil {
			err = u.replace(dead)
		}
		switch {
		case errors.Is(err, ErrBusy), errors.Is(err, errAgain), errors.Is(err, errTaken):
		default:
			return err
		}
		select {
		case <-u.ctx.Done():
			return fmt.Errorf("%w: %w", err, context.Cause(u.ctx))
		case <-time.After(wait):
		}
	}
}

// errTaken says that somebody else made the segment meanwhile.
var errTaken = fmt.Errorf("%w: it has just been made", ErrBusy)

// replace makes the segment with the next value in it and gives it the name. It lets
// go of dead, whose lock it has; nil means that there was none.
func (u *updater) replace(dead *segment) error {
	old, err := lastValue(dead)
	opts := u.opts
	if dead != nil {
		opts.Capacity = max(opts.Capacity, int(dead.st.capacity))
	}
	st, lerr := opts.layout(opts.Capacity)
	if err = errors.Join(err, lerr); err != nil {
		if dead != nil {
			_ = dead.release()
		}
		return err
	}
	st.name = u.name
	var w *Writer
	_, _, err = takeName(u.home, u.name, &st, dead, func(s *segment, c *control) error {
		w = newWriter(u.name, Format{}, opts, u.home, s, c)
		return w.Publish(u.ctx, func(slot *Slot) error {
			u.number = slot.Info.Number
			return u.change(old, slot)
		})
	})
	switch {
	case errors.Is(err, fs.ErrExist):
		return errTaken
	case err != nil:
		return err
	}
	failpoint.At("updated")
	u.w = w
	go w.run()
	return nil
}

// lastValue is a copy of the newest frame of a segment that nobody writes.
func lastValue(dead *segment) (f *Frame, err error) {
	if dead == nil {
		return nil, nil
	}
	if dead.st.kind != DataSegment {
		return nil, fmt.Errorf("%w: it holds %v, not a value", ErrFormat, dead.st.kind)
	}
	r := &Reader{seg: dead, scratch: make([]byte, dead.st.slotRecord)}
	err = shm.Guard(func() (err error) {
		if dead.dyn64(dyPublish).Load() != 0 {
			f, err = r.lastOf(false)
		}
		return err
	}, dead.m)
	return f, fault(err)
}
