package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// Inputs that cannot be opened: a clear error, and nothing left.
func TestOpenRefuses(t *testing.T) {
	longRun(t)
	needFFmpeg(t)
	secret := filepath.Join(t.TempDir(), "secret.mp4")
	require.NoError(t, os.WriteFile(secret, []byte("x"), 0o000))
	empty := filepath.Join(t.TempDir(), "empty.mp4")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	fifo := filepath.Join(t.TempDir(), "fifo.mp4")
	require.NoError(t, exec.Command("mkfifo", fifo).Run())
	for _, row := range []struct {
		name, input, says string
		o                 Options
		want              error
	}{
		{"missing", clip("nowhere.mp4"), "nowhere.mp4", Options{}, ErrMissing},
		{"folder", clip(""), "directory", Options{}, ErrNotMedia},
		{"pipe with a name", fifo, "fifo.mp4", Options{}, ErrUnreadable},
		{"unreadable", secret, "secret.mp4", Options{}, ErrUnreadable},
		{"empty", empty, "empty.mp4", Options{}, ErrNotMedia},
		{"text", clip("text.mp4"), "text.mp4", Options{}, ErrNotMedia},
		{"sound only", clip("sound-only.m4a"), "sound-only.m4a", Options{}, ErrNoPicture},
		{"cover art", clip("cover.m4a"), "cover.m4a", Options{}, ErrNoPicture},
		{"cover art in mp3", clip("cover.mp3"), "cover.mp3", Options{}, ErrNoPicture},
		{"cut before its index", clip("truncated.mov"), "truncated.mov", Options{}, ErrNotMedia},
		{"list in disguise", clip("concat.mp4"), "concat.mp4", Options{}, ErrNotMedia},
		{"playlist in disguise", clip("playlist.mp4"), "playlist.mp4", Options{}, ErrNotMedia},
		{"unknown scheme", "gopher://example.org/x", "gopher", Options{}, ErrInput},
		{"nobody there", "http://user:hunter2@127.0.0.1:9/x", "127.0.0.1:9", Options{}, ErrUnreadable},
		{"no such camera", "v4l2:/dev/video77", "video77", Options{}, ErrMissing},
		{"standard input again and again", "-", "standard input", Options{Stdin: strings.NewReader("x"), Restart: RestartAlways}, ErrInput},
		{"generator that ffmpeg does not know", "lavfi:nosuchsource", "nosuchsource", Options{}, ErrInput},
		{"no standard input", "-", "standard input", Options{}, ErrInput},
		{"text on standard input", "-", "standard input", Options{Stdin: strings.NewReader("hello, world, this is text")}, ErrNotMedia},
		{"too large on standard input", "-", "16000x16000", Options{Stdin: strings.NewReader("YUV4MPEG2 W16000 H16000 F25:1\nFRAME\n")}, ErrNotMedia},
		{"larger than allowed", clip("gray.mkv"), "larger than what is taken", Options{MaxPixels: 10}, ErrNotMedia},
		{"half a size", clip("gray.mkv"), "", Options{Width: 100}, ErrInput},
		{"no ffmpeg", clip("gray.mkv"), "nosuchffmpeg", Options{FFmpeg: "nosuchffmpeg"}, ErrFFmpeg},
		{"no ffprobe", clip("gray.mkv"), "nosuchffprobe", Options{FFprobe: "nosuchffprobe"}, ErrFFmpeg},
		{"plain bytes have no picture", clip("gray.mkv"), "", Options{Slots: 1}, framebuf.ErrFormat},
	} {
		t.Run(row.name, func(t *testing.T) {
			if os.Getuid() == 0 && row.name == "unreadable" {
				t.Skip("root may read everything")
			}
			o := row.o
			o.Dir = memory(t)
			c, err := Open(bounded(t), row.input, "test", &o)
			require.ErrorIs(t, err, row.want)
			require.Nil(t, c)
			require.Contains(t, err.Error(), row.says)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "%!")
			require.Empty(t, children())
		})
	}
}

func TestSegmentNameAndOwner(t *testing.T) {
	needFFmpeg(t)
	dir := memory(t)
	_, err := Open(bounded(t), clip("gray.mkv"), "Not A Name", &Options{Dir: dir})
	require.ErrorIs(t, err, framebuf.ErrName)
	c, err := Open(bounded(t), clip("motion.mov"), "test", &Options{Dir: dir, Linger: -1, AudioSegment: true})
	require.NoError(t, err)
	defer c.Close()
	_, err = Open(bounded(t), clip("gray.mkv"), "test", &Options{Dir: dir})
	require.ErrorIs(t, err, framebuf.ErrBusy)
	_, err = Open(bounded(t), clip("motion.mov"), "test2", &Options{Dir: "/proc"})
	require.ErrorIs(t, err, framebuf.ErrNotMemory)
}

