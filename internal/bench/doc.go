// Command bench measures framebridge beside what people do today, in one run:
// plain ffmpeg, a bare pipe reader in Go and in Python, memcpy, a bare futex.
// `make bench` and scripts/bench run it.
//
// Machines are shared and noisy, so every ratio is the median of alternating
// pairs, and its spread is printed: a ratio whose spread is over 10 % is
// reported, not claimed.
package main
