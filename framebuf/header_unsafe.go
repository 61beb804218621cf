// Shared words: every cast from segment bytes to an atomic is on this page.

package framebuf

import (
	"sync/atomic"
	"unsafe"
)

// word64 is the 64-bit word at off. The slice expression checks the bounds, the
// mapping is page-aligned and every offset in layout.go is a multiple of 8.
func word64(b []byte, off int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&b[off : off+8 : off+8][0]))
}

// word32 is the 32-bit word at off.
func word32(b []byte, off int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&b[off : off+4 : off+4][0]))
}
