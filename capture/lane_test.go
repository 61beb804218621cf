package capture

// The two ways of the pixels, by the plug-in and through the pipe: nobody can tell them apart by what comes out.

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// eitherWay takes an input through the pipe and by the plug-in, and compares all that came of it. options are asked for anew each
// time. What is returned is what the plug-in brought.
func eitherWay(t *testing.T, input string, options func() *Options) taken {
	t.Helper()
	var ways [2]taken
	for i, way := range []Transport{TransportPipe, TransportPlugin} {
		o := options()
		o.Transport = way
		ways[i] = take(t, input, o)
		took, whyNot := ways[i].c.Transport()
		require.Equal(t, way, took)
		require.NoError(t, whyNot)
	}
	pipe, lane := ways[0], ways[1]
	require.Len(t, lane.frames, len(pipe.frames))
	for i := range pipe.frames {
		require.Equal(t, timeless(pipe.frames[i]), timeless(lane.frames[i]), "frame %d", i)
	}
	for _, r := range []*Result{&pipe.result, &lane.result} {
		r.Seconds, r.FPS, r.CPU = 0, 0, 0
	}
	require.Equal(t, pipe.result, lane.result)
	require.Equal(t, pipe.source, lane.source)
	require.Equal(t, pipe.c.Source(), lane.c.Source())
	require.Equal(t, pipe.state, lane.state)
	require.Equal(t, pipe.reason, lane.reason)
	if pipe.err != nil {
		require.EqualError(t, lane.err, pipe.err.Error())
		return lane
	}
	require.NoError(t, lane.err)
	require.NotEmpty(t, lane.frames)
	return lane
}

// timeless is a frame without what differs from run to run.
func timeless(g got) got {
	g.Generation, g.Captured, g.CapturedWall, g.Published, g.TAIOffset = framebuf.Generation{}, 0, time.Time{}, 0, 0
	return g
}

// generated is a picture of that size that moves, for ten frames.
func generated(size string) string { return "lavfi:testsrc2=s=" + size + ":r=25:d=0.4" }

func TestEitherWay(t *testing.T) {
	testbed.ByPlugin(t)
	nut := streamed(t, "-f", "lavfi", "-i", "testsrc2=s=66x50:r=25:d=0.4,format=rgba", "-f", "nut", "-c:v", "rawvideo", "-")
	rows := []struct {
		name, input string
		o           Options
		long        bool
	}{
		{"odd lines", generated("321x47"), Options{Checksum: true}, false},
		{"short odd lines, bgra", generated("63x31"), Options{PixelFormat: framebuf.BGRA, Slots: 2}, true},
		{"even lines, scaled", clip("vfr.mp4"), Options{Width: 322, Height: 46}, true},
		{"a pixel", generated("64x48"), Options{Filter: "format=rgba,crop=1:1"}, true},
		{"long lines", "lavfi:testsrc2=s=16384x9:r=25:d=0.12", Options{PixelFormat: framebuf.BGRA}, true},
		{"alpha, bgra", clip("alpha.mov"), Options{PixelFormat: framebuf.BGRA}, true},
		{"size changes: follow", clip("sizechange.ts"), Options{}, false},
		{"size changes: scale", clip("sizechange.ts"), Options{OnResize: ResizeScale}, true},
		{"size changes: stop", clip("sizechange.ts"), Options{OnResize: ResizeStop}, false},
		{"more frames than there are", clip("vfr.mp4"), Options{FPS: framebuf.Rational{Num: 60, Den: 1}}, false},
		{"two frames of one", clip("interlaced.ts"), Options{Filter: "bwdif=mode=1"}, true},
		{"fewer frames", clip("ntsc.mp4"), Options{Filter: "select='eq(mod(n,3),1)'"}, true},
		{"all frames at the end", clip("gray.mkv"), Options{Filter: "reverse,split[a][b];[b]hflip[c];[a][c]hstack"}, true},
		{"a part", clip("motion.mov"), Options{Seek: 2 * time.Second, Duration: time.Second / 2}, true},
		{"again and again", clip("gray.mkv"), Options{Loop: 2}, true},
		{"sound beside it", clip("motion.mov"), Options{AudioSegment: true, Duration: time.Second / 2}, false},
		{"standard input", "-", Options{}, true},
		{"a source that is cut", clip("truncated.avi"), Options{}, true},
		{"no picture comes of it", clip("gray.mkv"), Options{Filter: "select=0"}, true},
		{"a graph that fails", clip("gray.mkv"), Options{Filter: "crop=1000:1000"}, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if row.long {
				longRun(t)
			}
			eitherWay(t, row.input, func() *Options {
				o := row.o
				if row.input == "-" {
					o.Stdin = bytes.NewReader(nut)
				}
				return &o
			})
		})
	}
}

// What can happen to a capture, all over again where the pixels go by the plug-in.
func TestTroublesByThePlugin(t *testing.T) {
	longRun(t)
	testbed.ByPlugin(t)
	t.Setenv("FRAMEBRIDGE_KILLS", "5")
	for _, row := range []struct {
		name string
		test func(*testing.T)
	}{
		{"interrupt", TestInterrupt},
		{"killed", TestKilled},
		{"killed again and again", TestKilledAgainAndAgain},
		{"the source returns", TestSourceThatReturns},
		{"another size when it returns", TestSizeChangesWhileAway},
		{"silent, then itself again", TestPlaceholdersThenTheSameSource},
		{"readers hold it back", TestReadersAreNotTheSource},
	} {
		t.Run(row.name, row.test)
	}
}
