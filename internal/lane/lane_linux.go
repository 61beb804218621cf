package lane

// The socket between us and the plug-in.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Lane is our end. Its methods are for one goroutine, but for Close and Limit, which may be called at any time.
type Lane struct {
	conn       *net.UnixConn
	memory     uint32   // counts generations; the plug-in knows them by it
	generation [16]byte // of that memory
	sent       uint32   // the memory of the last Draw

	mu      sync.Mutex
	copying bool // the plug-in may be at a place that we named; guarded by mu
	closed  bool // guarded by mu
}

// New makes a lane. The child's end is to be inherited by ffmpeg, and to be closed when it has started: without another
// holder its end is seen here as io.EOF.
func New() (l *Lane, child *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("lane: %w", os.NewSyscallError("socketpair", err))
	}
	ours, child := os.NewFile(uintptr(fds[0]), "lane"), os.NewFile(uintptr(fds[1]), "lane")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		_ = child.Close()
		return nil, nil, fmt.Errorf("lane: %w", err)
	}
	return &Lane{conn: conn.(*net.UnixConn)}, child, nil
}

// Close ends the lane: the plug-in waits for nothing any more, and Next returns. Fill still waits for a copy that has begun, as
// nobody else may have its place before: it returns when the plug-in has finished, or has ended. Idempotent.
func (l *Lane) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil
	case l.copying:
		l.closed = true
		return l.conn.CloseWrite()
	}
	l.closed = true
	return l.conn.Close()
}

// Orphan says that ffmpeg has ended: what it said is still read, and then comes io.EOF, also where a process that it has left
// behind holds its end.
func (l *Lane) Orphan() { _ = l.conn.CloseRead() }

// begin notes that the plug-in is given a place. false: the lane is closed.
func (l *Lane) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copying = !l.closed
	return l.copying
}

// end notes that the plug-in has left the place.
func (l *Lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copying = false
	if l.closed {
		_ = l.conn.Close()
	}
}

// Next waits for ffmpeg's next frame. It returns io.EOF when ffmpeg, or the lane, has ended. Other errors match ErrPlugin.
func (l *Lane) Next() (Frame, error) {
	m, err := l.receive()
	if err == nil && m.kind != fill {
		err = fmt.Errorf("%w: it says %d where a frame was due", ErrPlugin, m.kind)
	}
	if err != nil {
		return Frame{}, err
	}
	return Frame{m.frame, int(m.width), int(m.height), m.memory}, nil
}

// Fill has the plug-in copy the frame of the last Next to a place, and waits until it is whole there. After an error the plug-in
// will not write there any more, unless it does not keep to the messages. io.EOF means that ffmpeg, or the lane, has ended; other
// errors match ErrPlugin or ErrFault, or are those of Place.Open.
func (l *Lane) Fill(f Frame, to *Place) error {
	if !l.begin() {
		return io.EOF
	}
	defer l.end()
	m := message{kind: fill, frame: f.Number, width: uint32(f.Width), height: uint32(f.Height)}
	if err := l.place(&m, to, f.known); err != nil {
		return err
	}
	return l.done(f.Number)
}

// Draw has the plug-in copy a picture from a place into ffmpeg's next one, whose packet must follow through the pipe with that
// frame number as its pixel: see Pixel. It returns at once; Drawn waits. Errors as Fill.
func (l *Lane) Draw(frame uint32, width, height int, from *Place) error {
	m := message{kind: draw, frame: frame, width: uint32(width), height: uint32(height)}
	known := l.sent
	if err := l.place(&m, from, known); err != nil {
		return err
	}
	l.sent = l.memory
	return nil
}

// Drawn waits until ffmpeg has the whole picture of a frame. Errors as Fill.
func (l *Lane) Drawn(frame uint32) error { return l.done(frame) }

// Pixel is the picture of a packet that stands for a frame.
func Pixel(frame uint32) [4]byte {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], frame)
	return b
}

// Limit bounds the present and all later calls: they fail at that time with os.ErrDeadlineExceeded. The zero time is no bound.
func (l *Lane) Limit(t time.Time) { _ = l.conn.SetDeadline(t) }

// done waits for the word that a frame was copied.
func (l *Lane) done(frame uint32) error {
	m, err := l.receive()
	if err == nil && (m.kind != done || m.frame != frame) {
		err = fmt.Errorf("%w: it says %d of frame %d, where frame %d was to be done", ErrPlugin, m.kind, m.frame, frame)
	}
	if err != nil {
		return err
	}
	return m.status.err()
}

// place sends m with a place, and with its memory if known is another one.
func (l *Lane) place(m *message, p *Place, known uint32) error {
	if p.Generation != l.generation || l.memory == 0 {
		l.generation = p.Generation
		l.memory++
	}
	m.memory, m.offset, m.length, m.stride = l.memory, uint64(p.Offset), uint64(p.Length), uint32(p.Stride)
	var rights []byte
	if known != l.memory {
		file, err := p.Open()
		if err != nil {
			return err
		}
		defer file.Close()
		rights = unix.UnixRights(int(file.Fd()))
	}
	if _, _, err := l.conn.WriteMsgUnix(m.bytes(), rights, nil); err != nil {
		return ended(err)
	}
	return nil
}

func (l *Lane) receive() (message, error) {
	var b [messageSize + 1]byte
	n, err := l.conn.Read(b[:])
	if err != nil {
		return message{}, ended(err)
	}
	if n == 0 {
		return message{}, io.EOF
	}
	return parse(b[:n])
}

// ended makes one error of all ways in which the other side can be gone.
func ended(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return io.EOF
	}
	return fmt.Errorf("%w: %w", ErrPlugin, err)
}
