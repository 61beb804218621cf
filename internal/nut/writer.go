// The Writer: headers, syncpoints and frame headers for ffmpeg's demuxer.

package nut

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// WriterOptions chooses the variant of NUT. The zero value of a field is its
// default.
type WriterOptions struct {
	// Seekable writes version 3 with syncpoints, for a stream that ends in a
	// file. The default is version 4 in pipe mode: ffmpeg's demuxer remembers
	// every syncpoint, some 200 bytes of memory each, and a frame larger than
	// 32 KiB needs one; at 30 frames a second that is half a gigabyte a day.
	Seekable bool
}

// Writer makes a NUT stream of raw video and PCM. It must not be used
// concurrently. It does not close its output.
type Writer struct {
	w       io.Writer
	opts    WriterOptions
	streams []writerStream
	bases   []Rational
	pos     int64  // bytes of the stream so far, payloads included
	start   int64  // position of the last startcode
	synced  bool   // a syncpoint has been written
	buf     []byte // of FrameHeader
	err     error  // of the output
}

type writerStream struct {
	Stream
	base       int   // index of the time base
	maxPTS     int64 // see setMaxPTS
	frameBytes int64 // video: of every frame, 0 before the first
	unit       int64 // audio: of one sample of all channels
	lastSync   int64 // position of the syncpoint before the last frame, -1 for none
}

const (
	// maxDistance is the distance between startcodes that NUT recommends.
	maxDistance = 32768
	// ptsShift: a PTS is coded in full, above 1<<ptsShift.
	ptsShift = 7
	// frameCodeAll is our only frame code: every field is in the frame header,
	// which always has a checksum.
	frameCodeAll  = 1
	frameFlagsAll = flagKey | flagCodedPTS | flagStreamID | flagSizeMSB | flagChecksum
	// maxPayload: ffmpeg counts in int, and pads.
	maxPayload = math.MaxInt32 - 1024
	// joinBytes: a payload up to this goes out in one write with its header.
	joinBytes = 16 << 10
)

// NewWriter writes the headers of a stream to w and returns a Writer of its
// frames. Nil options mean the defaults. The error is ErrStream, or that of w.
//
// The streams must be of ClassVideo or ClassAudio, with a tag, a time base and
// what their class needs. All frames of a video stream have one size: NUT has no
// way to tell another one. To change the size, begin a new stream.
func NewWriter(w io.Writer, streams []Stream, opts *WriterOptions) (*Writer, error) {
	wr := &Writer{w: w}
	if opts != nil {
		wr.opts = *opts
	}
	if len(streams) == 0 || len(streams) > maxStreamID+1 {
		return nil, fmt.Errorf("nut: new writer: %d streams: %w", len(streams), ErrStream)
	}
	for i, s := range streams {
		ws, err := newWriterStream(s)
		if err != nil {
			return nil, fmt.Errorf("nut: new writer: stream %d: %w", i, err)
		}
		if ws.base = slices.Index(wr.bases, ws.TimeBase); ws.base < 0 {
			ws.base = len(wr.bases)
			wr.bases = append(wr.bases, ws.TimeBase)
		}
		wr.streams = append(wr.streams, ws)
	}
	for i := range wr.streams {
		wr.streams[i].setMaxPTS(wr.bases)
	}
	h := wr.headers()
	if _, err := w.Write(h); err != nil {
		return nil, fmt.Errorf("nut: new writer: %w", err)
	}
	wr.pos = int64(len(h))
	return wr, nil
}

func newWriterStream(s Stream) (writerStream, error) {
	ws := writerStream{Stream: s, lastSync: -1}
	fault := ""
	switch {
	case len(s.Tag) != 2 && len(s.Tag) != 4:
		fault = fmt.Sprintf("tag %q is not of 2 or 4 bytes", s.Tag)
	case !s.TimeBase.positive():
		fault = fmt.Sprintf("time base %v", s.TimeBase)
	case s.Class == ClassVideo:
		fault = videoFault(s)
	case s.Class == ClassAudio:
		fault = audioFault(s)
	default:
		fault = fmt.Sprintf("class %d is neither video nor audio", s.Class)
	}
	if fault != "" {
		return ws, fmt.Errorf("%s: %w", fault, ErrStream)
	}
	ws.TimeBase = s.TimeBase.reduced()
	if f, ok := byTag(pcmCodecs(), s.Tag); ok && s.Class == ClassAudio {
		ws.unit = int64(f.sampleBytes) * int64(s.Channels)
	}
	return ws, nil
}

