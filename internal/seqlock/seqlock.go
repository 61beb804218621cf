// Package seqlock is the sequence protocol of one slot: how a writer marks a
// slot as being written and as complete, and how a reader that takes no lock
// finds out whether what it read was one whole frame.
//
// A sequence is a 64-bit word beside the payload. While frame n is written it
// holds 2n+1 (odd), once the frame is complete 2n+2 (even); 0 means never
// used. It only rises, so a value never comes back and there is no ABA.
//
// A seqlock needs four orders between the word and the payload:
//
//	1  writer: odd mark before the payload stores    StoreFence in BeginWrite
//	2  writer: payload stores before the even mark   release store in EndWrite
//	3  reader: first load before the payload loads   acquire load in Begin
//	4  reader: payload loads before the second load  LoadFence in Valid
//
// Go's atomics give 2 and 3. They do not give 1 and 4 on arm64: a store-release
// (STLR) lets later plain stores pass it, a load-acquire (LDAR) lets earlier
// plain loads pass it. The two fences are one instruction each there (DMB ISHST
// and DMB ISHLD) and nothing on amd64, where loads stay in order with loads and
// stores with stores; the call itself keeps the compiler from moving memory
// accesses across it.
//
// The payload itself is read and written with ordinary instructions. That is a
// data race by the letter of the Go memory model, and it is the point of a
// seqlock: a torn payload is read, noticed and thrown away, never used. The race
// detector does not see mapped memory, so it neither confirms nor refutes this.
//
// Claiming a slot against a reader's pin needs an order that neither fence
// gives (a store before a later load). It is sequentially consistent on both
// sides and lives where the two words are, in package framebuf.
package seqlock

import "sync/atomic"

// Writing is the sequence of a slot while frame n is being written.
func Writing(n uint64) uint64 { return 2*n + 1 }

// Complete is the sequence of a slot that holds the whole frame n.
func Complete(n uint64) uint64 { return 2*n + 2 }

// Frame is the frame that a complete sequence stands for. ok is false for a
// slot that was never used or is being written.
func Frame(seq uint64) (n uint64, ok bool) {
	if seq == 0 || seq&1 != 0 {
		return 0, false
	}
	return seq/2 - 1, true
}

// BeginWrite marks the slot as being written with frame n. Every later store of
// header and payload becomes visible after the mark (order 1).
func BeginWrite(seq *atomic.Uint64, n uint64) {
	seq.Store(Writing(n))
	StoreFence()
}

// EndWrite marks the slot as holding the whole frame n. Every earlier store of
// header and payload is visible before the mark (order 2, a release store).
func EndWrite(seq *atomic.Uint64, n uint64) {
	seq.Store(Complete(n))
}

// Begin reports whether the slot holds the whole frame n now. Loads of header
// and payload that follow happen after it (order 3, an acquire load).
func Begin(seq *atomic.Uint64, n uint64) bool {
	return seq.Load() == Complete(n)
}

// Valid reports whether the slot still holds the whole frame n, so that all that
// was read since Begin belongs to that frame (order 4).
func Valid(seq *atomic.Uint64, n uint64) bool {
	LoadFence()
	return seq.Load() == Complete(n)
}
