//go:build linux

package framebuf

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// add increases the number in a value by one, and repeats it, so that half of a value
// is noticed.
func add(old *Frame, next *Slot) error {
	n, err := number(old)
	if err != nil {
		return err
	}
	b, err := json.Marshal([2]int{n + 1, n + 1})
	if err != nil {
		return err
	}
	if err := next.SetLength(len(b)); err != nil {
		return err
	}
	copy(next.Bytes(), b)
	return nil
}

// number is what add made; 0 for none.
func number(f *Frame) (int, error) {
	if f == nil {
		return 0, nil
	}
	var twice [2]int
	if err := json.Unmarshal(f.Bytes(), &twice); err != nil {
		return 0, err
	}
	if twice[0] != twice[1] {
		return 0, errors.New("half of a value")
	}
	return twice[0], nil
}

// add is a child that increases the value until it is told to stop.
func (p play) add(ctx context.Context, rep *report, tell *json.Encoder) error {
	rep.Event = "ready"
	if err := tell.Encode(rep); err != nil {
		return err
	}
	for p.Frames == 0 || rep.Delivered < p.Frames {
		if _, err := Update(ctx, "count", &Options{Dir: p.Dir}, add); err != nil {
			return err
		}
		rep.Delivered++
		rep.Event = "added"
		if p.Frames == 0 {
			_ = tell.Encode(rep)
		}
	}
	return nil
}

// value reads the number that a fresh reader finds.
func value(t testing.TB, dir string) int {
	t.Helper()
	r, err := Open(t.Context(), "count", &ReaderOptions{Dir: dir})
	require.NoError(t, err)
	defer r.Close()
	for f, err := range r.Recent(t.Context()) {
		require.NoError(t, err)
		n, err := number(f)
		require.NoError(t, err)
		return n
	}
	t.Fatal("no value")
	return 0
}

// Four processes at once: nobody's addition is lost.
func TestUpdateIsAlone(t *testing.T) {
	dir := testDir(t)
	const processes, each = 4, 60
	var children []*child
	for range processes {
		children = append(children, start(t, "adder", play{Dir: dir, Frames: each}))
	}
	for _, c := range children {
		r := c.end(t)
		require.Empty(t, r.Error)
	}
	require.Equal(t, processes*each, value(t, dir))
	require.NoError(t, Remove(dir, "count"))
}

// Killed at any moment, it is the old value or the new one, and nobody is locked out.
func TestUpdateKilled(t *testing.T) {
	dir := testDir(t)
	least := 0
	for range kills(t) {
		c := start(t, "adder", play{Dir: dir})
		c.event(t, "added")
		time.AfterFunc(time.Duration(rand.IntN(20))*time.Millisecond, func() { _ = c.cmd.Process.Kill() })
		told := 1
		for {
			var r report
			if c.out.Decode(&r) != nil {
				break
			}
			told = int(r.Delivered)
		}
		c.kill()
		now := value(t, dir)
		require.GreaterOrEqual(t, now, least+told, "an update that was acknowledged is there")
		require.LessOrEqual(t, now, least+told+1)
		_, err := Update(within(t, 20*time.Second), "count", &Options{Dir: dir}, add)
		require.NoError(t, err)
		least = now + 1
	}
	require.Equal(t, least, value(t, dir))
	sweep(t, dir)
	require.Equal(t, least, value(t, dir), "a sweep leaves it")
	require.NoError(t, Remove(dir, "count"))
}

