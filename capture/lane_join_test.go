package capture

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// What showinfo said belongs to the lane's frames by order alone, so the order must survive whatever happens.
func TestJoinByOrder(t *testing.T) {
	name := func(j *joiner) int {
		s, ok := j.next(t.Context())
		if !ok {
			return -1
		}
		return s.width
	}
	t.Run("in order, also where times repeat, jump back or are not known", func(t *testing.T) {
		j := newJoiner()
		for i, pts := range []int64{0, 0, 40, 20, framebuf.NoPTS, 20} {
			j.add(record(pts, i))
		}
		j.end()
		for i := range 6 {
			require.Equal(t, i, name(j))
		}
		require.Equal(t, -1, name(j), "no more will come")
	})
	t.Run("it comes later than its frame", func(t *testing.T) {
		j := newJoiner()
		got := make(chan int)
		go func() { got <- name(j) }()
		j.add(record(0, 7))
		require.Equal(t, 7, <-got)
	})
	t.Run("so late that its frame went on without it", func(t *testing.T) {
		j := newJoiner()
		j.gaveUp = true // joinPatience has passed
		require.Equal(t, -1, name(j))
		require.Equal(t, -1, name(j))
		for i := range 4 {
			j.add(record(int64(i), i))
		}
		require.Equal(t, 2, name(j), "those of the first two frames are of no use any more")
		require.Equal(t, 3, name(j))
		require.False(t, j.gaveUp, "the next ones are waited for")
	})
	t.Run("the end of the run", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, ok := newJoiner().next(ctx)
		require.False(t, ok)
	})
}
