//go:build linux

// The word's address is handed to the kernel here.

package futex

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func wait(word *atomic.Uint32, val uint32, ts *unix.Timespec) syscall.Errno {
	// A full Syscall, so that the scheduler can give this thread's place away.
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWait, uintptr(val), uintptr(unsafe.Pointer(ts)), 0, 0)
	return errno
}

func wake(word *atomic.Uint32) syscall.Errno {
	// Never blocks, so the scheduler need not hear of it.
	_, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWake, all, 0, 0, 0)
	return errno
}
