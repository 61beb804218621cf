// The bodies of the packets that are not frames: main header, stream header,
// info, syncpoint. Everything here is computed from bytes in memory whose
// checksum is right, and none of it is believed for that reason.

package nut

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxStreamID    = 249
	maxTimeBases   = 256
	maxDecodeDelay = 1000
	maxChannels    = 1 << 16
	// maxPTS leaves room to add and subtract without overflow.
	maxPTS = 1 << 62
)

// frameCode is what one value of a frame's first byte stands for.
type frameCode struct {
	flags     uint64
	stream    int64
	sizeMul   int64
	sizeLSB   int64
	ptsDelta  int64
	reserved  int64
	headerIdx int64
}

type mainHeader struct {
	streams     int
	maxDistance int64
	timeBases   []Rational
	codes       [256]frameCode
	elision     [][]byte // elision[0] is empty
}

func parseMain(body []byte, maxStreams int) (*mainHeader, error) {
	c := &cursor{p: body}
	h := &mainHeader{}
	version := c.uvar()
	if !c.bad && version != 3 && version != 4 {
		return nil, fmt.Errorf("version %d: %w", version, ErrVersion)
	}
	if version > 3 {
		c.uvar() // minor version, which never matters
	}
	streams := c.uvar()
	if streams > uint64(maxStreams) {
		return nil, fmt.Errorf("%d streams, at most %d allowed: %w", streams, maxStreams, ErrLimit)
	}
	h.streams = int(streams)
	h.maxDistance = int64(min(c.uvar(), maxDistanceCap))
	n := c.limited(maxTimeBases)
	for range n {
		tb := Rational{c.limited(maxTerm), c.limited(maxTerm)}
		if !tb.positive() {
			return nil, fmt.Errorf("time base %v: %w", tb, ErrCorrupt)
		}
		h.timeBases = append(h.timeBases, tb)
	}
	if c.bad || streams == 0 || n == 0 {
		return nil, fmt.Errorf("%d streams, %d time bases: %w", streams, n, ErrCorrupt)
	}
	if err := h.parseCodes(c); err != nil {
		return nil, err
	}
	return h, h.parseElision(c)
}

// parseCodes reads the 256 frame codes, which are stored as runs.
func (h *mainHeader) parseCodes(c *cursor) error {
	run := frameCode{sizeMul: 1}
	for i := 0; i < len(h.codes); {
		run.flags = c.uvar()
		fields := c.uvar()
		if fields > 0 {
			run.ptsDelta = c.svar()
		}
		if fields > 1 {
			run.sizeMul = c.limited(1<<14 - 1)
		}
		if fields > 2 {
			run.stream = c.limited(maxStreamID)
		}
		run.sizeLSB, run.reserved = 0, 0
		if fields > 3 {
			run.sizeLSB = c.limited(1<<14 - 1)
		}
		if fields > 4 {
			run.reserved = c.limited(255)
		}
		count := run.sizeMul - run.sizeLSB
		if fields > 5 {
			count = c.limited(256)
		}
		if fields > 6 {
			c.svar() // match_time_delta: nothing here seeks
		}
		if fields > 7 {
			run.headerIdx = c.limited(127)
		}
		for j := uint64(8); j < fields && !c.bad; j++ {
			c.uvar() // of a later version
		}
		// The format says less than 16384 for a step. ffmpeg keeps it in 16 bits
		// and writes what is left of larger ones: -25536 for 25 frames a second
		// in microseconds. No frame of its then has that code.
		if c.bad || count < 1 || run.ptsDelta >= 1<<15 || run.ptsDelta < -1<<15 {
			return fmt.Errorf("frame code %d: %w", i, ErrCorrupt)
		}
		for ; count > 0 && i < len(h.codes); i++ {
			if i == 'N' {
				h.codes[i].flags = flagInvalid
				continue
			}
			h.codes[i] = run
			run.sizeLSB++
			count--
		}
		if count > 0 {
			return fmt.Errorf("more than 256 frame codes: %w", ErrCorrupt)
		}
	}
	return nil
}

