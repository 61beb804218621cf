//go:build linux

package shm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The clock is CLOCK_MONOTONIC itself, as other processes and languages read it.
func TestMonoIsTheSystemsClock(t *testing.T) {
	apart := time.Duration(1 << 62)
	for range 1000 {
		before, ours, after := read(unix.CLOCK_MONOTONIC), Mono(), read(unix.CLOCK_MONOTONIC)
		// Between the two looks, but for what the origin is wrong by.
		apart = min(apart, time.Duration(max(before-ours, ours-after, 0)))
	}
	require.Less(t, apart, 20*time.Microsecond)
	now := Now()
	require.InDelta(t, read(unix.CLOCK_REALTIME), now.Wall, float64(time.Minute))
	require.GreaterOrEqual(t, Mono(), now.Mono)
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}

// As it would be with system calls.
func BenchmarkClockGettime(b *testing.B) {
	for b.Loop() {
		read(unix.CLOCK_MONOTONIC)
	}
}
