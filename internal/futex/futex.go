// Package futex sleeps on a 32-bit word in shared memory and wakes those who
// sleep there. It holds no policy: what the word means and what to look at after
// a wake-up is the caller's.
//
// The word lies in memory that several processes map, so the calls never use
// the PRIVATE flag (with it, no wake-up ever crosses a process). A read-only
// mapping is enough, for waiting and for waking.
package futex

import "errors"

// ErrFault is returned when the word is no longer backed by memory: the file was
// truncated under the mapping.
var ErrFault = errors.New("futex: the word is no longer backed by memory")
