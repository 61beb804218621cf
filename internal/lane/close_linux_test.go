package lane

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Close ends what waits for the plug-in to say something.
func TestCloseEndsNext(t *testing.T) {
	l, _ := meet(t)
	next := answered(func() error { _, err := l.Next(); return err })
	require.NoError(t, l.Close())
	require.Equal(t, io.EOF, await(t, next))
	_, err := l.Next()
	require.Equal(t, io.EOF, err)
	require.NoError(t, l.Close(), "again")
}

// The plug-in may be in the middle of a copy: until it has said that it is done, or is gone, nobody else may have that place.
func TestCloseWaitsForTheCopy(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(p *partner)
		want error
	}{
		{"done", func(p *partner) { p.send(message{kind: done, frame: 1}) }, nil},
		{"not done", func(p *partner) { p.send(message{kind: done, frame: 1, status: statusFault}) }, ErrFault},
		{"gone", func(p *partner) { require.NoError(p.t, p.conn.Close()) }, io.EOF},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, p := meet(t)
			place := newMemory(t, 8192).place(1)
			p.offer(1, 10, 8)
			f, err := l.Next()
			require.NoError(t, err)
			filled := answered(func() error { return l.Fill(f, place) })
			p.receive()
			require.NoError(t, l.Close())
			select {
			case err := <-filled:
				require.FailNow(t, "Fill returned while the plug-in may copy", "%v", err)
			case <-time.After(50 * time.Millisecond): // it has no reason to return later, either
			}
			b := make([]byte, messageSize)
			n, _ := p.conn.Read(b)
			require.Zero(t, n, "the plug-in is not to wait for another place")
			row.end(p)
			require.ErrorIs(t, await(t, filled), row.want)
			_, err = l.Next()
			require.Equal(t, io.EOF, err)
			require.Equal(t, io.EOF, l.Fill(f, place))
		})
	}
}

// A frame that was offered, and then the lane is closed: nothing is told to the plug-in.
func TestFillAfterClose(t *testing.T) {
	l, p := meet(t)
	p.offer(1, 10, 8)
	f, err := l.Next()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.Equal(t, io.EOF, l.Fill(f, newMemory(t, 8192).place(1)))
	n, _ := p.conn.Read(make([]byte, messageSize))
	require.Zero(t, n)
}