// A change that fails changes nothing.
func TestUpdateRefused(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	no := errors.New("no")
	refuse := func(old *Frame, next *Slot) error {
		if err := add(old, next); err != nil {
			return err
		}
		return no
	}
	_, err := Update(ctx, "count", &Options{Dir: dir}, refuse)
	require.ErrorIs(t, err, no)
	_, err = Stat(dir, "count")
	require.ErrorIs(t, err, ErrNotFound)
	n, err := Update(ctx, "count", &Options{Dir: dir}, add)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = Update(ctx, "count", &Options{Dir: dir}, refuse)
	require.ErrorIs(t, err, no)
	n, err = Update(ctx, "count", &Options{Dir: dir}, add)
	require.NoError(t, err)
	require.Equal(t, uint64(1), n, "numbers have no gap")
	require.Equal(t, 2, value(t, dir))
	st, err := Stat(dir, "count")
	require.NoError(t, err)
	require.True(t, st.Kept)
	require.False(t, st.Alive)
	require.Equal(t, Ended, st.State)
	_, err = Update(ctx, "count", &Options{Dir: dir}, func(_ *Frame, next *Slot) error { return next.SetLength(1 << 20) })
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = Update(ctx, "count", &Options{Dir: dir, Sealed: true}, add)
	require.ErrorIs(t, err, ErrFormat)
	require.NoError(t, Remove(dir, "count"))
}

// A value keeps the room that it has.
func TestUpdateKeepsTheCapacity(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	long := func(_ *Frame, next *Slot) error { return next.SetLength(100_000) }
	_, err := Update(ctx, "count", &Options{Dir: dir, Capacity: 100_000}, long)
	require.NoError(t, err)
	_, err = Update(ctx, "count", &Options{Dir: dir}, long)
	require.NoError(t, err)
	require.NoError(t, Remove(dir, "count"))
}

// Update waits for a living writer, and not for ever; pictures are not overwritten.
func TestUpdateOfWhatSomebodyHas(t *testing.T) {
	dir := testDir(t)
	w := mustCreate(t, dir, Format{}, Options{})
	ctx, cancel := context.WithCancelCause(within(t, 20*time.Second))
	why := errors.New("enough")
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	_, err := Update(ctx, "cam0", &Options{Dir: dir}, add)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorIs(t, err, why)
	require.NoError(t, w.Close())

	w = mustCreate(t, dir, small, Options{})
	crash(t, w)
	_, err = Update(within(t, 20*time.Second), "cam0", &Options{Dir: dir}, add)
	require.ErrorIs(t, err, ErrFormat)
	require.NoError(t, Remove(dir, "cam0"))
}

// Who follows the name gets the next value, by waiting and by looking.
func TestUpdateIsSeen(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	set := func() {
		_, err := Update(ctx, "count", &Options{Dir: dir}, add)
		require.NoError(t, err)
	}
	set()
	waits, err := Open(ctx, "count", &ReaderOptions{Dir: dir, Follow: true})
	require.NoError(t, err)
	defer waits.Close()
	looks, err := Open(ctx, "count", &ReaderOptions{Dir: dir, Follow: true, ReadOnly: true})
	require.NoError(t, err)
	defer looks.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	got := make(chan int)
	wg.Go(func() {
		defer close(got)
		for f, err := range waits.Frames(ctx) {
			if err != nil {
				t.Error(err)
				return
			}
			n, err := number(f)
			if err != nil {
				t.Error(err)
				return
			}
			if got <- n; n == 20 {
				return
			}
		}
	})
	require.Equal(t, 1, <-got)
	for n := 2; n <= 20; n++ {
		set()
		require.Equal(t, n, <-got)
		for f, err := range looks.Recent(ctx) {
			require.NoError(t, err)
			now, err := number(f)
			require.NoError(t, err)
			require.Equal(t, n, now, "the very next look")
			require.Equal(t, uint64(n-1), f.Number)
			break
		}
	}
	require.NoError(t, Remove(dir, "count"))
}

// A kept segment of frames: its end is an end, its frames stay, numbers go on.
func TestKept(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{Keep: true})
	for range 3 {
		publishStamped(ctx, t, w)
	}
	require.NoError(t, w.Close())
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), f.Number)
	require.NoError(t, f.Release())
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, []uint64{2, 1, 0}, lookBack(ctx, t, r))
	gone, err := GC(ctx, dir)
	require.NoError(t, err)
	require.Empty(t, gone)
	w = mustCreate(t, dir, small, Options{})
	require.Equal(t, uint64(3), publishStamped(ctx, t, w))
	require.NoError(t, w.Close())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = Create("cam0", small, &Options{Dir: dir, Keep: true, Sealed: true})
	require.ErrorIs(t, err, ErrFormat)
}