// parseElision reads the headers that frames may leave out. Early streams of
// version 3 end before them.
func (h *mainHeader) parseElision(c *cursor) error {
	h.elision = [][]byte{nil}
	if len(c.p) == 0 {
		return nil
	}
	total := 0
	for range c.limited(127) {
		b := c.bytes()
		total += len(b)
		if len(b) == 0 || len(b) > 255 || total > 1024 {
			return fmt.Errorf("elision header of %d bytes: %w", len(b), ErrCorrupt)
		}
		h.elision = append(h.elision, slices.Clone(b))
	}
	if c.bad {
		return fmt.Errorf("elision headers: %w", ErrCorrupt)
	}
	return nil
}

// streamHeader is a stream and what is needed to read its frames.
type streamHeader struct {
	Stream
	id             int
	ptsShift       uint   // how many low bits of a PTS may stand for it
	maxPTSDistance uint64 // a greater step needs a checksum
}

func (h *mainHeader) parseStream(body []byte) (*streamHeader, error) {
	c := &cursor{p: body}
	s := &streamHeader{}
	s.id = int(c.limited(uint64(h.streams) - 1))
	s.Class = Class(c.limited(255))
	s.Tag = string(c.bytes())
	base := c.limited(uint64(len(h.timeBases)) - 1)
	s.TimeBase = h.timeBases[base]
	s.ptsShift = uint(c.limited(15))
	s.maxPTSDistance = c.uvar()
	s.DecodeDelay = int(c.limited(maxDecodeDelay))
	c.uvar()  // stream flags
	c.bytes() // codec specific data: raw formats have none
	ok := !c.bad && (len(s.Tag) == 2 || len(s.Tag) == 4)
	switch s.Class {
	case ClassVideo:
		s.Width, s.Height = int(c.limited(maxTerm)), int(c.limited(maxTerm))
		s.SampleAspect = Rational{c.limited(maxTerm), c.limited(maxTerm)}
		if !s.SampleAspect.positive() {
			ok = ok && s.SampleAspect == Rational{}
		}
		ok = ok && s.Width > 0 && s.Height > 0
	case ClassAudio:
		s.SampleRate = Rational{c.limited(maxTerm), c.limited(maxTerm)}
		s.Channels = int(c.limited(maxChannels))
		ok = ok && s.SampleRate.positive() && s.Channels > 0
	default:
	}
	if c.bad || !ok {
		return nil, fmt.Errorf("a field of the header of stream %d is missing or out of range: %w", s.id, ErrCorrupt)
	}
	return s, nil
}

// parseFrameRate finds in an info packet the nominal frame rate that ffmpeg
// leaves there. Info packets are hints: one that makes no sense has none.
func parseFrameRate(body []byte) (stream int, rate Rational, ok bool) {
	c := &cursor{p: body}
	stream = int(c.limited(maxStreamID+1)) - 1
	c.uvar() // chapter id
	c.uvar() // chapter start
	c.uvar() // chapter length
	for n := c.uvar(); n > 0 && !c.bad; n-- {
		name := string(c.bytes())
		switch kind := c.svar(); {
		case kind == -1:
			if v := c.bytes(); name == infoFrameRate {
				rate, ok = parseRational(string(v))
			}
		case kind == -2:
			c.bytes()
			c.bytes()
		case kind < -2:
			c.uvar()
		}
	}
	return stream, rate, ok && !c.bad && stream >= 0
}

// infoFrameRate is ffmpeg's name for the nominal frame rate in an info packet.
const infoFrameRate = "r_frame_rate"

func parseRational(s string) (Rational, bool) {
	a, b, _ := strings.Cut(s, "/")
	num, err1 := strconv.ParseInt(a, 10, 32)
	den, err2 := strconv.ParseInt(b, 10, 32)
	q := Rational{num, den}
	return q, err1 == nil && err2 == nil && q.positive()
}

// parseSyncpoint returns the time of a syncpoint, in ticks of a time base.
func (h *mainHeader) parseSyncpoint(body []byte) (ticks uint64, base Rational, err error) {
	c := &cursor{p: body}
	t := c.uvar()
	c.uvar() // back pointer: nothing here seeks
	if c.bad {
		return 0, Rational{}, fmt.Errorf("short syncpoint: %w", ErrCorrupt)
	}
	n := uint64(len(h.timeBases))
	return t / n, h.timeBases[t%n], nil
}
