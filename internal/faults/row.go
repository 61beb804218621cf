//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// row is one fault of the catalogue.
type row struct {
	id    string // as in the catalogue: A1
	fault string // what happens
	must  string // what must happen then
	// headline is the number of the published figure that the row gives; 0: none.
	headline int
	// limit is the most that the row may take, after which it is broken; quick and
	// by night. Default: 30 s and 30 min.
	limit, nightLimit time.Duration
	// sleeps is set on rows that mostly wait: they run side by side, those with ffmpeg
	// a few at a time.
	sleeps bool
	// timeless is set on rows in which nothing is a matter of time, or only of much
	// more than it takes on a busy machine: they run two at once.
	timeless bool
	run      func(ctx context.Context, t *trial)
}

// trial is one run of a row. It is a testify TestingT: require.X(t, …) works, and
// ends the row. Its methods may be called from several goroutines, but FailNow
// and with it require only from that of the row and from those of lanes.
type trial struct {
	row     row
	night   bool
	command *command
	bridges atomic.Int64 // started: see bridge

	mu       sync.Mutex
	faults   []string // what went wrong
	tardy    int      // how many of them are of time alone
	aborted  bool     // by FailNow
	figure   string
	skipped  string
	notes    []string
	cleanups []func()
	stop     context.CancelFunc
}

// stopped is what FailNow and notRun panic with.
type stopped struct{}

// of is how many trials there are: by day or by night.
func (t *trial) of(quick, night int) int {
	if t.night {
		return night
	}
	return quick
}

// Errorf notes a fault: the row is broken, and goes on.
func (t *trial) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
}

// late notes that something took longer than it may. The row is broken, but gets a
// second try: see onlyLate.
func (t *trial) late(format string, args ...any) {
	t.Errorf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tardy++
}

// FailNow ends the row.
func (t *trial) FailNow() {
	t.mu.Lock()
	t.aborted = true
	t.mu.Unlock()
	panic(stopped{})
}

// Helper is there because testify calls it.
func (t *trial) Helper() {}

// reached says what the row found: exact counts, with their units.
func (t *trial) reached(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.figure = fmt.Sprintf(format, args...)
}

// also adds to what the row found.
func (t *trial) also(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.figure != "" {
		t.figure += "; "
	}
	t.figure += fmt.Sprintf(format, args...)
}

// note keeps a line for -v.
func (t *trial) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// notRun ends the row uncounted: it cannot be run here, and why.
func (t *trial) notRun(why string) {
	t.mu.Lock()
	t.skipped = why
	t.mu.Unlock()
	panic(stopped{})
}

// cleanup runs fn at the end of the row, last in, first out.
func (t *trial) cleanup(fn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, fn)
}

// dir is a new directory for segments, in memory. What is left in it at the end
// of the row is a leak, unless the row was ended in its middle: then its processes
// were killed, and nobody came after them.
func (t *trial) dir() string {
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-faults-")
	if err != nil {
		t.Errorf("%v", err)
		t.FailNow()
	}
	t.cleanup(func() {
		for _, name := range listed(dir) {
			if !t.aborted {
				t.Errorf("leaked: %s", name)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("%v", err)
		}
	})
	return dir
}

// scratch is a new directory on disk, removed at the end of the row.
func (t *trial) scratch() string {
	dir, err := os.MkdirTemp("", "framebridge-faults-")
	if err != nil {
		t.Errorf("%v", err)
		t.FailNow()
	}
	t.cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// listed is what is in a directory, without the directory's own entries.
func listed(dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, filepath.Base(e.Name()))
	}
	return names
}

// eventually waits until what holds; if it does not within d, that is a fault and
// the row ends.
func (t *trial) eventually(d time.Duration, what string, holds func() bool) {
	for end := time.Now().Add(d); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.late("not within %v: %s", d, what)
			t.FailNow()
		}
	}
}

// result is what became of a row.
type result struct {
	row     row
	faults  []string
	late    int // how many of them are of time alone
	figure  string
	skipped string // why it was not run
	notes   []string
	took    time.Duration
}

