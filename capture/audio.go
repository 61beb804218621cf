package capture

// Sound, decoded to PCM by the same ffmpeg, on its way out: to a sink in this
// process, and into a segment of its own.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

const (
	audioSuffix   = ".audio"
	audioSlots    = 64
	audioCapacity = 64 << 10
	sampleBytes   = 2 // signed 16 bits, little-endian

	// heldAudioBytes bounds the sound that waits for the first picture, which says
	// by how much ffmpeg moved all times.
	heldAudioBytes = 16 << 20
)

// AudioSink takes the sound of a capture. Its methods are called from one
// goroutine, that of Run, and must not block: the picture waits meanwhile.
type AudioSink interface {
	// Start comes first, if there is sound at all: samples a second, and channels.
	Start(rate, channels int)
	// Samples brings interleaved signed 16-bit little-endian samples. pts is the time
	// of the first one, in units of timeBase, on the clock of the picture. The bytes
	// are valid during the call.
	Samples(pts int64, timeBase framebuf.Rational, pcm []byte)
	// End comes last, once; at the beginning if the source has no sound.
	End()
}

// ticks is a time, or a distance in time.
type ticks struct {
	n    int64
	base nut.Rational
}

// in is the same in ticks of another time base; 0 if that cannot be.
func (t ticks) in(base nut.Rational) int64 {
	n, _, err := nut.Rescale(t.n, t.base, base)
	if err != nil {
		return 0
	}
	return n
}

// audioOut sends sound to wherever it is wanted, with its true times.
//
// After a restart of ffmpeg it goes on in step with the picture. Sound that would
// come before the end of what was sent is cut off. It cannot change its rate or
// number of channels: a session whose sound is another one has none.
type audioOut struct {
	sink AudioSink        // nil if not wanted
	w    *framebuf.Writer // nil if not wanted

	rate, channels int // 0 before the first sound
	samples        uint64
	ended          bool
	next           int64 // when what was sent ends, in ticks of timeBase
	floor          int64 // sound before this time is cut off; math.MinInt64 for none
	gap            bool  // the next frame of the segment comes after a gap

	// Of one ffmpeg.
	number    int // of its session
	timeBase  nut.Rational
	muted     bool  // its sound cannot be sent
	placed    bool  // shift is known
	offset    int64 // as place got it
	shift     int64 // to be taken off every time, in ticks of timeBase
	held      []heldAudio
	heldBytes int
	buf       []byte
}

type heldAudio struct {
	pts int64
	pcm []byte
}

func newAudioOut(sink AudioSink) *audioOut { return &audioOut{sink: sink, floor: math.MinInt64} }

// restart gets ready for the sound of another ffmpeg.
func (a *audioOut) restart() {
	a.number++
	a.placed, a.muted, a.held, a.heldBytes = false, false, nil, 0
	if a.samples > 0 {
		a.floor, a.gap = a.next, true
	}
}

// start says what the sound is like.
func (a *audioOut) start(s nut.Stream) error {
	if s.SampleRate.Den < 1 || s.SampleRate.Num < 1 || s.Channels < 1 {
		return fmt.Errorf("sound of %s samples a second in %d channels", s.SampleRate, s.Channels)
	}
	rate := int(s.SampleRate.Num / s.SampleRate.Den)
	if a.ended || a.rate != 0 && (rate != a.rate || s.Channels != a.channels) {
		a.muted = true
		return nil
	}
	if a.floor != math.MinInt64 {
		a.floor = ticks{a.floor, a.timeBase}.in(s.TimeBase)
	}
	a.timeBase = s.TimeBase
	if a.rate == 0 {
		a.rate, a.channels = rate, s.Channels
		if a.sink != nil {
			a.sink.Start(a.rate, a.channels)
		}
	}
	return nil
}

// none says that this ffmpeg has no sound. If there was none before either, that
// was all of it.
func (a *audioOut) none(ctx context.Context) error {
	if a.rate != 0 || a.ended {
		return nil
	}
	err := a.end(ctx)
	if a.w != nil {
		err = errors.Join(err, discard(a.w))
	}
	return err
}

// packet takes one packet off the pipe.
func (a *audioOut) packet(ctx context.Context, s *session, p nut.Packet) error {
	if p.Size > heldAudioBytes {
		return &pipeError{fmt.Errorf("%d bytes of sound in one piece", p.Size)}
	}
	if int64(cap(a.buf)) < p.Size {
		a.buf = make([]byte, p.Size)
	}
	a.buf = a.buf[:p.Size]
	if err := s.r.Payload(a.buf); err != nil {
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			err = &pipeError{err}
		}
		return err
	}
	switch {
	case a.muted:
		return nil
	case a.placed:
		s.watch.hold() // a reader of the sound may be waited for
		defer s.watch.resume()
		return a.send(ctx, p.PTS-a.shift, a.buf)
	}
	a.held = append(a.held, heldAudio{pts: p.PTS, pcm: append([]byte(nil), a.buf...)})
	a.heldBytes += len(a.buf)
	if a.heldBytes > heldAudioBytes {
		return a.giveUpWaiting(ctx)
	}
	return nil
}

// giveUpWaiting is for sound of which no picture says where it belongs. That of
// the first ffmpeg has its own times; that of another one could be anywhere.
func (a *audioOut) giveUpWaiting(ctx context.Context) error {
	if a.number > 0 {
		a.held, a.heldBytes = nil, 0
		return nil
	}
	return a.place(ctx, ticks{0, a.timeBase}, ticks{0, a.timeBase})
}

