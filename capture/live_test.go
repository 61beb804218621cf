package capture

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// liveServer sends a clip to everyone who connects, and then hangs up, or with
// hold falls silent until the end of the test. It returns its URL.
func liveServer(t *testing.T, path string, hold bool) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		close(done)
		all.Wait()
	})
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				if _, err := conn.Write(data); err == nil && hold {
					<-done
				}
			})
		}
	})
	return "tcp://" + l.Addr().String()
}

func TestLiveSourceThatEnds(t *testing.T) {
	needFFmpeg(t)
	got := take(t, liveServer(t, clip("interlaced.ts"), false), &Options{Restart: RestartNever})
	require.True(t, got.source.Live)
	require.ErrorIs(t, got.err, ErrSourceLost, "a live source does not end by itself")
	require.NotEmpty(t, got.frames)
	require.Equal(t, framebuf.SourceFailed, got.state)
	require.False(t, got.result.Clean)
}

// A source that falls silent: readers are told, and a stop still works at once.
func TestLiveSourceThatFallsSilent(t *testing.T) {
	needFFmpeg(t)
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	dir := memory(t)
	// Long enough for the probe, which looks at half a second.
	clip := makeClip(t, "long.ts", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=10", "-c:v", "mpeg2video")
	c, err := Open(ctx, liveServer(t, clip, true), "test", &Options{
		Dir: dir, Linger: -1, Restart: RestartNever, StallAfter: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	defer c.Close()
	r, err := framebuf.Open(ctx, "test", &framebuf.ReaderOptions{Dir: dir})
	require.NoError(t, err)
	defer r.Close()
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(ctx)
		done <- err
	}()
	state := func(want framebuf.SourceState) func() bool {
		return func() bool {
			s, err := framebuf.Stat(dir, "test")
			return err == nil && s.Source == want
		}
	}
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.NoError(t, f.Release())
	require.Eventually(t, state(framebuf.SourceStalled), time.Minute, time.Millisecond)
	s, err := framebuf.Stat(dir, "test")
	require.NoError(t, err)
	require.NotZero(t, s.Stalls)
	require.True(t, s.Live)
	require.Equal(t, framebuf.LosslessEvict, s.Lossless)
	cancel()
	require.NoError(t, <-done)
	require.NoError(t, c.Close())
	_, err = drain(t, r)
	require.ErrorIs(t, err, io.EOF)
	last, _ := r.Source()
	require.Equal(t, framebuf.SourceEnded, last)
}
