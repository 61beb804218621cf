package lane

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answered runs f beside the test and returns what it returned.
func answered(f func() error) <-chan error {
	c := make(chan error, 1)
	go func() { c <- f() }()
	return c
}

func await(t testing.TB, c <-chan error) error {
	t.Helper()
	select {
	case err := <-c:
		return err
	case <-time.After(time.Minute):
		require.FailNow(t, "it still waits")
		return nil
	}
}

// The talk about three frames, the last of them after the segment has moved: the memory is handed over once for each generation.
func TestFill(t *testing.T) {
	l, p := meet(t)
	first, second := newMemory(t, 8192), newMemory(t, 8192)
	for i, row := range []struct {
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
		{"the plug-in is a new one, and has nothing", second, 8, 1, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			if i == 4 {
				p.known = 0
			}
			p.offer(row.number, 10, 8)
			f, err := l.Next()
			require.NoError(t, err)
			require.Equal(t, Frame{row.number, 10, 8, p.known}, f)
			filled := answered(func() error { return l.Fill(f, row.memory.place(row.generation)) })
			m, files := p.receive()
			require.Len(t, files, row.files)
			for _, f := range files {
				p.known = m.memory
				_, err := f.WriteAt([]byte{1}, int64(m.offset))
				require.NoError(t, err, "it may write there")
			}
			require.Equal(t, message{
				kind: fill, frame: row.number, width: 10, height: 8, memory: p.known, offset: 4096, length: 320, stride: 40,
			}, m)
			select {
			case err := <-filled:
				require.FailNow(t, "Fill returned before the copy was done", "%v", err)
			default:
			}
			p.send(message{kind: done, frame: row.number})
			require.NoError(t, await(t, filled))
		})
	}
	require.Equal(t, []int{1, 2}, []int{first.opened, second.opened})
}

// What is said where a frame is due.
func TestNextRefuses(t *testing.T) {
	good := message{kind: fill, frame: 1, width: 2, height: 2}
	change := func(at int, b byte) []byte {
		bytes := good.bytes()
		bytes[at] = b
		return bytes
	}
	for _, row := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"one byte", []byte{1}, "no message"},
		{"too short", good.bytes()[:messageSize-1], "no message"},
		{"too long", append(good.bytes(), 0), "no message"},
		{"another magic number", change(0, 9), "no message"},
		{"another version", change(4, 77), "version 77"},
		{"done", (&message{kind: done, frame: 1}).bytes(), "where a frame was due"},
		{"nothing known", change(8, 99), "it says 99"},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, p := meet(t)
			p.sendBytes(row.bytes)
			_, err := l.Next()
			require.ErrorIs(t, err, ErrPlugin)
			require.ErrorContains(t, err, row.want)
		})
	}
	require.ErrorContains(t, func() error { _, err := parse(change(4, 2)); return err }(), "install both from the same release")
}

// What is said where the end of a copy is due, with the right error for each.
func TestFillRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer message
		is     error
		text   string
	}{
		{"fault", message{kind: done, frame: 5, status: statusFault}, ErrFault, "memory was gone"},
		{"no memory", message{kind: done, frame: 5, status: statusNoMemory}, ErrPlugin, "could not map"},
		{"wrong size", message{kind: done, frame: 5, status: statusWrongSize}, ErrPlugin, "does not fit"},
		{"unexpected", message{kind: done, frame: 5, status: statusUnexpected}, ErrPlugin, "did not expect"},
		{"a status of the future", message{kind: done, frame: 5, status: 44}, ErrPlugin, "44"},
		{"another frame", message{kind: done, frame: 6}, ErrPlugin, "frame 5 was to be done"},
		{"the next frame", message{kind: fill, frame: 6}, ErrPlugin, "frame 5 was to be done"},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, p := meet(t)
			p.offer(5, 10, 8)
			f, err := l.Next()
			require.NoError(t, err)
			filled := answered(func() error { return l.Fill(f, newMemory(t, 8192).place(1)) })
			p.receive()
			p.send(row.answer)
			err = await(t, filled)
			require.ErrorIs(t, err, row.is)
			require.ErrorContains(t, err, row.text)
			if errors.Is(row.is, ErrFault) {
				require.NotErrorIs(t, err, ErrPlugin, "it is the segment's fault")
			}
		})
	}
}

// A memory that cannot be opened is the caller's error, and says nothing to the plug-in.
func TestFillWithoutMemory(t *testing.T) {
	l, p := meet(t)
	p.offer(1, 10, 8)
	f, err := l.Next()
	require.NoError(t, err)
	gone := errors.New("gone")
	err = l.Fill(f, &Place{Generation: [16]byte{1}, Open: func() (*os.File, error) { return nil, gone }})
	require.ErrorIs(t, err, gone)
	require.NotErrorIs(t, err, ErrPlugin)
}

// ffmpeg ends, at each point of the talk.
func TestEnds(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(p *partner)
		fill bool // it ends in Fill
	}{
		{"at once", func(*partner) {}, false},
		{"after a frame was offered", func(p *partner) { p.offer(1, 10, 8) }, true},
		{"while it copies", func(p *partner) { p.offer(1, 10, 8); p.receive() }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, p := meet(t)
			place := newMemory(t, 8192).place(1)
			ended := answered(func() error {
				f, err := l.Next()
				if err != nil || !row.fill {
					return err
				}
				return l.Fill(f, place)
			})
			row.end(p)
			require.NoError(t, p.conn.Close())
			require.Equal(t, io.EOF, await(t, ended))
			_, err := l.Next()
			require.Equal(t, io.EOF, err, "and so ever after")
		})
	}
}
