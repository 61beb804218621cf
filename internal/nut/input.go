// The bytes coming in: a small read-ahead over the caller's io.Reader.

package nut

import (
	"errors"
	"io"
)

// readAhead is the most that is taken from the underlying reader before it is
// known to whom it belongs; so much of a payload may be copied twice.
const readAhead = 4096

// discardChunk is the size of the reads whose bytes nobody wants.
const discardChunk = 64 << 10

type input struct {
	src  io.Reader
	buf  [readAhead]byte
	r, w int    // buf[r:w] is read ahead
	pos  int64  // bytes handed out so far
	crc  uint32 // of what next handed out, and skip if asked, since it was set to 0
	junk []byte // for skip, made at its first use
}

// fill waits until at least one byte is read ahead.
func (in *input) fill() error {
	if in.r < in.w {
		return nil
	}
	// A reader may return 0 and no error, but not for ever.
	for range 100 {
		n, err := in.src.Read(in.buf[:])
		if n > 0 {
			in.r, in.w = 0, n
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// next returns the next byte.
func (in *input) next() (byte, error) {
	if err := in.fill(); err != nil {
		return 0, noEOF(err)
	}
	b := in.buf[in.r]
	in.r++
	in.pos++
	in.crc = in.crc<<8 ^ crcTable[byte(in.crc>>24)^b]
	return b, nil
}

// full fills p, past the read-ahead straight from the underlying reader, and
// returns how much of p was filled. It leaves crc alone.
func (in *input) full(p []byte) (int, error) {
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	in.pos += int64(n)
	if n == len(p) {
		return n, nil
	}
	m, err := io.ReadFull(in.src, p[n:])
	in.pos += int64(m)
	return n + m, noEOF(err)
}

// skip passes over n bytes and returns how many it did. With sum, their
// checksum goes into crc.
func (in *input) skip(n int64, sum bool) (done int64, err error) {
	for done < n && err == nil {
		var p []byte
		if in.r < in.w {
			p = in.buf[in.r:min(int64(in.w), int64(in.r)+n-done)]
			in.r += len(p)
			in.pos += int64(len(p))
		} else {
			if in.junk == nil {
				in.junk = make([]byte, discardChunk)
			}
			var m int
			m, err = in.full(in.junk[:min(discardChunk, n-done)])
			p = in.junk[:m]
		}
		done += int64(len(p))
		if sum {
			in.crc = crcUpdate(in.crc, p)
		}
	}
	return done, err
}

// uvar reads a number of variable length. ok is false if it is too long.
func (in *input) uvar() (v uint64, ok bool, err error) {
	for range maxVarBytes {
		b, err := in.next()
		if err != nil {
			return 0, false, err
		}
		if v>>57 != 0 {
			return 0, false, nil
		}
		v = v<<7 | uint64(b&0x7F)
		if b&0x80 == 0 {
			return v, true, nil
		}
	}
	return 0, false, nil
}

// noEOF turns the end of the input into io.ErrUnexpectedEOF.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
