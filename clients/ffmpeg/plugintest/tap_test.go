package plugintest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// ownHashes are ffmpeg's own, of a graph's frames in rgba.
func ownHashes(t testing.TB, input []string, graph string) []string {
	t.Helper()
	out, _ := run(t, t.TempDir(), append(input, "-vf", graph, "-fps_mode", "passthrough", "-f", "framemd5", "-")...)
	return hashes(out)
}

func lavfi(graph string) []string { return []string{"-f", "lavfi", "-i", graph} }
func file(name string) []string   { return []string{"-i", clip(name)} }

// A tap on a branch: all frames are in the segment, and what goes on is what goes on without it.
func TestTapBranch(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct {
		name          string
		input         []string
		width, height int
	}{
		{"clip", file("ntsc.mp4"), 160, 120},
		{"variable rate", file("vfr.mp4"), 160, 120},
		{"odd sides", file("odd.webm"), 63, 47},
		{"padded lines", lavfi("testsrc2=s=322x242:r=25:d=0.8"), 322, 242},
		{"one pixel over", lavfi("testsrc=s=321x10:r=25:d=0.4"), 321, 10},
		{"three pixels over", lavfi("testsrc=s=323x10:r=25:d=0.4"), 323, 10},
		{"longest lines", lavfi("testsrc2=s=16384x16:r=25:d=0.4"), 16384, 16},
		{"alpha", file("alpha.mov"), 64, 48},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			output := []string{"-map", "[o]", "-fps_mode", "passthrough", "-f", "framemd5", "-"}
			plain, _ := run(t, dir, append(append(row.input, "-filter_complex", "[0:v]null[o]"), output...)...)
			reader := collect(t, dir, "cam0", framebuf.Lossless, nil)
			graph := "[0:v]split[a][b];[a]format=rgba,frei0r=framebridge_tap:cam0|lossless|await=30|sink,nullsink;[b]null[o]"
			tapped, stderr := run(t, dir, append(append(row.input, "-filter_complex", graph), output...)...)
			require.Empty(t, lines(stderr))
			require.Equal(t, plain, tapped, "the main path is not what it was")
			frames := reader.wait()
			require.Equal(t, ownHashes(t, row.input, "format=rgba"), sums(frames))
			numbersFrom(t, 0, frames)
			for _, f := range frames {
				require.Equal(t, framebuf.Format{PixelFormat: framebuf.RGBA, Width: row.width, Height: row.height}, f.Format)
				require.NotZero(t, f.Captured)
				require.False(t, f.CapturedWall.IsZero())
			}
		})
	}
}

// A tap in the line itself: frames go on as they came, alpha included.
func TestTapInline(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct {
		name  string
		input []string
	}{
		{"clip", file("ntsc.mp4")},
		{"odd sides", file("odd.webm")},
		{"padded lines", lavfi("testsrc2=s=322x242:r=25:d=0.8")},
		{"alpha", file("alpha.mov")},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			output := []string{"-fps_mode", "passthrough", "-f", "framemd5", "-"}
			plain, _ := run(t, dir, append(append(row.input, "-vf", "format=rgba"), output...)...)
			reader := collect(t, dir, "cam0", framebuf.Lossless, nil)
			tapped, stderr := run(t, dir, append(append(row.input, "-vf", "format=rgba,frei0r=framebridge_tap:cam0|lossless|await=30|alpha"), output...)...)
			require.Empty(t, lines(stderr))
			require.Equal(t, plain, tapped)
			frames := reader.wait()
			require.Equal(t, hashes(plain), sums(frames))
			require.Equal(t, framebuf.AlphaStraight, frames[0].Alpha)
		})
	}
}

