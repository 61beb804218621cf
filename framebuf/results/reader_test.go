//go:build linux

package results

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// number is what a test's record says.
func number(t testing.TB, rec *Record) int {
	t.Helper()
	n, err := strconv.Atoi(string(rec.JSON))
	require.NoError(t, err)
	return n
}

// A late reader gets what the ring still holds, oldest first, and then what comes. What
// was overwritten before it came is not counted as missed; what is overwritten after
// that is.
func TestLateReaderMissesNothingOfTheRing(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w := mustCreate(t, dir, Options{Slots: 4})
	for i := range 10 {
		mustPut(t, w, picture(1, uint64(i)), i)
	}
	r := mustOpen(t, dir, ReaderOptions{})
	next := func(want int, missed uint64) {
		t.Helper()
		rec, err := r.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, want, number(t, &rec))
		require.EqualValues(t, want, rec.Number)
		require.Equal(t, missed, rec.Missed)
	}
	for i := 6; i < 10; i++ {
		next(i, 0)
	}
	mustPut(t, w, picture(1, 10), 10)
	next(10, 0)
	for i := 11; i < 20; i++ {
		mustPut(t, w, picture(1, uint64(i)), i)
	}
	next(16, 5)
	for i := 20; i < 30; i++ { // 17, 18 and 19 were copied before they went away
		mustPut(t, w, picture(1, uint64(i)), i)
	}
	next(17, 0)
	next(18, 0)
	next(19, 0)
	next(26, 6)
	require.NoError(t, w.Close())
	next(27, 0)
	next(28, 0)
	next(29, 0)
	_, err := r.Next(ctx)
	require.Equal(t, io.EOF, err)
	rec, ok, err := r.For(ctx, picture(1, 28))
	require.NoError(t, err, "the end takes nothing away")
	require.True(t, ok)
	require.Equal(t, 28, number(t, &rec))
}

func TestFor(t *testing.T) {
	type put struct {
		generation byte
		frame      uint64
	}
	for _, row := range []struct {
		name  string
		puts  []put // the n-th one says n; slots are 4
		ask   put
		want  int // -1: nothing yet; -2: gone
		still string
	}{
		{name: "no record", ask: put{1, 5}, want: -1},
		{name: "this frame", puts: []put{{1, 4}, {1, 5}, {1, 6}}, ask: put{1, 5}, want: 1},
		{name: "the one before", puts: []put{{1, 4}, {1, 8}}, ask: put{1, 7}, want: 0},
		{name: "long before", puts: []put{{1, 4}}, ask: put{1, 1 << 40}, want: 0},
		{name: "never a later one", puts: []put{{1, 6}, {1, 8}}, ask: put{1, 5}, want: -1},
		{name: "the newest of several", puts: []put{{1, 5}, {1, 5}, {1, 6}}, ask: put{1, 5}, want: 1},
		{name: "out of order", puts: []put{{1, 5}, {1, 9}, {1, 7}}, ask: put{1, 8}, want: 2},
		{name: "out of order, above", puts: []put{{1, 5}, {1, 9}, {1, 7}}, ask: put{1, 10}, want: 1},
		{name: "frame 0", puts: []put{{1, 0}}, ask: put{1, 0}, want: 0},
		{name: "another generation", puts: []put{{1, 5}}, ask: put{2, 5}, want: -1},
		{name: "both generations", puts: []put{{1, 5}, {1, 6}, {2, 0}, {2, 1}}, ask: put{1, 5}, want: 0},
		{name: "the newer generation", puts: []put{{1, 5}, {1, 6}, {2, 0}, {2, 1}}, ask: put{2, 9}, want: 3},
		{name: "a new generation has none yet", puts: []put{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}}, ask: put{2, 0}, want: -1},
		{name: "gone", puts: []put{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}}, ask: put{1, 1}, want: -2, still: "frame 1: records have left the ring: those that are still there speak of frames 2 to 5"},
		{name: "gone, out of order", puts: []put{{1, 1}, {1, 9}, {1, 3}, {2, 1}, {1, 5}}, ask: put{1, 2}, want: -2, still: "frames 3 to 9"},
		{name: "all there, none so early", puts: []put{{1, 1}, {1, 2}, {1, 3}, {1, 4}}, ask: put{1, 0}, want: -1},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, ctx := testDir(t), within(t, time.Minute)
			w := mustCreate(t, dir, Options{Slots: 4})
			early := mustOpen(t, dir, ReaderOptions{})
			for i, p := range row.puts {
				mustPut(t, w, picture(p.generation, p.frame), i)
				_, _, err := early.For(ctx, picture(9, 0)) // looks at each
				require.NoError(t, err)
			}
			for name, r := range map[string]*Reader{"early": early, "late": mustOpen(t, dir, ReaderOptions{})} {
				for range 2 { // asked again, the answer is remembered
					rec, ok, err := r.For(ctx, picture(row.ask.generation, row.ask.frame))
					if row.want == -2 {
						require.ErrorIs(t, err, ErrGone, name)
						require.ErrorContains(t, err, row.still, name)
						continue
					}
					require.NoError(t, err, name)
					require.Equal(t, row.want >= 0, ok, name)
					if ok {
						require.Equal(t, row.want, number(t, &rec), name)
					}
				}
			}
		})
	}
}

