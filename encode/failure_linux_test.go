package encode

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// What can be refused is refused before anything is started or waited for: there
// is no segment in these rows.
func TestOpenRefuses(t *testing.T) {
	needFFmpeg(t)
	folder := t.TempDir()
	there := filepath.Join(folder, "there.mp4")
	require.NoError(t, os.WriteFile(there, []byte("x"), 0o600))
	newest, pinned := framebuf.Newest, framebuf.Pinned
	for _, row := range []struct {
		name, output string
		o            Options
		want         error
		text         string
	}{
		{"exists", there, Options{}, ErrExists, "there.mp4"},
		{"unknown ending", filepath.Join(folder, "out.xyz"), Options{}, ErrName, "out.xyz"},
		{"no name", "", Options{}, ErrName, "empty"},
		{"folder missing", filepath.Join(folder, "no", "out.mp4"), Options{}, ErrOutput, "there is no folder"},
		{"folder is a file", filepath.Join(there, "out.mp4"), Options{}, ErrOutput, "there.mp4"},
		{"is a folder", "mp4:" + folder, Options{}, ErrOutput, "is a folder"},
		{"encoder missing", filepath.Join(folder, "out.mp4"), Options{Codec: "libnothing"}, ErrFFmpeg, "libnothing"},
		{"ffmpeg missing", filepath.Join(folder, "out.mp4"), Options{FFmpeg: "/nowhere/ffmpeg"}, ErrFFmpeg, "/nowhere/ffmpeg"},
		{"not ffmpeg", filepath.Join(folder, "out.mp4"), Options{FFmpeg: "/bin/echo"}, ErrFFmpeg, "/bin/echo"},
		{"preset that the encoder has not", filepath.Join(folder, "out.gif"), Options{Preset: "fast"}, ErrName, "preset"},
		{"two sounds", filepath.Join(folder, "out.mp4"), Options{Audio: Audio{Silent: true, Segment: true}}, ErrName, "sound"},
		{"sound into gif", filepath.Join(folder, "out.gif"), Options{Audio: Audio{Silent: true}}, ErrName, "gif"},
		{"pinned", filepath.Join(folder, "out.mp4"), Options{Mode: &pinned}, ErrName, "pinned"},
		{"spliced newest", filepath.Join(folder, "out.mp4"), Options{Mode: &newest, Splice: true}, ErrName, "lossless"},
		{"segment missing", filepath.Join(folder, "out.mp4"), Options{Wait: time.Millisecond}, framebuf.ErrNotFound, "cam"},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.o.Dir = segmentDir(t)
			e, err := Open(within(t), "cam", row.output, &row.o)
			require.ErrorIs(t, err, row.want)
			require.ErrorContains(t, err, row.text)
			require.Nil(t, e)
		})
	}
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing was made")
	_, err = Open(within(t), "No/Name", there, nil)
	require.ErrorIs(t, err, framebuf.ErrName)
}

func TestUnwritableFolder(t *testing.T) {
	if os.Getuid() == 0 {
		require.ErrorIs(t, writable("/proc/sys/kernel/osrelease"), fs.ErrPermission, "root is refused a file of mode 0444 in proc only")
	}
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o500))
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	want := fs.ErrPermission
	if os.Getuid() == 0 { // who may write anywhere but where nobody may
		want = syscall.EROFS
		require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_RDONLY, "size=64k"))
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, 0)) })
	}
	err := writable(folder)
	require.ErrorIs(t, err, ErrOutput)
	require.ErrorIs(t, err, want)
}

func TestNoFrames(t *testing.T) {
	needFFmpeg(t)
	dir, path := segmentDir(t), output(t, "out.mp4")
	testClip(0).publish(t, dir, "cam")
	_, err := Open(within(t), "cam", path, &Options{Dir: dir})
	require.ErrorIs(t, err, ErrNoFrames)

	require.NoFileExists(t, path)
}

func TestNoFrameInTime(t *testing.T) {
	needFFmpeg(t)
	dir, path := segmentDir(t), output(t, "out.mp4")
	w, err := framebuf.Create("cam", testClip(0).format, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	_, err = Open(within(t), "cam", path, &Options{Dir: dir, Wait: 10 * time.Millisecond})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, w.Close())
}

func TestSourceThatEndedBadly(t *testing.T) {
	c := testClip(10)
	c.then = func(w *framebuf.Writer) {
		w.SetSource(framebuf.SourceFailed)
		w.SetError("the camera was unplugged")
	}
	needFFmpeg(t)
	path := output(t, "out.mp4")
	r, err := encodeTo(t, c, path, nil)
	require.ErrorIs(t, err, ErrSource)
	require.ErrorContains(t, err, "unplugged")
	require.EqualValues(t, 10, r.FramesOut)
	require.Len(t, probe(t, path).times(t, "video"), 10)
}

