package ffproc

// The read end of a pipe whose writer is a child.

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// orphanPatience is how long a read waits for more once the child is gone: what it wrote is
// in the pipe already, so this only covers a busy machine.
const orphanPatience = 100 * time.Millisecond

// ReadPipe is our end of a pipe that a child writes. After the child has ended, Read still
// gives every byte that the child wrote, then io.EOF, even if a process that the child
// started and that escaped from its process group still holds the other end.
//
// Read by one goroutine; SetReadDeadline and Close are safe beside it.
type ReadPipe struct {
	f *os.File

	mu       sync.Mutex
	orphaned bool // the child is gone: deadlines are ours now; guarded by mu
}

// Read reads into b. It returns os.ErrDeadlineExceeded after the deadline and io.EOF at the end.
func (p *ReadPipe) Read(b []byte) (int, error) {
	p.extendIfOrphaned()
	n, err := p.f.Read(b)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && p.extendIfOrphaned() {
		// That deadline may have been the wake-up that orphan sends, so look once more.
		if n, err = p.f.Read(b); n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, io.EOF
		}
	}
	return n, err
}

func (p *ReadPipe) extendIfOrphaned() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.orphaned {
		_ = p.f.SetReadDeadline(time.Now().Add(orphanPatience))
	}
	return p.orphaned
}

// SetReadDeadline bounds the present and later reads; the zero time means no bound. It has no
// effect once the child has ended, because then no read waits for long.
func (p *ReadPipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.orphaned {
		return nil
	}
	return p.f.SetReadDeadline(t)
}

// Close closes our end; a child that writes on gets SIGPIPE. Closing twice is no error.
func (p *ReadPipe) Close() error {
	if err := p.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// orphan says that the child is gone, and wakes a read that waits.
func (p *ReadPipe) orphan() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.orphaned = true
	_ = p.f.SetReadDeadline(time.Now())
}
