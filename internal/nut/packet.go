// Packets that are not frames, as the Reader sees them.

package nut

import (
	"encoding/binary"
	"fmt"
)

// packet reads a packet that is not a frame; its first byte has been read.
func (r *Reader) packet() error {
	start := uint64('N')
	for range 7 {
		b, err := r.in.next()
		if err != nil {
			return err
		}
		start = start<<8 | uint64(b)
	}
	size, ok, err := r.in.uvar()
	if err != nil {
		return err
	}
	if !ok || size < 4 || size > 1<<62 {
		return fmt.Errorf("packet %#x has an impossible length: %w", start, ErrCorrupt)
	}
	if size > headerSumAbove {
		for range 4 {
			if _, err := r.in.next(); err != nil {
				return err
			}
		}
		if r.in.crc != 0 {
			return fmt.Errorf("checksum of the length of packet %#x: %w", start, ErrCorrupt)
		}
	}
	held := size <= uint64(r.opts.MaxHeaderBytes)
	switch {
	case start == startMain || start == startStream || start == startSyncpoint:
		if !held {
			return fmt.Errorf("packet %#x of %d bytes, at most %d allowed: %w", start, size, r.opts.MaxHeaderBytes, ErrLimit)
		}
	case start == startInfo && held:
	default:
		return r.skipPacket(start, int64(size))
	}
	body, sum, err := r.readBody(start, int(size))
	if err != nil {
		return err
	}
	switch start {
	case startMain:
		return r.mainPacket(body, sum)
	case startStream:
		return r.streamPacket(body, sum)
	case startSyncpoint:
		return r.syncpoint(body)
	default:
		if i, rate, ok := parseFrameRate(body); ok && i < len(r.streams) {
			r.streams[i].FrameRate = rate
		}
		return nil
	}
}

func (r *Reader) skipPacket(start uint64, size int64) error {
	r.in.crc = 0
	_, err := r.in.skip(size, true)
	if err == nil && r.in.crc != 0 {
		err = fmt.Errorf("checksum of packet %#x: %w", start, ErrCorrupt)
	}
	return err
}

// readBody reads a packet's body, and its checksum apart. The body is valid
// until the next call.
func (r *Reader) readBody(start uint64, size int) (body []byte, sum uint32, err error) {
	if cap(r.body) < size {
		r.body = make([]byte, size)
	}
	p := r.body[:size]
	if _, err := r.in.full(p); err != nil {
		return nil, 0, err
	}
	if crcUpdate(0, p) != 0 {
		return nil, 0, fmt.Errorf("checksum of packet %#x: %w", start, ErrCorrupt)
	}
	return p[:size-4], binary.BigEndian.Uint32(p[size-4:]), nil
}

// mainPacket takes the main header, or compares a repeated one by its checksum.
func (r *Reader) mainPacket(body []byte, sum uint32) error {
	if r.main != nil {
		if sum != r.mainSum {
			return fmt.Errorf("main header: %w", ErrChanged)
		}
		return nil
	}
	h, err := parseMain(body, r.opts.MaxStreams)
	if err != nil {
		return fmt.Errorf("main header: %w", err)
	}
	r.main, r.mainSum, r.missing = h, sum, h.streams
	r.streams = make([]Stream, h.streams)
	r.state = make([]streamState, h.streams)
	return nil
}

// streamPacket takes a stream header, or compares a repeated one.
func (r *Reader) streamPacket(body []byte, sum uint32) error {
	if r.main == nil {
		return fmt.Errorf("a stream header before the main header: %w", ErrCorrupt)
	}
	s, err := r.main.parseStream(body)
	if err != nil {
		return err
	}
	st := &r.state[s.id]
	if st.header != nil {
		if sum != st.sum {
			return fmt.Errorf("stream %d: %w", s.id, ErrChanged)
		}
		return nil
	}
	st.header, st.sum = s, sum
	r.streams[s.id] = s.Stream
	r.missing--
	return nil
}

// syncpoint gives every stream the time from which its next PTS is counted.
func (r *Reader) syncpoint(body []byte) error {
	if !r.ready() {
		return fmt.Errorf("a syncpoint before the headers: %w", ErrCorrupt)
	}
	ticks, base, err := r.main.parseSyncpoint(body)
	if err != nil {
		return err
	}
	for i := range r.state {
		to := r.state[i].header.TimeBase
		pts, _, ok := mulDiv(ticks, uint64(base.Num*to.Den), uint64(base.Den*to.Num))
		if !ok || pts > maxPTS {
			return fmt.Errorf("syncpoint at %d of %v: %w", ticks, base, ErrCorrupt)
		}
		r.state[i].lastPTS = int64(pts)
	}
	return nil
}
