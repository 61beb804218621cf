// The bytes of the Writer's packets.

package nut

import "encoding/binary"

// headers returns the file id, the main header, the stream headers, and the
// nominal frame rates as info packets.
func (w *Writer) headers() []byte {
	p := []byte(fileID)
	p = appendPacket(p, startMain, w.mainHeader())
	for i := range w.streams {
		p = appendPacket(p, startStream, w.streams[i].header(i))
	}
	for i, s := range w.streams {
		if s.Class == ClassVideo && s.FrameRate.positive() {
			p = appendPacket(p, startInfo, frameRateInfo(i, s.FrameRate))
		}
	}
	return p
}

func (w *Writer) mainHeader() []byte {
	var p []byte
	if w.opts.Seekable {
		p = appendVar(p, 3)
	} else {
		p = appendVar(p, 4)
		p = appendVar(p, 1) // minor version
	}
	p = appendVar(p, uint64(len(w.streams)))
	p = appendVar(p, maxDistance)
	p = appendVar(p, uint64(len(w.bases)))
	for _, b := range w.bases {
		p = appendVar(p, uint64(b.Num))
		p = appendVar(p, uint64(b.Den))
	}
	p = appendCodes(p, flagInvalid, frameCodeAll)
	p = appendCodes(p, frameFlagsAll, 1)
	p = appendCodes(p, flagInvalid, 256-frameCodeAll-1-1) // 'N' is not counted
	p = appendVar(p, 0)                                   // elision headers
	if w.opts.Seekable {
		return appendVar(p, 0)
	}
	return appendVar(p, mainFlagPipe)
}

// appendCodes appends a run of frame codes that differ in nothing.
func appendCodes(p []byte, flags uint64, count int) []byte {
	p = appendVar(p, flags)
	p = appendVar(p, 6) // fields that follow
	p = appendVar(p, 0) // PTS delta
	p = appendVar(p, 1) // size multiplier
	p = appendVar(p, 0) // stream
	p = appendVar(p, 0) // low part of the size; it counts up, and is used by the first code only
	p = appendVar(p, 0) // reserved fields
	return appendVar(p, uint64(count))
}

func (s *writerStream) header(id int) []byte {
	var p []byte
	p = appendVar(p, uint64(id))
	p = appendVar(p, uint64(s.Class))
	p = appendString(p, s.Tag)
	p = appendVar(p, uint64(s.base))
	p = appendVar(p, ptsShift)
	// The largest step of a PTS without a checksum. Ours all have one.
	p = appendVar(p, uint64(max(s.TimeBase.Den/s.TimeBase.Num, 1)))
	p = appendVar(p, 0)     // decode delay
	p = appendVar(p, 0)     // flags
	p = appendString(p, "") // codec specific data
	if s.Class == ClassAudio {
		p = appendVar(p, uint64(s.SampleRate.Num))
		p = appendVar(p, uint64(s.SampleRate.Den))
		return appendVar(p, uint64(s.Channels))
	}
	aspect := s.SampleAspect
	if aspect.positive() {
		aspect = aspect.reduced()
	}
	p = appendVar(p, uint64(s.Width))
	p = appendVar(p, uint64(s.Height))
	p = appendVar(p, uint64(aspect.Num))
	p = appendVar(p, uint64(aspect.Den))
	return appendVar(p, 0) // colour space unknown
}

func frameRateInfo(id int, rate Rational) []byte {
	p := appendVar(nil, uint64(id)+1)
	p = appendVar(p, 0) // chapter: none
	p = appendVar(p, 0) // its start
	p = appendVar(p, 0) // its length
	p = appendVar(p, 1) // one entry
	p = appendString(p, infoFrameRate)
	p = appendSigned(p, -1) // a text
	return appendString(p, rate.String())
}

// appendSyncpoint appends the syncpoint before a frame of s. Its back pointer
// leads to the nearest syncpoint after which every stream has had a frame, which
// is where a player begins that seeks to this one.
func (w *Writer) appendSyncpoint(p []byte, s *writerStream, pts int64) []byte {
	back := w.pos
	for i := range w.streams {
		if at := w.streams[i].lastSync; at >= 0 {
			back = min(back, at)
		}
	}
	var body [2 * 10]byte
	b := appendVar(body[:0], uint64(pts)*uint64(len(w.bases))+uint64(s.base))
	b = appendVar(b, uint64(w.pos-back)/16)
	return appendPacket(p, startSyncpoint, b)
}

func (w *Writer) appendFrameHeader(p []byte, stream int, pts, size int64) []byte {
	from := len(p)
	p = append(p, frameCodeAll)
	p = appendVar(p, uint64(stream))
	p = appendVar(p, uint64(pts)+1<<ptsShift)
	p = appendVar(p, uint64(size))
	return binary.BigEndian.AppendUint32(p, crcUpdate(0, p[from:]))
}

// appendPacket appends a packet that is not a frame.
func appendPacket(p []byte, start uint64, body []byte) []byte {
	from := len(p)
	p = binary.BigEndian.AppendUint64(p, start)
	p = appendVar(p, uint64(len(body)+4))
	if len(body)+4 > headerSumAbove {
		p = binary.BigEndian.AppendUint32(p, crcUpdate(0, p[from:]))
	}
	p = append(p, body...)
	return binary.BigEndian.AppendUint32(p, crcUpdate(0, body))
}
