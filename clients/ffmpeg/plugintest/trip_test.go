package plugintest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

const (
	// patiently is a deadline that no healthy partner misses, so that what comes out is exact.
	patiently = "frei0r=framebridge_trip:cam0|deadline=30"
	// partnerCame is said when a partner comes.
	partnerCame = "[framebridge_trip] cam0: annotated by cam0.out"
)

// trip runs ffmpeg to its end, with a graph that has a round trip, and without it.
func trip(t testing.TB, dir string, input []string, graph string) (plain, got, stderr string) {
	t.Helper()
	output := []string{"-fps_mode", "passthrough", "-f", "rawvideo", "-"}
	plain, _ = run(t, dir, append(slices.Concat(input, []string{"-vf", "format=rgba"}), output...)...)
	got, stderr = run(t, dir, append(slices.Concat(input, []string{"-vf", graph}), output...)...)
	return plain, got, stderr
}

// Every frame goes out and comes back annotated, whatever its lines look like.
func TestTrip(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct {
		name          string
		input         []string
		width, height int
		frames        int
	}{
		{"clip", file("ntsc.mp4"), 160, 120, 30},
		{"odd sides", file("odd.webm"), 63, 47, 20},
		{"padded lines", lavfi("testsrc2=s=322x242:r=25:d=0.8"), 322, 242, 20},
		{"one pixel over", lavfi("testsrc2=s=320x10:r=25:d=0.4,format=rgba,scale=321:10"), 321, 10, 10},
		{"longest lines", lavfi("testsrc2=s=16384x16:r=25:d=0.4"), 16384, 16, 10},
		{"alpha", file("alpha.mov"), 64, 48, 8},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			p := answer(t, dir, partnerOptions{width: row.width, height: row.height})
			plain, got, stderr := trip(t, dir, row.input, "format=rgba,"+patiently)
			require.Equal(t, strings.Repeat("a", row.frames), fate(t, plain, got, 4*row.width*row.height))
			said, counts := tripSaid(t, stderr)
			require.Equal(t, []string{partnerCame}, said)
			require.Equal(t, row.frames, counts.annotated)
			require.Equal(t, row.frames, counts.waits)
			require.Zero(t, counts.vain)
			require.Len(t, p.wait(), row.frames)
			require.NoError(t, p.err)
		})
	}
}

// Without a partner frames go on as they came, at once, and can be seen all the same.
func TestTripAlone(t *testing.T) {
	needPlugins(t)
	dir := testbed.Dir(t)
	r := collect(t, dir, "cam0", framebuf.Newest, nil)
	plain, got, stderr := trip(t, dir, lavfi("testsrc2=s=320x32:r=25:d=2,format=rgba,scale=321:32"), "format=rgba,"+patiently+",realtime=speed=4")
	require.Equal(t, strings.Repeat("o", 50), fate(t, plain, got, 4*321*32))
	said, counts := tripSaid(t, stderr)
	require.Empty(t, said)
	require.Equal(t, tripCounts{frames: 50, original: 50}, counts)
	require.NotEmpty(t, r.wait())
}

// A partner at 5 frames a second in a graph of 200 a second: it costs one deadline, and no more.
func TestTripSlowPartner(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct{ name, option, after string }{
		{"the original goes on", "late=original", "o"},
		{"the last annotated one goes on", "late=last", "l"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			p := answer(t, dir, partnerOptions{width: 64, height: 48, work: 200 * time.Millisecond})
			plain, got, stderr := trip(t, dir, lavfi("testsrc2=s=64x48:r=200:d=1.5"), "format=rgba,realtime,frei0r=framebridge_trip:cam0|"+row.option)
			fates := fate(t, plain, got, 4*64*48)
			require.Len(t, fates, 300)
			_, counts := tripSaid(t, stderr)
			require.Equal(t, 1, counts.waits, "frames held, of 300")
			require.Equal(t, 1, counts.vain)
			require.Zero(t, counts.annotated, "nobody is in time who takes 200 ms of 15")
			require.GreaterOrEqual(t, counts.answerMS, 200.0)
			require.Contains(t, stderr, "late ones are counted")
			require.NotZero(t, counts.answers)
			first := strings.Trim(fates, row.after)
			require.Equal(t, strings.Repeat("o", len(first)), first, "until the first answer the original goes on: %s", fates)
			require.Equal(t, row.option == "late=last", counts.last > 0)
			require.GreaterOrEqual(t, len(p.wait()), counts.answers)
		})
	}
}

