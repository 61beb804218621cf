// The system call. golang.org/x/sys/unix has its number but neither a wrapper
// nor the operations (include/uapi/linux/futex.h).

package futex

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	opWait = 0
	opWake = 1
	all    = 1<<31 - 1
)

// Wait sleeps while *word is val, at most for d, which must be positive and
// under an hour. It returns nil also when the value had changed already, when
// time ran out or when a signal came: the caller looks again in every case.
// timedOut says that the whole time passed. Safe for concurrent use; each
// sleeping goroutine holds one thread.
func Wait(word *atomic.Uint32, val uint32, d time.Duration) (timedOut bool, err error) {
	ts := unix.NsecToTimespec(int64(d))
	errno := wait(word, val, &ts)
	switch errno {
	case 0, syscall.EAGAIN, syscall.EINTR:
		return false, nil
	case syscall.ETIMEDOUT:
		return true, nil
	case syscall.EFAULT:
		return false, ErrFault
	}
	return false, fmt.Errorf("futex: wait: %w", errno)
}

// WakeAll wakes everyone who sleeps on word, in every process. All of them, so
// that a peer which swallows a wake-up takes it from nobody.
func WakeAll(word *atomic.Uint32) error {
	if errno := wake(word); errno != 0 {
		if errno == syscall.EFAULT {
			return ErrFault
		}
		return fmt.Errorf("futex: wake: %w", errno)
	}
	return nil
}
