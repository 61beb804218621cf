//go:build linux

// Frames that come by a plug-in inside ffmpeg: the rows whose names end in p, and what they share. The plug-in copies pixels in
// ffmpeg's process, into a slot that capture has claimed (framebridge_lane), or as a writer by itself in an ffmpeg of the user's
// own (framebridge_tap).

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/plugin"
)

func pluginRows() []row {
	return []row{
		{
			id: "A1p", fault: "as A1, of writers that are plug-ins: capture's, and a tap in an ffmpeg of the user's own", timeless: true, limit: time.Minute, nightLimit: time.Hour,
			must: "as A1; what is left of capture's ffmpeg writes to nothing that is in use",
			run:  pluginWriterKilled,
		},
		{
			id: "A4p", fault: "as A4, beside a capture by the plug-in", timeless: true, limit: time.Minute,
			must: "the writer frees what it held; other lossless readers lose nothing",
			run:  pluginReaderKilled,
		},
		{
			id: "A8p", fault: "as A8, of captures by the plug-in whose pictures become larger on their way", timeless: true, limit: time.Minute,
			must: "readers come over and never mix generations",
			run:  pluginMadeAgain,
		},
		{
			id: "C3p", fault: "as C3, while the plug-in copies", timeless: true, limit: time.Minute,
			must: "ffmpeg is not ended by a signal; capture says that the segment is damaged, code 5",
			run:  pluginTruncated,
		},
		{
			id: "F1p", fault: "as F1, while the plug-in copies", timeless: true, limit: time.Minute, nightLimit: time.Hour,
			must: "as F1",
			run:  pluginDecoderKilled,
		},
		{
			id: "F11p", fault: "as F11, by the plug-in, odd sizes too", timeless: true, limit: time.Minute,
			must: "as F11",
			run:  pluginSizeChanges,
		},
	}
}

// needPlugins ends the row where there can be no plug-ins: without a C compiler, or an ffmpeg that loads them. It returns their
// folder.
func (t *trial) needPlugins(ctx context.Context) (dir string) {
	text, err := exec.CommandContext(ctx, t.needFFmpeg(), "-hide_banner", "-version").Output()
	require.NoError(t, err)
	if !ffargs.HasFrei0r(string(text)) {
		t.notRun("this ffmpeg was built without frei0r, which loads plug-ins")
	}
	for _, name := range []string{plugin.Lane, plugin.Tap} {
		dir, err = plugin.Find(name)
		if _, missing := exec.LookPath("cc"); err != nil && missing != nil {
			t.notRun("there is no C compiler, so no plug-ins")
		}
		require.NoError(t, err)
	}
	return dir
}

// flat is a source of pictures that cost next to nothing but their copy, each of one colour and the next one of another: a torn
// picture shows, and most of the time somebody copies.
type flat struct {
	shape
	colour string // of the brightest, as ffmpeg has it: 0xRRGGBB
}

const (
	flatRate   = 1000 // frames a second, which is also their time base
	flatPeriod = 5    // frames until the colours begin anew: more than a segment has slots
)

// graph is the source as a graph of libavfilter.
func (f flat) graph() string {
	return fmt.Sprintf("color=c=%s:s=%dx%d:r=%d,format=rgba,fade=in:0:%d,loop=loop=-1:size=%d", f.colour, f.w, f.h, flatRate, flatPeriod, flatPeriod)
}

func (f flat) input() string { return "lavfi:" + f.graph() }

// bytes are how many a picture has.
func (f flat) bytes() int { return 4 * f.w * f.h }

// pixel is four bytes, as RGBA has them.
type pixel [4]byte

// tints are the colours of a period, as ffmpeg alone has them.
func (t *trial) tints(ctx context.Context, f flat) (all []pixel) {
	f.shape = shape{16, 16}
	for _, frame := range t.decoded(ctx, 16*16*4, "-f", "lavfi", "-i", f.graph(), "-frames:v", fmt.Sprint(flatPeriod)) {
		p, plain := tint(frame)
		require.True(t, plain)
		require.NotContains(t, all, p)
		all = append(all, p)
	}
	require.Len(t, all, flatPeriod)
	return all
}

