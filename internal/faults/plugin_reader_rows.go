//go:build linux

// A4p and A8p: readers of captures by the plug-in.

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
)

// heard is the pulse of a writer as a reader hears it. Its check is that of the frames.
type heard struct {
	check func(*framebuf.Frame) (whole, known bool)

	mu      sync.Mutex
	frames  uint64
	last    time.Time // when a frame came, or else of the last reset
	longest time.Duration
}

func (h *heard) judge(f *framebuf.Frame) (whole, known bool) {
	whole, known = h.check(f)
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.frames++; h.frames > 1 {
		h.longest = max(h.longest, now.Sub(h.last))
	}
	h.last = now
	return whole, known
}

func (h *heard) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.longest = time.Now(), 0
}

func (h *heard) beats() (frames uint64, longest time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.frames, h.longest
}

func (h *heard) goesOn(t *trial, n uint64) time.Duration {
	before, _ := h.beats()
	t.eventually(10*time.Second, "the writer goes on", func() bool {
		now, _ := h.beats()
		return now >= before+n
	})
	_, longest := h.beats()
	return longest
}

// pluginReaderKilled is readerKilled beside a capture by the plug-in.
func pluginReaderKilled(ctx context.Context, t *trial) {
	t.needPlugins(ctx)
	f := flat{shape{64, 36}, "0xf08070"}
	h := &heard{check: f.judge(t.tints(ctx, f))}
	dir, kills := t.dir(), t.of(40, 1000)
	b := t.bridge(ctx, bridge{Dir: dir, Input: f.input(), Transport: capture.TransportPlugin, Pace: capture.PaceSource, Slots: 8})
	t.flows(dir)
	steady := t.onlook(ctx, stream{Dir: dir, Mode: framebuf.Lossless, Judge: h.judge})
	grown := t.growing(ctx, shape{320, 180}, shape{480, 270}, shape{640, 360})
	pauses := t.killReaders(ctx, kills, stream{Dir: dir, Foreign: true}, h, func(ctx context.Context, p place) { t.killArrivingThere(ctx, p, grown) })
	st, err := framebuf.Stat(dir, "cam0")
	require.NoError(t, err)
	b.stop()
	o := b.over("capture")
	r, _ := steady.end(t)
	if r.Error != "end" || r.Missed > 0 || r.First+r.Delivered != o.Out {
		t.Errorf("the steady reader had %d frames from %d on of %d, missed %d, and ended with %q", r.Delivered, r.First, o.Out, r.Missed, r.Error)
	}
	if st.Evicted > 0 || o.Dropped > 1 || o.Restarts > 0 { // 1: that of the stop
		t.Errorf("%d readers were evicted: %+v", st.Evicted, o)
	}
	if pauses.max() > time.Second {
		t.late("the writer paused for %v", pauses.max())
	}
	t.reached("%d kills, at %d steps, at random, holding: 0 of %d frames lost for the other lossless reader, which waited p99 %v, max %v for a frame",
		kills, min(kills/4, len(placesOf("A4"))), r.Delivered, pauses.at(0.99), pauses.max())
}

// killArrivingThere is killArriving by the plug-in.
func (t *trial) killArrivingThere(ctx context.Context, p place, c *grown) {
	dir := t.dir()
	victim := t.start(ctx, "reader", stream{Dir: dir, Mode: framebuf.Lossless, Foreign: true}, failAt(p.at))
	b := t.bridge(ctx, bridge{Dir: dir, Input: c.path, Transport: capture.TransportPlugin, Readers: 1})
	victim.dies(p.at)
	b.close()
	if o := b.over("capture"); !o.Clean || o.Out != uint64(c.frames) {
		t.Errorf("%s: the capture published %d of %d frames: %+v", p.at, o.Out, c.frames, o)
	}
}

// grown is a clip whose pictures become larger, so that its segment must move. Each is of one colour, and no two are of the same.
type grown struct {
	path   string
	frames int
	tints  map[shape][]pixel
}

