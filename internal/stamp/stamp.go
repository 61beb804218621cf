// Package stamp makes payloads whose every byte can be checked: a frame that is
// torn shows by its content, whatever the protocol says of it. For tests and the
// fault suite.
package stamp

import "encoding/binary"

// Fill writes n into every 8 bytes of a payload.
func Fill(b []byte, n uint64) {
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], n)
	}
	for i := len(b) &^ 7; i < len(b); i++ {
		b[i] = byte(n)
	}
}

// Whole reports whether every byte of a payload is from Fill with n.
func Whole(b []byte, n uint64) bool {
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
