// Clocks.

package shm

import (
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Now reads both clocks, at one instant.
func Now() Clock {
	t := time.Now()
	return Clock{Mono: origin().mono(t), Wall: t.UnixNano()}
}

// Mono reads CLOCK_MONOTONIC in nanoseconds.
func Mono() int64 { return origin().mono(time.Now()) }

// instant is one on both of Go's clock and CLOCK_MONOTONIC.
//
// Go reads CLOCK_MONOTONIC through the vDSO, which takes a tenth of a system call, but gives out only differences. So
// the clock itself is asked once, and the difference added.
type instant struct {
	at   time.Time
	nano int64
}

func (i instant) mono(t time.Time) int64 { return i.nano + int64(t.Sub(i.at)) }

// origin is taken between two looks at Go's clock that are as close as can be had: that is how exact all times are.
var origin = sync.OnceValue(func() (best instant) {
	const tries = 20
	for closest, k := time.Duration(math.MaxInt64), 0; k < tries; k++ {
		before := time.Now()
		nano := read(unix.CLOCK_MONOTONIC)
		if apart := time.Since(before); apart < closest {
			closest, best = apart, instant{before.Add(apart / 2), nano}
		}
	}
	return best
})

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