// A record that speaks of no frame is none of For's business.
func TestForLeavesOutWhatSpeaksOfNoFrame(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w, r := mustCreate(t, dir, Options{}), mustOpen(t, dir, ReaderOptions{})
	mustPut(t, w, nil, 0)
	_, ok, err := r.For(ctx, &framebuf.Info{})
	require.NoError(t, err)
	require.False(t, ok)
	rec, ok, err := r.Newest(ctx)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 0, number(t, &rec))
}

// The next analyzer under the name counts anew after a clean end. Nothing that the old
// one said is lost, and nothing counts as missed.
func TestFollowOverACleanEnd(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w := mustCreate(t, dir, Options{})
	all, asking := mustOpen(t, dir, ReaderOptions{Follow: true}), mustOpen(t, dir, ReaderOptions{Follow: true})
	for i := range 3 {
		mustPut(t, w, picture(1, uint64(i)), i)
	}
	require.NoError(t, w.Close())
	again := mustCreate(t, dir, Options{})
	mustPut(t, again, picture(1, 3), 3)
	for i, want := range []uint64{0, 1, 2, 0} {
		rec, err := all.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, i, number(t, &rec))
		require.Equal(t, want, rec.Number)
		require.Zero(t, rec.Missed)
	}
	rec, ok, err := asking.For(ctx, picture(1, 2))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 2, number(t, &rec))
	require.Eventually(t, func() bool {
		rec, _, err = asking.For(ctx, picture(1, 3))
		require.NoError(t, err)
		return number(t, &rec) == 3
	}, 20*time.Second, time.Millisecond)
	rec, ok, err = asking.For(ctx, picture(1, 2))
	require.NoError(t, err)
	require.True(t, ok, "what the old one said holds")
	require.Equal(t, 2, number(t, &rec))

	waiting, cancel := context.WithCancelCause(ctx)
	require.NoError(t, again.Close())
	done := make(chan error, 1)
	go func() {
		_, err := all.Next(waiting)
		done <- err
	}()
	enough := fmt.Errorf("enough")
	cancel(enough)
	require.ErrorIs(t, <-done, enough)
}

// What the next analyzer overwrote before it was looked at is counted from its own
// beginning, wherever the old one had ended; what the old one said last is not lost.
func TestFollowCountsFromTheBeginning(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w := mustCreate(t, dir, Options{Slots: 4})
	r := mustOpen(t, dir, ReaderOptions{Follow: true})
	mustPut(t, w, picture(1, 0), 0)
	_, err := r.Next(ctx)
	require.NoError(t, err)
	mustPut(t, w, picture(1, 1), 1)
	require.NoError(t, w.Close())
	again := mustCreate(t, dir, Options{Slots: 4})
	for i := range 10 {
		mustPut(t, again, picture(1, uint64(i)), i)
	}
	went, err := r.advance(ctx)
	require.NoError(t, err)
	require.True(t, went)
	for i, want := range []int{1, 6, 7, 8, 9} {
		rec, err := r.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, want, number(t, &rec))
		require.Equal(t, map[bool]uint64{true: 6, false: 0}[i == 1], rec.Missed)
	}
}

func TestRecords(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w, r := mustCreate(t, dir, Options{}), mustOpen(t, dir, ReaderOptions{})
	for i := range 5 {
		mustPut(t, w, picture(1, uint64(i)), i)
	}
	var got []int
	for rec, err := range r.Records(ctx) {
		require.NoError(t, err)
		if got = append(got, number(t, &rec)); len(got) == 2 {
			break
		}
	}
	require.Equal(t, []int{0, 1}, got)
	require.NoError(t, w.Close())
	for rec, err := range r.Records(ctx) {
		require.NoError(t, err)
		got = append(got, number(t, &rec))
	}
	require.Equal(t, []int{0, 1, 2, 3, 4}, got)

	require.NoError(t, r.Close())
	last := 0
	for _, err := range r.Records(ctx) {
		require.ErrorIs(t, err, framebuf.ErrClosed)
		last++
	}
	require.Equal(t, 1, last)
}

// What is handed out is the caller's: later records do not change it.
func TestRecordsAreCopies(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	w, r := mustCreate(t, dir, Options{Slots: 2}), mustOpen(t, dir, ReaderOptions{})
	mustPut(t, w, picture(1, 0), json.RawMessage(`"first"`))
	rec, ok, err := r.For(ctx, picture(1, 0))
	require.NoError(t, err)
	require.True(t, ok)
	for range 5 {
		mustPut(t, w, picture(1, 1), json.RawMessage(`"later"`))
		_, _, err := r.Newest(ctx)
		require.NoError(t, err)
	}
	require.Equal(t, `"first"`, string(rec.JSON))
}
