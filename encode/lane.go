// Pixels by the lane: a plug-in inside ffmpeg copies them out of the slots, and only times and sound go through the pipe.

package encode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/lane"
	"github.com/framebridge/framebridge/internal/plugin"
)

// Transport says how pixels travel from the segment into ffmpeg. The output is the
// same either way.
type Transport int

// The transports.
const (
	TransportAuto   Transport = 0 // by the plug-in where that is possible, else through a pipe
	TransportPlugin Transport = 1 // by a plug-in inside ffmpeg, which copies them once; ErrFFmpeg where that is not possible
	TransportPipe   Transport = 2 // through a pipe
)

const (
	// laneSide is the width and height of a picture that stands for one.
	laneSide = 8
	// laneLeast is the least number of pixels that a picture must have: what ffmpeg probes.
	laneLeast = ffargs.LaneProbe / 4
)

// laneNumber is the descriptor of the lane in ffmpeg, after that of -progress.
const laneNumber = 4

// choose decides how pixels travel. version is what ffmpeg says of itself.
func (e *Encode) choose(ctx context.Context, version string, f framebuf.Format) error {
	if e.opts.Transport == TransportPipe || e.opts.Splice {
		return nil
	}
	var err error
	switch {
	case !ffargs.CanLane(ffmpegName(f.PixelFormat)) || f.Width*f.Height < laneLeast:
		err = fmt.Errorf("it takes pictures of %d pixels and more in rgba and bgra only, not %v", laneLeast, f)
	case !ffargs.HasFrei0r(version):
		err = fmt.Errorf("%s was built without frei0r, which loads it", e.ffmpeg())
	default:
		e.plugins, err = plugin.ForLane(ctx, e.ffmpeg())
	}
	if err != nil && e.opts.Transport == TransportPlugin {
		return fmt.Errorf("%w: no transport by the plug-in: %w", ErrFFmpeg, err)
	}
	return nil
}

// laneSink has each picture drawn, and waits until it is: ffmpeg then works on it while the next one is read. The pipe gets a
// small picture in its place, whose first pixel is the number of the frame.
type laneSink struct {
	patientPipe
	lane    *lane.Lane
	frame   uint32 // of the last one
	packet  []byte // stands for it
	scratch *scratch
}

// form is what pictures are in the stream: small, but not of fewer bytes than make ffmpeg stop probing (ffargs has -probesize).
func (s *laneSink) form(f framebuf.Format) framebuf.Format {
	f.Width, f.Height = min(f.Width, laneSide), min(f.Height, laneSide)
	return f
}

func (s *laneSink) send(f *framebuf.Frame, picture []byte) error {
	offset, _, ok := f.Place()
	if !ok { // it is a copy already
		err := s.sendCopy(&f.Format, picture)
		_ = f.Release()
		return err
	}
	err := s.draw(&f.Format, &lane.Place{
		Generation: f.Generation, Open: f.Lend, Offset: offset, Length: int64(len(picture)), Stride: int(f.Plane[0].Stride),
	})
	if held := f.Release(); err == nil && held != nil {
		err = fmt.Errorf("%w: %w", errTorn, held)
	}
	return err
}

func (s *laneSink) sendCopy(f *framebuf.Format, picture []byte) error {
	if s.scratch == nil {
		var err error
		if s.scratch, err = newScratch(len(picture)); err != nil {
			return err
		}
	}
	copy(s.scratch.bytes, picture)
	return s.draw(f, s.scratch.place(f))
}

func (s *laneSink) draw(f *framebuf.Format, from *lane.Place) error {
	s.begin()
	s.frame++
	if err := s.lane.Draw(s.frame, f.Width, f.Height, from); err != nil {
		return laneError(err)
	}
	if s.packet == nil {
		s.packet = make([]byte, s.form(*f).Size())
	}
	pixel := lane.Pixel(s.frame)
	copy(s.packet, pixel[:])
	if _, err := s.Write(s.packet); err != nil {
		return err
	}
	return laneError(s.lane.Drawn(s.frame))
}

// laneError names the errors of the lane as those of the pipe are named.
func laneError(err error) error {
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", errGone, err)
	case errors.Is(err, lane.ErrFault):
		return fmt.Errorf("%w: the plug-in could not read a slot", framebuf.ErrDamaged)
	case errors.Is(err, lane.ErrPlugin):
		return fmt.Errorf("%w: %w", ErrFFmpeg, err)
	}
	return err
}

func (s *laneSink) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.patience > 0 && !s.limited {
		s.lane.Limit(time.Now().Add(s.patience))
	}
}

func (s *laneSink) limit(t time.Time) {
	s.patientPipe.limit(t)
	s.lane.Limit(t)
}

func (s *laneSink) flush() error { return nil }

func (s *laneSink) abandon() {
	_ = s.lane.Close()
	if s.scratch != nil {
		s.scratch.close()
	}
}