// A partner that never answers costs one deadline.
func TestTripSilentPartner(t *testing.T) {
	needPlugins(t)
	dir := testbed.Dir(t)
	out, err := framebuf.Create("cam0.out", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 64, Height: 48}, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer func() { require.NoError(t, out.Close()) }()
	plain, got, stderr := trip(t, dir, lavfi("testsrc2=s=64x48:r=25:d=12"), "format=rgba,frei0r=framebridge_trip:cam0|late=last")
	require.Equal(t, strings.Repeat("o", 300), fate(t, plain, got, 4*64*48))
	_, counts := tripSaid(t, stderr)
	require.Equal(t, 1, counts.waits)
	require.Equal(t, 1, counts.vain)
}

// A partner that overwrites its pictures as fast as it can, in two slots, so that no pin holds: what goes on is whole all the same.
func TestTripRestlessPartner(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	const width, height = 320, 240
	dir := testbed.Dir(t)
	out, err := framebuf.Create("cam0.out", framebuf.Format{PixelFormat: framebuf.RGBA, Width: width, Height: height}, &framebuf.Options{Dir: dir, Slots: 2, Linger: -1})
	require.NoError(t, err)
	offered, stop, done := make(chan framebuf.Reference, 1), make(chan struct{}), make(chan error, 1)
	go func() {
		var r framebuf.Reference
		for shade := byte(0); ; shade++ {
			select {
			case r = <-offered:
			case <-stop:
				done <- out.Close()
				return
			default:
			}
			if err := out.Publish(context.Background(), func(s *framebuf.Slot) error {
				s.Info.Reference = r
				b := s.Bytes()
				for i := range b {
					b[i] = shade
				}
				return nil
			}); err != nil {
				done <- err
				return
			}
		}
	}()
	reader := collect(t, dir, "cam0", framebuf.Newest, func(f *framebuf.Frame) {
		offered <- framebuf.Reference{Set: true, Frame: f.Number, Generation: f.Generation.Low()}
	})
	plain, got, stderr := trip(t, dir, lavfi("testsrc2=s=320x240:r=100:d=1"), "format=rgba,realtime,frei0r=framebridge_trip:cam0|late=last")
	reader.wait()
	close(stop)
	require.NoError(t, <-done)
	const size = 4 * width * height
	for at := 0; at < len(got); at += size {
		whole := got[at:at+size] == strings.Repeat(got[at:at+1], size)
		require.True(t, whole || got[at:at+size] == plain[at:at+size], "frame %d is torn", at/size)
	}
	_, counts := tripSaid(t, stderr)
	require.NotZero(t, counts.annotated+counts.last)
}

// What the partner says counts only if it is an answer.
func TestTripUselessPartner(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct {
		name string
		o    partnerOptions
		says string
	}{
		{"another size", partnerOptions{width: 64, height: 46, fixed: true}, "the partner gives rgba of 64x46, and rgba of 64x48 is needed; the original goes on"},
		{"another pixel format", partnerOptions{width: 64, height: 48, pixels: framebuf.BGR24, fixed: true}, "the partner gives bgr24 of 64x48, and rgba of 64x48 is needed; the original goes on"},
		{"no reference", partnerOptions{width: 64, height: 48, refer: func(framebuf.Reference) framebuf.Reference { return framebuf.Reference{} }}, "(reference); the original goes on"},
		{"another generation", partnerOptions{width: 64, height: 48, refer: func(r framebuf.Reference) framebuf.Reference {
			r.Generation++
			return r
		}}, "the partner speaks of frames that are not ours; the original goes on"},
		{"a frame that is to come", partnerOptions{width: 64, height: 48, refer: func(r framebuf.Reference) framebuf.Reference {
			r.Frame += 1000
			return r
		}}, "the partner speaks of frames that are not ours; the original goes on"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			answer(t, dir, row.o)
			// Slowly: the partner is to have answered something before the end.
			plain, got, stderr := trip(t, dir, lavfi("testsrc2=s=64x48:r=100:d=0.5"), "format=rgba,realtime,frei0r=framebridge_trip:cam0|deadline=10ms|late=last")
			require.Equal(t, strings.Repeat("o", 50), fate(t, plain, got, 4*64*48))
			said, counts := tripSaid(t, stderr)
			require.Len(t, said, 2, "one line when it comes, one for what is wrong")
			require.Contains(t, said[1], row.says)
			require.Equal(t, 1, counts.waits, "it is waited for once")
		})
	}
}

