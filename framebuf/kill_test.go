//go:build linux

// SIGKILL and SIGSTOP at the worst moments: of writers, and of readers that hold
// frames.

package framebuf

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

// kills is how many rounds a killing test has: FRAMEBRIDGE_KILLS.
func kills(t testing.TB) int {
	t.Helper()
	if v := os.Getenv("FRAMEBRIDGE_KILLS"); v != "" {
		n, err := strconv.Atoi(v)
		require.NoError(t, err, "FRAMEBRIDGE_KILLS")
		return n
	}
	if testing.Short() {
		return 5
	}
	return 15
}

// follower reads on and on over the deaths of writers, in this process.
type follower struct {
	mode Mode
	last atomic.Uint64 // n+1 of the highest frame seen
	rep  report
	gens map[Generation]bool
	err  error
}

func (f *follower) run(ctx context.Context, t testing.TB, dir string) {
	r, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Mode: f.mode, Follow: true, Wait: true})
	if err != nil {
		f.err = err
		return
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for {
		fr, err := r.Next(ctx)
		if errors.Is(err, ErrOverrun) {
			continue
		}
		if err != nil {
			f.err = err
			return
		}
		whole := stamp.Whole(fr.Bytes(), fr.Number)
		if errors.Is(fr.Release(), ErrBroken) {
			whole = true
		}
		f.rep.seen(fr.Number, fr.Missed, whole)
		f.gens[fr.Generation] = true
		f.last.Store(fr.Number + 1)
	}
}

// A writer is killed again and again, at any point of its life, and started anew
// under the same name.
func TestWriterIsKilledAndComesBack(t *testing.T) {
	dir := testDir(t)
	ctx, cancel := context.WithCancel(within(t, 2*time.Minute))
	defer cancel()
	p := play{Dir: dir, Format: small, Slots: 4}
	var followers []*follower
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, m := range []Mode{Newest, Pinned, Lossless} {
		f := &follower{mode: m, gens: map[Generation]bool{}}
		followers = append(followers, f)
		running.Go(func() { f.run(ctx, t, dir) })
	}
	var noticed []time.Duration
	rounds := kills(t)
	for round := range rounds {
		writer := start(t, "writer", p)
		if round%3 == 2 { // while it starts
			time.Sleep(rand.N(20 * time.Millisecond))
			writer.kill()
			continue
		}
		writer.event(t, "ready")
		type end struct {
			at  time.Time
			err error
		}
		ends := make(chan end, 3)
		for _, m := range []Mode{Newest, Pinned, Lossless} {
			r, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Mode: m})
			require.NoError(t, err)
			go func() {
				last := uint64(0)
				for {
					f, err := r.Next(ctx)
					switch {
					case err == nil && f.Number+1 <= last:
						ends <- end{time.Now(), errors.New("numbers fell")}
						return
					case err == nil:
						last = f.Number + 1
						_ = f.Release()
					case !errors.Is(err, ErrOverrun):
						ends <- end{time.Now(), errors.Join(err, r.Close())}
						return
					}
				}
			}()
		}
		time.Sleep(rand.N(60 * time.Millisecond))
		died := time.Now()
		require.NoError(t, writer.cmd.Process.Kill())
		for range 3 {
			e := <-ends
			require.ErrorIs(t, e.err, ErrWriterDied)
			noticed = append(noticed, e.at.Sub(died))
		}
		writer.kill()
	}
	slices.Sort(noticed)
	t.Logf("%d kills; a death is noticed after p50 %v, max %v", rounds, noticed[len(noticed)/2], noticed[len(noticed)-1])

	writer := start(t, "writer", p)
	writer.event(t, "ready")
	st, err := Stat(dir, "cam0")
	require.NoError(t, err)
	eventually(t, 20*time.Second, "every follower reads the last writer", func() bool {
		for _, f := range followers {
			if f.last.Load() <= st.FirstFrame {
				return false
			}
		}
		return true
	})
	end := writer.stop(t)
	require.Equal(t, "told to stop", end.Error)
	eventually(t, 20*time.Second, "every follower reads the last frame", func() bool {
		for _, f := range followers {
			if f.last.Load() != end.Last+1 {
				return false
			}
		}
		return true
	})
	cancel()
	running.Wait()
	for _, f := range followers {
		t.Logf("%v: %d delivered, %d missed, over %d generations", f.mode, f.rep.Delivered, f.rep.Missed, len(f.gens))
		require.ErrorIs(t, f.err, context.Canceled)
		require.Zero(t, f.rep.Torn, f.mode)
		require.Zero(t, f.rep.Unordered, f.mode)
		require.Greater(t, len(f.gens), 1, f.mode)
	}
	// What was killed before it had a name may have left a hidden file that the
	// next start took away: nothing is left now.
	require.Empty(t, entries(t, dir))
}

// pace publishes as fast as it can from this process and notes its longest pause.
type pace struct {
	published atomic.Uint64
	longest   atomic.Int64 // ns of one Publish, since reset
	stop      func() error
}