// growing makes one, of at most three frames of each size at 100 a second: a demuxer may lose one where the size changes.
func (t *trial) growing(ctx context.Context, shapes ...shape) *grown {
	const each, rate = 3, 100
	dir := t.scratch()
	c := &grown{path: filepath.Join(dir, "grown.ts"), tints: map[shape][]pixel{}}
	var whole []byte
	var seen []pixel
	for i, s := range shapes {
		part := filepath.Join(dir, fmt.Sprintf("%d.ts", i))
		from := fmt.Sprintf("color=c=%s:s=%dx%d:r=%d,format=yuv420p,fade=in:0:%d,trim=start_frame=1,setpts=PTS-STARTPTS", []string{"0xf02020", "0x20f020", "0x2020f0"}[i%3], s.w, s.h, rate, each+2)
		require.NoError(t, ffmpegRun(ctx, "-f", "lavfi", "-i", from, "-frames:v", fmt.Sprint(each), "-c:v", "mpeg2video", "-bf", "0", "-q:v", "2", part))
		for _, frame := range t.decoded(ctx, 4*s.w*s.h, "-i", part) {
			p, plain := tint(frame)
			require.True(t, plain)
			require.NotContains(t, seen, p)
			seen = append(seen, p)
			c.tints[s] = append(c.tints[s], p)
		}
		text, err := os.ReadFile(part)
		require.NoError(t, err)
		whole = append(whole, text...)
	}
	require.NoError(t, os.WriteFile(c.path, whole, 0o600))
	c.frames = len(t.sums(ctx, c.path, "-noautoscale"))
	return c
}

// judge is for stream.Judge.
func (c *grown) judge(f *framebuf.Frame) (whole, known bool) {
	tints, known := c.tints[shape{f.Width, f.Height}]
	p, plain := tint(f.Bytes())
	return plain && (!known || slices.Contains(tints, p)), known
}

// pluginMadeAgain is madeAgain by captures of such clips: the name is made again, and the segment moves twice each time, so that
// the plug-in gets one memory after the other.
func pluginMadeAgain(ctx context.Context, t *trial) {
	t.needPlugins(ctx)
	c := t.growing(ctx, shape{320, 180}, shape{640, 360}, shape{1280, 720})
	dir, times := t.dir(), t.of(6, 1000)
	following, stop := context.WithCancel(ctx)
	defer stop()
	followers := t.audience(following, stream{Dir: dir, Follow: true, Judge: c.judge})
	over := &spans{}
	var ends uint64
	for i := 1; i <= times && ctx.Err() == nil; i++ {
		b := t.bridge(ctx, bridge{
			Dir: dir, Input: c.path, Transport: capture.TransportPlugin, Pace: capture.PaceSource, Readers: len(followers), Restart: capture.RestartNever,
		})
		var first uint64
		t.eventually(10*time.Second, "the name is made again", func() bool {
			st, err := framebuf.Stat(dir, "cam0")
			if err != nil {
				return false
			}
			first = st.FirstFrame
			return st.WriterPID == b.cmd.Process.Pid
		})
		made := time.Now()
		b.reaches("capture", "live", 1, 20*time.Second)
		over.add(time.Since(made))
		if i%2 == 0 && i < times {
			time.Sleep(rand.N(100 * time.Millisecond))
			b.kill()
			if st, err := framebuf.Stat(dir, "cam0"); err != nil || st.State == framebuf.Ended { // it was faster
				ends++
			}
			continue
		}
		b.close()
		if o := b.over("capture"); !o.Clean || o.Out != uint64(c.frames) {
			t.Errorf("%d of %d frames: %+v", o.Out, c.frames, o)
		}
		for _, l := range followers {
			t.eventually(10*time.Second, "a reader reads the last frame", func() bool { return l.sees().Last == first+uint64(c.frames)-1 })
		}
		ends++
	}
	stop()
	var frames, changes uint64
	for _, l := range followers {
		r, _ := l.end(t)
		if r.Error != "told to stop" || r.Anew > ends-1 {
			t.Errorf("a %v reader ended with %q; numbers began anew %d times after %d ends", l.mode, r.Error, r.Anew, ends)
		}
		frames, changes = frames+r.Delivered, changes+r.Changes
	}
	t.reached("%d made again, half after a death, 2 moves each: 0 of %d frames with wrong geometry or content, %d changes of generation; all 3 readers back, and the first frame there, after p50 %v, max %v",
		times, frames, changes, over.at(0.5), over.max())
}
