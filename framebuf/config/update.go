// Changing a configuration.

package config

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/framebridge/framebridge/framebuf"
)

// Options of Update, Set and Unset. The zero value, or nil, means the defaults.
type Options struct {
	// Dir is the directory of segments. Default: framebuf.DefaultDir.
	Dir string
	// Group, a name or number, lets the members of that group read the configuration,
	// as in framebuf.Options. It counts until the next update. Default: none.
	Group string
	// Capacity is for how many bytes of JSON there is room at least. A configuration
	// that needs more gets more, up to 16 MiB. Default: 64 KiB.
	Capacity int
	// Retype allows a key to get a value of another JSON type than it has. Default:
	// false.
	Retype bool
}

const (
	defaultCapacity = 64 << 10
	maxCapacity     = 16 << 20
)

// Update changes the configuration name, or makes it, and returns its new version.
// nil options are the defaults.
//
// change gets the present values and changes them in place; its error ends Update
// and changes nothing. Nobody else can write meanwhile, so a value that depends on
// the old one is right; it should be quick, may be called more than once, and only
// the last call counts. If all is as before, no new version is made. Other writers
// are waited for until ctx ends; a killed one locks nobody out.
//
// Errors: that of change; ErrKey and ErrValue for what was put in, ErrType for
// another type than before, ErrTooLarge, ErrNotConfig; framebuf.ErrBusy with that of
// ctx, and otherwise those of framebuf.Update.
func Update(ctx context.Context, name string, o *Options, change func(Values) error) (version uint64, err error) {
	return update(ctx, name, o, func(v Values, _ bool) error { return change(v) })
}

// Set puts values into the configuration name, or makes it, and returns its new
// version. Keys that are not among values stay. Errors as Update.
func Set(ctx context.Context, name string, o *Options, values map[string]any) (version uint64, err error) {
	return Update(ctx, name, o, func(v Values) error {
		maps.Copy(v, values)
		return nil
	})
}

// Unset takes keys away and returns the new version. The error matches ErrUnknown if
// one of them is not there, framebuf.ErrNotFound if there is no configuration;
// otherwise as Update.
func Unset(ctx context.Context, name string, o *Options, keys ...string) (version uint64, err error) {
	return update(ctx, name, o, func(v Values, exists bool) error {
		if !exists {
			return framebuf.ErrNotFound
		}
		all := v.Keys()
		for _, key := range keys {
			if _, ok := v[key]; !ok {
				return unknown(key, all)
			}
		}
		for _, key := range keys {
			delete(v, key)
		}
		return nil
	})
}

func update(ctx context.Context, name string, o *Options, change func(v Values, exists bool) error) (uint64, error) {
	e := edit{change: change}
	if o != nil {
		e.opts = *o
	}
	e.opts.Capacity = cmp.Or(e.opts.Capacity, defaultCapacity)
	if err := e.possible(name); err != nil {
		return 0, err
	}
	for {
		number, err := framebuf.Update(ctx, name, &framebuf.Options{
			Dir: e.opts.Dir, Group: e.opts.Group, Capacity: e.opts.Capacity,
		}, func(old *framebuf.Frame, next *framebuf.Slot) error {
			e.err = e.fill(old, next)
			return e.err
		})
		switch {
		case err == nil:
			return number + 1, nil
		case errors.Is(e.err, errSame):
			return e.before, nil
		case errors.Is(e.err, errGrow):
			e.opts.Capacity, e.err = min(2*len(e.text), maxCapacity), nil
		case e.err != nil:
			return 0, fmt.Errorf("config: update %s: %w", name, e.err)
		default:
			return 0, err
		}
	}
}

// possible refuses what cannot be, before anybody waits for the writer of a segment
// that is no configuration.
func (e *edit) possible(name string) error {
	st, err := framebuf.Stat(e.opts.Dir, name)
	switch {
	case err != nil && !errors.Is(err, framebuf.ErrNotFound):
		return err
	case e.opts.Capacity < 0 || e.opts.Capacity > maxCapacity:
		err = fmt.Errorf("%w: Options.Capacity is %d bytes, from 1 to %d", ErrTooLarge, e.opts.Capacity, maxCapacity)
	case err != nil:
		return nil
	case st.Kind != framebuf.DataSegment:
		err = fmt.Errorf("%w: the segment holds %v; take another name", ErrNotConfig, st.Kind)
	case !st.Kept:
		err = fmt.Errorf("%w: the segment holds frames that come and go; take another name", ErrNotConfig)
	default:
		return nil
	}
	return fmt.Errorf("config: update %s: %w", name, err)
}

var (
	// errSame and errGrow end framebuf.Update without a change.
	errSame = errors.New("nothing to change")
	errGrow = errors.New("larger than the slot")
)

// edit is one update.
type edit struct {
	opts   Options
	change func(v Values, exists bool) error
	before uint64 // version that was found
	text   []byte // what it becomes
	err    error  // why not
}

// fill makes the next frame of the old one.
func (e *edit) fill(old *framebuf.Frame, next *framebuf.Slot) error {
	before, text := Values{}, []byte(nil)
	if old != nil {
		var err error
		if before, err = valuesOf(old); err != nil {
			return fmt.Errorf("%w; remove it first, or take another name", err)
		}
		if text, err = encode(before); err != nil {
			return err
		}
		e.before = old.Number + 1
	}
	after := maps.Clone(before)
	if err := e.change(after, old != nil); err != nil {
		return err
	}
	var err error
	if e.text, err = e.check(before, after); err != nil {
		return err
	}
	switch {
	case old != nil && bytes.Equal(text, e.text):
		return errSame
	case len(e.text) > maxCapacity:
		return fmt.Errorf("%w: %d bytes of JSON, at most %d", ErrTooLarge, len(e.text), maxCapacity)
	case len(e.text) > next.Capacity():
		return errGrow
	}
	if err := next.SetLength(len(e.text)); err != nil {
		return err
	}
	copy(next.Bytes(), e.text)
	return nil
}

// check encodes the values after a change and refuses what may not be among them.
// What was there before is left alone, whoever wrote it.
func (e *edit) check(before, after Values) ([]byte, error) {
	for _, key := range after.Keys() {
		plain, err := plainly(after[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		old, had := before[key]
		switch {
		case !had:
			if err := CheckKey(key); err != nil {
				return nil, err
			}
			if plain == nil {
				return nil, fmt.Errorf("%w: %s is null; Unset takes a key away", ErrValue, key)
			}
		case old != nil && kindOf(plain) != kindOf(old) && plain == nil:
			return nil, fmt.Errorf("%w: %s is null; Unset takes a key away", ErrValue, key)
		case old != nil && kindOf(plain) != kindOf(old) && !e.opts.Retype:
			return nil, fmt.Errorf("%w: %s is %s and would become %s; Options.Retype allows that", ErrType, key, described(old), described(plain))
		}
	}
	return encode(after)
}