func run(t testing.TB, w *Writer) *pace {
	ctx, cancel := context.WithCancel(within(t, time.Minute))
	p, done := &pace{}, make(chan error, 1)
	go func() {
		for {
			before := time.Now()
			err := w.Publish(ctx, func(s *Slot) error {
				s.Info.PTS = int64(s.Info.Number)
				stamp.Fill(s.Bytes(), s.Info.Number)
				return nil
			})
			if err != nil {
				done <- err
				return
			}
			p.longest.Store(max(p.longest.Load(), int64(time.Since(before))))
			p.published.Add(1)
		}
	}()
	p.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	t.Cleanup(func() { _ = p.stop() })
	return p
}

// goesOn waits until the writer has published n more frames.
func (p *pace) goesOn(t testing.TB, n uint64) {
	t.Helper()
	until := p.published.Load() + n
	eventually(t, 20*time.Second, "the writer goes on", func() bool { return p.published.Load() >= until })
}

// Readers are killed while they hold frames. The writer goes on, another lossless
// reader loses nothing, and the cells of the dead are used again.
func TestReadersAreKilledHoldingFrames(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w := mustCreate(t, dir, small, Options{Slots: 8, Cells: 3}) // one cell more than can live at a time would hide a leak
	steady := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	rep, read := report{}, make(chan error, 1)
	go func() {
		for f, err := range steady.Frames(ctx) {
			if err != nil {
				read <- err
				return
			}
			rep.seen(f.Number, f.Missed, stamp.Whole(f.Bytes(), f.Number))
		}
		read <- nil
	}()
	writing := run(t, w)
	for range max(kills(t)/3, 2) {
		pinned := start(t, "reader", play{Dir: dir, Format: small, Mode: Pinned, Hold: 5, KeepFrames: true})
		pinned.event(t, "holding")
		lossless := start(t, "reader", play{Dir: dir, Format: small, Mode: Lossless, Hold: 5, KeepFrames: true})
		lossless.event(t, "holding")
		pinned.kill()
		lossless.kill() // until now it held the writer back, from now on nothing does
		writing.longest.Store(0)
		writing.goesOn(t, 100)
		t.Logf("longest pause after the kills: %v", time.Duration(writing.longest.Load()))
	}
	require.NoError(t, writing.stop())
	require.NoError(t, w.Close())
	require.NoError(t, <-read)
	require.Zero(t, rep.Torn)
	require.Zero(t, rep.Unordered)
	require.Zero(t, rep.Missed)
	require.Equal(t, writing.published.Load(), rep.Delivered+rep.First)
}

// A reader that only looks cannot stall the writer, however long it stands still,
// also with frames pinned.
func TestStoppedReadersDoNotStallTheWriter(t *testing.T) {
	dir := testDir(t)
	w := mustCreate(t, dir, small, Options{Slots: 4})
	writing := run(t, w)
	var stopped []*child
	for _, p := range []play{
		{Mode: Newest}, {Mode: Pinned}, {Mode: Pinned, Hold: 5, KeepFrames: true},
	} {
		p.Dir, p.Format = dir, small
		c := start(t, "reader", p)
		c.event(t, "ready")
		if p.KeepFrames {
			c.event(t, "holding")
		}
		c.signal(t, syscall.SIGSTOP)
		stopped = append(stopped, c)
	}
	writing.longest.Store(0)
	writing.goesOn(t, 2000)
	t.Logf("2000 frames beside stopped readers, longest pause %v", time.Duration(writing.longest.Load()))
	st, err := Stat(dir, "cam0")
	require.NoError(t, err)
	require.Zero(t, st.Blocked, "the writer never waited")
	require.NoError(t, writing.stop())
	for _, c := range stopped {
		c.signal(t, syscall.SIGCONT)
	}
	for _, c := range stopped[:2] {
		c.kill()
	}
}

// A lossless reader that stands still is evicted by a live source, and told so
// when it wakes up.
func TestStoppedLosslessReaderIsEvicted(t *testing.T) {
	dir := testDir(t)
	const patience = 300 * time.Millisecond
	w := mustCreate(t, dir, small, Options{Slots: 4, Lossless: LosslessEvict, EvictAfter: patience})
	c := start(t, "reader", play{Dir: dir, Format: small, Mode: Lossless})
	c.event(t, "ready")
	writing := run(t, w)
	writing.goesOn(t, 100)
	c.signal(t, syscall.SIGSTOP)
	writing.longest.Store(0)
	eventually(t, 20*time.Second, "the reader is evicted", func() bool {
		st, err := Stat(dir, "cam0")
		require.NoError(t, err)
		return st.Evicted == 1
	})
	writing.goesOn(t, 100)
	waited := time.Duration(writing.longest.Load())
	t.Logf("the writer waited %v for it", waited)
	require.GreaterOrEqual(t, waited, patience)
	c.signal(t, syscall.SIGCONT)
	got := c.end(t)
	require.Equal(t, "evicted", got.Error)
	require.Zero(t, got.Torn)
	require.Zero(t, got.Unordered)
	require.NoError(t, writing.stop())
}
