package encode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// sinks are the two ways into the pipe.
func sinks() map[string]func(w *os.File) (sink, error) {
	return map[string]func(w *os.File) (sink, error){
		"write":  func(w *os.File) (sink, error) { return &plainSink{patientPipe{f: w}}, nil },
		"splice": func(w *os.File) (sink, error) { return newSplicer(w, 0) },
	}
}

// md5OfFrames feeds a segment to an ffmpeg that prints the hash of each frame.
func md5OfFrames(t *testing.T, dir, name string, open func(w *os.File) (sink, error)) string {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "nut", "-i", "pipe:0", "-fps_mode", "passthrough", "-copyts", "-f", "framemd5", "-")
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdin = r
	require.NoError(t, cmd.Start())
	require.NoError(t, r.Close())
	s, err := open(w)
	require.NoError(t, err)
	err = feedAll(t, dir, name, s)
	_ = w.Close()
	require.NoError(t, cmd.Wait(), "%s", lastLines(messages.Bytes()))
	s.abandon()
	require.NoError(t, err)
	return out.String()
}

func feedAll(t *testing.T, dir, name string, s sink) error {
	ctx := within(t)
	r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless, Hold: 1, Spliced: true, Wait: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	var f *feed
	for {
		fr, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return s.flush()
		}
		require.NoError(t, err)
		if f == nil {
			c, err := newClock(&fr.Info, false)
			require.NoError(t, err)
			f, err = newFeed(s, &fr.Info, c, nil, nil)
			require.NoError(t, err)
		}
		at, ok, err := f.place(&fr.Info)
		require.NoError(t, err)
		require.True(t, ok)
		if err := f.send(fr, at, nil); err != nil {
			return err
		}
	}
}

// Both ways give ffmpeg the same frames, whatever their size and format, also
// with two slots, where every slot is written again at once.
func TestSinksSendTheSameFrames(t *testing.T) {
	needFFmpeg(t)
	for _, row := range []struct {
		name   string
		format framebuf.Format
		slots  int
		frames int
	}{
		{"large", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 1280, Height: 720}, 4, 40},
		{"two slots", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 640, Height: 360}, 2, 60},
		{"odd", framebuf.Format{PixelFormat: framebuf.YUV420P, Width: 333, Height: 217}, 4, 40},
		{"smaller than a page", framebuf.Format{PixelFormat: framebuf.RGB24, Width: 33, Height: 17}, 3, 100},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := testClip(row.frames)
			c.format, c.o.Slots = row.format, row.slots
			got := map[string]string{}
			for name, open := range sinks() {
				dir := segmentDir(t)
				c.publish(t, dir, "cam")
				got[name] = md5OfFrames(t, dir, "cam", open)
				require.Equal(t, row.frames, strings.Count(got[name], "\n0,"), "%s", got[name])
			}
			require.Equal(t, got["write"], got["splice"])
		})
	}
}

// A frame that is not out yet keeps its slot: the writer must wait.
func TestSplicedFramesAreHeldUntilTheyAreRead(t *testing.T) {
	dir := segmentDir(t)
	ctx := within(t)
	w, err := framebuf.Create("cam", framebuf.Format{PixelFormat: framebuf.Gray8, Width: 64, Height: 64}, &framebuf.Options{Dir: dir, Slots: 2, Linger: -1})
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	r, err := framebuf.Open(ctx, "cam", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless, Hold: 1, Spliced: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	for range 2 {
		require.NoError(t, w.Publish(ctx, func(s *framebuf.Slot) error { fill(s.Bytes(), byte(s.Info.Number+1)); return nil }))
	}
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _, _ = in.Close(), out.Close() }()
	s, err := newSplicer(out, 0)
	require.NoError(t, err)

	first, err := r.Next(ctx)
	require.NoError(t, err)
	require.NoError(t, s.send(first, first.Bytes()))
	require.Len(t, s.(*spliceSink).held, 1)
	blocked := func() bool {
		try, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		slot, err := w.Begin(try)
		if err == nil {
			slot.Abandon()
		}
		return err != nil
	}
	require.True(t, blocked(), "nothing of the first frame has been read")
	some := make([]byte, 64*64-1)
	_, err = io.ReadFull(in, some)
	require.NoError(t, err)
	require.NoError(t, s.(*spliceSink).reclaim(1))
	require.True(t, blocked(), "one byte is still in the pipe")
	_, err = io.ReadFull(in, some[:1])
	require.NoError(t, err)
	require.NoError(t, s.flush())
	require.Equal(t, bytes.Repeat([]byte{1}, len(some)), some)
	require.False(t, blocked(), "its slot is free")
}

