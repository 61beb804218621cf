// Frame headers, as the Reader sees them.

package nut

import "fmt"

// knownFlags are the flags after which this package knows what follows.
const knownFlags = flagKey | flagEOR | flagCodedPTS | flagStreamID | flagSizeMSB | flagChecksum |
	flagReserved | flagSMData | flagHeaderIdx | flagMatchTime | flagCoded

// fields reads the numbers of a frame header, and keeps the first error.
type fields struct {
	in  *input
	err error
}

func (f *fields) uvar() uint64 {
	if f.err != nil {
		return 0
	}
	v, ok, err := f.in.uvar()
	if err == nil && !ok {
		err = fmt.Errorf("a number in a frame header is too long: %w", ErrCorrupt)
	}
	f.err = err
	return v
}

// frameHeader is what a frame header says, before it is judged.
type frameHeader struct {
	flags, stream, codedPTS, sizeMSB, headerIdx uint64
}

// frameHeader reads the rest of a frame header, whose code has been read.
func (r *Reader) frameHeader(code byte) (frameHeader, error) {
	fc := &r.main.codes[code]
	f := fields{in: &r.in}
	h := frameHeader{flags: fc.flags, stream: uint64(fc.stream), headerIdx: uint64(fc.headerIdx)}
	reserved := uint64(fc.reserved)
	if h.flags&flagInvalid == 0 && h.flags&flagCoded != 0 {
		h.flags ^= f.uvar()
	}
	if f.err == nil && h.flags&^knownFlags != 0 {
		return h, fmt.Errorf("frame code %d with flags %#x: %w", code, h.flags, ErrCorrupt)
	}
	if h.flags&flagStreamID != 0 {
		h.stream = f.uvar()
	}
	if h.flags&flagCodedPTS != 0 {
		h.codedPTS = f.uvar()
	}
	if h.flags&flagSizeMSB != 0 {
		h.sizeMSB = f.uvar()
	}
	if h.flags&flagMatchTime != 0 {
		f.uvar()
	}
	if h.flags&flagHeaderIdx != 0 {
		h.headerIdx = f.uvar()
	}
	if h.flags&flagReserved != 0 {
		reserved = f.uvar()
	}
	if reserved > 255 {
		return h, fmt.Errorf("%d reserved fields in a frame header: %w", reserved, ErrCorrupt)
	}
	for ; f.err == nil && reserved > 0; reserved-- {
		f.uvar()
	}
	if h.flags&flagChecksum != 0 {
		for i := 0; i < 4 && f.err == nil; i++ {
			_, f.err = r.in.next()
		}
		if f.err == nil && r.in.crc != 0 {
			return h, fmt.Errorf("checksum of a frame header: %w", ErrCorrupt)
		}
	}
	return h, f.err
}

// frame reads the rest of a frame header and opens the payload. eor says that it
// was no frame, only the time at which its stream ends.
func (r *Reader) frame(code byte) (p Packet, eor bool, err error) {
	h, err := r.frameHeader(code)
	if err != nil {
		return p, false, err
	}
	if h.stream >= uint64(len(r.state)) {
		return p, false, fmt.Errorf("a frame of stream %d of %d: %w", h.stream, len(r.state), ErrCorrupt)
	}
	fc, st := &r.main.codes[code], &r.state[h.stream]
	pts, ok := st.pts(h.flags, h.codedPTS, fc.ptsDelta)
	if !ok {
		return p, false, fmt.Errorf("stream %d: PTS out of range: %w", h.stream, ErrCorrupt)
	}
	size, err := r.dataSize(fc, h.sizeMSB)
	if err != nil {
		return p, false, fmt.Errorf("stream %d: %w", h.stream, err)
	}
	if h.flags&flagChecksum == 0 && (size > 2*r.main.maxDistance || distance(pts, st.lastPTS) > st.header.maxPTSDistance) {
		return p, false, fmt.Errorf("stream %d: a frame header without the checksum that it must have: %w", h.stream, ErrCorrupt)
	}
	st.lastPTS = pts
	if h.flags&flagEOR != 0 {
		if size != 0 {
			return p, false, fmt.Errorf("stream %d: an end mark of %d bytes: %w", h.stream, size, ErrCorrupt)
		}
		return p, true, nil
	}
	p = Packet{Stream: int(h.stream), PTS: pts, Key: h.flags&flagKey != 0, Size: size}
	err = r.openPayload(&p, h.flags, h.headerIdx)
	return p, false, err
}

// pts rebuilds a PTS from what is coded and the stream's last one.
func (st *streamState) pts(flags, coded uint64, delta int64) (int64, bool) {
	pts := st.lastPTS + delta
	if flags&flagCodedPTS != 0 {
		if lsb := uint64(1) << st.header.ptsShift; coded >= lsb {
			coded -= lsb
			if coded > maxPTS {
				return 0, false
			}
			pts = int64(coded)
		} else {
			mask := int64(lsb - 1)
			low := st.lastPTS - mask/2
			pts = (int64(coded)-low)&mask + low
		}
	}
	return pts, pts >= 0 && pts <= maxPTS
}

func distance(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a - b)
}

func (r *Reader) dataSize(fc *frameCode, msb uint64) (int64, error) {
	limit := uint64(r.opts.MaxFrameBytes)
	if mul := uint64(fc.sizeMul); mul == 0 || msb <= limit/mul {
		if size := uint64(fc.sizeLSB) + msb*mul; size <= limit {
			return int64(size), nil
		}
	}
	return 0, fmt.Errorf("a frame of more than %d bytes: %w", limit, ErrLimit)
}

// openPayload finds where the payload begins: after side data and meta data,
// and after a header that the stream does not repeat for small frames.
func (r *Reader) openPayload(p *Packet, flags, headerIdx uint64) error {
	var prefix []byte
	if p.Size <= elisionMaxFrame {
		if headerIdx >= uint64(len(r.main.elision)) {
			return fmt.Errorf("stream %d: elision header %d of %d: %w", p.Stream, headerIdx, len(r.main.elision), ErrCorrupt)
		}
		prefix = r.main.elision[headerIdx]
	}
	stored := p.Size - int64(len(prefix))
	if stored < 0 {
		return fmt.Errorf("stream %d: a frame of %d bytes is shorter than its elision header: %w", p.Stream, p.Size, ErrCorrupt)
	}
	if flags&flagSMData != 0 {
		before := r.in.pos
		for range 2 {
			if err := r.skipSideData(before + stored); err != nil {
				return fmt.Errorf("stream %d: side data: %w", p.Stream, err)
			}
		}
		p.Size -= r.in.pos - before
	}
	r.prefix, r.left = prefix, p.Size
	return nil
}

// skipSideData passes over one list of side data, which ends before the
// position end.
func (r *Reader) skipSideData(end int64) error {
	f := fields{in: &r.in}
	skipBytes := func() {
		n := f.uvar()
		if f.err == nil && n > uint64(max(end-r.in.pos, 0)) {
			f.err = ErrCorrupt
		}
		if f.err == nil {
			_, f.err = r.in.skip(int64(n), false)
		}
	}
	for n := f.uvar(); n > 0 && f.err == nil; n-- {
		skipBytes() // name
		switch kind := decodeSigned(f.uvar()); {
		case kind == -1:
			skipBytes()
		case kind == -2:
			skipBytes()
			skipBytes()
		case kind < -2:
			f.uvar()
		}
		if f.err == nil && r.in.pos > end {
			f.err = ErrCorrupt
		}
	}
	if f.err == nil && r.in.pos > end {
		f.err = ErrCorrupt
	}
	return f.err
}