// place says where the sound belongs: ffmpeg moved all times by shift, and we by
// offset. What waited for that is sent.
func (a *audioOut) place(ctx context.Context, shift, offset ticks) error {
	if a.placed && a.offset == offset.n {
		return nil
	}
	if a.placed { // moved in the middle of a session
		a.floor = a.next
	}
	a.placed, a.offset = true, offset.n
	if a.channels == 0 || a.muted {
		return nil
	}
	a.shift = shift.in(a.timeBase) - offset.in(a.timeBase)
	held := a.held
	a.held, a.heldBytes = nil, 0
	for _, h := range held {
		if err := a.send(ctx, h.pts-a.shift, h.pcm); err != nil {
			return err
		}
	}
	return nil
}

// cut takes off what comes too early.
func (a *audioOut) cut(pts int64, pcm []byte) (int64, []byte) {
	if pts >= a.floor {
		a.floor = math.MinInt64
		return pts, pcm
	}
	frame := int64(a.channels * sampleBytes)
	early := min(ticks{a.floor - pts, a.timeBase}.in(a.second()), int64(len(pcm))/frame)
	return pts + ticks{early, a.second()}.in(a.timeBase), pcm[early*frame:]
}

// second is the time base of samples.
func (a *audioOut) second() nut.Rational { return nut.Rational{Num: 1, Den: int64(a.rate)} }

// send hands samples on.
func (a *audioOut) send(ctx context.Context, pts int64, pcm []byte) error {
	pts, pcm = a.cut(pts, pcm)
	if len(pcm) == 0 {
		return nil
	}
	frame := a.channels * sampleBytes
	a.samples += uint64(len(pcm) / frame)
	if a.sink != nil {
		a.sink.Samples(pts, narrow(a.timeBase), pcm)
	}
	whole := audioCapacity / frame * frame
	for len(pcm) > 0 {
		piece := pcm[:min(len(pcm), whole)]
		if a.w != nil {
			if err := a.publish(ctx, pts, piece); err != nil {
				return err
			}
		}
		// The rate is a whole number, so this is exact in its own ticks.
		pts += ticks{int64(len(piece) / frame), a.second()}.in(a.timeBase)
		pcm = pcm[len(piece):]
	}
	a.next = pts
	return nil
}

func (a *audioOut) publish(ctx context.Context, pts int64, pcm []byte) error {
	slot, err := a.w.Begin(ctx)
	if err != nil {
		return err
	}
	defer slot.Abandon() // does nothing once it is published
	if err := slot.SetLength(len(pcm)); err != nil {
		return err
	}
	if err := slot.Guard(func() error { copy(slot.Bytes(), pcm); return nil }); err != nil {
		return err
	}
	samples := len(pcm) / (a.channels * sampleBytes)
	if a.gap {
		slot.Info.Flags |= framebuf.FlagDiscontinuity
	}
	slot.Info.PTS = pts
	slot.Info.TimeBase = narrow(a.timeBase)
	slot.Info.Duration = ticks{int64(samples), a.second()}.in(a.timeBase)
	slot.Info.Audio = framebuf.Audio{
		Rate: uint32(a.rate), Channels: uint16(a.channels), Format: framebuf.S16LE,
		Layout: channelMask(a.channels), Samples: uint32(samples),
	}
	a.gap = false
	return slot.Publish()
}

// end hands over what still waits and ends the sink. Idempotent.
func (a *audioOut) end(ctx context.Context) error {
	if a.ended {
		return nil
	}
	a.ended = true
	var err error
	if !a.placed {
		err = a.giveUpWaiting(ctx)
	}
	if a.sink != nil {
		a.sink.End()
	}
	return err
}

// channelMask is the usual speaker mask of WAVE_FORMAT_EXTENSIBLE for a number of
// channels; 0, unknown, where there is no usual one.
func channelMask(channels int) uint64 {
	switch channels {
	case 1:
		return 0x4
	case 2:
		return 0x3
	case 6:
		return 0x3f
	case 8:
		return 0x63f
	}
	return 0
}

// createAudio makes the segment for the sound of a capture into segment.
func createAudio(segment string, live bool, o *Options) (*framebuf.Writer, error) {
	opt := o.segment(live)
	opt.Slots, opt.Capacity, opt.Kind, opt.Sealed = audioSlots, audioCapacity, framebuf.AudioKind, false
	return framebuf.Create(segment+audioSuffix, framebuf.Format{PixelFormat: framebuf.Data}, opt)
}

// narrow is a time base as frames carry it; unknown if it does not fit.
func narrow(r nut.Rational) framebuf.Rational {
	if r.Num < 1 || r.Den < 1 || r.Num > 1<<31-1 || r.Den > 1<<31-1 {
		return framebuf.Rational{}
	}
	return framebuf.Rational{Num: int32(r.Num), Den: int32(r.Den)}
}

// seconds is a time in ticks as a duration; 0 if the time base is unknown.
func seconds(ticks int64, timeBase framebuf.Rational) time.Duration {
	d, _, err := nut.Rescale(ticks, wide(timeBase), nut.Rational{Num: 1, Den: int64(time.Second)})
	if err != nil {
		return 0
	}
	return time.Duration(d)
}
