// The sink: how bytes get into ffmpeg's standard input.

package encode

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// sink sends a NUT stream. Headers and sound go through Write; pictures through
// send, which takes the frame over. It is for one goroutine, except limit.
type sink interface {
	Write(b []byte) (int, error)
	// form is what pictures of a format are in the stream: its size is that of their
	// packets.
	form(f framebuf.Format) framebuf.Format
	// sendCopy sends a picture that lies elsewhere, packed, and does not keep it.
	sendCopy(f *framebuf.Format, picture []byte) error
	// send sends a picture that lies in the frame's own memory, and releases the
	// frame, now or later.
	send(f *framebuf.Frame, picture []byte) error
	// flush returns when ffmpeg has taken everything and all frames are released.
	flush() error
	// abandon releases what is left. ffmpeg must be dead and reaped, and its
	// standard input closed: until then it may read the frames.
	abandon()
	// limit bounds the present and all later calls: they fail at that time.
	limit(t time.Time)
}

// errGone is returned by a sink when nobody reads its pipe any more.
var errGone = errors.New("ffmpeg has closed its input")

// errTorn is returned by a sink when a frame did not hold while it was sent. The
// stream must not be continued.
var errTorn = errors.New("frame overwritten while it was sent")

// chunkBytes is how much goes into a pipe at once. It is less than the pipe holds,
// so that ffmpeg takes one piece while the next is put in: woken only by a full
// pipe, the two would work in turns.
const chunkBytes = 256 << 10

// patientPipe is the write end of ffmpeg's standard input, with the time that
// ffmpeg may take for a write.
type patientPipe struct {
	f        *os.File
	patience time.Duration // 0: no bound

	mu      sync.Mutex
	limited bool // the deadline is that of limit, and stays
}

func (p *patientPipe) limit(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limited = true
	_ = p.f.SetWriteDeadline(t)
}

// begin gives ffmpeg its patience anew.
func (p *patientPipe) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.patience > 0 && !p.limited {
		_ = p.f.SetWriteDeadline(time.Now().Add(p.patience))
	}
}

func (p *patientPipe) Write(b []byte) (n int, err error) {
	p.begin()
	for len(b) > 0 {
		k, err := p.f.Write(b[:min(len(b), chunkBytes)])
		n += k
		if err != nil {
			return n, pipeError(err)
		}
		b = b[k:]
	}
	return n, nil
}

// pipeError names the errors of writing into the pipe.
func pipeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), errors.Is(err, os.ErrClosed):
		return fmt.Errorf("%w: %w", errGone, err)
	case errors.Is(err, syscall.EFAULT):
		return fmt.Errorf("%w: %w", framebuf.ErrDamaged, err)
	}
	return err
}

func (p *patientPipe) form(f framebuf.Format) framebuf.Format { return f }

func (p *patientPipe) sendCopy(_ *framebuf.Format, picture []byte) error {
	_, err := p.Write(picture)
	return err
}

// plainSink writes.
type plainSink struct{ patientPipe }

// send writes the picture, but keeps the last byte back until the frame is known
// to have held: ffmpeg never has a whole picture with foreign bytes, and drops one
// that is not whole.
func (s *plainSink) send(f *framebuf.Frame, picture []byte) error {
	most := len(picture) - 1
	_, err := s.Write(picture[:most])
	var last [1]byte
	if err == nil {
		err = f.Guard(func() error { last[0] = picture[most]; return nil })
	}
	if held := f.Release(); err == nil && held != nil {
		err = fmt.Errorf("%w: %w", errTorn, held)
	}
	if err == nil {
		_, err = s.Write(last[:])
	}
	return err
}

func (s *plainSink) flush() error { return nil }

func (s *plainSink) abandon() {}