func TestSinksNoticeThatNobodyReads(t *testing.T) {
	for name, open := range sinks() {
		t.Run(name, func(t *testing.T) {
			in, out, err := os.Pipe()
			require.NoError(t, err)
			s, err := open(out)
			require.NoError(t, err)
			require.NoError(t, in.Close())
			c := testClip(5)
			dir := segmentDir(t)
			c.publish(t, dir, "cam")
			defer func() { _ = out.Close() }()
			ctx := within(t)
			r, err := framebuf.Open(ctx, "cam", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless, Hold: 1})
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Close()) }()
			fr, err := r.Next(ctx)
			require.NoError(t, err)
			require.ErrorIs(t, s.send(fr, fr.Bytes()), errGone)
			s.abandon()
		})
	}
}

// A pipe that nobody empties ends at the limit, in both ways, and also if the
// limit comes while the write waits.
func TestSinksEndAtTheirLimit(t *testing.T) {
	for name, open := range sinks() {
		t.Run(name, func(t *testing.T) {
			in, out, err := os.Pipe()
			require.NoError(t, err)
			defer func() { _, _ = in.Close(), out.Close() }()
			s, err := open(out)
			require.NoError(t, err)
			c := testClip(5)
			c.format.Width, c.format.Height = 640, 480
			dir := segmentDir(t)
			c.publish(t, dir, "cam")
			ctx := within(t)
			r, err := framebuf.Open(ctx, "cam", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless, Hold: 1})
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Close()) }()
			fr, err := r.Next(ctx)
			require.NoError(t, err)
			go s.limit(time.Now().Add(10 * time.Millisecond))
			require.ErrorIs(t, s.send(fr, fr.Bytes()), os.ErrDeadlineExceeded)
			s.abandon()
		})
	}
}

// A frame that did not hold never becomes a whole picture, and what was sent
// before it stays a stream that ffmpeg ends in order.
func TestATornFrameIsNeverWhole(t *testing.T) {
	needFFmpeg(t)
	dir := segmentDir(t)
	ctx := within(t)
	c := testClip(0)
	w, err := framebuf.Create("cam", c.format, &framebuf.Options{
		Dir: dir, Slots: 2, Linger: -1, Lossless: framebuf.LosslessEvict, EvictAfter: time.Millisecond, Template: c.info,
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	r, err := framebuf.Open(ctx, "cam", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	publish := func(pts int64) {
		require.NoError(t, w.Publish(ctx, func(s *framebuf.Slot) error { s.Info.PTS = pts; draw(s.Bytes(), &s.Info, int(pts)); return nil }))
	}

	cmd := exec.Command("ffmpeg", "-v", "quiet", "-f", "nut", "-i", "pipe:0", "-fps_mode", "passthrough", "-copyts", "-f", "framemd5", "-")
	var out bytes.Buffer
	cmd.Stdout = &out
	in, pipe, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdin = in
	require.NoError(t, cmd.Start())
	require.NoError(t, in.Close())

	publish(0)
	fr, err := r.Next(ctx)
	require.NoError(t, err)
	clock, err := newClock(&fr.Info, false)
	require.NoError(t, err)
	f, err := newFeed(&plainSink{patientPipe{f: pipe}}, &fr.Info, clock, nil, nil)
	require.NoError(t, err)
	require.NoError(t, f.send(fr, 0, nil))
	publish(40)
	fr, err = r.Next(ctx)
	require.NoError(t, err)
	for pts := int64(80); fr.Valid() == nil; pts += 40 {
		publish(pts) // until the writer has had enough of this reader
	}
	require.ErrorIs(t, f.send(fr, 40, nil), errTorn)
	require.NoError(t, pipe.Close())
	require.NoError(t, cmd.Wait(), "ffmpeg ends in order")
	require.Equal(t, 1, strings.Count(out.String(), "\n0,"), "%s", out.String())
}
