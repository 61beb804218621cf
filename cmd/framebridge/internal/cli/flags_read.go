package cli

// The flags of commands that read a segment, and how they open it.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/framebridge/framebridge/framebuf"
)

// readFlags say how to read a segment.
type readFlags struct {
	lossless bool
	newest   bool
	wait     time.Duration
	follow   bool
	sealed   bool // of commands that say so
}

func (r *readFlags) register(f *pflag.FlagSet, modes string) {
	f.BoolVar(&r.lossless, "lossless", false, "every frame in order; holds the writer back ("+modes+")")
	f.BoolVar(&r.newest, "newest", false, "the newest frame, what was missed is counted")
	f.DurationVar(&r.wait, "wait", 5*time.Second, "how long to wait for the segment to appear")
	f.BoolVar(&r.follow, "follow", false, "after an end or a death of the writer go on with the next writer of the name")
}

// registerSealed is for commands that read through openReader.
func (r *readFlags) registerSealed(f *pflag.FlagSet) {
	f.BoolVar(&r.sealed, "sealed", false, "refuse a segment that is not sealed (see run --sealed)")
}

func (r *readFlags) check() error {
	if r.lossless && r.newest {
		return usagef("--lossless and --newest exclude each other")
	}
	if r.wait < 0 {
		return usagef("--wait %v: not a time to wait", r.wait)
	}
	return nil
}

// chosen is the mode that the flags ask for, if they do.
func (r *readFlags) chosen() (mode framebuf.Mode, ok bool) {
	return map[bool]framebuf.Mode{true: framebuf.Lossless, false: framebuf.Newest}[r.lossless], r.lossless || r.newest
}

// modeFor is the mode for a segment: files are read without loss, live sources newest first.
func (r *readFlags) modeFor(st *framebuf.Status) framebuf.Mode {
	if mode, ok := r.chosen(); ok {
		return mode
	}
	if st.Live || st.Lossless == framebuf.LosslessRefuse {
		return framebuf.Newest
	}
	return framebuf.Lossless
}

// awaitSegment waits up to --wait for a segment and returns what can be seen of it. One whose writer was killed is
// waited upon too, since a next writer may come, and taken as it is when none did.
func (s *session) awaitSegment(ctx context.Context, name string, wait time.Duration) (*framebuf.Status, error) {
	if err := framebuf.CheckSource(name); err != nil {
		return nil, err
	}
	if framebuf.CheckName(name) != nil {
		wait = 0 // handed down, or not: it will not appear later
	}
	deadline := time.Now().Add(wait)
	for {
		st, err := framebuf.Stat(s.dir, name, s.trust.uids...)
		if err != nil && !errors.Is(err, framebuf.ErrNotFound) {
			return nil, readError(err)
		}
		if err == nil || !time.Now().Before(deadline) {
			if err != nil && wait > 0 {
				err = fmt.Errorf("%w: %s did not appear within %v", framebuf.ErrNotFound, name, wait)
			}
			return st, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// openReader opens a segment that awaitSegment has seen.
func (s *session) openReader(ctx context.Context, name string, r *readFlags, mode framebuf.Mode, label string) (*framebuf.Reader, error) {
	reader, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{
		Dir: s.dir, TrustUID: s.trust.uids, Sealed: r.sealed, Mode: mode, Label: label, Follow: r.follow,
	})
	return reader, readError(err)
}

// eachFrame hands every frame to look, in place, until the clean end. What look computed from a view that did not hold
// is void: broken is called then. At the end a source that ended badly is an error: what it gave has been delivered.
func eachFrame(ctx context.Context, r *framebuf.Reader, look func(*framebuf.Frame) error) error {
	for {
		err := r.View(ctx, look)
		switch {
		case err == nil, errors.Is(err, framebuf.ErrOverrun):
		case errors.Is(err, io.EOF):
			return sourceEnd(r)
		default:
			return err
		}
	}
}

// sourceEnd tells a clean end of a reader's source from a bad one.
func sourceEnd(r interface {
	Name() string
	Source() (framebuf.SourceState, string)
},
) error {
	state, last := r.Source()
	if state != framebuf.SourceFailed {
		return nil
	}
	if last == "" {
		last = "no reason given"
	}
	return sourcef("the source of %s ended badly: %s", r.Name(), last)
}
