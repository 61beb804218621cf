package capture

import (
	"context"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The source of both: 1080p, as quick to make as ffmpeg can.
const benchSource = "color=c=gray:s=1920x1080:r=30"

const benchFrame = 1920 * 1080 * 4

// BenchmarkCapture is capture into a segment: each frame crosses the pipe into
// its slot. Nobody reads.
func BenchmarkCapture(b *testing.B) {
	needFFmpeg(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	c, err := Open(ctx, "lavfi:"+benchSource, "bench", &Options{Dir: memory(b), Linger: -1})
	require.NoError(b, err)
	defer c.Close()
	b.SetBytes(benchFrame)
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(ctx)
		done <- err
	}()
	waitFrames(b, c, 1)
	first := c.Progress().FramesOut
	b.ResetTimer()
	waitFrames(b, c, first+uint64(b.N))
	b.StopTimer()
	cancel()
	require.NoError(b, <-done)
}

// waitFrames waits without stealing time from what is measured.
func waitFrames(b *testing.B, c *Capture, n uint64) {
	b.Helper()
	for c.Progress().FramesOut < n {
		if b.Context().Err() != nil {
			b.Fatal("the benchmark was cancelled")
		}
		time.Sleep(5 * time.Millisecond) // seldom: it is measured as well
	}
}

// BenchmarkBareReader is how it is done without framebridge: raw video through a
// pipe into a slice.
func BenchmarkBareReader(b *testing.B) {
	needFFmpeg(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", benchSource, "-pix_fmt", "rgba", "-f", "rawvideo", "-")
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.SetBytes(benchFrame)
	buf := make([]byte, benchFrame)
	_, err = io.ReadFull(out, buf)
	require.NoError(b, err)
	b.ResetTimer()
	for range b.N {
		if _, err := io.ReadFull(out, buf); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	cancel()
	_ = cmd.Wait()
}