// A change of size in mid-stream makes another filter graph: the frames of both go to one segment, to the same partner.
func TestTripResize(t *testing.T) {
	needPlugins(t)
	dir := testbed.Dir(t)
	p := answer(t, dir, partnerOptions{width: 320, height: 240})
	// The output keeps the first size, so what comes back is scaled: counts say it, and numbers.
	_, stderr := run(t, dir, "-i", clip("sizechange.ts"), "-vf", "format=rgba,"+patiently, "-fps_mode", "passthrough", "-f", "rawvideo", "-y", "/dev/null")
	var counts []tripCounts
	for _, line := range lines(stderr) {
		if tripEnd.MatchString(line) {
			_, c := tripSaid(t, line)
			counts = append(counts, c)
		}
	}
	require.Len(t, counts, 2)
	for _, c := range counts {
		require.Equal(t, 12, c.frames)
		require.Equal(t, 12, c.annotated)
	}
	answers := p.wait()
	require.NoError(t, p.err)
	require.Len(t, answers, 24)
	for i, number := range answers {
		require.Equal(t, uint64(i), number)
	}
}

// Options change between two frames, with sendcmd.
func TestTripCommands(t *testing.T) {
	needPlugins(t)
	const sizes = 4 * 64 * 48
	for _, row := range []struct{ name, command, fates string }{
		{"off, and on again", "0.4 frei0r filter_params cam0|off; 0.8 frei0r filter_params cam0|on", "aaaaaaaaaaooooooooooaaaaaaaaaa"},
		{"another partner, who is not there", "0.4 frei0r filter_params cam0|out=cam9", "aaaaaaaaaaoooooooooooooooooooo"},
		{"another segment", "0.4 frei0r filter_params cam7", "aaaaaaaaaaoooooooooooooooooooo"},
		{"no time at all", "0.4 frei0r filter_params cam0|deadline=0", "aaaaaaaaaaoooooooooooooooooooo"},
		{"an option that is none", "0.4 frei0r filter_params cam0|dead", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		{"a value that is none", "0.4 frei0r filter_params cam0|deadline=soon", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			answer(t, dir, partnerOptions{width: 64, height: 48})
			graph := "sendcmd=c='" + row.command + "',format=rgba," + patiently
			plain, got, stderr := trip(t, dir, lavfi("testsrc2=s=64x48:r=25:d=1.2"), graph)
			require.Equal(t, row.fates, fate(t, plain, got, sizes))
			said, _ := tripSaid(t, stderr)
			require.Equal(t, strings.Contains(row.name, "none"), strings.Contains(strings.Join(said, "\n"), "has no effect"), said)
		})
	}
}

// What cannot be done is one line, and the original goes on.
func TestTripBadParameters(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct{ name, parameters, says string }{
		{"no name", "|deadline=1", "no segment is named: frei0r=framebridge_trip:NAME"},
		{"a name that is not allowed", "Cam0", "Cam0"},
		{"a path", "../cam0", "../cam0"},
		{"a name that is too long", strings.Repeat("x", 300), "xxx"},
		{"an option that is none", "cam0|fast", "option \"fast\" is none, or out of range, and has no effect: deadline=SECONDS"},
		{"a deadline out of range", "cam0|deadline=61", "option \"deadline=61\" is none, or out of range"},
		{"late neither way", "cam0|late=never", "option \"late=never\" is none, or out of range"},
		{"a partner's name that is not allowed", "cam0|out=a/b", "a/b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			plain, got, stderr := trip(t, testbed.Dir(t), lavfi("testsrc2=s=64x48:r=25:d=0.4"), "format=rgba,frei0r=framebridge_trip:"+row.parameters)
			require.Equal(t, strings.Repeat("o", 10), fate(t, plain, got, 4*64*48))
			said := lines(stderr)
			require.Len(t, said, 2, "one line, and the counts")
			require.Contains(t, said[0], row.says)
		})
	}
}