// If the sound's segment cannot be made, that of the picture is not left.
func TestAudioSegmentBusy(t *testing.T) {
	needFFmpeg(t)
	dir := memory(t)
	w, err := framebuf.Create("test.audio", framebuf.Format{}, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer w.Close()
	_, err = Open(bounded(t), clip("motion.mov"), "test", &Options{Dir: dir, AudioSegment: true})
	require.ErrorIs(t, err, framebuf.ErrBusy)
	_, err = framebuf.Stat(dir, "test")
	require.ErrorIs(t, err, framebuf.ErrNotFound)
}

func TestNoFrames(t *testing.T) {
	got := take(t, clip("noframes.mp4"), nil)
	require.ErrorIs(t, got.err, ErrNoFrames)
	require.Empty(t, got.frames)
	require.False(t, got.result.Clean)
	require.Equal(t, framebuf.SourceFailed, got.state)
}

// Sources that are cut or damaged: what can be decoded is delivered, and the end
// is not called clean, although ffmpeg exits with 0.
func TestBadEnds(t *testing.T) {
	needFFmpeg(t)
	damaged := func(path string, from float64, fill int) string {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		at := int(from * float64(len(data)))
		if fill == 0 {
			data = data[:at]
		}
		for i := range fill {
			data[at+i] = byte(i * 37)
		}
		out := filepath.Join(t.TempDir(), filepath.Base(path))
		require.NoError(t, os.WriteFile(out, data, 0o600))
		return out
	}
	h264 := makeClip(t, "a.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4", "-c:v", "libx264", "-g", "25")
	fast := makeClip(t, "fast.mp4", "-i", h264, "-c", "copy", "-movflags", "+faststart")
	for _, row := range []struct{ name, path string }{
		{"cut avi", clip("truncated.avi")},
		{"cut mkv", damaged(h264, 0.5, 0)},
		{"cut mp4 with its index in front", damaged(fast, 0.5, 0)},
		{"damaged mkv", damaged(h264, 0.5, 4000)},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := take(t, row.path, nil)
			require.ErrorIs(t, got.err, ErrEndedBadly)
			require.NotEmpty(t, got.frames)
			require.False(t, got.result.Clean)
			require.NotEmpty(t, got.result.Reason)
			require.Equal(t, framebuf.SourceFailed, got.state)
			require.NotEmpty(t, got.reason)
		})
	}
}