// The writer is killed: what it had published becomes a file that can be played.
func TestWriterKilled(t *testing.T) {
	needFFmpeg(t)
	for _, name := range []string{"out.mp4", "out.mkv"} {
		dir, path := segmentDir(t), output(t, name)
		kill := startWriter(t, dir)
		e, err := Open(within(t), "cam", path, &Options{Dir: dir})
		require.NoError(t, err)
		done := make(chan error, 1)
		var r Result
		go func() { var err error; r, err = e.Run(within(t)); done <- err }()
		kill()
		require.ErrorIs(t, <-done, framebuf.ErrWriterDied)
		require.NoError(t, e.Close())
		require.EqualValues(t, childFrames, r.FramesIn)
		require.EqualValues(t, childFrames, r.FramesOut)
		require.Len(t, probe(t, path).times(t, "video"), childFrames)
		_, err = framebuf.GC(context.Background(), dir)
		require.NoError(t, err)
	}
}

// endless is a writer that goes on until the test ends, in the background.
func endless(t *testing.T, dir string, change func(*clip)) {
	t.Helper()
	c := testClip(0)
	c.o = framebuf.Options{Dir: dir, Linger: -1, Template: c.info}
	c.paint = func(b []byte, k int) { draw(b, &c.info, k) }
	if change != nil {
		change(&c)
	}
	w, err := framebuf.Create("cam", c.format, &c.o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for k := 0; ctx.Err() == nil; k++ {
			_ = w.Publish(ctx, func(s *framebuf.Slot) error { s.Info.PTS = int64(k) * 40; c.paint(s.Bytes(), k); return nil })
		}
	}()
	t.Cleanup(func() { cancel(); <-done; require.NoError(t, w.Close()) })
}

func isReleased(t *testing.T, dir string) {
	t.Helper()
	st, err := framebuf.Stat(dir, "cam")
	require.NoError(t, err)
	require.Empty(t, st.Readers, "nobody holds the writer back")
}

func TestCancelFinishesTheFile(t *testing.T) {
	needFFmpeg(t)
	for _, stop := range []string{"context", "Close"} {
		t.Run(stop, func(t *testing.T) {
			dir, path := segmentDir(t), output(t, "out.mp4")
			endless(t, dir, nil)
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			enough := make(chan struct{})
			frames := 0
			e, err := Open(ctx, "cam", path, &Options{Dir: dir, OnFrame: func(*framebuf.Info, time.Time) {
				if frames++; frames == 30 {
					close(enough)
				}
			}})
			require.NoError(t, err)
			go func() {
				<-enough
				if stop == "context" {
					cancel()
				} else {
					_ = e.Close()
				}
			}()
			r, err := e.Run(ctx)
			if stop == "context" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ErrClosed)
			}
			require.True(t, r.Interrupted)
			require.EqualValues(t, frames, r.FramesOut)
			require.Len(t, probe(t, path).times(t, "video"), frames)
			isReleased(t, dir)
			_, err = e.Run(ctx)
			require.Error(t, err)
			require.NoError(t, e.Close())
		})
	}
}

// wrapped is an ffmpeg that a shell starts after some preparation.
func wrapped(t *testing.T, preparation string) string {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ffmpeg")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+preparation+"\nexec '"+program+"' \"$@\"\n"), 0o700))
	return path
}

func TestOutputFails(t *testing.T) {
	needFFmpeg(t)
	refused := closedPort(t)
	for _, row := range []struct {
		name, output string
		prepare      string // what the shell does before ffmpeg
		o            Options
		want         error
		text         string
		stays        bool // the file
	}{
		{name: "disk full", output: "matroska:/dev/full", want: ErrOutput, text: "No space left"},
		{name: "file too large", output: "out.mkv", prepare: "trap '' XFSZ; ulimit -f 100", want: ErrOutput, text: "File too large", stays: true},
		{name: "file too large, index at the end", output: "out.mp4", prepare: "trap '' XFSZ; ulimit -f 100", want: ErrOutput, text: "File too large", stays: true},
		{name: "not a byte", output: "out.mkv", prepare: "trap '' XFSZ; ulimit -f 0", want: ErrOutput, text: "File too large"},
		{name: "server refuses", output: "rtmp://127.0.0.1:" + refused + "/app/key", want: ErrOutput, text: "refused"},
		{name: "rtsp refuses", output: "rtsp://127.0.0.1:" + refused + "/cam", want: ErrOutput, text: "refused"},
		{name: "bad setting", output: "out.mp4", o: Options{OutputArgs: []string{"-profile:v", "nonsense"}}, want: ErrEncoder},
		{name: "bad option", output: "out.mp4", o: Options{OutputArgs: []string{"-nonsense", "1"}}, want: ErrFFmpeg, text: "nonsense"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := segmentDir(t)
			endless(t, dir, func(c *clip) { c.paint = noise })
			path := row.output
			if !strings.Contains(path, ":") {
				path = output(t, path)
			}
			row.o.Dir = dir
			e, err := Open(within(t), "cam", path, &row.o)
			require.NoError(t, err)
			if row.prepare != "" {
				e.opts.FFmpeg = wrapped(t, row.prepare)
			}
			_, err = e.Run(within(t))
			require.ErrorIs(t, err, row.want)
			require.ErrorContains(t, err, row.text)
			require.NotContains(t, err.Error(), "app/key")
			require.NoError(t, e.Close())
			isReleased(t, dir)
			if filepath.IsAbs(path) {
				_, err := os.Stat(path)
				require.Equal(t, row.stays, err == nil, "%v", err)
			}
		})
	}
}

