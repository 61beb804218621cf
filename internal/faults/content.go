//go:build linux

package main

import (
	"encoding/binary"

	"github.com/framebridge/framebridge/framebuf"
)

// stamp fills a payload with its frame number in every 8 bytes, so that a torn
// frame shows by its content and not by what the protocol says of it.
func stamp(b []byte, n uint64) {
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], n)
	}
	for i := len(b) &^ 7; i < len(b); i++ {
		b[i] = byte(n)
	}
}

// stamped reports whether every byte of a payload belongs to frame n.
func stamped(b []byte, n uint64) bool {
	for i := 0; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:]) != n {
			return false
		}
	}
	for i := len(b) &^ 7; i < len(b); i++ {
		if b[i] != byte(n) {
			return false
		}
	}
	return true
}

// size is the usual format of the suite.
func size(width, height int) framebuf.Format {
	return framebuf.Format{PixelFormat: framebuf.RGBA, Width: width, Height: height}
}
