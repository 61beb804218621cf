//go:build linux

// The usual writer and reader: frames whose every byte can be checked.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/failpoint"
	"github.com/framebridge/framebridge/internal/stamp"
)

// stream is the part of a writer or reader.
type stream struct {
	Dir  string
	Name string // default: cam0

	// Of a writer. It writes for ever, as fast as it can, if the numbers say nothing.
	Sizes     []framebuf.Format // in turn, the next one every ChangeEvery frames
	Slots     int
	Frames    int           // 0: until it is told to stop
	Every     time.Duration // 0: as fast as it can
	Change    int           // frames of one size
	Await     int           // readers to wait for first
	Lossless  framebuf.LosslessPolicy
	Evict     time.Duration
	Linger    time.Duration // default: none
	Rest      time.Duration // after the last frame, before the end
	Stay      bool          // after the last frame, until it is told to stop
	TellEvery int           // tell a report every so many frames; also of a reader
	Tag       uint64        // told with each frame: see report

	// Of a reader.
	Mode     framebuf.Mode
	Hold     int
	Follow   bool
	ReadOnly bool
	PauseMax time.Duration // a random pause after each frame
	Keep     bool          // read Hold+1 frames, tell "holding" and keep them
	Foreign  bool          // the frames are not stamped: their content is not checked

	// Judge is instead of the usual check, of an onlooker alone. See right.
	Judge func(*framebuf.Frame) (whole, known bool) `json:"-"`
}

func (s *stream) name() string {
	if s.Name == "" {
		return "cam0"
	}
	return s.Name
}

// report is what the usual writer and reader tell.
type report struct {
	Event     string // ready, progress, holding, end
	First     uint64 // frame number
	Last      uint64
	Delivered uint64
	Missed    uint64 // as the frames said
	Torn      uint64 // delivered as whole, and not
	Unordered uint64 // frames whose number is not the last + 1 + Missed
	Odd       string // the first of these
	Misshapen uint64 // frames whose geometry is none of the writer's
	Broken    uint64 // frames that said that they did not hold
	Overruns  uint64
	Changes   uint64        // of generation
	Anew      uint64        // changes after which numbers began anew
	Tag       uint64        // of the writer of the last frame
	Longest   time.Duration // between two frames
	EndAfter  time.Duration // from the last frame to the end
	Error     string        // how it ended: see kind
}

// seen counts a frame.
func (r *report) seen(n, missed uint64, whole bool) {
	switch {
	case r.Delivered == 0:
		r.First = n
	case n != r.Last+1+missed:
		if r.Unordered++; r.Unordered == 1 {
			r.Odd = fmt.Sprintf(" (frame %d after %d, %d missed, generation %d)", n, r.Last, missed, r.Changes+1)
		}
	}
	r.Last = n
	r.Delivered++
	r.Missed += missed
	if !whole {
		r.Torn++
	}
}

// check is for the row: whatever was delivered was whole, in order and counted.
func (r *report) check(t *trial, who string) {
	if r.Torn+r.Unordered+r.Misshapen > 0 {
		t.Errorf("%s: %d torn, %d out of order%s, %d of a foreign shape, of %d frames", who, r.Torn, r.Unordered, r.Odd, r.Misshapen, r.Delivered)
	}
}

// kind names an error in a way that crosses a process.
func kind(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled): // also while waiting for something else
		return "told to stop"
	case errors.Is(err, io.EOF):
		return "end"
	case errors.Is(err, framebuf.ErrWriterDied):
		return "died"
	case errors.Is(err, framebuf.ErrEvicted):
		return "evicted"
	case errors.Is(err, framebuf.ErrDamaged):
		return "damaged"
	case errors.Is(err, framebuf.ErrBusy):
		return "busy"
	case errors.Is(err, framebuf.ErrNotFound):
		return "not found"
	case errors.Is(err, framebuf.ErrLost):
		return "lost"
	case errors.Is(err, framebuf.ErrUnlinked):
		return "unlinked"
	}
	return err.Error()
}

func plainRoles() map[string]role {
	return map[string]role{
		"writer": func(ctx context.Context, part []byte, tell func(any)) error {
			return inStream(part, tell, func(s *stream, r *report) error { return s.write(ctx, r, tell) })
		},
		"reader": func(ctx context.Context, part []byte, tell func(any)) error {
			return inStream(part, tell, func(s *stream, r *report) error { return s.read(ctx, r, tell) })
		},
	}
}

func inStream(part []byte, tell func(any), do func(*stream, *report) error) error {
	var s stream
	if err := json.Unmarshal(part, &s); err != nil {
		return err
	}
	var r report
	r.Error = kind(do(&s, &r))
	r.Event = "end"
	tell(r)
	return nil
}

// tagShift is where a writer's tag begins in the frames' SourceSeq; below it is
// their width, so that a frame with another's geometry shows.
const tagShift = 16

