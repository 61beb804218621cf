package seqlock

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSequenceValues(t *testing.T) {
	for _, n := range []uint64{0, 1, 2, 1<<47 - 1} {
		var seq atomic.Uint64
		require.False(t, Begin(&seq, n), "never used")
		BeginWrite(&seq, n)
		require.Equal(t, Writing(n), seq.Load())
		require.False(t, Begin(&seq, n))
		require.False(t, Valid(&seq, n))
		_, ok := Frame(seq.Load())
		require.False(t, ok, "being written")
		EndWrite(&seq, n)
		require.True(t, Begin(&seq, n))
		require.True(t, Valid(&seq, n))
		require.False(t, Valid(&seq, n+1))
		got, ok := Frame(seq.Load())
		require.True(t, ok)
		require.Equal(t, n, got)
		require.Less(t, Writing(n), Complete(n))
		require.Less(t, Complete(n), Writing(n+1), "it only rises")
	}
	_, ok := Frame(0)
	require.False(t, ok)
}

// One slot, a writer that never rests, and readers that believe only what is
// valid. The words are atomic, so that the race detector follows every access and
// any order that is allowed may happen.
func TestValidReadsAreWhole(t *testing.T) {
	const words, readers = 64, 3
	var seq, newest atomic.Uint64
	payload := make([]atomic.Uint64, words)
	write := func(n uint64) {
		BeginWrite(&seq, n)
		for i := range payload {
			payload[i].Store(n ^ uint64(i)<<48)
		}
		EndWrite(&seq, n)
		newest.Store(n)
	}
	write(0)
	var all sync.WaitGroup
	var stop atomic.Bool
	var whole, spoilt [readers]int
	for r := range readers {
		all.Go(func() {
			var copied [words]uint64
			for !stop.Load() {
				n := newest.Load()
				if !Begin(&seq, n) {
					continue
				}
				for i := range payload {
					copied[i] = payload[i].Load()
				}
				if !Valid(&seq, n) {
					spoilt[r]++
					continue
				}
				whole[r]++
				for i, v := range copied {
					if v != n^uint64(i)<<48 {
						t.Errorf("word %d of frame %d is %#x", i, n, v)
						return
					}
				}
			}
		})
	}
	n := uint64(1)
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); n++ {
		write(n)
		if n%64 == 0 {
			time.Sleep(10 * time.Microsecond) // else no read of a slow reader is ever whole
		}
	}
	stop.Store(true)
	all.Wait()
	t.Logf("%d writes, whole %v, spoilt %v", n, whole, spoilt)
	require.Positive(t, whole[0]+whole[1]+whole[2])
	require.Positive(t, spoilt[0]+spoilt[1]+spoilt[2], "else nothing was tested")
}
