package capture

// From ffmpeg's pipe into the slots: the inner loop.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

// pump moves the frames of one run. Its loop belongs to one goroutine; the
// counters may be read by others.
type pump struct {
	w          *framebuf.Writer
	audio      *audioOut
	joiner     *joiner
	pixels     framebuf.PixelFormat
	rgb        bool              // pixels is one of the RGB formats
	formatName string            // ffmpeg's name of pixels
	timeBase   framebuf.Rational // what was asked of ffmpeg, and is stored
	resize     Resize
	watch      *stallWatch

	r            *nut.Reader
	video, sound int // stream numbers, -1 for none
	pipeBase     nut.Rational
	first        framebuf.Format // of the first frame

	in, out  atomic.Uint64
	position atomic.Int64 // PTS of the newest frame
	firstPTS int64        // NoPTS before the first
	lastPTS  int64        // NoPTS before the first
	maxPTS   int64
	short    bool // the source ended inside a frame
}

// pipeError is a failure of ffmpeg's side, as opposed to one of the segment.
type pipeError struct{ err error }

func (e *pipeError) Error() string { return e.err.Error() }
func (e *pipeError) Unwrap() error { return e.err }

// loop runs until the pipe ends (nil), ffmpeg's stream is no longer one
// (*pipeError), the segment fails, or ctx ends.
func (p *pump) loop(ctx context.Context, pipe io.Reader) error {
	p.firstPTS, p.lastPTS, p.maxPTS = framebuf.NoPTS, framebuf.NoPTS, framebuf.NoPTS
	p.r = nut.NewReader(pipe, nil)
	if err := p.header(); err != nil {
		return err
	}
	for {
		packet, err := p.r.Next()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF): // in the header of a frame
			p.short = true
			return nil
		case err != nil:
			return &pipeError{err}
		}
		switch packet.Stream {
		case p.video:
			err = p.frame(ctx, packet)
		case p.sound:
			err = p.audio.packet(ctx, p.r, packet)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
		}
		if err != nil || p.short {
			return err
		}
	}
}

// header finds the streams. A pipe that ends before its header is a source
// without a frame, and no error here.
func (p *pump) header() error {
	p.video, p.sound = -1, -1
	streams, err := p.r.ReadHeader()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	if err != nil {
		return &pipeError{err}
	}
	for i, s := range streams {
		switch {
		case s.Class == nut.ClassVideo && p.video < 0:
			p.video, p.pipeBase = i, s.TimeBase
			p.first = framebuf.Format{PixelFormat: p.pixels, Width: s.Width, Height: s.Height}
			p.joiner.setPipe(s.TimeBase, wide(p.timeBase))
		case s.Class == nut.ClassAudio && p.sound < 0:
			p.sound = i
			if err := p.audio.start(s); err != nil {
				return &pipeError{err}
			}
		}
	}
	return nil
}

// frame takes one frame from the pipe into a slot.
func (p *pump) frame(ctx context.Context, packet nut.Packet) error {
	seq := p.in.Add(1) - 1
	said, ok := p.joiner.take(ctx, packet.PTS)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if shift, ok := p.joiner.shift(); ok {
		if err := p.audio.setShift(ctx, shift, p.pipeBase); err != nil {
			return err
		}
	}
	if err := p.fit(ctx, packet.Size, said, ok); err != nil {
		return err
	}
	// The slot is lost to readers from Begin on: not before there are bytes for it.
	if err := p.r.AwaitPayload(); err != nil {
		return p.cut(err)
	}
	p.watch.arrived()
	slot, err := p.w.Begin(ctx)
	if err != nil {
		return err
	}
	defer slot.Abandon() // does nothing once it is published
	// A file that was truncated under us is a fault for what was read ahead, and an
	// error of read(2) for the rest.
	if err := slot.Guard(func() error { return p.r.Payload(slot.Bytes()) }); err != nil {
		return p.cut(err)
	}
	p.describe(&slot.Info, seq, packet.PTS, said, ok)
	pts := slot.Info.PTS
	if err := slot.Publish(); err != nil {
		return err
	}
	p.published(pts)
	return nil
}

// cut sorts what can go wrong between a frame's header and its last byte.
func (p *pump) cut(err error) error {
	switch {
	case errors.Is(err, framebuf.ErrDamaged):
		return err
	case errors.Is(err, syscall.EFAULT):
		return fmt.Errorf("%w: the kernel could not write to a slot", framebuf.ErrDamaged)
	case errors.Is(err, io.ErrUnexpectedEOF):
		p.short = true
		p.w.CountDrops(framebuf.DropShort, 1)
		return nil
	}
	return &pipeError{err}
}

// fit gives the segment the format of the frame to come.
func (p *pump) fit(ctx context.Context, size int64, said shown, ok bool) error {
	now := p.w.Format()
	next := now
	switch {
	case p.firstPTS == framebuf.NoPTS && p.out.Load() == 0:
		next = p.first
		if ok && p.resize != ResizeScale {
			next.Width, next.Height = said.width, said.height
		}
		p.first = next
	case p.resize == ResizeScale:
		next = p.first
	case ok:
		next.Width, next.Height = said.width, said.height
	}
	if int64(next.Size()) != size {
		return &pipeError{fmt.Errorf("a frame of %d bytes, which is no %s (%d bytes)", size, next, next.Size())}
	}
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
func (p *pump) describe(info *framebuf.Info, seq uint64, pipePTS int64, said shown, ok bool) {
	info.SourceSeq = seq
	info.PTS = p.pts(pipePTS, said, ok)
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
	if info.PTS != framebuf.NoPTS && p.lastPTS != framebuf.NoPTS && info.PTS < p.lastPTS {
		info.Flags |= framebuf.FlagDiscontinuity
	}
}

// pts is the true time of a frame: what showinfo saw, or else the pipe's, less
// what ffmpeg moved all times by.
func (p *pump) pts(pipePTS int64, said shown, ok bool) int64 {
	from, ticks := p.pipeBase, pipePTS
	switch shift, shifted := p.joiner.shift(); {
	case ok && said.pts == framebuf.NoPTS:
		return framebuf.NoPTS
	case ok && said.timeBase.Num > 0:
		from, ticks = wide(said.timeBase), said.pts
	case shifted:
		ticks -= shift
	}
	pts, _, err := nut.Rescale(ticks, from, wide(p.timeBase))
	if err != nil {
		return framebuf.NoPTS
	}
	return pts
}

func (p *pump) published(pts int64) {
	p.out.Add(1)
	if pts != framebuf.NoPTS {
		if p.firstPTS == framebuf.NoPTS {
			p.firstPTS = pts
		}
		p.lastPTS, p.maxPTS = pts, max(p.maxPTS, pts)
		p.position.Store(pts)
	}
	p.watch.await()
}
