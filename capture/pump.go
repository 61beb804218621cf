package capture

// From ffmpeg's pipe into the slots: the inner loop.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

// pump moves the frames of a run, from one session after the other. Its loop
// belongs to one goroutine; the counters may be read by others.
type pump struct {
	w          *framebuf.Writer
	audio      *audioOut
	pixels     framebuf.PixelFormat
	rgb        bool              // pixels is one of the RGB formats
	formatName string            // ffmpeg's name of pixels
	asked      framebuf.Rational // the time base that was asked of ffmpeg
	timeBase   framebuf.Rational // that of the frames: the one that was asked for, or with adopt that of the source
	adopt      bool
	resize     Resize
	meet       func(s *session, said shown, ok bool) // what is known of the first frame of a session; nil for nothing

	in, out, placeholders atomic.Uint64
	position              atomic.Int64 // of the newest frame, ns

	mu      sync.Mutex      // while a frame is made, by the loop or to fill a gap
	line    timeline        // guarded by mu
	first   framebuf.Format // of the first frame
	newest  framebuf.Info   // of the last one of the source; guarded by mu
	lastPTS int64           // NoPTS before the first
	gap     bool            // the next frame comes after a gap
}

func newPump(w *framebuf.Writer, audio *audioOut, timeBase, rate framebuf.Rational, pixels framebuf.PixelFormat) *pump {
	return &pump{
		w: w, audio: audio, pixels: pixels, rgb: isRGB(pixels), formatName: formatName(pixels),
		asked: timeBase, timeBase: timeBase, line: newTimeline(timeBase, rate), lastPTS: framebuf.NoPTS,
	}
}

// pipeError is a failure of ffmpeg's side, as opposed to one of the segment.
type pipeError struct{ err error }

func (e *pipeError) Error() string { return e.err.Error() }
func (e *pipeError) Unwrap() error { return e.err }

// loop runs until the pipe ends (nil), ffmpeg's stream is no longer one
// (*pipeError), the segment fails, or ctx ends.
func (p *pump) loop(ctx context.Context, s *session, pipe io.Reader) error {
	if s.lane != nil {
		return p.laneLoop(ctx, s)
	}
	s.r = nut.NewReader(pipe, nil)
	if err := p.header(s); err != nil {
		return err
	}
	for {
		packet, err := s.r.Next()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF): // in the header of a frame
			s.short = true
			return nil
		case err != nil:
			return &pipeError{err}
		}
		if packet.Stream != s.video {
			continue
		}
		if err := p.frame(ctx, s, packet); err != nil || s.short {
			return err
		}
	}
}

// restart gets ready for another ffmpeg, whose times begin anew.
func (p *pump) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line.restart()
	p.gap = p.out.Load() > 0
}

// header finds the picture. A pipe that ends before its header is a source
// without a frame, and no error here.
func (p *pump) header(s *session) error {
	streams, err := s.r.ReadHeader()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	if err != nil {
		return &pipeError{err}
	}
	for i, st := range streams {
		if st.Class == nut.ClassVideo {
			s.video, s.pipeBase = i, st.TimeBase
			s.head = framebuf.Format{PixelFormat: p.pixels, Width: st.Width, Height: st.Height}
			s.joiner.setPipe(st.TimeBase, wide(p.asked))
			break
		}
	}
	return nil
}

// frame takes one frame from the pipe into a slot.
func (p *pump) frame(ctx context.Context, s *session, packet nut.Packet) error {
	now := time.Now()
	seq := p.in.Add(1) - 1
	s.watch.hold() // it has begun to come
	said, ok := s.joiner.take(ctx, packet.PTS)
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.frames == 0 {
		p.greet(s, said, ok)
	}
	source, pts := p.time(s, packet.PTS, said, ok, now)
	if err := p.fit(ctx, s, packet.Size, said, ok); err != nil {
		return err
	}
	s.watch.resume()
	// The slot is lost to readers from Begin on: not before there are bytes for it.
	if err := s.r.AwaitPayload(); err != nil {
		return p.cut(s, err)
	}
	s.watch.hold() // readers may be waited for
	slot, err := p.w.Begin(ctx)
	if err != nil {
		return err
	}
	defer slot.Abandon() // does nothing once it is published
	s.watch.resume()
	// A file that was truncated under us is a fault for what was read ahead, and an
	// error of read(2) for the rest.
	if err := slot.Guard(func() error { return s.r.Payload(slot.Bytes()) }); err != nil {
		return p.cut(s, err)
	}
	slot.Info.SourceSeq = seq
	return p.publish(s, slot, source, pts, said, ok, now)
}

// time is that of a frame, on the clock of the source and on that of the segment.
func (p *pump) time(s *session, pipePTS int64, said shown, ok bool, now time.Time) (source, pts int64) {
	source = p.pts(s, pipePTS, said, ok)
	pts = p.line.at(source, now)
	if base := wide(p.timeBase); pts != framebuf.NoPTS && p.audio.where.set(ticks{p.line.offset, base}, ticks{pts, base}) {
		close(s.placed)
	}
	return source, pts
}