// The newest mode waits for nobody, and refuses who would have it wait.
func TestTapNewest(t *testing.T) {
	needPlugins(t)
	dir := testbed.Dir(t)
	c := start(t, dir, append([]string{"-re"}, append(lavfi("testsrc2=s=64x48:r=50"), "-vf", "format=rgba,frei0r=framebridge_tap:cam0", "-f", "null", "-")...)...)
	reader := collect(t, dir, "cam0", framebuf.Newest, nil)
	eventually(t, func() bool { return reader.count.Load() >= 3 }, "no frames; ffmpeg said:\n%s", c.stderr.String())
	_, err := framebuf.Open(within(t), "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	require.ErrorIs(t, err, framebuf.ErrRefused)
	_, err = c.stdin.Write([]byte("q"))
	require.NoError(t, err)
	require.NoError(t, c.wait())
	require.Empty(t, lines(c.stderr.String()))
	reader.wait()
}

// A PTS is the graph's own time, or none: where ffmpeg copies lines for the plug-in, it loses the frame's time.
func TestTapTimes(t *testing.T) {
	needPlugins(t)
	micro, none := framebuf.Rational{Num: 1, Den: 1000000}, int64(framebuf.NoPTS)
	for _, row := range []struct {
		name, options, before string
		input                 []string
		timeBase              framebuf.Rational
		pts                   []int64
	}{
		{"microseconds", "", "", lavfi("testsrc2=s=64x48:r=30000/1001:d=0.1"), micro, []int64{0, 33367, 66733}},
		{"of the graph", "|timebase=1001/30000", "", lavfi("testsrc2=s=64x48:r=30000/1001:d=0.1"), framebuf.Rational{Num: 1001, Den: 30000}, []int64{0, 1, 2}},
		{"not of the graph", "|timebase=1/25", "", lavfi("testsrc2=s=64x48:r=30000/1001:d=0.1"), framebuf.Rational{Num: 1, Den: 25}, []int64{0, none, none}},
		{"late", "", "", lavfi("testsrc2=s=64x48:r=25:d=0.1,setpts=PTS+1000000/TB"), micro, []int64{1000000000000, 1000000040000, 1000000080000}},
		{"below zero", "", "", lavfi("testsrc2=s=64x48:r=25:d=0.1,setpts=PTS-1/TB"), micro, []int64{-1000000, -960000, -920000}},
		{"lines copied", "", "", lavfi("testsrc2=s=322x48:r=25:d=0.1"), micro, []int64{none, none, none}},
		{"made to fit", "", "pad='ceil(iw/64)*64':ih,", lavfi("testsrc2=s=322x48:r=25:d=0.1"), micro, []int64{0, 40000, 80000}},
		{"lines copied, fine ticks", "", "", lavfi("testsrc2=s=322x48:r=25:d=0.1,settb=1/1000000000"), micro, []int64{none, none, none}},
		{"variable rate", "|timebase=1/1000", "scale=64:48,", file("vfr.mp4"), framebuf.Rational{Num: 1, Den: 1000}, []int64{0, 17, 24, 231}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			reader := collect(t, dir, "cam0", framebuf.Lossless, nil)
			run(t, dir, append(append([]string{"-copyts"}, row.input...), "-vf", row.before+"format=rgba,frei0r=framebridge_tap:cam0|lossless|await=30"+row.options, "-fps_mode", "passthrough", "-f", "null", "-")...)
			var pts []int64
			for _, f := range reader.wait() {
				pts = append(pts, f.PTS)
				require.Equal(t, row.timeBase, f.TimeBase)
			}
			require.Equal(t, row.pts, pts[:min(len(row.pts), len(pts))])
		})
	}
}

// ffmpeg makes a new filter graph, and with it a new instance, when the size changes. Frames go on.
func TestTapSizeChange(t *testing.T) {
	needPlugins(t)
	dir := testbed.Dir(t)
	reader := collect(t, dir, "cam0", framebuf.Lossless, nil)
	_, stderr := run(t, dir, append(file("sizechange.ts"), "-vf", "format=rgba,frei0r=framebridge_tap:cam0|lossless|await=30|sink", "-fps_mode", "passthrough", "-f", "null", "-")...)
	require.Empty(t, lines(stderr))
	frames := reader.wait()
	require.Len(t, frames, 24)
	numbersFrom(t, 0, frames)
	require.Equal(t, 320, frames[11].Width)
	require.Equal(t, 640, frames[12].Width)
	own, _ := run(t, dir, append(file("sizechange.ts"), "-noautoscale", "-vf", "format=rgba", "-fps_mode", "passthrough", "-f", "framemd5", "-")...)
	require.Equal(t, hashes(own), sums(frames))
}

