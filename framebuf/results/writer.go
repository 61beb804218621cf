// The analyzer's side.

package results

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Defaults of Options.
const (
	defaultSlots    = 64
	defaultCapacity = 16 << 10
)

// Options of Create. The zero value, or nil, means the defaults.
type Options struct {
	// Dir is the directory of segments. Default: framebuf.DefaultDir.
	Dir string
	// Group is whose members may read the records, as in framebuf.Options. Default:
	// this user alone.
	Group string
	// Slots is how many records stay for late readers, from 2. Default: 64.
	Slots int
	// Capacity is how many bytes of JSON a record may have. Slots times Capacity is
	// what the segment takes of memory. Default: 16 KiB.
	Capacity int
	// Linger is how long Close keeps the records for late readers. Default: 5 s;
	// negative: not at all.
	Linger time.Duration
	// Lossless takes readers that want every record and hold Put back for it
	// (framebuf.Lossless). Default: false, such readers are refused, and no reader
	// can stall the analyzer.
	Lossless bool
	// EvictAfter, with Lossless, is how long such a reader may stand still before Put
	// goes on without it. Default: for ever.
	EvictAfter time.Duration
}

// Writer puts records into a segment. It is safe for concurrent use. A Writer must be
// closed, else the name stays and readers will see a crash once the process ends.
type Writer struct {
	seg      *framebuf.Writer
	capacity int
	mu       sync.Mutex // one Put at a time
}

// Create makes the data segment name and becomes its writer; nil options are the
// defaults. Errors are those of framebuf.Create.
func Create(name string, o *Options) (*Writer, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	policy := framebuf.LosslessRefuse
	switch {
	case opts.Lossless && opts.EvictAfter > 0:
		policy = framebuf.LosslessEvict
	case opts.Lossless:
		policy = framebuf.LosslessWait
	}
	capacity := cmp.Or(opts.Capacity, defaultCapacity)
	seg, err := framebuf.Create(name, framebuf.Format{}, &framebuf.Options{
		Dir: opts.Dir, Group: opts.Group, Slots: cmp.Or(opts.Slots, defaultSlots), Capacity: capacity,
		Linger: opts.Linger, Lossless: policy, EvictAfter: opts.EvictAfter,
	})
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return &Writer{seg: seg, capacity: capacity}, nil
}

// Segment is the segment's own writer, for what is asked of it rarely: its name, its
// readers, the state of its source. Frames are published by Put alone.
func (w *Writer) Segment() *framebuf.Writer { return w.seg }

// Put publishes v as a record. about is the frame that it speaks of, as a reader got
// it, or nil for a record that speaks of none.
//
// v is marshaled; a json.RawMessage is JSON already and goes as it is. A v with a
// method Check() error, such as Boxes or what embeds it, is asked first. ctx matters
// only to a writer with Options.Lossless, which may have to wait.
//
// Errors match ErrJSON, framebuf.ErrTooLarge (nothing was published, the next record
// may fit), ErrBoxes, or those of framebuf.Writer.Publish.
func (w *Writer) Put(ctx context.Context, about *framebuf.Info, v any) error {
	if err := w.put(ctx, about, v); err != nil {
		return fmt.Errorf("results: put to %s: %w", w.seg.Name(), err)
	}
	return nil
}

func (w *Writer) put(ctx context.Context, about *framebuf.Info, v any) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	if len(data) > w.capacity {
		return fmt.Errorf("%w: a record of %d bytes, and they have at most %d (Options.Capacity)", framebuf.ErrTooLarge, len(data), w.capacity)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seg.Publish(ctx, func(s *framebuf.Slot) error {
		if err := s.SetLength(len(data)); err != nil {
			return err
		}
		copy(s.Bytes(), data)
		if about == nil {
			return nil
		}
		s.Info.Reference = framebuf.Reference{Set: true, Frame: about.Number, Generation: about.Generation.Low(), PTS: about.PTS}
		s.Info.PTS, s.Info.TimeBase = about.PTS, about.TimeBase
		s.Info.Captured, s.Info.CapturedWall = about.Captured, about.CapturedWall
		return nil
	})
}

// encode makes JSON of v.
func encode(v any) ([]byte, error) {
	if c, ok := v.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return nil, err
		}
	}
	switch known := v.(type) {
	case json.RawMessage:
		if !json.Valid(known) {
			return nil, fmt.Errorf("%w: %.60q", ErrJSON, known)
		}
		return known, nil
	case Boxes:
		if known.Boxes == nil {
			known.Boxes = []Box{} // in JSON null says that something is not known
			v = known
		}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJSON, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Close ends the segment in order and keeps the records for late readers, for
// Options.Linger. Idempotent.
func (w *Writer) Close() error {
	if err := w.seg.Close(); err != nil {
		return fmt.Errorf("results: close %s: %w", w.seg.Name(), err)
	}
	return nil
}
