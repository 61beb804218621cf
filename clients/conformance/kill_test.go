//go:build linux

package conformance

// SIGKILL at random moments, across languages: nothing torn, nothing lost that was
// promised, nobody hung, nothing left.

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// kills is how often the three tests here kill, together: FRAMEBRIDGE_CONFORM_KILLS.
func kills(t testing.TB) int {
	t.Helper()
	if v := os.Getenv("FRAMEBRIDGE_CONFORM_KILLS"); v != "" {
		n, err := strconv.Atoi(v)
		require.NoError(t, err, "FRAMEBRIDGE_CONFORM_KILLS")
		return n
	}
	if testing.Short() {
		return 12
	}
	return 60
}

// doing are the clients that can do something, in turn.
func doing(t testing.TB, can func(*client) bool) (some []*client) {
	t.Helper()
	for _, c := range clients(t) {
		if can(c) {
			some = append(some, c)
		}
	}
	return some
}

// follower is a reader that stays over the deaths of writers, and what is known of
// what it saw.
type follower struct {
	p        *process
	lossless bool

	mu    sync.Mutex
	read  uint64
	last  line
	ends  map[string]uint64 // the last number of each generation
	wrong string            // the first thing that is not as it should be
}

// see checks a frame's line as it comes.
func (f *follower) see(l line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	say := func(format string, a ...any) {
		if f.wrong == "" {
			f.wrong = fmt.Sprintf(format, a...)
		}
	}
	switch n := *l.Number; {
	case f.read == 0:
	case n <= *f.last.Number:
		say("frame %d came after %d", n, *f.last.Number)
	case n != *f.last.Number+1+l.Missed:
		say("frame %d came after %d, and %d were counted as missed", n, *f.last.Number, l.Missed)
	case f.lossless && l.Missed > 0 && l.Generation == f.last.Generation:
		say("frame %d: a lossless reader missed %d", n, l.Missed)
	}
	f.read++
	f.last = l
	f.ends[l.Generation] = *l.Number
}

func (f *follower) state() (read uint64, last line, wrong string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read, f.last, f.wrong
}

// reaches waits until the follower has seen something.
func (f *follower) reaches(t testing.TB, what string, there func(read uint64, last line) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		read, last, wrong := f.state()
		require.Empty(t, wrong, f.p.who)
		if there(read, last) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s hangs: it did not come to %s in %v; %d frames, the last %+v", f.p.who, what, patience, read, last)
		}
	}
}

// follow starts a follower of each client in each mode.
func follow(t testing.TB, dir string, modes ...string) (all []*follower) {
	t.Helper()
	for _, c := range clients(t) {
		for _, mode := range modes {
			if c.canRead(mode) {
				f := &follower{lossless: mode == "lossless", ends: map[string]uint64{}}
				f.p = startWatched(t, c, dir, f.see, "read", "cam0", "--mode", mode, "--wait", "60", "--follow")
				all = append(all, f)
			}
		}
	}
	return all
}

// Writers of all languages, one after the other, are killed and taken over by the
// next, while readers of all languages look.
func TestKillWriters(t *testing.T) {
	writers := doing(t, func(c *client) bool { return c.can("write") })
	dir, rounds := testDir(t), kills(t)/2
	followers := follow(t, dir, "newest", "lossless")
	for round := range rounds {
		c := writers[rand.N(len(writers))]
		w := startWatched(t, c, dir, nil, "write", "cam0", "--fps", []string{"0", "700"}[round%2], "--linger", "0")
		if round%4 == 3 { // while it starts
			time.Sleep(rand.N(100 * time.Millisecond))
			w.kill()
			continue
		}
		w.ready(t)
		w.frame(t)
		time.Sleep(rand.N(50 * time.Millisecond))
		w.kill()
		var last line
		for l, ok := w.next(t); ok; l, ok = w.next(t) {
			if isFrame(l) {
				last = l
			}
		}
		if last.Published != nil {
			everythingArrives(t, followers, last)
		}
	}

	w := startWatched(t, writers[0], dir, nil, "write", "cam0", "--fps", "200", "--linger", "0")
	gen := w.ready(t).Generation
	for _, f := range followers {
		f.reaches(t, "the last writer", func(_ uint64, last line) bool { return last.Generation == gen })
	}
	published := frames(w.stop(t).lines)
	end := *published[len(published)-1].Published
	for _, f := range followers {
		f.reaches(t, "the last frame", func(_ uint64, last line) bool { return last.Generation == gen && *last.Number == end })
		f.p.stop(t)
		read, _, wrong := f.state()
		require.Empty(t, wrong, f.p.who)
		t.Logf("%s: %d frames of %d generations", f.p.who, read, len(f.ends))
	}
	t.Logf("%d writers killed, %d frames in all", rounds, end+1)
}

