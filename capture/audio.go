package capture

// Sound, decoded to PCM by the same ffmpeg, on its way out: to a sink in this
// process, and into a segment of its own.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/nut"
)

const (
	audioSuffix   = ".audio"
	audioSlots    = 64
	audioCapacity = 64 << 10
	sampleBytes   = 2 // signed 16 bits, little-endian

	// heldAudioBytes bounds the sound that waits for the first picture of its
	// session, which says where both belong.
	heldAudioBytes = 16 << 20
)

// AudioSink takes the sound of a capture. Its methods are called one at a time, on
// goroutines of the Capture, and must not block: ffmpeg waits meanwhile, and so does
// the picture.
type AudioSink interface {
	// Start comes first, if there is sound at all: samples a second, and channels. It
	// does not wait for sound that begins long after the picture.
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
// come before the end of what was sent is cut off. Its rate and number of channels
// stay what they were at first: ffmpeg is told to keep to them.
//
// Its methods are safe for concurrent use. They can wait for readers of the sound's
// segment, so the picture's goroutine calls none of them, only those of where.
type audioOut struct {
	sink  AudioSink                // nil if not wanted
	w     *framebuf.Writer         // nil if not wanted
	known func(rate, channels int) // is told what the sound is like; nil for nobody
	where placement

	mu sync.Mutex // guards all that follows, also while a reader is waited for

	rate, channels int // 0 before the first sound
	samples        uint64
	ended          bool
	next           int64 // when what was sent ends, in ticks of timeBase
	floor          int64 // sound before this time is cut off; math.MinInt64 for none
	gap            bool  // the next frame of the segment comes after a gap

	// Of one ffmpeg.
	number    int // of its session
	timeBase  nut.Rational
	flows     bool          // its sound has begun, and can be sent
	placed    bool          // shift is known
	offset    int64         // as where had it, in ticks of timeBase
	shift     int64         // to be taken off every time, in ticks of timeBase
	limit     time.Duration // of the session, from its first picture on; 0 none
	held      []heldAudio
	heldBytes int
}

type heldAudio struct {
	pts int64
	pcm []byte
}

func newAudioOut(sink AudioSink) *audioOut { return &audioOut{sink: sink, floor: math.MinInt64} }

// ready gets ready for the sound of a session.
func (a *audioOut) ready(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.where.clear()
	a.number, a.limit = s.number, s.limit
	a.placed, a.flows, a.held, a.heldBytes = false, false, nil, 0
	if a.samples > 0 {
		a.floor, a.gap = a.next, true
	}
}

// start says what the sound is like. ok is false if it is not what it was said to
// be, and so cannot be sent.
func (a *audioOut) start(s nut.Stream) (ok bool, err error) {
	if s.SampleRate.Den < 1 || s.SampleRate.Num < 1 || s.Channels < 1 {
		return false, &pipeError{fmt.Errorf("sound of %s samples a second in %d channels", s.SampleRate, s.Channels)}
	}
	rate := int(s.SampleRate.Num / s.SampleRate.Den)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended || a.rate != 0 && (rate != a.rate || s.Channels != a.channels) {
		return a.ended, nil
	}
	if a.floor != math.MinInt64 {
		a.floor = ticks{a.floor, a.timeBase}.in(s.TimeBase)
	}
	a.timeBase, a.flows = s.TimeBase, true
	a.begin(rate, s.Channels)
	return true, nil
}

// begin tells what the sound is like, once. Called with mu held.
func (a *audioOut) begin(rate, channels int) {
	if a.rate != 0 {
		return
	}
	a.rate, a.channels = rate, channels
	if a.known != nil {
		a.known(rate, channels)
	}
	if a.sink != nil {
		a.sink.Start(rate, channels)
	}
}

// announce says what the sound will be like, if it has not begun: whoever encodes
// may wait to hear of it before it takes a frame. In the segment a frame without
// samples says so, at the time of the first picture.
func (a *audioOut) announce(ctx context.Context, rate, channels int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rate != 0 || a.ended || rate < 1 || channels < 1 {
		return nil
	}
	a.begin(rate, channels)
	if a.w == nil {
		return nil
	}
	first, _ := a.where.picture()
	return a.publish(ctx, first.n, first.base, nil)
}

// none says that this ffmpeg has no sound. If there was none before either, that
// was all of it.
func (a *audioOut) none(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rate != 0 || a.ended {
		return nil
	}
	err := a.finish(ctx)
	if a.w != nil {
		err = errors.Join(err, discard(a.w))
	}
	return err
}

// take sends sound whose time ffmpeg says is pts, or keeps it until it is known
// where it belongs.
func (a *audioOut) take(ctx context.Context, pts int64, pcm []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.flows || a.ended {
		return nil
	}
	if err := a.place(ctx); err != nil {
		return err
	}
	if a.placed {
		return a.send(ctx, pts-a.shift, pcm)
	}
	a.held = append(a.held, heldAudio{pts: pts, pcm: append([]byte(nil), pcm...)})
	a.heldBytes += len(pcm)
	if a.heldBytes > heldAudioBytes {
		return a.giveUpWaiting(ctx)
	}
	return nil
}

// settle sends what waited to know where it belongs, if that is known.
func (a *audioOut) settle(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.place(ctx)
}

// giveUpWaiting is for sound of which no picture says where it belongs. That of
// the first ffmpeg has its own times; that of another one could be anywhere.
// Called with mu held.
func (a *audioOut) giveUpWaiting(ctx context.Context) error {
	if a.number > 0 {
		a.held, a.heldBytes = nil, 0
		return nil
	}
	return a.move(ctx, 0)
}

// place puts the sound where the picture says it belongs. Called with mu held.
func (a *audioOut) place(ctx context.Context) error {
	by, known := a.where.get()
	if !known || !a.flows {
		return nil
	}
	offset := by.in(a.timeBase)
	switch {
	case !a.placed:
	case a.offset == offset:
		return nil
	default: // moved in the middle of a session
		a.floor = a.next
	}
	return a.move(ctx, offset)
}

// move puts the sound by offset after the source's own times, and sends what
// waited for that. Called with mu held.
func (a *audioOut) move(ctx context.Context, offset int64) error {
	a.placed, a.offset = true, offset
	a.shift = ticks{int64(ffargs.SoundOffset), nanoseconds()}.in(a.timeBase) - offset
	held := a.held
	a.held, a.heldBytes = nil, 0
	for _, h := range held {
		if err := a.send(ctx, h.pts-a.shift, h.pcm); err != nil {
			return err
		}
	}
	return nil
}

// cut takes off what comes too early, or too late.
func (a *audioOut) cut(pts int64, pcm []byte) (int64, []byte) {
	frame := int64(a.channels * sampleBytes)
	before := func(at int64) int64 { // samples
		return min(max(ticks{at - pts, a.timeBase}.in(a.second()), 0), int64(len(pcm))/frame)
	}
	if first, known := a.where.picture(); known && a.limit > 0 {
		end := first.in(a.timeBase) + ticks{int64(a.limit), nanoseconds()}.in(a.timeBase)
		pcm = pcm[:before(end)*frame]
	}
	if pts >= a.floor {
		a.floor = math.MinInt64
		return pts, pcm
	}
	early := before(a.floor)
	return pts + ticks{early, a.second()}.in(a.timeBase), pcm[early*frame:]
}

// second is the time base of samples.
func (a *audioOut) second() nut.Rational { return nut.Rational{Num: 1, Den: int64(a.rate)} }

// send hands samples on. Called with mu held.
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
			if err := a.publish(ctx, pts, a.timeBase, piece); err != nil {
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

// publish makes one frame of the segment. Called with mu held.
func (a *audioOut) publish(ctx context.Context, pts int64, timeBase nut.Rational, pcm []byte) error {
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
	slot.Info.TimeBase = narrow(timeBase)
	slot.Info.Duration = ticks{int64(samples), a.second()}.in(timeBase)
	slot.Info.Audio = framebuf.Audio{
		Rate: uint32(a.rate), Channels: uint16(a.channels), Format: framebuf.S16LE,
		Layout: channelMask(a.channels), Samples: uint32(samples),
	}
	a.gap = false
	return slot.Publish()
}

// end hands over what still waits and ends the sink. Idempotent.
func (a *audioOut) end(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.finish(ctx)
}

// finish is end, called with mu held.
func (a *audioOut) finish(ctx context.Context) error {
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

// nanoseconds is the time base of durations.
func nanoseconds() nut.Rational { return nut.Rational{Num: 1, Den: int64(time.Second)} }

// seconds is a time in ticks as a duration; 0 if the time base is unknown.
func seconds(ticks int64, timeBase framebuf.Rational) time.Duration {
	d, _, err := nut.Rescale(ticks, wide(timeBase), nanoseconds())
	if err != nil {
		return 0
	}
	return time.Duration(d)
}