func (r *result) verdict() string {
	switch {
	case len(r.faults) > 0:
		return "BROKEN"
	case r.skipped != "":
		return "not run"
	}
	return "held"
}

// onlyLate reports whether a row broke by nothing but time, as it may on a busy
// machine. Such a row gets a second try, alone, and its figure says so; nothing else
// does.
func (r *result) onlyLate() bool { return len(r.faults) > 0 && len(r.faults) == r.late }

// manner says how rows are run.
type manner struct{ night, verbose bool }

// runAll runs the rows: one after the other first, then those that may run beside
// each other.
func runAll(ctx context.Context, chosen []row, how manner, out io.Writer) []result {
	results := make([]result, len(chosen))
	var cmd command
	defer cmd.remove()
	var printing sync.Mutex
	one := func(i int) {
		results[i] = chosen[i].trial(ctx, how.night, &cmd)
		printing.Lock()
		defer printing.Unlock()
		printResult(out, &results[i], how.verbose)
	}
	for i, r := range chosen {
		if !r.sleeps && !r.timeless && ctx.Err() == nil {
			one(i)
		}
	}
	// Who sleeps comes last, when nothing else loads the machine: a row that measures a
	// pause would measure its neighbours. For the same reason ffmpeg's own rows come by
	// themselves.
	for _, batch := range []struct {
		has    func(row) bool
		atOnce int
	}{
		{func(r row) bool { return r.timeless }, 2},
		{func(r row) bool { return r.sleeps && r.id[0] != 'F' }, 3},
		{func(r row) bool { return r.sleeps && r.id[0] == 'F' }, 2},
	} {
		var running sync.WaitGroup
		room := make(chan struct{}, batch.atOnce)
		for _, i := range longestFirst(chosen) {
			r := chosen[i]
			if !batch.has(r) || ctx.Err() != nil {
				continue
			}
			room <- struct{}{}
			running.Go(func() {
				defer func() { <-room }()
				one(i)
			})
		}
		running.Wait()
	}
	for i := range results {
		if r := &results[i]; r.onlyLate() && ctx.Err() == nil {
			again := r.row.trial(ctx, how.night, &cmd)
			if len(again.faults) == 0 {
				again.figure += "; at the second try, alone: at first " + r.faults[0]
			}
			results[i] = again
			printResult(out, &again, how.verbose)
		}
	}
	return slices.DeleteFunc(results, func(r result) bool { return r.row.id == "" })
}

// longestFirst is the rows by their limits: what takes longest begins first, so
// that it is not what is waited for at the end.
func longestFirst(chosen []row) []int {
	order := make([]int, len(chosen))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(chosen[b].limit, chosen[a].limit) })
	return order
}

// trial runs one row.
func (r row) trial(ctx context.Context, night bool, cmd *command) result {
	limit, nightLimit := r.limit, r.nightLimit
	if limit == 0 {
		limit = 30 * time.Second
	}
	if nightLimit == 0 {
		nightLimit = 30 * time.Minute
	}
	if night {
		limit = nightLimit
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("the row took longer than its limit"))
	defer cancel()
	t := &trial{row: r, night: night, command: cmd, stop: cancel}
	start := time.Now()
	func() {
		defer t.finish()
		defer t.catch()
		r.run(ctx, t)
	}()
	if ctx.Err() != nil && len(t.faults) == 0 {
		t.late("%v", context.Cause(ctx))
	}
	if t.figure == "" && t.skipped == "" && len(t.faults) == 0 {
		t.Errorf("the row says nothing of what it found")
	}
	return result{row: r, faults: t.faults, late: t.tardy, figure: t.figure, skipped: t.skipped, notes: t.notes, took: time.Since(start)}
}

func (t *trial) catch() {
	switch v := recover(); v.(type) {
	case nil, stopped:
	default:
		t.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}

func (t *trial) finish() {
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		func() {
			defer t.catch()
			last()
		}()
	}
}
