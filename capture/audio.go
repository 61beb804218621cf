package capture

// Sound, decoded to PCM by the same ffmpeg, on its way out: to a sink in this
// process, and into a segment of its own.

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// audioOut sends sound to wherever it is wanted, with its true times.
type audioOut struct {
	sink AudioSink        // nil if not wanted
	w    *framebuf.Writer // nil if not wanted

	rate, channels int
	timeBase       nut.Rational
	shiftKnown     bool
	shift          int64 // to be taken off every time, in ticks of timeBase
	held           []heldAudio
	heldBytes      int
	buf            []byte
	samples        uint64
	ended          bool
}

type heldAudio struct {
	pts int64
	pcm []byte
}

// start says what the sound is like.
func (a *audioOut) start(s nut.Stream) error {
	if s.SampleRate.Den < 1 || s.SampleRate.Num < 1 || s.Channels < 1 {
		return fmt.Errorf("sound of %s samples a second in %d channels", s.SampleRate, s.Channels)
	}
	a.rate, a.channels = int(s.SampleRate.Num/s.SampleRate.Den), s.Channels
	a.timeBase = s.TimeBase
	if a.sink != nil {
		a.sink.Start(a.rate, a.channels)
	}
	return nil
}

// packet takes one packet off the pipe.
func (a *audioOut) packet(ctx context.Context, r *nut.Reader, p nut.Packet) error {
	if p.Size > heldAudioBytes {
		return &pipeError{fmt.Errorf("%d bytes of sound in one piece", p.Size)}
	}
	if int64(cap(a.buf)) < p.Size {
		a.buf = make([]byte, p.Size)
	}
	a.buf = a.buf[:p.Size]
	if err := r.Payload(a.buf); err != nil {
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			err = &pipeError{err}
		}
		return err
	}
	if a.shiftKnown {
		return a.send(ctx, p.PTS-a.shift, a.buf)
	}
	a.held = append(a.held, heldAudio{pts: p.PTS, pcm: append([]byte(nil), a.buf...)})
	a.heldBytes += len(a.buf)
	if a.heldBytes > heldAudioBytes {
		return a.setShift(ctx, 0, a.timeBase)
	}
	return nil
}

// setShift says by how much ffmpeg moved all times, in ticks of timeBase, and
// sends what waited for that. Later calls do nothing.
func (a *audioOut) setShift(ctx context.Context, ticks int64, timeBase nut.Rational) error {
	if a.shiftKnown {
		return nil
	}
	a.shiftKnown = true
	if a.channels == 0 {
		return nil
	}
	shift, _, err := nut.Rescale(ticks, timeBase, a.timeBase)
	if err != nil {
		shift = 0
	}
	a.shift = shift
	held := a.held
	a.held, a.heldBytes = nil, 0
	for _, h := range held {
		if err := a.send(ctx, h.pts-a.shift, h.pcm); err != nil {
			return err
		}
	}
	return nil
}

// send hands samples on.
func (a *audioOut) send(ctx context.Context, pts int64, pcm []byte) error {
	frame := a.channels * sampleBytes
	a.samples += uint64(len(pcm) / frame)
	if a.sink != nil {
		a.sink.Samples(pts, narrow(a.timeBase), pcm)
	}
	if a.w == nil {
		return nil
	}
	whole := audioCapacity / frame * frame
	for len(pcm) > 0 {
		piece := pcm[:min(len(pcm), whole)]
		if err := a.publish(ctx, pts, piece); err != nil {
			return err
		}
		// The rate is a whole number, so this is exact in its own ticks.
		ticks, _, err := nut.Rescale(int64(len(piece)/frame), nut.Rational{Num: 1, Den: int64(a.rate)}, a.timeBase)
		if err != nil {
			return err
		}
		pts += ticks
		pcm = pcm[len(piece):]
	}
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
	slot.Info.PTS = pts
	slot.Info.TimeBase = narrow(a.timeBase)
	slot.Info.Duration, _, _ = nut.Rescale(int64(samples), nut.Rational{Num: 1, Den: int64(a.rate)}, a.timeBase)
	slot.Info.Audio = framebuf.Audio{
		Rate: uint32(a.rate), Channels: uint16(a.channels), Format: framebuf.S16LE,
		Layout: channelMask(a.channels), Samples: uint32(samples),
	}
	return slot.Publish()
}

// end hands over what still waits and ends the sink. Idempotent.
func (a *audioOut) end(ctx context.Context) error {
	if a.ended {
		return nil
	}
	a.ended = true
	err := a.setShift(ctx, 0, a.timeBase)
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
	opt.Slots, opt.Capacity, opt.Kind = audioSlots, audioCapacity, framebuf.AudioKind
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