// write publishes until ctx ends, or so many frames.
func (s *stream) write(ctx context.Context, r *report, tell func(any)) error {
	linger := s.Linger
	if linger == 0 {
		linger = -1
	}
	w, err := framebuf.Create(s.name(), s.Sizes[0], &framebuf.Options{
		Dir: s.Dir, Slots: s.Slots, Linger: linger, Lossless: s.Lossless, EvictAfter: s.Evict,
	})
	if err != nil {
		return err
	}
	defer w.Close()
	r.Event = "ready"
	tell(r)
	if err := w.AwaitReaders(ctx, s.Await); err != nil {
		return err
	}
	next := time.Now()
	for i := 0; s.Frames == 0 || i < s.Frames; i++ {
		if s.Change > 0 && i > 0 && i%s.Change == 0 {
			if err := w.SetFormat(ctx, s.Sizes[i/s.Change%len(s.Sizes)]); err != nil {
				return err
			}
		}
		if s.Every > 0 {
			next = next.Add(s.Every)
			time.Sleep(time.Until(next))
		}
		var n uint64
		err := w.Publish(ctx, func(slot *framebuf.Slot) error {
			n = slot.Info.Number
			slot.Info.PTS = int64(n)
			slot.Info.SourceSeq = s.Tag<<tagShift | uint64(slot.Info.Width)
			b := slot.Bytes()
			half := len(b) / 2 &^ 7
			failpoint.At("fill-begun")
			stamp.Fill(b[:half], n)
			failpoint.At("fill-half")
			stamp.Fill(b[half:], n)
			failpoint.At("fill-done")
			return nil
		})
		if err != nil {
			return err
		}
		r.seen(n, 0, true)
		if s.TellEvery > 0 && r.Delivered%uint64(s.TellEvery) == 0 {
			r.Event = "progress"
			tell(r)
		}
	}
	time.Sleep(s.Rest)
	if s.Stay {
		<-ctx.Done()
	}
	return nil
}

// read reads until the end, checking every byte.
func (s *stream) read(ctx context.Context, r *report, tell func(any)) error {
	reader, err := framebuf.Open(ctx, s.name(), &framebuf.ReaderOptions{
		Dir: s.Dir, Mode: s.Mode, Hold: s.Hold, Follow: s.Follow, ReadOnly: s.ReadOnly, Wait: true,
	})
	if err != nil {
		return err
	}
	defer reader.Close()
	r.Event = "ready"
	tell(r)
	return s.readOn(ctx, reader, r, tell)
}

// readOn is read with an open reader, for readers inside the suite's own process.
func (s *stream) readOn(ctx context.Context, reader *framebuf.Reader, r *report, tell func(any)) error {
	var generation framebuf.Generation
	last := time.Now()
	for {
		f, err := reader.Next(ctx)
		switch {
		case errors.Is(err, framebuf.ErrOverrun):
			r.Overruns++
			continue
		case err != nil:
			r.EndAfter = time.Since(last)
			return err
		}
		now := time.Now()
		if r.Delivered > 0 {
			r.Longest = max(r.Longest, now.Sub(last))
		}
		last = now
		if s.Keep {
			if r.Delivered++; r.Delivered > uint64(s.Hold) {
				r.Event = "holding"
				tell(r)
				<-ctx.Done()
				return ctx.Err()
			}
			continue
		}
		if f.Generation != generation {
			if r.Delivered > 0 {
				r.Changes++
				if begun := f.Number - f.Missed; begun <= r.Last {
					r.Anew++
					r.Last = begun - 1
				}
			}
			generation = f.Generation
		}
		whole, shape := s.right(f)
		if err := f.Release(); errors.Is(err, framebuf.ErrBroken) {
			r.Broken++
			whole = true // it said that it is not
		} else if err != nil {
			return err
		}
		if !shape {
			r.Misshapen++
		}
		r.seen(f.Number, f.Missed, whole)
		r.Tag = f.SourceSeq >> tagShift
		if s.TellEvery > 0 && r.Delivered%uint64(s.TellEvery) == 0 {
			r.Event = "progress"
			tell(*r)
		}
		if s.PauseMax > 0 {
			time.Sleep(rand.N(s.PauseMax))
		}
	}
}

// right reports whether a frame is whole, and whether its shape is one of the
// writer's.
func (s *stream) right(f *framebuf.Frame) (whole, shape bool) {
	switch {
	case s.Judge != nil:
		return s.Judge(f)
	case s.Foreign:
		return true, true
	}
	whole = stamp.Whole(f.Bytes(), f.Number) && f.PTS == int64(f.Number) && len(f.Bytes()) == f.Format.Size()
	known := len(s.Sizes) == 0 || slices.Contains(s.Sizes, f.Format)
	width := f.SourceSeq & (1<<tagShift - 1) // 0: the writer is not the usual one
	return whole, known && (width == 0 || width == uint64(f.Width))
}

// event hears reports until one of that name comes. An end before it is a fault.
func (p *party) event(name string) report {
	for {
		var r report
		require.NoError(p.t, p.hear(&r), "the process ended before %q", name)
		if r.Event == name {
			return r
		}
		require.NotEqual(p.t, "end", r.Event, "before %q: %s", name, r.Error)
	}
}

// finish tells the process to stop and returns its last report.
func (p *party) finish() report {
	p.tellToStop()
	r := p.event("end")
	require.NoError(p.t, p.wait())
	return r
}
