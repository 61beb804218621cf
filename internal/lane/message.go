package lane

// The messages, as framebridge_lane.c has them.

import (
	"encoding/binary"
	"fmt"
)

const (
	magic       = 0x4c424c66
	version     = 1
	messageSize = 64
)

// kind is what a message is.
type kind uint32

const (
	fill kind = 1 // a frame is here; or: put it there
	draw kind = 2 // a frame is there
	done kind = 3 // it was copied
)

// message is one of either direction.
type message struct {
	kind           kind
	status         status
	frame          uint32 // from 1
	width, height  uint32
	memory         uint32 // which one; from 1
	offset, length uint64 // in bytes
	stride         uint32 // in bytes
}

func (m *message) bytes() []byte {
	b := make([]byte, messageSize)
	e := binary.NativeEndian
	e.PutUint32(b[0:], magic)
	e.PutUint32(b[4:], version)
	e.PutUint32(b[8:], uint32(m.kind))
	e.PutUint32(b[12:], uint32(m.status))
	e.PutUint32(b[16:], m.frame)
	e.PutUint32(b[20:], m.width)
	e.PutUint32(b[24:], m.height)
	e.PutUint32(b[28:], m.memory)
	e.PutUint64(b[32:], m.offset)
	e.PutUint64(b[40:], m.length)
	e.PutUint32(b[48:], m.stride)
	return b
}

func parse(b []byte) (m message, err error) {
	e := binary.NativeEndian
	switch {
	case len(b) != messageSize || e.Uint32(b) != magic:
		return m, fmt.Errorf("%w: what came is no message of a plug-in", ErrPlugin)
	case e.Uint32(b[4:]) != version:
		return m, fmt.Errorf("%w: it is of version %d, and this framebridge talks to version %d: install both from the same release", ErrPlugin, e.Uint32(b[4:]), version)
	}
	return message{
		kind: kind(e.Uint32(b[8:])), status: status(e.Uint32(b[12:])), frame: e.Uint32(b[16:]), width: e.Uint32(b[20:]), height: e.Uint32(b[24:]),
		memory: e.Uint32(b[28:]), offset: e.Uint64(b[32:]), length: e.Uint64(b[40:]), stride: e.Uint32(b[48:]),
	}, nil
}

// status is how a copy went.
type status uint32

const (
	statusOK status = iota
	statusFault
	statusNoMemory
	statusWrongSize
	statusUnexpected
)

func (s status) err() error {
	switch s {
	case statusOK:
		return nil
	case statusFault:
		return ErrFault
	case statusNoMemory:
		return fmt.Errorf("%w: it could not map the segment", ErrPlugin)
	case statusWrongSize:
		return fmt.Errorf("%w: the picture does not fit its place", ErrPlugin)
	case statusUnexpected:
		return fmt.Errorf("%w: it got a message that it did not expect", ErrPlugin)
	}
	return fmt.Errorf("%w: it says %d", ErrPlugin, uint32(s))
}