// noise is what an encoder cannot make small: a few frames fill whatever there is.
func noise(b []byte, k int) {
	x := uint32(k) + 1
	for at := range b {
		x = x*1664525 + 1013904223
		b[at] = byte(x >> 24)
	}
}

// closedPort is a port of this machine that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	return strconv.Itoa(port)
}

// A server that takes the connection and nothing more.
func TestServerThatDoesNotAnswer(t *testing.T) {
	needFFmpeg(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	dir := segmentDir(t)
	endless(t, dir, func(c *clip) { c.format.Width, c.format.Height = 640, 480 })
	e, err := Open(within(t), "cam", "rtmp://"+l.Addr().String()+"/app/key", &Options{Dir: dir, OutputTimeout: 300 * time.Millisecond})
	require.NoError(t, err)
	_, err = e.Run(within(t))
	require.ErrorIs(t, err, ErrOutput)
	require.NoError(t, e.Close())
	isReleased(t, dir)
}

func TestFFmpegKilled(t *testing.T) {
	needFFmpeg(t)
	for _, way := range []bool{false, true} {
		dir, path := segmentDir(t), output(t, "out.mkv")
		endless(t, dir, func(c *clip) { c.format.Width, c.format.Height = 1280, 720 })
		frames := 0
		e, err := Open(within(t), "cam", path, &Options{Dir: dir, Splice: way, OnFrame: func(*framebuf.Info, time.Time) {
			if frames++; frames == 20 {
				require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
			}
		}})
		require.NoError(t, err)
		_, err = e.Run(within(t))
		require.ErrorIs(t, err, ErrEncoder)
		require.ErrorContains(t, err, "signal 9")
		require.NoError(t, e.Close())
		isReleased(t, dir)
	}
}

// onlyChild is the process that this one has started.
func onlyChild(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	var all []string
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err == nil {
			all = append(all, strings.Fields(string(b))...)
		}
	}
	require.Len(t, all, 1)
	pid, err := strconv.Atoi(all[0])
	require.NoError(t, err)
	return pid
}

// An evicted reader's output has no foreign picture, and is not called complete.
func TestEvicted(t *testing.T) {
	needFFmpeg(t)
	for _, way := range []bool{false, true} {
		dir, path := segmentDir(t), output(t, "out.mkv")
		lossless := framebuf.Lossless
		endless(t, dir, func(c *clip) {
			c.o.Lossless, c.o.EvictAfter = framebuf.LosslessEvict, 500*time.Millisecond
		})
		frames := 0
		e, err := Open(within(t), "cam", path, &Options{Dir: dir, Mode: &lossless, Splice: way, OnFrame: func(*framebuf.Info, time.Time) {
			if frames++; frames == 10 {
				evicted := func() bool { st, err := framebuf.Stat(dir, "cam"); return err == nil && st.Evicted > 0 }
				for !evicted() {
					time.Sleep(time.Millisecond)
				}
			}
		}})
		require.NoError(t, err)
		_, err = e.Run(within(t))
		require.ErrorIs(t, err, framebuf.ErrEvicted)
		require.NoError(t, e.Close())
		if !way {
			require.NotEmpty(t, probe(t, path).times(t, "video"))
		}
	}
}

func TestFormatChangeEndsInOrder(t *testing.T) {
	c := testClip(20)
	c.each = func(w *framebuf.Writer, k int) error {
		if k == 10 {
			return w.SetFormat(context.Background(), framebuf.Format{PixelFormat: framebuf.Gray8, Width: 64, Height: 48})
		}
		return nil
	}
	needFFmpeg(t)
	path := output(t, "out.mkv")
	r, err := encodeTo(t, c, path, nil)
	require.ErrorIs(t, err, framebuf.ErrFormat)
	require.EqualValues(t, 10, r.FramesOut)
	require.Len(t, probe(t, path).times(t, "video"), 10)
}

func TestDiagnose(t *testing.T) {
	for _, row := range []struct {
		name, stderr string
		want         error
		line         string
	}{
		{"nothing", "", nil, ""},
		{"disk full, then a consequence", "[error] av_interleaved_write_frame(): No space left on device\n[error] Error writing trailer\n", ErrOutput, "av_interleaved_write_frame(): No space left on device"},
		{"encoder", "Unknown encoder 'x'\n", ErrFFmpeg, "Unknown encoder 'x'"},
		{"an error of its own", "[libx264 @ 0x55] [error] no\n[nut @ 0x66] [warning] hm\n", nil, "no"},
		{"something else", "hm\n", nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			line, kind := diagnose(row.stderr)
			require.True(t, errors.Is(kind, row.want))
			require.Equal(t, row.line, line)
		})
	}
}
