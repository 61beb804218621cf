package lane

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Three pictures to draw, the last of them in another memory. The plug-in has the memory that was named last, so nothing is
// handed over twice.
func TestDraw(t *testing.T) {
	l, p := meet(t)
	first, second := newMemory(t, 8192), newMemory(t, 8192)
	for _, row := range []struct {
		name       string
		memory     *memory
		generation byte
		number     uint32
		files      int
	}{
		{"the first", first, 7, 1, 1},
		{"of the same memory", first, 7, 2, 0},
		{"after a move", second, 8, 3, 1},
		{"there again", second, 8, 4, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.NoError(t, l.Draw(row.number, 10, 8, row.memory.place(row.generation)))
			drawn := answered(func() error { return l.Drawn(row.number) })
			m, files := p.receive()
			require.Len(t, files, row.files)
			p.known = m.memory
			require.Equal(t, message{
				kind: draw, frame: row.number, width: 10, height: 8, memory: uint32(row.generation - 6), offset: 4096, length: 320, stride: 40,
			}, m)
			p.send(message{kind: done, frame: row.number})
			require.NoError(t, await(t, drawn))
		})
	}
	require.Equal(t, []int{1, 1}, []int{first.opened, second.opened})
}

func TestDrawnRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer message
		is     error
	}{
		{"fault", message{kind: done, frame: 5, status: statusFault}, ErrFault},
		{"wrong size", message{kind: done, frame: 5, status: statusWrongSize}, ErrPlugin},
		{"another frame", message{kind: done, frame: 4}, ErrPlugin},
		{"a frame of its own", message{kind: fill, frame: 5}, ErrPlugin},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, p := meet(t)
			require.NoError(t, l.Draw(5, 10, 8, newMemory(t, 8192).place(1)))
			p.receive()
			p.send(row.answer)
			require.ErrorIs(t, l.Drawn(5), row.is)
		})
	}
}

// Whoever waits for a picture to be drawn waits no longer than the limit, and not for an end that has come.
func TestDrawnEnds(t *testing.T) {
	l, p := meet(t)
	require.NoError(t, l.Draw(1, 10, 8, newMemory(t, 8192).place(1)))
	l.Limit(time.Now().Add(time.Millisecond))
	require.ErrorIs(t, l.Drawn(1), os.ErrDeadlineExceeded)
	l.Limit(time.Time{})
	p.receive()
	p.send(message{kind: done, frame: 1})
	require.NoError(t, l.Drawn(1), "it was only late")

	require.NoError(t, l.Draw(2, 10, 8, newMemory(t, 8192).place(1)))
	drawn := answered(func() error { return l.Drawn(2) })
	require.NoError(t, p.conn.Close())
	require.Equal(t, io.EOF, await(t, drawn))
	require.Equal(t, io.EOF, l.Draw(3, 10, 8, newMemory(t, 8192).place(1)))
}

// What an ffmpeg has said before its end is read, also where somebody else still has its end of the socket.
func TestOrphan(t *testing.T) {
	l, p := meet(t)
	p.offer(1, 10, 8)
	l.Orphan()
	f, err := l.Next()
	require.NoError(t, err)
	require.EqualValues(t, 1, f.Number)
	_, err = l.Next()
	require.Equal(t, io.EOF, err)
	require.NoError(t, l.Close())
}

// The pixel of a packet is the frame's number as the plug-in reads it: one word in the machine's order.
func TestPixel(t *testing.T) {
	m := message{frame: 0x01020304}
	pixel := Pixel(m.frame)
	require.Equal(t, m.bytes()[16:20], pixel[:])
}
