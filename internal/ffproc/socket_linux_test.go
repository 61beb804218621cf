package ffproc_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffproc"
)

// A socket must behave as a pipe does, for us and for the child.
func TestSocketsAreLikePipes(t *testing.T) {
	for name, kind := range map[string]ffproc.Stdio{"pipe": ffproc.Pipe, "socket": ffproc.Socket} {
		t.Run(name, func(t *testing.T) {
			t.Run("end of the input", func(t *testing.T) {
				p := start(t, "countstdin", ffproc.Options{Stdin: kind, Stdout: kind})
				n, err := p.Stdin.Write(make([]byte, 3<<20))
				require.NoError(t, err)
				require.Equal(t, 3<<20, n)
				require.NoError(t, p.Stdin.Close())
				out, err := io.ReadAll(p.Stdout)
				require.NoError(t, err)
				require.Equal(t, itoa(3<<20), string(out))
			})
			t.Run("output after the end", func(t *testing.T) {
				p := start(t, "burst", ffproc.Options{Stdout: kind})
				_, err := p.Wait(within(t))
				require.NoError(t, err)
				b, err := io.ReadAll(p.Stdout)
				require.NoError(t, err)
				require.Len(t, b, 60000)
			})
			t.Run("deadlines", func(t *testing.T) {
				p := start(t, "sleep", ffproc.Options{Stdin: kind, Stdout: kind})
				readReady(t, p)
				require.NoError(t, p.Stdin.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
				n, err := p.Stdin.Write(make([]byte, 16<<20))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Less(t, n, 16<<20)
				require.NoError(t, p.Stdout.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
				_, err = p.Stdout.Read(make([]byte, 1))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			})
			t.Run("a reader that is gone", func(t *testing.T) {
				p := start(t, "sleep", ffproc.Options{Stdin: kind})
				_, err := p.Stdin.Write([]byte("unread"))
				require.NoError(t, err)
				p.Kill()
				_, _ = p.Wait(within(t))
				_, err = p.Stdin.Write([]byte("x"))
				require.True(t, errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET), "%v", err)
			})
			t.Run("a writer that nobody reads", func(t *testing.T) {
				p := start(t, "flood", ffproc.Options{Stdout: kind})
				_, err := p.Stdout.Read(make([]byte, 1))
				require.NoError(t, err)
				require.NoError(t, p.Stdout.Close())
				_, err = p.Wait(within(t)) // it gets SIGPIPE, or an error
				require.Error(t, err)
			})
			t.Run("standard input is not inherited", func(t *testing.T) {
				p := start(t, "middle", ffproc.Options{Stdin: kind, Stdout: kind})
				_, err := p.Stdin.Write(bytes.Repeat([]byte("q"), 1000))
				require.NoError(t, err)
				out, err := io.ReadAll(p.Stdout)
				require.NoError(t, err)
				require.Equal(t, "0<nil>", string(out))
			})
		})
	}
}