// publish completes a slot that has its pixels.
func (p *pump) publish(s *session, slot *framebuf.Slot, source, pts int64, said shown, ok bool, now time.Time) error {
	p.describe(&slot.Info, pts, said, ok)
	s.watch.frame()
	info := slot.Info
	if err := slot.Publish(); err != nil {
		return err
	}
	p.published(s, &info, source, now)
	return nil
}

// greet takes what is known of the first frame of a session. Called with mu held.
func (p *pump) greet(s *session, said shown, ok bool) {
	if p.adopt && p.out.Load() == 0 && ok && said.timeBase.Num > 0 {
		p.timeBase = said.timeBase
	}
	if p.meet != nil {
		p.meet(s, said, ok)
	}
}

// cut sorts what can go wrong between a frame's header and its last byte.
func (p *pump) cut(s *session, err error) error {
	switch {
	case errors.Is(err, framebuf.ErrDamaged):
		return err
	case errors.Is(err, syscall.EFAULT):
		return fmt.Errorf("%w: the kernel could not write to a slot", framebuf.ErrDamaged)
	case errors.Is(err, io.ErrUnexpectedEOF):
		s.short = true
		p.w.CountDrops(framebuf.DropShort, 1)
		return nil
	}
	return &pipeError{err}
}

// fit gives the segment the format of the frame to come.
func (p *pump) fit(ctx context.Context, s *session, size int64, said shown, ok bool) error {
	now := p.w.Format()
	next := now
	if s.frames == 0 {
		next = s.head
	}
	if ok && p.resize != ResizeScale {
		next.Width, next.Height = said.width, said.height
	}
	if p.out.Load() == 0 {
		p.first = next
	}
	if int64(next.Size()) != size {
		return &pipeError{fmt.Errorf("a frame of %d bytes, which is no %s (%d bytes)", size, next, next.Size())}
	}
	return p.become(ctx, next)
}

// become makes next the format of the segment, if that is allowed.
func (p *pump) become(ctx context.Context, next framebuf.Format) error {
	now := p.w.Format()
	if next == now {
		return nil
	}
	if p.resize == ResizeStop && next != p.first {
		return fmt.Errorf("%w: from %dx%d to %dx%d after %d frames", ErrGeometryChanged,
			now.Width, now.Height, next.Width, next.Height, p.out.Load())
	}
	return p.w.SetFormat(ctx, next)
}

// describe fills in what is known of a frame. Everything else comes from the
// segment's template.
func (p *pump) describe(info *framebuf.Info, pts int64, said shown, ok bool) {
	info.PTS, info.TimeBase = pts, p.timeBase
	if ok {
		if said.aspect.Num > 0 {
			info.Aspect = said.aspect
		}
		info.FieldOrder = said.order
		// What was converted to RGB is full-range RGB. What the source was, which is what
		// counts when the frames are coded again, is in the template.
		if !p.rgb || said.format != p.formatName {
			info.Color = said.color
			info.Alpha = framebuf.AlphaNone
			if p.pixels.HasAlpha() && hasAlpha(said.format) {
				info.Alpha = framebuf.AlphaStraight
			}
		}
		if said.key {
			info.Flags |= framebuf.FlagKey
		}
	}
	if p.gap || pts != framebuf.NoPTS && p.lastPTS != framebuf.NoPTS && pts < p.lastPTS {
		info.Flags |= framebuf.FlagDiscontinuity
	}
}

// pts is the true time of a frame on the source's clock: what showinfo saw, or
// else the pipe's, less what ffmpeg moved all times by.
func (p *pump) pts(s *session, pipePTS int64, said shown, ok bool) int64 {
	from, ticks := s.pipeBase, pipePTS
	switch shift, shifted := s.joiner.shift(); {
	case ok && said.pts == framebuf.NoPTS:
		return framebuf.NoPTS
	case ok && said.timeBase.Num > 0:
		from, ticks = wide(said.timeBase), said.pts
	case pipePTS == framebuf.NoPTS:
		return framebuf.NoPTS
	case shifted:
		ticks -= shift
	}
	pts, _, err := nut.Rescale(ticks, from, wide(p.timeBase))
	if err != nil {
		return framebuf.NoPTS
	}
	return pts
}

// published notes a frame of the source. Called with mu held.
func (p *pump) published(s *session, info *framebuf.Info, source int64, now time.Time) {
	p.out.Add(1)
	p.gap, p.newest = false, *info
	if s.frames == 0 {
		s.firstAt = now
	}
	s.frames++
	s.lastAt = now
	if source == framebuf.NoPTS {
		return
	}
	if s.firstPTS == framebuf.NoPTS {
		s.firstPTS, s.maxPTS = source, source
	}
	s.maxPTS = max(s.maxPTS, source)
	p.lastPTS = info.PTS
	p.line.published(info.PTS, now)
	p.position.Store(int64(seconds(info.PTS, p.timeBase)))
}
