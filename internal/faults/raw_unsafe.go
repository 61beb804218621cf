//go:build linux

// Touching a segment from outside of the library, by the offsets of LAYOUT.md: as
// a peer of another language would, or one that means ill.

package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"sync/atomic"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Offsets of LAYOUT.md: of the static header, the dynamic header and the control
// file.
const (
	atDynamic   = 32
	atPublish   = 128
	atBack      = 256
	atEvent     = 384
	atRingEvent = 64 // of the control file
)

// raw is a mapped file.
type raw struct{ b []byte }

// mapRaw maps a whole file until the end of the row.
func (t *trial) mapRaw(path string, writable bool) raw {
	m, unmap, err := mapFile(path, writable)
	require.NoError(t, err)
	t.cleanup(unmap)
	return m
}

func mapFile(path string, writable bool) (m raw, unmap func(), err error) {
	flags, prot := os.O_RDONLY, unix.PROT_READ
	if writable {
		flags, prot = os.O_RDWR, unix.PROT_READ|unix.PROT_WRITE
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return raw{}, nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return raw{}, nil, err
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), prot, unix.MAP_SHARED)
	if err != nil {
		return raw{}, nil, err
	}
	return raw{b}, func() { _ = unix.Munmap(b) }, nil
}

// dynamic is where the dynamic header begins.
func (m raw) dynamic() int { return int(binary.LittleEndian.Uint32(m.b[atDynamic:])) }

func (m raw) word32(off int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&m.b[off : off+4][0]))
}

func (m raw) word64(off int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&m.b[off : off+8][0]))
}

// controlOf is the control file of the one segment in dir.
func (t *trial) controlOf(dir, name string) string {
	found, err := filepath.Glob(filepath.Join(dir, "."+name+".*"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// Operations of futex(2).
const (
	futexWait    = 0
	futexWake    = 1
	futexRequeue = 3
)

// steal does to a word what a bad peer can with a read-only mapping: it sleeps
// there for a moment and so takes wake-ups, or wakes one sleeper for nothing.
func steal(word *atomic.Uint32) {
	ts := unix.NsecToTimespec(int64(200_000))
	addr := uintptr(unsafe.Pointer(word))
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, addr, futexWait, uintptr(word.Load()), uintptr(unsafe.Pointer(&ts)), 0, 0)
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, addr, futexWake, 1, 0, 0, 0)
}

// abduct moves every sleeper of a word to another one, where nobody will wake it.
// It returns how many there were.
func abduct(word, to *atomic.Uint32) int {
	n, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexRequeue,
		0, 1<<20, uintptr(unsafe.Pointer(to)), 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
