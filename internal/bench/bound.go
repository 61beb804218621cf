//go:build linux

// What the kernel gives between two processes that do nothing else: the bound of
// every feed.

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// boundFrames is how many frames each way moves.
const boundFrames = 600

// bound compares reading a file in memory with taking the same bytes from another
// process, which only writes them: through a pipe, by vmsplice, through a socket.
func (b *bench) bound() error {
	size := hd.Size()
	raw := filepath.Join(b.tmp, "bound.raw")
	frames, err := mapFrames(raw, 8*size)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(frames); _ = os.Remove(raw) }()
	file := way{"read(2) of a file in memory", func() (int, error) {
		cmd := b.role("drain", raw, fmt.Sprint(boundFrames*size))
		return boundFrames, cmd.Run()
	}}
	through := func(name string, pair func() (r, w int, err error), put func(fd int, p []byte) (int, error)) way {
		return way{name, func() (int, error) {
			r, w, err := pair()
			if err != nil {
				return 0, err
			}
			cmd := b.role("drain", "", fmt.Sprint(boundFrames*size))
			in := os.NewFile(uintptr(r), "in")
			cmd.Stdin = in
			err = cmd.Start()
			_ = in.Close()
			for i := 0; i < boundFrames && err == nil; i++ {
				err = putAll(w, frames[i%8*size:][:size], put)
			}
			_ = unix.Close(w)
			return boundFrames, errors.Join(err, cmd.Wait())
		}}
	}
	pipe := through("pipe, write(2)", widePipe, unix.Write)
	splice := through("pipe, vmsplice(2)", widePipe, func(fd int, p []byte) (int, error) {
		iov := unix.Iovec{Base: &p[0]}
		iov.SetLen(len(p))
		return unix.Vmsplice(fd, []unix.Iovec{iov}, 0)
	})
	socket := through("socket, write(2)", wideSocket, unix.Write)
	for _, w := range []way{pipe, splice, socket} {
		if err := b.compare([]way{file, w}, file.name); err != nil {
			return err
		}
	}
	return nil
}

func putAll(fd int, p []byte, put func(int, []byte) (int, error)) error {
	for len(p) > 0 {
		n, err := put(fd, p)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		p = p[max(n, 0):]
	}
	return nil
}

func widePipe() (r, w int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return 0, 0, err
	}
	_, err = unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, 1<<20)
	return p[0], p[1], err
}

func wideSocket() (r, w int, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, err
	}
	return p[0], p[1], unix.SetsockoptInt(p[1], unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20)
}

// mapFrames makes a file in memory and maps it. Every byte is written, so that no
// way pays for the memory itself.
func mapFrames(path string, size int) ([]byte, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	p, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	for i := range p {
		p[i] = byte(i)
	}
	return p, nil
}

// drain reads n bytes into one buffer of a frame's size: from a file, again and
// again, or from the standard input if path is empty.
func drain(path string, n int) error {
	buf := make([]byte, hd.Size())
	fd := 0
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		fd = int(f.Fd())
	}
	for got := 0; n > 0; {
		k, err := unix.Read(fd, buf[got:min(len(buf), got+n)])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return err
		case k == 0 && path == "":
			return io.ErrUnexpectedEOF
		case k == 0:
			if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
				return err
			}
		}
		n -= k
		got = (got + k) % len(buf)
	}
	return nil
}
