// The smallest parts of the format: startcodes, flags, checksum, numbers of
// variable length.

package nut

import "math/bits"

// fileID opens every NUT stream.
const fileID = "nut/multimedia container\x00"

// Startcodes of the packets that are not frames. All begin with 'N', which is
// no valid frame code.
const (
	startMain      = 0x4E4D7A561F5F04AD
	startStream    = 0x4E5311405BF2F9DB
	startSyncpoint = 0x4E4BE4ADEECA4569
	startInfo      = 0x4E49AB68B596BA78
)

// Flags of a frame header.
const (
	flagKey       = 1 << 0  // a key frame
	flagEOR       = 1 << 1  // end of relevance: empty, tells when the stream ends
	flagCodedPTS  = 1 << 3  // coded_pts follows
	flagStreamID  = 1 << 4  // stream_id follows
	flagSizeMSB   = 1 << 5  // data_size_msb follows
	flagChecksum  = 1 << 6  // the header ends with a checksum
	flagReserved  = 1 << 7  // reserved_count follows
	flagSMData    = 1 << 8  // side data and meta data precede the payload
	flagHeaderIdx = 1 << 10 // header_idx follows
	flagMatchTime = 1 << 11 // match_time_delta follows
	flagCoded     = 1 << 12 // coded_flags follow, to be XORed in
	flagInvalid   = 1 << 13 // no frame has this code
)

// mainFlagPipe is a flag of the main header of version 4: there is no syncpoint
// but the first.
const mainFlagPipe = 1 << 1

const (
	// headerSumAbove is the packet size from which a packet's startcode and
	// length have a checksum of their own.
	headerSumAbove = 4096
	// elisionMaxFrame is the largest frame that can have an elided header.
	elisionMaxFrame = 4096
	// maxDistanceCap bounds the distance between startcodes, whatever is stored.
	maxDistanceCap = 65536
	// maxVarBytes bounds one number in a frame header or a packet length: ten
	// bytes for 64 bits, and the eight stuffing bytes that NUT allows.
	maxVarBytes = 18
)

// crcTable is for the polynomial 0x04C11DB7, most significant bit first, start
// value 0. hash/crc32 has only the reflected form.
var crcTable = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			if c&(1<<31) != 0 {
				c = c<<1 ^ 0x04C11DB7
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

func crcUpdate(crc uint32, p []byte) uint32 {
	for _, b := range p {
		crc = crc<<8 ^ crcTable[byte(crc>>24)^b]
	}
	return crc
}

// decodeSigned is NUT's mapping of unsigned to signed numbers:
// 0 1 2 3 4 is 0 1 -1 2 -2.
func decodeSigned(v uint64) int64 {
	if v&1 == 0 {
		return -int64(v >> 1)
	}
	return int64(v>>1) + 1
}

// appendVar appends an unsigned number of variable length.
func appendVar(p []byte, v uint64) []byte {
	for n := (max(bits.Len64(v), 1) - 1) / 7 * 7; n > 0; n -= 7 {
		p = append(p, byte(v>>n)|0x80)
	}
	return append(p, byte(v)&0x7F)
}

// appendSigned appends a signed number of variable length. The smallest int64
// cannot be written.
func appendSigned(p []byte, v int64) []byte {
	if v > 0 {
		return appendVar(p, uint64(v)*2-1)
	}
	return appendVar(p, uint64(-v)*2)
}

// appendString appends a length and the bytes of s.
func appendString(p []byte, s string) []byte {
	return append(appendVar(p, uint64(len(s))), s...)
}

// cursor takes fields from the body of a packet that is wholly in memory. The
// first field that does not fit makes it bad, and everything after reads as 0.
type cursor struct {
	p   []byte
	bad bool
}

func (c *cursor) uvar() uint64 {
	var v uint64
	for i, b := range c.p {
		if v>>57 != 0 {
			break
		}
		v = v<<7 | uint64(b&0x7F)
		if b&0x80 == 0 {
			c.p = c.p[i+1:]
			return v
		}
	}
	c.p, c.bad = nil, true
	return 0
}

// limited reads a number and makes the cursor bad if it is above limit.
func (c *cursor) limited(limit uint64) int64 {
	v := c.uvar()
	if v > limit {
		c.p, c.bad = nil, true
		return 0
	}
	return int64(v)
}

func (c *cursor) svar() int64 { return decodeSigned(c.uvar()) }

// bytes returns a length and as many bytes. They are part of the packet's body.
func (c *cursor) bytes() []byte {
	n := c.uvar()
	if n > uint64(len(c.p)) {
		c.p, c.bad = nil, true
		return nil
	}
	b := c.p[:n]
	c.p = c.p[n:]
	return b
}
