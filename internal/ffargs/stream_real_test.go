package ffargs_test

// Streams over loopback: what encode sends, capture reads.

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
)

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestStreamsOverLoopback(t *testing.T) {
	needFFmpeg(t)
	needEncoder(t, "libx264")
	nut := source(t, "128x96", "rgba")
	for _, tt := range []struct {
		name, input, output string // with %d for the port
		inputArgs           []string
	}{
		{"tcp", "tcp://127.0.0.1:%d?listen=1", "tcp://127.0.0.1:%d", nil},
		{"matroska over tcp", "tcp://127.0.0.1:%d?listen=1", "mkv:tcp://127.0.0.1:%d", nil},
		{"srt", "srt://127.0.0.1:%d?mode=listener", "srt://127.0.0.1:%d", nil},
		{"rtmp", "rtmp://127.0.0.1:%d/live/key", "rtmp://127.0.0.1:%d/live/key", []string{"-listen", "1"}},
		{"rtsp", "rtsp://127.0.0.1:%d/x", "rtsp://127.0.0.1:%d/x", []string{"-rtsp_flags", "listen"}},
		{"http", "http://127.0.0.1:%d/x.ts", "http://127.0.0.1:%d/x.ts", []string{"-listen", "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port := freePort(t)
			c := ffargs.Capture{Input: input(t, fmt.Sprintf(tt.input, port)), InputArgs: tt.inputArgs, PixelFormat: "rgba", Audio: true}
			args, err := c.Args()
			require.NoError(t, err)
			received := filepath.Join(t.TempDir(), "received.nut")
			f, err := os.Create(received)
			require.NoError(t, err)
			defer f.Close()
			reader, err := ffproc.Start(t.Context(), "ffmpeg", args, &ffproc.Options{
				Confine: true, Stdout: ffproc.File, StdoutFile: f, Inherit: []*os.File{soundFile(t, received)},
			})
			require.NoError(t, err)
			defer reader.Close()

			e := ffargs.Encode{Video: video("rgba", 128, 96), Output: output(t, fmt.Sprintf(tt.output, port)), Sound: ffargs.NUTSound}
			args, _, err = e.Args()
			require.NoError(t, err)
			if tt.name == "srt" { // throws away what comes faster than it plays
				args = slices.Insert(args, slices.Index(args, "-f"), "-re")
			}
			var log []string
			require.Eventually(t, func() bool { // until the reader listens
				log, err = run(t, args, nut, "")
				return err == nil
			}, 30*time.Second, 20*time.Millisecond, "%v\n%s", args, strings.Join(log, "\n"))

			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if _, err := reader.Wait(ctx); err != nil { // some servers never notice that the sender has left
				_, _ = reader.Stop(t.Context())
			}
			require.Len(t, packets(t, received, "v", "packet=pts_time"), sourceFrames, reader.StderrTail())
			require.NotEmpty(t, packets(t, received+".sound", "a", "packet=size"))
		})
	}
	t.Run("hls over http", func(t *testing.T) {
		dir := t.TempDir()
		encode(t, ffargs.Encode{Video: video("rgba", 128, 96), Output: output(t, filepath.Join(dir, "live.m3u8"))}, nut)
		server := httptest.NewServer(http.FileServer(http.Dir(dir)))
		defer server.Close()
		got, _ := capture(t, ffargs.Capture{Input: input(t, server.URL+"/live.m3u8"), PixelFormat: "rgba"})
		require.Len(t, packets(t, got, "v", "packet=pts_time"), sourceFrames)
	})
	t.Run("a playlist over http reads no file", func(t *testing.T) {
		secret := filepath.Join(t.TempDir(), "secret.ts")
		encode(t, ffargs.Encode{Video: video("rgba", 128, 96), Output: output(t, secret)}, nut)
		list := "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://" + secret + "\n#EXT-X-ENDLIST\n"
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(list))
		}))
		defer server.Close()
		c := ffargs.Capture{Input: input(t, server.URL+"/live.m3u8"), PixelFormat: "rgba"}
		args, err := c.Args()
		require.NoError(t, err)
		out := filepath.Join(t.TempDir(), "out")
		_, err = run(t, args, "", out)
		require.Error(t, err)
		info, err := os.Stat(out)
		require.NoError(t, err)
		require.Zero(t, info.Size())
	})
}

// A source that accepts and is silent: ffmpeg leaves at the second signal of the ladder.
func TestCaptureOfASilentSourceStops(t *testing.T) {
	needFFmpeg(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		if conn, err := l.Accept(); err == nil {
			accepted <- conn
		}
	}()
	c := ffargs.Capture{Input: input(t, fmt.Sprintf("rtsp://%s/x", l.Addr())), PixelFormat: "rgba"}
	args, err := c.Args()
	require.NoError(t, err)
	p, err := ffproc.Start(t.Context(), "ffmpeg", args, &ffproc.Options{Stdout: ffproc.Pipe, Confine: true, AnyEndAfterStop: true})
	require.NoError(t, err)
	defer p.Close()
	conn := <-accepted
	defer conn.Close()
	r, err := p.Stop(t.Context())
	require.NoError(t, err)
	require.True(t, r.Stopped)
	require.False(t, r.Killed)
}

// An encoder that is stopped while it waits for frames finishes its file.
func TestEncoderThatIsStoppedWritesItsTrailer(t *testing.T) {
	needFFmpeg(t)
	needEncoder(t, "libx264")
	nut := source(t, "128x96", "rgba")
	b, err := os.ReadFile(nut)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "o.mp4")
	e := ffargs.Encode{Video: video("rgba", 128, 96), Output: output(t, file)}
	args, _, err := e.Args()
	require.NoError(t, err)
	p, err := ffproc.Start(t.Context(), "ffmpeg", args, &ffproc.Options{Stdin: ffproc.Pipe, Confine: true, Ladder: ffproc.EncodeLadder(time.Minute)})
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Stdin.Write(b)
	require.NoError(t, err)
	r, err := p.Stop(t.Context())
	require.NoError(t, err)
	require.Zero(t, r.Code)
	require.Len(t, times(t, file), sourceFrames)
}
