// Restarts: which output is started again, after which failure, and what becomes
// of the segment meanwhile.

package encode

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pause"
)

// Restart says whether a live output that fails is started again. A file never
// is: that would overwrite what is there.
//
// Live are URLs, and HLS into a folder at PaceLive. Not a failure that another
// start can help against are: an encoder, format or option that ffmpeg has not, a
// full or unwritable disk, and the end of the segment.
//
// While the output is away, the frames of a live source are read and counted as
// missed, so that no writer waits for a reader that has no use for its frames. A
// source that can wait (a file, a generator) does wait for a lossless reader, and
// nothing is missed but what the dead ffmpeg had. A lossless reader that is
// evicted because the output stood still joins again.
type Restart int

// The choices.
const (
	RestartAuto   Restart = 0 // once the output has worked: what never did is a mistake in the request
	RestartNever  Restart = 1
	RestartAlways Restart = 2 // also if it has not worked yet, unless the server refuses us by name or password
)

// isLive reports whether nobody loses anything by another start: there is no file.
func (e *Encode) isLive() bool {
	return e.output.Live || e.output.Format == "hls" && e.pace == PaceLive
}

// neverAgain refuses RestartAlways for an output that is not live.
func (e *Encode) neverAgain() error {
	return fmt.Errorf("%w: only a live output is started again: %s would be overwritten", ErrName, e.output)
}

// restarts reports whether the output may be started again.
func (s *session) restarts() bool {
	return s.isLive() && s.opts.Restart != RestartNever && (s.worked || s.opts.Restart == RestartAlways)
}

// mayHelp reports whether another start may help against err.
func (s *session) mayHelp(e *ending, err error) bool {
	var exit *failed
	switch {
	case err == nil || errors.Is(err, ErrFFmpeg):
		return false
	case e.stalled:
		return true
	case s.output.Path != "" && errors.Is(err, ErrOutput): // a disk
		return false
	case s.worked:
		return true
	}
	refused := errors.As(err, &exit) && strings.HasPrefix(exit.line, "Server returned 4")
	return errors.Is(err, ErrOutput) && !refused
}

// lookEvery is how often a reader of the newest frame looks at the segment while
// the output is away: often enough to notice its end, without copying each frame.
const lookEvery = 250 * time.Millisecond

// outage waits until the next start, and for the frame to start with. Its error
// is that of reading.
func (s *session) outage(ctx context.Context, wait time.Duration) error {
	over := time.Now().Add(wait)
	for s.mode != framebuf.Lossless || s.liveSource {
		if s.mode == framebuf.Newest && !pause.Sleep(ctx, min(lookEvery, time.Until(over))) {
			return context.Cause(ctx)
		}
		waiting, cancel := context.WithDeadline(ctx, over)
		f, err := s.next(waiting)
		late := waiting.Err() != nil
		cancel()
		switch {
		case err == nil:
			s.pass(f)
		case ctx.Err() != nil || !late:
			return err
		}
		if late {
			break
		}
	}
	if !pause.Sleep(ctx, time.Until(over)) {
		return context.Cause(ctx)
	}
	f, err := s.next(ctx)
	s.first = f
	return err
}

// pass lets a frame go by, and the sound before it.
func (s *session) pass(f *framebuf.Frame) {
	info := f.Info
	_ = f.Release()
	s.missed++
	at, ok, err := s.clock.place(&info)
	if err == nil && ok && s.sound != nil {
		_ = s.sound.skip(at) // what is wrong with the sound is said when it is sent
	}
}
