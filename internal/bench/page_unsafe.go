//go:build linux

// A bare page of shared memory, for the control.

package main

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const pageName = "bare-futex-page"

type page struct {
	word, ready, stop *atomic.Uint32
	clock             *atomic.Uint64
}

func sharedPage(dir string, create bool) (*page, func(), error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(dir+"/"+pageName, flags, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if create {
		if err := f.Truncate(4096); err != nil {
			return nil, nil, err
		}
	}
	m, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	at32 := func(o int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&m[o])) }
	p := &page{word: at32(0), ready: at32(128), stop: at32(256), clock: (*atomic.Uint64)(unsafe.Pointer(&m[384]))}
	return p, func() { _ = unix.Munmap(m) }, nil
}
