package lane

// A plug-in in Go on the other end of the socket, which can also do what the real one never would.

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// partner is the other end. Its methods are for one goroutine.
type partner struct {
	t     testing.TB
	conn  *net.UnixConn
	known uint32 // the memory that it has
}

// meet makes a lane and its partner, both of which are closed with the test.
func meet(t testing.TB) (*Lane, *partner) {
	t.Helper()
	l, child, err := New()
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	defer child.Close()
	conn, err := net.FileConn(child)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	patience := time.Now().Add(10 * time.Second) // long after every healthy test
	require.NoError(t, conn.SetDeadline(patience))
	l.Limit(patience)
	return l, &partner{t: t, conn: conn.(*net.UnixConn)}
}

func (p *partner) send(m message) { p.sendBytes(m.bytes()) }

func (p *partner) sendBytes(b []byte) {
	p.t.Helper()
	_, err := p.conn.Write(b)
	require.NoError(p.t, err)
}

// receive takes one message and the files that come with it.
func (p *partner) receive() (message, []*os.File) {
	p.t.Helper()
	b, oob := make([]byte, 2*messageSize), make([]byte, 1024)
	n, oobn, flags, _, err := p.conn.ReadMsgUnix(b, oob)
	require.NoError(p.t, err)
	require.Zero(p.t, flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC))
	m, err := parse(b[:n])
	require.NoError(p.t, err)
	var files []*os.File
	list, err := unix.ParseSocketControlMessage(oob[:oobn])
	require.NoError(p.t, err)
	for _, c := range list {
		fds, err := unix.ParseUnixRights(&c)
		require.NoError(p.t, err)
		for _, fd := range fds {
			f := os.NewFile(uintptr(fd), "memory")
			p.t.Cleanup(func() { _ = f.Close() })
			files = append(files, f)
		}
	}
	return m, files
}

// offer says that a frame is here.
func (p *partner) offer(frame uint32, width, height int) {
	p.t.Helper()
	p.send(message{kind: fill, frame: frame, width: uint32(width), height: uint32(height), memory: p.known})
}

// memory is a file of so many bytes, and how often it was opened.
type memory struct {
	path   string
	opened int
}

func newMemory(t testing.TB, size int64) *memory {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "memory")
	require.NoError(t, err)
	require.NoError(t, f.Truncate(size))
	require.NoError(t, f.Close())
	return &memory{path: f.Name()}
}

func (m *memory) open() (*os.File, error) {
	m.opened++
	return os.OpenFile(m.path, os.O_RDWR, 0)
}

func (m *memory) place(generation byte) *Place {
	return &Place{Generation: [16]byte{generation}, Open: m.open, Offset: 4096, Length: 320, Stride: 40}
}
