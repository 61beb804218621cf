// Frames into ffmpeg's pipe without a copy: vmsplice(2).
//
// The pipe then holds the pages of the slots, not their content. So a frame is
// released, and its slot may be written again, only when ffmpeg has read its last
// byte: when the bytes sent so far, less those still in the pipe, have passed the
// frame's end. Frames that are owed to a lossless reader stay until then.

package encode

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
)

// pipeBytes is the size of the pipe. A writer that does not block, as Go's, must
// be woken for each time that it was full: with the usual 64 KiB that is 130 times
// a 1080p frame, and half of the speed.
const pipeBytes = 1 << 20

// splicePoll is how often flush looks whether the last byte is out: a pipe does
// not tell when it is empty.
const splicePoll = 200 * time.Microsecond

type spliceSink struct {
	patientPipe
	sent int64      // bytes of the stream so far
	held []inFlight // frames whose pages may be in the pipe, oldest first
	iov  []unix.Iovec
}

type inFlight struct {
	f   *framebuf.Frame
	end int64 // of the stream, after its last byte
}

// widen makes the pipe larger, if the system allows it.
func widen(w *os.File) {
	raw, err := w.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeBytes) })
	}
}

// newSplicer returns a sink that splices into w, or nil and why that cannot be.
func newSplicer(w *os.File, patience time.Duration) (sink, error) {
	widen(w)
	s := &spliceSink{patientPipe: patientPipe{f: w, patience: patience}, iov: make([]unix.Iovec, 1)}
	if _, err := s.taken(); err != nil {
		return nil, fmt.Errorf("splice: %w", err)
	}
	// An empty splice tells whether the system has it, and allows it.
	if err := s.control(func(fd int) error { _, err := unix.Vmsplice(fd, nil, unix.SPLICE_F_NONBLOCK); return err }); err != nil {
		return nil, fmt.Errorf("splice: %w", err)
	}
	return s, nil
}

func (s *spliceSink) Write(b []byte) (int, error) {
	n, err := s.patientPipe.Write(b)
	s.sent += int64(n)
	return n, err
}

// sendCopy is that of the pipe, with the bytes counted.
func (s *spliceSink) sendCopy(_ *framebuf.Format, picture []byte) error {
	_, err := s.Write(picture)
	return err
}

func (s *spliceSink) send(f *framebuf.Frame, picture []byte) error {
	s.held = append(s.held, inFlight{f: f, end: s.sent + int64(len(picture))})
	s.begin()
	for len(picture) > 0 {
		n, err := s.splice(picture[:min(len(picture), chunkBytes)])
		s.sent += int64(n)
		picture = picture[n:]
		if err != nil {
			return pipeError(err)
		}
	}
	return s.reclaim(1)
}

// splice puts some of b into the pipe, waiting for room.
func (s *spliceSink) splice(b []byte) (n int, err error) {
	s.iov[0].Base = &b[0]
	s.iov[0].SetLen(len(b))
	raw, err := s.f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var sys error
	err = raw.Write(func(fd uintptr) bool {
		for {
			n, sys = unix.Vmsplice(int(fd), s.iov, unix.SPLICE_F_NONBLOCK)
			if !errors.Is(sys, unix.EINTR) {
				return !errors.Is(sys, unix.EAGAIN)
			}
		}
	})
	s.iov[0].Base = nil
	if err == nil && sys != nil {
		err = os.NewSyscallError("vmsplice", sys)
	}
	return max(n, 0), err
}

// reclaim releases the frames that are out, and waits until no more than most are
// left.
func (s *spliceSink) reclaim(most int) error {
	for len(s.held) > 0 {
		out, err := s.taken()
		if err != nil {
			return err
		}
		if s.held[0].end > out {
			if len(s.held) <= most {
				return nil
			}
			if err := s.pause(); err != nil {
				return err
			}
			continue
		}
		f := s.held[0].f
		s.held = s.held[1:]
		if err := f.Release(); err != nil {
			return fmt.Errorf("%w: %w", errTorn, err)
		}
	}
	return nil
}

// taken is how many bytes of the stream ffmpeg has read.
func (s *spliceSink) taken() (out int64, err error) {
	err = s.control(func(fd int) error {
		in, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		out = s.sent - int64(in)
		return err
	})
	return out, err
}

// pause waits a little, and notices that nobody reads any more, or the limit.
func (s *spliceSink) pause() error {
	time.Sleep(splicePoll)
	raw, err := s.f.SyscallConn()
	if err != nil {
		return err
	}
	var gone bool
	// Write fails after the deadline, Control does not.
	err = raw.Write(func(fd uintptr) bool {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		_, _ = unix.Poll(p, 0)
		gone = p[0].Revents&unix.POLLERR != 0
		return true
	})
	if err == nil && gone {
		err = unix.EPIPE
	}
	return pipeError(err)
}

func (s *spliceSink) control(do func(fd int) error) error {
	raw, err := s.f.SyscallConn()
	if err != nil {
		return pipeError(err)
	}
	var sys error
	if err := raw.Control(func(fd uintptr) { sys = do(int(fd)) }); err != nil {
		return pipeError(err)
	}
	return sys
}

func (s *spliceSink) flush() error {
	s.begin()
	return s.reclaim(0)
}

func (s *spliceSink) abandon() {
	for _, h := range s.held {
		_ = h.f.Release()
	}
	s.held = nil
}
