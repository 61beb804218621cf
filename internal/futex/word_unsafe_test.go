//go:build linux

// A word in a mapped file.

package futex

import (
	"os"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// mapWord maps the first page of a file and gives its first word.
func mapWord(path string, writable bool) (word *atomic.Uint32, unmap func() error, err error) {
	flags, prot := os.O_RDONLY, unix.PROT_READ
	if writable {
		flags, prot = os.O_RDWR, unix.PROT_READ|unix.PROT_WRITE
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	b, err := unix.Mmap(int(f.Fd()), 0, 4096, prot, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return (*atomic.Uint32)(unsafe.Pointer(unsafe.SliceData(b))), func() error { return unix.Munmap(b) }, nil
}

// newWord is a word in a new file in memory.
func newWord(t testing.TB) (word *atomic.Uint32, path string) {
	t.Helper()
	f, err := os.CreateTemp("/dev/shm", "framebridge-futex-test-")
	require.NoError(t, err)
	path = f.Name()
	t.Cleanup(func() { require.NoError(t, os.Remove(path)) })
	require.NoError(t, f.Truncate(4096))
	require.NoError(t, f.Close())
	word, unmap, err := mapWord(path, true)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unmap()) })
	return word, path
}
