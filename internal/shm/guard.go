// The fault guard: a touch of mapped memory that is gone becomes an error.

package shm

import "runtime/debug"

// Guard runs fn and turns a memory fault inside one of the mappings into a
// *FaultError. Any other panic goes on. A nil or closed mapping is skipped.
//
// A file that somebody truncates takes the memory from under every mapping of
// it, and the next touch is SIGBUS, which ends a Go process unless the goroutine
// has asked for a panic instead. fn must touch the mapping on this goroutine
// only. Cost: about 10 ns. The shape is that of protect and unprotect in Go's
// own cmd/go/internal/modindex.
func Guard(fn func() error, maps ...*Mapping) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if e := recover(); e != nil {
			f, ok := e.(interface{ Addr() uintptr })
			if !ok {
				panic(e)
			}
			for _, m := range maps {
				if off, in := m.offsetOf(f.Addr()); in {
					err = &FaultError{Offset: off}
					return
				}
			}
			panic(e)
		}
	}()
	return fn()
}
