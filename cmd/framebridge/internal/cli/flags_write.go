package cli

// The flags of commands that write a segment.

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/pflag"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
)

// writeFlags say how to make a segment.
type writeFlags struct {
	slots    int
	lossless bool
	newest   bool
	evict    string
	await    int // -1: not given
	wait     givenDuration
	group    string
}

const (
	awaitUnset   = -1
	defaultEvict = 5 * time.Second
)

func (w *writeFlags) register(f *pflag.FlagSet) {
	w.registerMemory(f)
	f.BoolVar(&w.lossless, "lossless", false, "lossless readers may hold the source back (default for files and generators)")
	f.BoolVar(&w.newest, "newest", false, "refuse lossless readers (default for live sources)")
	w.registerAwait(f)
	f.Var(&w.wait, "wait", "how long to wait for readers, then end with code 5 (default: without limit)")
}

// registerMemory is what remains where other flags of the same names choose how to read.
func (w *writeFlags) registerMemory(f *pflag.FlagSet) {
	f.IntVar(&w.slots, "slots", 0, "number of slots, from 2 (default 4)")
	f.StringVar(&w.evict, "evict", "", "D|never: how long a lossless reader may stand still (default 5s for live sources, else never)")
	f.StringVar(&w.group, "group", "", "group, by name or number, whose members may read the segment (default: this user alone)")
}

func (w *writeFlags) registerAwait(f *pflag.FlagSet) {
	f.IntVar(&w.await, "await-readers", awaitUnset, "readers to wait for before the first frame (default 1 for files and a number of frames, else 0)")
	f.Lookup("await-readers").DefValue = "0" // pflag leaves a zero default out; the text has it
}

func (w *writeFlags) check() error {
	switch {
	case w.lossless && w.newest:
		return usagef("--lossless and --newest exclude each other")
	case w.newest && w.evict != "":
		return usagef("--evict is for lossless readers, which --newest refuses")
	case w.slots != 0 && w.slots < 2:
		return usagef("--slots %d: at least 2", w.slots)
	case w.await < awaitUnset:
		return usagef("--await-readers %d: not a number of readers", w.await)
	}
	_, err := w.evictAfter()
	return err
}

// evictAfter is how long a lossless reader may stand still; 0 for never.
func (w *writeFlags) evictAfter() (time.Duration, error) {
	switch w.evict {
	case "":
		return defaultEvict, nil
	case "never":
		return 0, nil
	}
	d, err := parseTime(w.evict)
	if err != nil || d == 0 {
		return 0, usagef("--evict %s: write a time such as 5s, or never", w.evict)
	}
	return d, nil
}

// policy is what lossless readers get. A live source refuses them unless the flags speak of them.
func (w *writeFlags) policy(live bool) (framebuf.LosslessPolicy, time.Duration) {
	after, _ := w.evictAfter() // checked before
	switch {
	case w.newest, live && !w.lossless && w.evict == "":
		return framebuf.LosslessRefuse, 0
	case after > 0 && (live || w.evict != ""):
		return framebuf.LosslessEvict, after
	}
	return framebuf.LosslessWait, 0
}

// readers is how many readers to wait for; byDefault if the flags do not say.
func (w *writeFlags) readers(byDefault int) int {
	if w.await != awaitUnset {
		return w.await
	}
	return byDefault
}

// onWait tells who holds the writer back.
func (s *session) onWait(name string) func(framebuf.Waiting) {
	return func(w framebuf.Waiting) {
		s.note("%s waits for reader %d (%s, process %d), which has not moved for %v", name, w.Reader, w.Label, w.PID, w.For.Round(time.Second))
	}
}

// awaitReaders waits for n readers, without limit unless a limit was given.
func (s *session) awaitReaders(ctx context.Context, w *framebuf.Writer, n int, limit givenDuration) error {
	if n == 0 {
		return nil
	}
	if n == 1 {
		s.note("waiting for a reader: framebridge analyze %s%s", w.Name(), s.dirFlag())
	} else {
		s.note("waiting for %d readers: framebridge analyze %s%s", n, w.Name(), s.dirFlag())
	}
	if !limit.given {
		return w.AwaitReaders(ctx, n)
	}
	none := &codeError{
		code: codeSegment, err: errors.New("no reader of " + w.Name() + " within " + limit.String() + ": nothing was published"),
		todo: "--await-readers 0 starts without readers",
	}
	if n > 1 {
		none.err = errors.New("too few readers of " + w.Name() + " within " + limit.String() + ": nothing was published")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit.Duration, none)
	defer cancel()
	return w.AwaitReaders(ctx, n)
}

// withFewerSlots makes a segment, with 3 slots if the memory does not do for the default number.
func (s *session) withFewerSlots(slots int, create func(slots int) error) error {
	err := create(slots)
	if slots != 0 || !errors.Is(err, framebuf.ErrNoSpace) {
		return err
	}
	if again := create(3); again != nil {
		return err
	}
	s.note("shared memory is short: 3 slots instead of 4")
	return nil
}

// closeWriter ends a segment in order. It is kept for late readers only after a clean end: after a failure or an
// interruption nobody is waited for but the lossless readers that are there.
func closeWriter(w *framebuf.Writer, cause error) error {
	if cause != nil {
		w.SetLinger(0)
	}
	return w.Close()
}

// dirFlag is what to add to a command to paste.
func (s *session) dirFlag() string {
	if s.dir == "" {
		return ""
	}
	return " --dir " + ffargs.Quote([]string{s.dir})
}
