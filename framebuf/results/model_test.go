//go:build linux

// The reader against a naive model: a list of everything that was ever put.

package results

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// said is one record of the model.
type said struct {
	about      bool
	generation byte
	frame      uint64
}

// model knows the last records as they stood when the reader looked last.
type model struct {
	slots     int
	all       []said
	known     [2]int // of all, from..until
	taken     int    // of all
	hasLooked bool
}

func (m *model) look() {
	if len(m.all) == m.known[1] {
		return
	}
	from := max(len(m.all)-m.slots, 0)
	if !m.hasLooked {
		m.taken = from // what was gone before the reader came does not count
	}
	m.hasLooked, m.known = true, [2]int{from, len(m.all)}
}

// find is the index of the best record, -1 if there is none, -2 if it may be gone.
func (m *model) find(generation byte, frame uint64) int {
	best, later := -1, false
	for i := m.known[0]; i < m.known[1]; i++ {
		switch s := m.all[i]; {
		case !s.about || s.generation != generation:
		case s.frame > frame:
			later = true
		case best < 0 || s.frame >= m.all[best].frame:
			best = i
		}
	}
	if best < 0 && later && m.known[0] > 0 {
		return -2
	}
	return best
}

func TestReaderAgainstTheModel(t *testing.T) {
	dir, ctx := testDir(t), within(t, 5*time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		m := model{slots: rapid.IntRange(2, 6).Draw(t, "slots")}
		o := Options{Dir: dir, Linger: -1, Slots: m.slots, Capacity: 64}
		w, err := Create("cam0.boxes", &o)
		require.NoError(t, err)
		defer func() { _ = w.Close() }()
		put := func() {
			s := said{
				about: rapid.IntRange(0, 9).Draw(t, "about") > 0, generation: rapid.ByteRange(1, 2).Draw(t, "generation"),
				frame: rapid.Uint64Range(0, 12).Draw(t, "frame"),
			}
			about := picture(s.generation, s.frame)
			if !s.about {
				about = nil
			}
			require.NoError(t, w.Put(ctx, about, len(m.all)))
			m.all = append(m.all, s)
		}
		for range rapid.IntRange(0, 9).Draw(t, "before") {
			put()
		}
		r, err := Open(ctx, "cam0.boxes", &ReaderOptions{Dir: dir, Follow: true})
		require.NoError(t, err)
		defer r.Close()
		is := func(want int, rec *Record) {
			require.Equal(t, want, numberOf(t, rec))
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(*rapid.T) { put() },
			"for": func(t *rapid.T) {
				generation, frame := rapid.ByteRange(1, 3).Draw(t, "of"), rapid.Uint64Range(0, 13).Draw(t, "ask")
				m.look()
				rec, ok, err := r.For(ctx, picture(generation, frame))
				switch want := m.find(generation, frame); want {
				case -2:
					require.ErrorIs(t, err, ErrGone)
				case -1:
					require.NoError(t, err)
					require.False(t, ok)
				default:
					require.NoError(t, err)
					require.True(t, ok)
					is(want, &rec)
				}
			},
			"newest": func(t *rapid.T) {
				m.look()
				rec, ok, err := r.Newest(ctx)
				require.NoError(t, err)
				require.Equal(t, len(m.all) > 0, ok)
				if ok {
					is(len(m.all)-1, &rec)
				}
			},
			"next": func(t *rapid.T) {
				if m.taken == m.known[1] || !m.hasLooked {
					m.look()
				}
				if !m.hasLooked || m.taken == m.known[1] {
					t.Skip("it would wait")
				}
				rec, err := r.Next(ctx)
				require.NoError(t, err)
				missed := max(m.known[0]-m.taken, 0)
				m.taken += missed
				is(m.taken, &rec)
				require.EqualValues(t, missed, rec.Missed)
				m.taken++
			},
			"another analyzer": func(t *rapid.T) {
				require.NoError(t, w.Close())
				w, err = Create("cam0.boxes", &o)
				require.NoError(t, err)
				m.look()
				for range 2 { // the rest of the old one, then the new one
					r.looked = time.Time{} // at once, not within a tenth of a second
					_, _, err := r.Newest(ctx)
					require.NoError(t, err)
				}
			},
		})
	})
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func numberOf(t require.TestingT, rec *Record) (n int) {
	require.NoError(t, rec.Unmarshal(&n))
	return n
}
