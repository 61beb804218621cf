// Clocks.

package shm

import "golang.org/x/sys/unix"

// Now reads both clocks, one right after the other.
func Now() Clock {
	return Clock{Mono: read(unix.CLOCK_MONOTONIC), Wall: read(unix.CLOCK_REALTIME)}
}

// Mono reads CLOCK_MONOTONIC in nanoseconds.
func Mono() int64 { return read(unix.CLOCK_MONOTONIC) }

func read(id int32) int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(id, &ts) // cannot fail for these clocks
	return ts.Nano()
}

// TAIOffset is TAI minus UTC in seconds; 0 if the kernel was not told.
func TAIOffset() int32 {
	var tx unix.Timex
	if _, err := unix.Adjtimex(&tx); err != nil {
		return 0
	}
	return tx.Tai
}
