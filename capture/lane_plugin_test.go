package capture

// Plug-ins that are not as they should be: built for the test from the real one.

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/plugin"
	"github.com/framebridge/framebridge/internal/testbed"
)

// build compiles a changed plug-in, and makes what the test starts find it. change gets the source of the real one.
func build(t *testing.T, change func(source string) string) {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
			t.Fatalf("a C compiler is needed (FRAMEBRIDGE_NEED_FFMPEG is set): %v", err)
		}
		t.Skip("no C compiler is installed")
	}
	folder, err := filepath.Abs("../clients/ffmpeg")
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(folder, plugin.Lane+".c"))
	require.NoError(t, err)
	changed := change(string(source))
	require.NotEqual(t, string(source), changed)
	dir := t.TempDir()
	file := filepath.Join(dir, "changed.c")
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	out, err := exec.Command(compiler, "-std=gnu11", "-O1", "-fPIC", "-fvisibility=hidden", "-shared", "-I", folder,
		file, "-o", filepath.Join(dir, plugin.Lane+".so"), "-ldl", "-lm").CombinedOutput()
	require.NoError(t, err, string(out))
	t.Setenv(plugin.Variable, dir)
}

// One that came with another framebridge is told from everything else that can go wrong.
func TestPluginOfAnotherVersion(t *testing.T) {
	needFFmpeg(t)
	build(t, func(source string) string {
		return strings.Replace(source, "LANE_VERSION = 1", "LANE_VERSION = 1000", 1)
	})
	for _, transport := range []Transport{TransportPlugin, TransportAuto} {
		got := take(t, generated("64x48"), &Options{Transport: transport})
		require.ErrorIs(t, got.err, ErrFFmpeg)
		require.ErrorContains(t, got.err, "version 1000")
		require.ErrorContains(t, got.err, "install both from the same release")
		require.Empty(t, got.frames)
		require.Equal(t, framebuf.SourceFailed, got.state)
		require.Empty(t, children())
	}
}

// halting stops its ffmpeg in the middle of every fifth copy, as a machine does that is out of memory.
const halting = `
#include "plugin.h"
#include <signal.h>
static void halting_copy(void *to, size_t to_stride, const void *from, size_t from_stride, size_t line, unsigned lines) {
  static int copies;
  unsigned half = lines / 2;
  fbp_copy(to, to_stride, from, from_stride, line, half);
  if (++copies % 5 == 0) raise(SIGSTOP);
  fbp_copy((char *)to + half * to_stride, to_stride, (const char *)from + half * from_stride, from_stride, line, lines - half);
}
#define fbp_copy halting_copy
`

func buildHalting(t *testing.T) {
	t.Helper()
	build(t, func(source string) string { return halting + source })
}

// An ffmpeg that hangs in the middle of a copy is given up, and the next one begins. It may wake up and go on with the copy while it
// is being stopped: nobody sees half a picture, also not in what is shown in the meantime.
func TestHangsInsideACopy(t *testing.T) {
	needFFmpeg(t)
	buildHalting(t)
	x := prepared(t, "lavfi:mandelbrot=s=64x48:r=4", &Options{
		Restart: RestartAlways, StallAfter: 300 * time.Millisecond, Transport: TransportPlugin, Placeholder: PlaceholderHold, Slots: 2,
	})
	x.placeholderEvery = 5 * time.Millisecond
	want := map[string]bool{}
	for _, f := range reference(t, []string{"-f", "lavfi"}, "mandelbrot=s=64x48:r=4", "-t", "2")[:6] {
		want[f.hash] = true
	}
	x.run()
	x.until(func() bool { return x.state.is() == stalled && stopped() })
	before := x.pump.placeholders.Load()
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end) && x.pump.placeholders.Load() == before; {
		time.Sleep(time.Millisecond) // one that must not come now has time to come
	}
	signalChildren(t, "-CONT")
	x.until(func() bool { return x.state.is() != stalled })
	require.True(t, want[newest(t, x.dir)], "what is in the segment after the copy went on")
	x.until(func() bool { return x.pump.out.Load() > 5 })
	r := x.stop()
	require.NotZero(t, r.Stalls)
	require.NotZero(t, r.Restarts)
	for i, f := range x.seen() {
		require.True(t, want[f.hash], "frame %d, flags %b", i, f.Flags)
	}
}

// One that only hesitates goes on, and nothing is lost.
func TestHesitatesInsideACopy(t *testing.T) {
	needFFmpeg(t)
	buildHalting(t)
	x := prepared(t, "lavfi:testsrc2=s=64x48:d=0.4:r=25", &Options{Transport: TransportPlugin, Restart: RestartNever})
	x.run()
	for n := 4; n < 10; n += 5 {
		x.until(func() bool { return x.Progress().FramesIn > uint64(n) && stopped() })
		signalChildren(t, "-CONT")
	}
	r := x.end()
	require.NoError(t, r.err)
	want := reference(t, []string{"-f", "lavfi"}, "testsrc2=s=64x48:d=0.4:r=25")
	require.Len(t, x.seen(), len(want))
	for i, f := range x.seen() {
		require.Equal(t, want[i].hash, f.hash)
	}
	require.Empty(t, r.Dropped)
}

// newest is the hash of the newest frame in a segment.
func newest(t *testing.T, dir string) string {
	t.Helper()
	r, err := framebuf.Open(bounded(t), "test", &framebuf.ReaderOptions{Dir: dir})
	require.NoError(t, err)
	defer r.Close()
	f, err := r.Next(bounded(t))
	require.NoError(t, err)
	return md5sum(f.Bytes())
}

// stopped reports whether a child of ours has been stopped by a signal.
func stopped() bool {
	for _, child := range children() {
		if strings.HasSuffix(child, " T") {
			return true
		}
	}
	return false
}

// A stop does not wait for a copy that does not come to an end.
func TestInterruptInsideACopy(t *testing.T) {
	needFFmpeg(t)
	buildHalting(t)
	x := troubled(t, "lavfi:testsrc2=s=64x48", &Options{Transport: TransportPlugin, StallAfter: -1})
	x.until(stopped)
	r := x.stop()
	require.True(t, r.Interrupted)
	require.EqualValues(t, 4, r.FramesOut)
	require.Len(t, x.seen(), 4)
	require.Empty(t, children())
}

// An ffmpeg that nobody can reach any more ends by itself when its capture has: its frames go nowhere else.
func TestEscapedFFmpegEnds(t *testing.T) {
	needFFmpeg(t)
	testbed.ByPlugin(t)
	fake, _ := fakeFFmpeg(t, `setsid "$REAL" "$@" & echo $! >"$0.pid"; wait`)
	x := troubled(t, "lavfi:testsrc2=s=64x48", &Options{FFmpeg: fake, Transport: TransportPlugin})
	x.until(func() bool { return x.flows(1, 10) })
	text, err := os.ReadFile(fake + ".pid")
	require.NoError(t, err)
	x.stop()
	stat := filepath.Join("/proc", strings.TrimSpace(string(text)), "stat")
	x.until(func() bool {
		now, err := os.ReadFile(stat)
		return err != nil || strings.Contains(string(now), ") Z ")
	})
}
