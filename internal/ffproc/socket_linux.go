package ffproc

// The connection that carries frames between a child and us.

import (
	"os"

	"golang.org/x/sys/unix"
)

// socketBytes is what a connection may hold; without privileges the system allows
// less (net.core.wmem_max), which is enough.
const socketBytes = 1 << 20

// connection makes a one-way connection, as a pair of Unix sockets. To a program that only
// reads or writes it is a pipe, but frames go through it about twice as fast: a pipe is filled
// page by page under a lock that the reader holds while it copies, so that the two work in
// turns; a socket takes larger blocks, and both work at once. scripts/bench has the ratios.
//
// The child's end blocks, ours does not: it has deadlines.
func connection() (r, w int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, os.NewSyscallError("socketpair", err)
	}
	_ = unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUF, socketBytes) // slower without
	_ = unix.Shutdown(fds[0], unix.SHUT_WR)                                      // one way only
	return fds[0], fds[1], nil
}

// toChild makes a connection that the child reads.
func toChild() (ours, child *os.File, err error) {
	r, w, err := connection()
	if err != nil {
		return nil, nil, err
	}
	return end(w, true), end(r, false), nil
}

// fromChild makes a connection that the child writes.
func fromChild() (ours, child *os.File, err error) {
	r, w, err := connection()
	if err != nil {
		return nil, nil, err
	}
	return end(r, true), end(w, false), nil
}

func end(fd int, ours bool) *os.File {
	_ = unix.SetNonblock(fd, ours) // fails for no socket
	return os.NewFile(uintptr(fd), "frames")
}