// everythingArrives checks that lossless readers which had begun to read a writer's
// frames get all that it published, though it is dead.
func everythingArrives(t testing.TB, followers []*follower, last line) {
	t.Helper()
	for _, f := range followers {
		f.mu.Lock()
		_, began := f.ends[last.Generation]
		f.mu.Unlock()
		if f.lossless && began {
			f.reaches(t, "what a dead writer had published", func(uint64, line) bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.ends[last.Generation] >= *last.Published
			})
		}
	}
}

// Readers of all languages are killed while a writer goes on, which waits for living
// ones only; another lossless reader loses nothing.
func TestKillReaders(t *testing.T) {
	rounds := kills(t) / 4
	writers := doing(t, func(c *client) bool { return c.can("write") })
	readers := doing(t, func(c *client) bool { return c.can("read") })
	for i, c := range writers {
		t.Run(c.name, func(t *testing.T) {
			dir := testDir(t)
			w := startWatched(t, c, dir, func(line) {}, "write", "cam0", "--slots", "6", "--linger", "0")
			w.ready(t)
			steady := &follower{lossless: true, ends: map[string]uint64{}}
			other := readers[(i+1)%len(readers)]
			other.needsMode(t, "lossless")
			steady.p = startWatched(t, other, dir, steady.see, "read", "cam0", "--mode", "lossless")
			goesOn := func() {
				t.Helper()
				before, _, _ := steady.state()
				steady.reaches(t, "20 more frames", func(read uint64, _ line) bool { return read >= before+20 })
			}
			killed := 0
			for round := range (rounds + len(writers) - 1) / len(writers) {
				reader := readers[round%len(readers)]
				mode := reader.Modes[rand.N(len(reader.Modes))]
				r := startWatched(t, reader, dir, func(line) {}, "read", "cam0", "--mode", mode)
				if round%4 != 3 {
					r.ready(t)
				}
				time.Sleep(rand.N(30 * time.Millisecond))
				r.kill()
				killed++
				goesOn()
			}
			w.stop(t)
			got := steady.p.ends(t, "eof")
			read, _, wrong := steady.state()
			require.Empty(t, wrong, got.who)
			t.Logf("%d readers killed beside %s: %d frames", killed, got.who, read)
		})
	}
}

// Those who change a value are killed in the middle: it is the old one or the new
// one, and nobody is locked out.
func TestKillUpdaters(t *testing.T) {
	updaters := doing(t, func(c *client) bool { return c.can("update") })
	dir, rounds := testDir(t), kills(t)/4
	seen := map[int64]string{}
	collect := func(p *process) {
		for l, ok := p.next(t); ok; l, ok = p.next(t) {
			if l.Value == nil {
				continue
			}
			require.Empty(t, seen[*l.Value], "%s: the value %d came twice", p.who, *l.Value)
			require.Equal(t, int64(*l.Number+1), *l.Value, "%s: numbers rise with each update", p.who)
			seen[*l.Value] = p.who
		}
	}
	begin := func(c *client) *process { return start(t, c, dir, "update", "c", "--times", "0") }
	steady := []*process{}
	for _, c := range updaters {
		steady = append(steady, begin(c))
	}
	for round := range rounds {
		p := begin(updaters[round%len(updaters)])
		p.until(t, "an update", func(l line) bool {
			if l.Value != nil {
				seen[*l.Value] = p.who
			}
			return l.Value != nil
		})
		time.Sleep(rand.N(15 * time.Millisecond))
		p.kill()
		collect(p)
	}
	for _, p := range steady {
		p.stop(t)
		collect(p)
	}
	for _, c := range updaters {
		value, number := valueOf(t, c, dir)
		require.Equal(t, int64(number+1), value)
		require.GreaterOrEqual(t, value, int64(len(seen)))
		require.LessOrEqual(t, value, int64(len(seen)+rounds), "each killed one may have made one update that it did not tell of")
	}
	t.Logf("%d killed, %d updates", rounds, len(seen))
	require.NoError(t, framebuf.Remove(dir, "c"))
	// What the last one killed has left in the making goes with the next update, or with a sweep; nothing stays then.
	_, err := framebuf.GC(within(t, 20*time.Second), dir)
	require.NoError(t, err)
}