// running starts a capture that does not end by itself, with a reader, and hands
// it over once frames flow.
func running(t *testing.T, o *Options) (c *Capture, ctx context.Context, cancel context.CancelFunc, done chan error, r *framebuf.Reader) {
	t.Helper()
	needFFmpeg(t)
	ctx, cancel = context.WithCancel(bounded(t))
	o.Dir, o.Linger = memory(t), -1
	c, err := Open(ctx, "lavfi:testsrc2=s=640x360:r=30", "test", o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	r, err = framebuf.Open(ctx, "test", &framebuf.ReaderOptions{Dir: o.Dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	done = make(chan error, 1)
	go func() {
		_, err := c.Run(ctx)
		done <- err
	}()
	for range 5 {
		f, err := r.Next(bounded(t))
		require.NoError(t, err)
		require.NoError(t, f.Release())
	}
	return c, ctx, cancel, done, r
}

// drain reads to the end: the number of frames, and the error that ended it.
func drain(t *testing.T, r *framebuf.Reader) (n int, err error) {
	t.Helper()
	for {
		f, err := r.Next(bounded(t))
		if err != nil {
			return n, err
		}
		n++
		require.NoError(t, f.Release())
	}
}

func TestInterrupt(t *testing.T) {
	for _, lossless := range []string{"flowing", "held back by a reader"} {
		t.Run(lossless, func(t *testing.T) {
			c, _, cancel, done, r := running(t, &Options{})
			if lossless == "flowing" {
				go func() {
					for range 20 {
						if f, err := r.Next(bounded(t)); err == nil {
							_ = f.Release()
						}
					}
					cancel()
				}()
			} else {
				cancel()
			}
			require.NoError(t, <-done, "an interrupt is a clean end")
			require.NoError(t, c.Close())
			_, err := drain(t, r)
			require.ErrorIs(t, err, io.EOF)
			state, _ := r.Source()
			require.Equal(t, framebuf.SourceEnded, state)
			require.Empty(t, children())
		})
	}
}

func TestCloseEndsARun(t *testing.T) {
	c, _, cancel, done, r := running(t, &Options{})
	defer cancel()
	require.NoError(t, c.Close())
	require.NoError(t, <-done)
	require.NoError(t, c.Close())
	_, err := drain(t, r)
	require.ErrorIs(t, err, io.EOF)
	_, err = c.Run(t.Context())
	require.ErrorIs(t, err, ErrClosed)
}

func TestRunsOnce(t *testing.T) {
	c, _, cancel, done, _ := running(t, &Options{})
	_, err := c.Run(t.Context())
	require.ErrorIs(t, err, ErrRan)
	cancel()
	require.NoError(t, <-done)
}

// kill -9 of ffmpeg: no partial frame, an error, nothing left.
func TestKilled(t *testing.T) {
	c, _, cancel, done, r := running(t, &Options{})
	defer cancel()
	for _, child := range children() {
		pid, err := strconv.Atoi(strings.Fields(child)[0])
		require.NoError(t, err)
		process, err := os.FindProcess(pid)
		require.NoError(t, err)
		require.NoError(t, process.Kill())
	}
	n, err := 0, error(nil)
	ended := make(chan struct{})
	go func() {
		n, err = drain(t, r)
		close(ended)
	}()
	runErr := <-done
	require.ErrorIs(t, runErr, ErrEndedBadly)
	require.NoError(t, c.Close())
	<-ended
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, c.Progress().FramesOut, uint64(n+5), "every frame that was published was whole and was read")
	state, reason := r.Source()
	require.Equal(t, framebuf.SourceFailed, state)
	require.Contains(t, reason, "killed")
	require.Empty(t, children())
}

// Standard input that ends in the middle of a frame, or never.
func TestStandardInputEnds(t *testing.T) {
	data := streamed(t, "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1", "-f", "yuv4mpegpipe", "-")
	t.Run("inside a frame", func(t *testing.T) {
		got := take(t, "-", &Options{Stdin: bytes.NewReader(data[:len(data)-1000])})
		require.Len(t, got.frames, 24)
	})
	t.Run("never", func(t *testing.T) {
		needFFmpeg(t)
		ctx, cancel := context.WithCancel(bounded(t))
		in, feed, err := os.Pipe()
		require.NoError(t, err)
		defer in.Close()
		defer feed.Close()
		go func() { _, _ = feed.Write(data[:20000]) }()
		c, err := Open(ctx, "-", "test", &Options{Dir: memory(t), Linger: -1, Stdin: in})
		require.NoError(t, err)
		defer c.Close()
		done := make(chan error, 1)
		go func() {
			_, err := c.Run(ctx)
			done <- err
		}()
		require.Eventually(t, func() bool { return c.Progress().FramesOut > 0 }, time.Minute, time.Millisecond)
		cancel()
		require.NoError(t, <-done)
	})
}

// What the segment says of its own memory: nothing grows with the frames.
func TestMemoryDoesNotGrow(t *testing.T) {
	needFFmpeg(t)
	ctx := bounded(t)
	c, err := Open(ctx, "lavfi:testsrc2=s=16x16:r=25:d=400", "test", &Options{Dir: memory(t), Linger: -1})
	require.NoError(t, err)
	defer c.Close()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(ctx)
		done <- err
	}()
	require.Eventually(t, func() bool { return c.Progress().FramesOut > 1000 }, time.Minute, time.Millisecond)
	early := heap()
	require.NoError(t, <-done)
	require.EqualValues(t, 10000, c.Progress().FramesOut)
	require.Less(t, heap(), early+1<<20)
}

func TestCommandHidesSecrets(t *testing.T) {
	needFFmpeg(t)
	c, err := Open(bounded(t), clip("gray.mkv"), "test", &Options{Dir: memory(t), Linger: -1, InputArgs: []string{"-headers", "Authorization: Bearer hunter2"}})
	require.NoError(t, err)
	defer c.Close()
	line := strings.Join(c.Command(), " ")
	require.Contains(t, line, "gray.mkv")
	require.NotContains(t, line, "hunter2")
}

func TestErrorsAreApart(t *testing.T) {
	all := []error{ErrInput, ErrMissing, ErrUnreadable, ErrNotMedia, ErrNoPicture, ErrNoFrames, ErrEndedBadly, ErrSourceLost, ErrGeometryChanged, ErrFFmpeg}
	for i, a := range all {
		for j, b := range all {
			require.Equal(t, i == j, errors.Is(a, b))
		}
	}
}