// tint is the one colour of a picture; plain is false if it has several.
func tint(b []byte) (p pixel, plain bool) {
	if len(b) < len(p) {
		return p, false
	}
	return pixel(b), bytes.Equal(b[len(p):], b[:len(b)-len(p)])
}

// judge is for stream.Judge: every frame of f must have the one colour of its time.
func (f flat) judge(tints []pixel) func(*framebuf.Frame) (whole, known bool) {
	return func(frame *framebuf.Frame) (whole, known bool) {
		p, plain := tint(frame.Bytes())
		timed := frame.PTS >= 0 && frame.TimeBase == framebuf.Rational{Num: 1, Den: flatRate}
		return plain && timed && p == tints[frame.PTS%flatPeriod], frame.Width == f.w && frame.Height == f.h
	}
}

// tap starts an ffmpeg of the user's own, which publishes f as cam0 in dir. kill is as that of captureToKill.
func (t *trial) tap(ctx context.Context, plugins, dir string, f flat) (kill func() (gone func())) {
	cmd := exec.CommandContext(ctx, t.needFFmpeg(), "-v", "error", "-nostdin", "-f", "lavfi", "-i", f.graph(),
		"-vf", fmt.Sprintf("frei0r=filter_name=%s:filter_params='cam0|sink|lossless|timebase=1/%d'", plugin.Tap, flatRate), "-f", "null", "-")
	cmd.Env = append(os.Environ(), "FREI0R_PATH="+plugins, "FRAMEBRIDGE_DIR="+dir)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	kill = sync.OnceValue(func() func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return func() {}
	})
	t.cleanup(func() { kill() })
	return kill
}

// flows waits until frames come, and returns what can be seen of the segment. Who takes over from a dead writer has its lock
// first, so that alone says nothing.
func (t *trial) flows(dir string) (st *framebuf.Status) {
	t.eventually(20*time.Second, "frames come", func() bool {
		now, err := framebuf.Stat(dir, "cam0")
		if err != nil {
			require.ErrorIs(t, err, framebuf.ErrNotFound)
			return false
		}
		before := st
		st = now
		return before != nil && before.Generation == st.Generation && before.Published < st.Published
	})
	return st
}

// Offsets of LAYOUT.md: of the static header.
const (
	atSlots      = 64
	atSlotStride = 72
)

// unfinished is the frame that a segment's writer has begun last, as it stands in memory.
type unfinished struct {
	began bool // and it is not complete
	bytes []byte
}

// unfinished looks at frames of n bytes.
func (m raw) unfinished(n int) (u unfinished) {
	at := func(off int) int { return int(binary.LittleEndian.Uint64(m.b[off:])) }
	back := m.word64(m.dynamic() + atBack).Load()
	if back == 0 {
		return u
	}
	slot := int(back & (1<<16 - 1))
	table, record := int(binary.LittleEndian.Uint32(m.b[atSlotTable:])), int(binary.LittleEndian.Uint32(m.b[atSlotRecord:]))
	u.began = m.word64(table+slot*record).Load()&1 == 1
	u.bytes = m.b[at(atSlots)+slot*at(atSlotStride):][:n]
	return u
}

// torn reports whether a piece of the frame has been copied, and a piece has not.
func (u *unfinished) torn() bool {
	if !u.began {
		return false
	}
	_, plain := tint(u.bytes)
	return !plain
}

// leftTorn reports whether the writer of cam0 in dir has left a frame of n bytes torn.
func (t *trial) leftTorn(dir string, n int) bool {
	m, unmap, err := mapFile(filepath.Join(dir, "cam0"), false)
	require.NoError(t, err)
	defer unmap()
	u := m.unfinished(n)
	return u.torn()
}

// awaitCopy returns in the middle of a copy to cam0 in dir, or after a second.
func (t *trial) awaitCopy(dir string, n int) {
	m, unmap, err := mapFile(filepath.Join(dir, "cam0"), false)
	require.NoError(t, err)
	defer unmap()
	for end := time.Now().Add(time.Second); time.Now().Before(end); runtime.Gosched() {
		if u := m.unfinished(n); u.began && pixel(u.bytes) != pixel(u.bytes[n-len(pixel{}):]) {
			return
		}
	}
}
