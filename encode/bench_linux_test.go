package encode

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// BenchmarkFeed is how fast frames of 1080p get from a segment into an ffmpeg that
// does nothing with them, against an ffmpeg that reads the same frames from a file
// in memory. The writer of the segment draws nothing and costs nothing.
func BenchmarkFeed(b *testing.B) {
	needFFmpeg(b)
	format := framebuf.Format{PixelFormat: framebuf.RGBA, Width: 1920, Height: 1080}
	const frames = 300
	report := func(b *testing.B, wall, cpu time.Duration) {
		b.SetBytes(int64(frames * format.Size()))
		b.ReportMetric(float64(frames*b.N)/wall.Seconds(), "frames/s")
		b.ReportMetric(cpu.Seconds()/float64(b.N), "ffmpeg-cpu-s/op")
	}
	b.Run("file", func(b *testing.B) {
		path := filepath.Join(segmentDir(b), "raw")
		f, err := os.Create(path)
		require.NoError(b, err)
		frame := make([]byte, format.Size())
		for range frames {
			_, err := f.Write(frame)
			require.NoError(b, err)
		}
		require.NoError(b, f.Close())
		defer func() { require.NoError(b, os.Remove(path)) }()
		b.ResetTimer()
		var cpu time.Duration
		began := time.Now()
		for range b.N {
			cmd := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-f", "rawvideo", "-pixel_format", "rgba", "-video_size", "1920x1080",
				"-framerate", "25", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-c:v", "wrapped_avframe", "-f", "null", "-")
			require.NoError(b, cmd.Run())
			cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
		report(b, time.Since(began), cpu)
	})
	for _, way := range []struct {
		name   string
		splice bool
	}{{"write", false}, {"splice", true}} {
		b.Run(way.name, func(b *testing.B) {
			dir := segmentDir(b)
			var wall, cpu time.Duration
			for range b.N {
				b.StopTimer()
				w, err := framebuf.Create("cam", format, &framebuf.Options{Dir: dir, Linger: -1})
				require.NoError(b, err)
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { _ = w.Close() }()
					_ = w.AwaitReaders(context.Background(), 1)
					for range frames {
						_ = w.Publish(context.Background(), func(s *framebuf.Slot) error { s.Bytes()[0]++; return nil })
					}
				}()
				e, err := Open(context.Background(), "cam", "null:-", &Options{Dir: dir, Splice: way.splice})
				require.NoError(b, err)
				b.StartTimer()
				r, err := e.Run(context.Background())
				require.NoError(b, err)
				require.EqualValues(b, frames, r.FramesOut)
				wall += r.Elapsed
				cpu += r.CPU
				require.NoError(b, e.Close())
				<-done
			}
			report(b, wall, cpu)
		})
	}
}
