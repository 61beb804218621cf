package capture

// Frames whose pixels come by a plug-in inside ffmpeg, straight into the slots: the inner loop, and when it is taken.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/lane"
	"github.com/framebridge/framebridge/internal/plugin"
)

// Transport is the way that pixels take, TransportPlugin or TransportPipe. whyNot says what keeps them from going by the plug-in;
// nil if they do, or were not to.
func (c *Capture) Transport() (way Transport, whyNot error) {
	if c.plugins != "" {
		return TransportPlugin, nil
	}
	return TransportPipe, c.noPlugin
}

// choose decides how pixels travel: by the plug-in where that is possible, or else, if it was not asked for by name, through the
// pipe. version is what ffmpeg says of itself.
func (c *Capture) choose(ctx context.Context, version string) error {
	if c.o.Transport == TransportPipe {
		return nil
	}
	c.plugins, c.noPlugin = c.findPlugin(ctx, version)
	if c.noPlugin != nil && c.o.Transport == TransportPlugin {
		return is(ErrFFmpeg, fmt.Errorf("no transport by the plug-in: %w", c.noPlugin))
	}
	return nil
}

// findPlugin is the folder of the plug-in, or says why it cannot be taken.
func (c *Capture) findPlugin(ctx context.Context, version string) (dir string, err error) {
	switch {
	case !ffargs.CanLane(formatName(c.o.PixelFormat)):
		return "", fmt.Errorf("it takes rgba and bgra only, not %s", c.o.PixelFormat)
	case c.o.Sealed:
		return "", errors.New("a sealed segment can be written by nobody else, also not by a plug-in")
	case slices.Contains(c.o.InputArgs, "-loglevel"), slices.Contains(c.o.InputArgs, "-v"):
		return "", errors.New("frames have their times from what ffmpeg says, and the input's own arguments change that (-loglevel)")
	case resizes(c.o.Filter):
		return "", errors.New("the filter graph can change the size of frames without telling the filters behind it")
	case !ffargs.HasFrei0r(version):
		return "", fmt.Errorf("%s was built without frei0r, which loads it", c.ffmpeg)
	}
	return plugin.ForLane(ctx, c.ffmpeg)
}

// resizes reports whether a graph can change the size of frames in mid-stream by itself: ffmpeg does not make a filter behind it
// anew then, and the plug-in would take each frame for one of the first size.
func resizes(graph string) bool {
	return slices.ContainsFunc([]string{"eval=frame", "sendcmd", "zmq"}, func(sign string) bool { return strings.Contains(graph, sign) })
}

// firstExtra is the number of a child's first descriptor beyond the standard ones.
const firstExtra = 3

// laneNumber is the descriptor that the lane has in ffmpeg: after that of the sound. 0 if there is no lane.
func (c *Capture) laneNumber(sound bool) int {
	switch {
	case c.plugins == "":
		return 0
	case sound:
		return firstExtra + 1
	}
	return firstExtra
}

// laneLoop is loop for a lane. For each frame the plug-in asks for a place, copies, and says that it is done. What showinfo said
// of the frame was written before, and belongs to it by order: both stand in one chain of filters.
func (p *pump) laneLoop(ctx context.Context, s *session) error {
	for {
		f, err := s.lane.Next()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return is(ErrFFmpeg, err)
		}
		if err := p.laneFrame(ctx, s, f); err != nil || s.short {
			return err
		}
	}
}

// laneFrame takes one frame.
func (p *pump) laneFrame(ctx context.Context, s *session, f lane.Frame) error {
	now := time.Now()
	seq := p.in.Add(1) - 1
	s.watch.hold() // readers may be waited for
	said, ok := s.joiner.next(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if ok && (said.width != f.Width || said.height != f.Height) {
		return &pipeError{fmt.Errorf("a frame of %dx%d, of which ffmpeg had said %dx%d", f.Width, f.Height, said.width, said.height)}
	}
	if s.frames == 0 {
		p.greet(s, said, ok)
	}
	format := framebuf.Format{PixelFormat: p.pixels, Width: f.Width, Height: f.Height}
	if p.out.Load() == 0 {
		p.first = format
	}
	source, pts := p.time(s, framebuf.NoPTS, said, ok, now)
	if err := p.become(ctx, format); err != nil {
		return err
	}
	slot, err := p.w.Begin(ctx)
	if err != nil {
		return err
	}
	defer slot.Abandon() // does nothing once it is published
	s.watch.resume()
	offset, length := slot.Place()
	err = s.lane.Fill(f, &lane.Place{
		Generation: slot.Info.Generation, Open: p.w.Lend, Offset: offset, Length: length, Stride: int(slot.Info.Plane[0].Stride),
	})
	switch {
	case errors.Is(err, io.EOF):
		return p.cut(s, io.ErrUnexpectedEOF)
	case errors.Is(err, lane.ErrFault):
		return fmt.Errorf("%w: the plug-in could not write to a slot", framebuf.ErrDamaged)
	case errors.Is(err, lane.ErrPlugin):
		return is(ErrFFmpeg, err)
	case err != nil:
		return err
	}
	slot.Info.SourceSeq = seq
	return p.publish(s, slot, source, pts, said, ok, now)
}