// setMaxPTS finds the last PTS that a syncpoint can tell to all streams: it is
// converted to each time base, and multiplied by their number.
func (s *writerStream) setMaxPTS(bases []Rational) {
	limit := uint64(maxPTS / int64(len(bases)))
	s.maxPTS = int64(limit)
	for _, b := range bases {
		q, _, ok := mulDiv(limit, uint64(b.Num*s.TimeBase.Den), uint64(b.Den*s.TimeBase.Num))
		if ok {
			s.maxPTS = int64(min(uint64(s.maxPTS), q))
		}
	}
}

func videoFault(s Stream) string {
	unknown := Rational{}
	switch {
	case s.Width < 1 || s.Height < 1 || s.Width > maxTerm || s.Height > maxTerm:
		return fmt.Sprintf("size %dx%d", s.Width, s.Height)
	case s.SampleAspect != unknown && !s.SampleAspect.positive():
		return fmt.Sprintf("sample aspect %v", s.SampleAspect)
	case s.FrameRate != unknown && !s.FrameRate.positive():
		return fmt.Sprintf("frame rate %v", s.FrameRate)
	}
	return ""
}

func audioFault(s Stream) string {
	switch {
	case !s.SampleRate.positive():
		return fmt.Sprintf("sample rate %v", s.SampleRate)
	case s.Channels < 1 || s.Channels > maxChannels:
		return fmt.Sprintf("%d channels", s.Channels)
	}
	return ""
}

// WriteFrame writes one frame. The payload is not kept. A small one goes out in
// one write with its header, a large one in a second write.
//
// Frames may come in any order of their PTS as far as NUT goes; interleave the
// streams by time, or ffmpeg has to queue. The error is one of those of
// FrameHeader, or that of the output, which is final.
func (w *Writer) WriteFrame(stream int, pts int64, payload []byte) error {
	if w.err != nil {
		return w.err
	}
	h, err := w.FrameHeader(stream, pts, int64(len(payload)))
	if err != nil {
		return err
	}
	rest := payload
	if len(payload) <= joinBytes {
		h, rest = append(h, payload...), nil
		w.buf = h
	}
	_, err = w.w.Write(h)
	if err == nil && len(rest) > 0 {
		_, err = w.w.Write(rest)
	}
	if err != nil {
		w.err = fmt.Errorf("nut: write frame: %w", err)
	}
	return w.err
}

// FrameHeader returns the bytes that go before a payload, for callers that send
// the payload by other means. They must send these bytes and then size bytes of
// payload to where the headers went, before anything else. The bytes are valid
// until the next call.
//
// The PTS is in ticks of the stream's time base. Errors are ErrStream, ErrPTS and ErrFrameSize; after one of them
// the Writer is as before.
func (w *Writer) FrameHeader(stream int, pts, size int64) ([]byte, error) {
	if stream < 0 || stream >= len(w.streams) {
		return nil, fmt.Errorf("nut: write frame: stream %d of %d: %w", stream, len(w.streams), ErrStream)
	}
	s := &w.streams[stream]
	if pts < 0 || pts > s.maxPTS {
		return nil, fmt.Errorf("nut: write frame: stream %d: PTS %d is not in 0 to %d (NUT has no negative times: shift all streams): %w",
			stream, pts, s.maxPTS, ErrPTS)
	}
	if err := s.checkSize(size); err != nil {
		return nil, fmt.Errorf("nut: write frame: stream %d: %w", stream, err)
	}
	h := w.appendFrameHeader(w.buf[:0], stream, pts, size)
	w.buf = h
	if !w.synced || w.opts.Seekable && w.pos+int64(len(h))+size-w.start > maxDistance {
		w.buf = w.appendSyncpoint(w.buf[:0], s, pts)
		w.start, w.synced = w.pos, true
		w.buf = w.appendFrameHeader(w.buf, stream, pts, size)
	}
	s.lastSync = w.start
	if s.Class == ClassVideo {
		s.frameBytes = size
	}
	w.pos += int64(len(w.buf)) + size
	return w.buf, nil
}

func (s *writerStream) checkSize(size int64) error {
	switch {
	case size < 1 || size > maxPayload:
		return fmt.Errorf("%d bytes: %w", size, ErrFrameSize)
	case s.frameBytes != 0 && size != s.frameBytes:
		return fmt.Errorf("%d bytes, but its first frame had %d, and NUT has no change of size: %w", size, s.frameBytes, ErrFrameSize)
	case s.unit != 0 && size%s.unit != 0:
		return fmt.Errorf("%d bytes are not whole samples of %d bytes: %w", size, s.unit, ErrFrameSize)
	}
	return nil
}
