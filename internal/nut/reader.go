// The Reader: its API and the walk from packet to packet. frame.go reads frame
// headers, packet.go everything else.

package nut

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// ReaderOptions bounds what a stream may ask for. The zero value of a field
// means its default.
type ReaderOptions struct {
	// MaxStreams is the largest number of streams, by default 32.
	MaxStreams int
	// MaxHeaderBytes is the largest header that is held in memory, by default
	// 64 KiB. Packets that nobody needs (index, unknown) may be larger: they are
	// read past, not held.
	MaxHeaderBytes int
	// MaxFrameBytes is the largest payload, by default 1 GiB. The Reader never
	// allocates payloads; this is for callers that do.
	MaxFrameBytes int64
}

// Packet is the header of a frame.
type Packet struct {
	// Stream is the index of the stream.
	Stream int
	// PTS in ticks of the stream's time base, never negative.
	PTS int64
	// Key says that the frame can be decoded alone; raw ones all can.
	Key bool
	// Size of the payload in bytes. It may differ from that of the frame
	// before: see the package documentation.
	Size int64
}

// Reader reads a NUT stream. It must not be used concurrently. It does not
// close its input and knows no deadlines: to interrupt a call that waits for
// input, close the input or set a deadline on it. Every error is final.
type Reader struct {
	in      input
	opts    ReaderOptions
	main    *mainHeader
	mainSum uint32
	streams []Stream
	state   []streamState
	missing int    // stream headers still to come
	body    []byte // of the packet that was read last
	prefix  []byte // elided bytes of the payload not yet handed out
	left    int64  // bytes of the payload not yet handed out, prefix included
	err     error
}

type streamState struct {
	header  *streamHeader
	sum     uint32 // checksum of the stream header
	lastPTS int64
}

// NewReader returns a Reader of r. It reads nothing yet. Up to 4 KiB are read
// ahead of what was asked for; a payload beyond that is read from r straight
// into the caller's memory. Nil options mean the defaults.
func NewReader(r io.Reader, opts *ReaderOptions) *Reader {
	rd := &Reader{in: input{src: r}}
	if opts != nil {
		rd.opts = *opts
	}
	if rd.opts.MaxStreams <= 0 {
		rd.opts.MaxStreams = 32
	}
	if rd.opts.MaxHeaderBytes <= 0 {
		rd.opts.MaxHeaderBytes = 64 << 10
	}
	if rd.opts.MaxFrameBytes <= 0 {
		rd.opts.MaxFrameBytes = 1 << 30
	}
	return rd
}

// ReadHeader reads up to the last stream header and returns the streams. Later
// calls return them again, with what has been learned since
// ([Stream.FrameRate]). It does not wait for the first frame.
//
// The error is io.EOF if the input ended before its first byte, as that of an
// ffmpeg does that could not open its source; otherwise one of ErrFormat,
// ErrVersion, ErrCorrupt, ErrLimit, io.ErrUnexpectedEOF or an error of the
// input, wrapped.
func (r *Reader) ReadHeader() ([]Stream, error) {
	if err := r.open(); err != nil {
		return nil, err
	}
	return slices.Clone(r.streams), nil
}

// open reads the headers if that has not been done.
func (r *Reader) open() error {
	if !r.ready() && r.err == nil {
		return r.fail("read header", r.readHeader())
	}
	if r.ready() {
		return nil
	}
	return r.err
}

// fail makes err final. Only an end of the input where it may end is a bare
// io.EOF: everywhere else noEOF has been at work.
func (r *Reader) fail(op string, err error) error {
	if errors.Is(err, io.EOF) {
		r.err = io.EOF
	} else if err != nil {
		r.err = fmt.Errorf("nut: %s: at byte %d: %w", op, r.in.pos, err)
	}
	return r.err
}

func (r *Reader) ready() bool { return r.main != nil && r.missing == 0 }

func (r *Reader) readHeader() error {
	if err := r.in.fill(); err != nil {
		return err
	}
	var id [len(fileID)]byte
	n, err := r.in.full(id[:])
	if string(id[:n]) != fileID[:n] {
		return ErrFormat
	}
	for err == nil && !r.ready() {
		var b byte
		r.in.crc = 0
		if b, err = r.in.next(); err != nil {
			break
		}
		if b != 'N' {
			return fmt.Errorf("a frame before the headers: %w", ErrCorrupt)
		}
		err = r.packet()
	}
	return err
}

// Next returns the header of the next frame, with its payload still to be read.
// What is left of the payload before is discarded. It reads the stream's header
// first if that has not been done.
//
// The error is io.EOF at the end of the stream, which is any end between two
// packets: NUT has no mark that tells a finished stream from one whose writer
// was killed there. Otherwise it is one of those of ReadHeader, or ErrChanged.
func (r *Reader) Next() (Packet, error) {
	if err := r.open(); err != nil {
		return Packet{}, err
	}
	if r.err == nil && r.left > 0 {
		_ = r.Discard() // its error is r.err
	}
	if r.err != nil {
		return Packet{}, r.err
	}
	p, err := r.next()
	return p, r.fail("next frame", err)
}

func (r *Reader) next() (Packet, error) {
	for {
		if err := r.in.fill(); err != nil {
			return Packet{}, err
		}
		r.in.crc = 0
		b, err := r.in.next()
		if err != nil {
			return Packet{}, err
		}
		if b == 'N' {
			if err := r.packet(); err != nil {
				return Packet{}, err
			}
			continue
		}
		p, eor, err := r.frame(b)
		if err != nil || !eor {
			return p, err
		}
	}
}

// Remaining returns how many bytes of the payload have not been read.
func (r *Reader) Remaining() int64 { return r.left }

// AwaitPayload waits until the first byte of the payload can be read, or is not
// to be had. An empty payload is there at once. With it a caller holds no
// memory for a frame that has been announced and does not come.
func (r *Reader) AwaitPayload() error {
	if r.err != nil || r.left == int64(len(r.prefix)) {
		return r.err
	}
	return r.fail("payload", noEOF(r.in.fill()))
}

// Payload fills buf with the next bytes of the payload. It may be called
// several times for one frame, for example once a row.
//
// An input that ends in the payload is io.ErrUnexpectedEOF, wrapped; buf then
// holds what was there, and how much is not told. More than Remaining is
// ErrMisuse.
func (r *Reader) Payload(buf []byte) error {
	if r.err != nil {
		return r.err
	}
	if int64(len(buf)) > r.left {
		return fmt.Errorf("nut: payload: %d bytes asked for, %d left: %w", len(buf), r.left, ErrMisuse)
	}
	n := copy(buf, r.prefix)
	r.prefix = r.prefix[n:]
	m, err := r.in.full(buf[n:])
	r.left -= int64(n + m)
	return r.fail("payload", err)
}

// Discard passes over what is left of the payload. Its error is that of Payload.
func (r *Reader) Discard() error {
	if r.err != nil {
		return r.err
	}
	r.left -= int64(len(r.prefix))
	r.prefix = nil
	n, err := r.in.skip(r.left, false)
	r.left -= n
	return r.fail("payload", err)
}