// Parameters change between two frames: another name ends the one segment in order and begins the next.
func TestTapCommands(t *testing.T) {
	needPlugins(t)
	tap := "frei0r=framebridge_tap:one|lossless|await=30|sink"
	for _, row := range []struct {
		name, commands string
		one, two       []int // source frames that are in the segments one and two
	}{
		{"another name", "0.4 frei0r filter_params two", span(0, 10), span(10, 25)},
		{"off", "0.4 frei0r filter_params one|off", span(0, 10), nil},
		{"off and on", "0.4 frei0r filter_params one|off; 0.8 frei0r filter_params one|on", append(span(0, 10), span(20, 25)...), nil},
		{"the same", "0.4 frei0r filter_params one", span(0, 25), nil},
		{"a name that is not allowed, and back", "0.4 frei0r filter_params ../one; 0.8 frei0r filter_params two", span(0, 10), span(20, 25)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			own := ownHashes(t, lavfi("testsrc2=s=64x48:r=25:d=1"), "format=rgba")
			one := collect(t, dir, "one", framebuf.Lossless, nil)
			var two *collector
			if row.two != nil {
				two = collect(t, dir, "two", framebuf.Lossless, nil)
			}
			out, _ := run(t, dir, append(lavfi("testsrc2=s=64x48:r=25:d=1"), "-vf", "sendcmd=c='"+row.commands+"',format=rgba,"+tap, "-f", "framemd5", "-")...)
			require.Len(t, hashes(out), 25)
			require.Equal(t, pick(own, row.one), sums(one.wait()))
			if two != nil {
				require.Equal(t, pick(own, row.two), sums(two.wait()))
			}
		})
	}
}

func span(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func pick(from []string, which []int) (picked []string) {
	for _, i := range which {
		picked = append(picked, from[i])
	}
	return picked
}

// What the user got wrong is one line, and the picture goes on.
func TestTapBadParameters(t *testing.T) {
	needPlugins(t)
	own := ownHashes(t, lavfi("testsrc2=s=64x48:r=25:d=0.2"), "format=rgba")
	for _, row := range []struct{ parameters, says string }{
		{"Cam0", "Cam0"},
		{"../cam0", "../cam0"},
		{".hidden", ".hidden"},
		{strings.Repeat("a", 65), strings.Repeat("a", 65)},
		{strings.Repeat("a", 5000), strings.Repeat("a", 65)},
		{"%n%s%n", "%n%s%n"},
		{"|lossless", "no segment is named"},
		{"cam0|slots=1", `"slots=1"`},
		{"cam0|slots=1025", `"slots=1025"`},
		{"cam0|slots=x", `"slots=x"`},
		{"cam0|deadline=-1", `"deadline=-1"`},
		{"cam0|deadline=3601", `"deadline=3601"`},
		{"cam0|deadline=1 h", `"deadline=1 h"`},
		{"cam0|lossless=maybe", `"lossless=maybe"`},
		{"cam0|timebase=25", `"timebase=25"`},
		{"cam0|timebase=1/0", `"timebase=1/0"`},
		{"cam0|colour=red", `"colour=red"`},
	} {
		t.Run(fmt.Sprintf("%.20s", row.parameters), func(t *testing.T) {
			t.Parallel()
			out, stderr := run(t, testbed.Dir(t), append(lavfi("testsrc2=s=64x48:r=25:d=0.2"), "-vf", "format=rgba,frei0r=framebridge_tap:filter_params='"+row.parameters+"'", "-f", "framemd5", "-")...)
			require.Equal(t, own, hashes(out))
			require.Len(t, lines(stderr), 1)
			require.Contains(t, lines(stderr)[0], row.says)
			require.Less(t, len(lines(stderr)[0]), 450)
		})
	}
}

// Too large for a segment: one line.
func TestTapTooLarge(t *testing.T) {
	needPlugins(t)
	_, stderr := run(t, testbed.Dir(t), append(lavfi("color=s=40000x16:r=25:d=0.08"), "-vf", "format=rgba,frei0r=framebridge_tap:cam0", "-f", "null", "-")...)
	require.Len(t, lines(stderr), 1)
}
