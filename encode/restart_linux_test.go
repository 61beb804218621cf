package encode

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pause"
)

// slow is how long ffmpeg may take nothing in tests: longer than its start takes on
// a busy machine.
const slow = 3 * time.Second

// An ffmpeg that takes nothing is replaced: the deadline fires, it is killed, and
// another one gets whole pictures. The writer goes on all the time.
func TestStoppedEncoderIsReplaced(t *testing.T) {
	lossless := framebuf.Lossless
	for _, row := range []struct {
		name   string
		o      Options
		change func(*clip)
	}{
		{"newest", Options{}, nil},
		{"lossless, which is evicted first", Options{Mode: &lossless}, func(c *clip) {
			c.o.Lossless, c.o.EvictAfter = framebuf.LosslessEvict, time.Second
		}},
		{"spliced, evicted", Options{Mode: &lossless, Splice: true}, func(c *clip) {
			c.o.Lossless, c.o.EvictAfter = framebuf.LosslessEvict, time.Second
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := segmentDir(t)
			src, stop := live(t, dir, row.change)
			sink := serve(t, "127.0.0.1:0")
			row.o.OutputTimeout = slow
			s := goLive(t, dir, "nut:tcp://"+sink.addr, row.o).start(t)
			s.reaches(t, Live)
			sink.awaits(t, 0)
			require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGSTOP))
			before := src.count()
			lost := s.reaches(t, Reconnecting)
			require.ErrorIs(t, lost.Err, ErrOutput)
			require.Greater(t, src.count(), before, "the writer went on")
			s.reaches(t, Live)
			sink.awaits(t, 1)
			r := s.end(t)
			stop()
			s.isExact(t)
			require.Positive(t, r.Restarts)
			require.Error(t, r.LastError)
			require.Positive(t, r.Missed)
			all := sink.pictures(t)
			require.GreaterOrEqual(t, len(all), 2)
			require.NotEmpty(t, all[0])
			require.NotEmpty(t, all[len(all)-1])
			require.LessOrEqual(t, uint64(sum(all)), r.FramesIn)
			t.Logf("%d published, %d sent, %d missed, longest publish %v", src.count(), r.FramesIn, r.Missed, src.longest)
			require.Empty(t, children(t))
		})
	}
}

// kill -9 again and again: each time another ffmpeg goes on, and nothing is left.
func TestKilledEncoderIsReplaced(t *testing.T) {
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("FRAMEBRIDGE_KILLS")); err == nil {
		kills = n
	}
	dir := segmentDir(t)
	src, stop := live(t, dir, nil)
	sink := serve(t, "127.0.0.1:0")
	s := goLive(t, dir, "nut:tcp://"+sink.addr, Options{})
	s.pauses.Longest = s.pauses.First
	s.start(t)
	s.reaches(t, Live)
	open := descriptors(t)
	for k := range kills {
		sink.awaits(t, k)
		require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
		lost := s.reaches(t, Reconnecting)
		require.ErrorContains(t, lost.Err, "signal 9")
		require.EqualValues(t, k+1, lost.Restarts)
		s.reaches(t, Live)
	}
	require.Eventually(t, func() bool { return descriptors(t) <= open }, time.Minute, time.Millisecond, "as many as with the first ffmpeg: %d", open)
	sink.awaits(t, kills)
	r := s.end(t)
	stop()
	s.isExact(t)
	require.EqualValues(t, kills, r.Restarts)
	all := sink.pictures(t)
	require.Len(t, all, kills+1)
	for n, list := range all {
		require.NotEmpty(t, list, "connection %d", n)
	}
	require.Empty(t, children(t))
	t.Logf("%d published, %d sent, %d arrived, %d missed, longest publish %v", src.count(), r.FramesIn, sum(all), r.Missed, src.longest)
}

// A server that stops reading, and then takes a new connection.
func TestServerThatStopsReading(t *testing.T) {
	dir := segmentDir(t)
	src, stop := live(t, dir, nil)
	sink := serve(t, "127.0.0.1:0")
	s := goLive(t, dir, "nut:tcp://"+sink.addr, Options{OutputTimeout: slow}).start(t)
	s.reaches(t, Live)
	sink.turnDeaf(0)
	lost := s.reaches(t, Reconnecting)
	require.ErrorIs(t, lost.Err, ErrOutput)
	require.ErrorContains(t, lost.Err, "taken nothing")
	s.reaches(t, Live)
	sink.awaits(t, 1)
	r := s.end(t)
	stop()
	all := sink.pictures(t)
	require.GreaterOrEqual(t, len(all), 2)
	require.NotEmpty(t, all[len(all)-1])
	t.Logf("%d published, %d sent, %d arrived, %d missed, longest publish %v", src.count(), r.FramesIn, sum(all), r.Missed, src.longest)
}

// A server that goes away and is there again later, as ffmpeg's own.
func TestServerThatComesBack(t *testing.T) {
	needFFmpeg(t)
	dir, folder := segmentDir(t), t.TempDir()
	url := "rtmp://127.0.0.1:" + closedPort(t) + "/app/key"
	listen := func(name string) (kill func()) {
		cmd := exec.Command("ffmpeg", "-v", "error", "-listen", "1", "-i", url, "-c", "copy", "-f", "flv", "-flush_packets", "1", filepath.Join(folder, name))
		require.NoError(t, cmd.Start())
		kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
		t.Cleanup(kill)
		return kill
	}
	_, stop := live(t, dir, nil)
	kill := listen("first.flv")
	s := goLive(t, dir, url, Options{Restart: RestartAlways}).start(t) // it may be there before the server
	s.reaches(t, Live)
	arrived := func(name string) {
		require.Eventually(t, func() bool {
			st, err := os.Stat(filepath.Join(folder, name))
			return err == nil && st.Size() > 10_000
		}, time.Minute, 10*time.Millisecond, name)
	}
	arrived("first.flv")
	kill()
	lost := s.reaches(t, Reconnecting)
	require.ErrorIs(t, lost.Err, ErrOutput)
	refused := s.reaches(t, Reconnecting)
	require.ErrorContains(t, refused.Err, "refused")
	require.Greater(t, refused.Restarts, lost.Restarts)
	kill = listen("second.flv")
	s.reaches(t, Live)
	arrived("second.flv")
	s.end(t)
	stop()
	kill()
	for _, name := range []string{"first.flv", "second.flv"} {
		out, _ := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=flags", "-of", "csv=p=0", filepath.Join(folder, name)).Output()
		require.True(t, strings.HasPrefix(string(out), "K"), "%s begins with a key frame: %.20q", name, out)
	}
	require.Empty(t, children(t))
}

// The schedule of an encoder that fails at once, every time, with all pauses at
// one hundredth.
func TestCrashLoop(t *testing.T) {
	needFFmpeg(t)
	dir := segmentDir(t)
	live(t, dir, nil)
	sink := serve(t, "127.0.0.1:0")
	worked := filepath.Join(t.TempDir(), "worked")
	s := goLive(t, dir, "nut:tcp://"+sink.addr, Options{})
	// It works once, and never again.
	s.opts.FFmpeg = wrapped(t, "[ -e "+worked+" ] && { echo '[error] no luck' >&2; exit 1; }\n: >"+worked)
	s.pauses = pause.Schedule{First: 5 * time.Millisecond, Longest: 300 * time.Millisecond, Steady: time.Hour}
	s.start(t)
	s.reaches(t, Live)
	require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
	var waited time.Duration
	starts := 0
	for ; waited < 1200*time.Millisecond; starts++ {
		lost := s.reaches(t, Reconnecting)
		nominal := min(5*time.Millisecond<<starts, 300*time.Millisecond)
		require.InDelta(t, nominal, lost.Pause, float64(nominal)/5+1)
		if starts > 0 {
			require.ErrorContains(t, lost.Err, "no luck")
		}
		waited += lost.Pause
	}
	require.LessOrEqual(t, starts, 12, "in 120 s of the real schedule")
	require.NoError(t, os.Remove(worked)) // its server is well again
	s.reaches(t, Live)
	r := s.end(t)
	require.ErrorContains(t, r.LastError, "no luck")
	require.Empty(t, children(t))
}

// Frames written for long enough begin anew with the shortest pause.
func TestCalmShortensThePauses(t *testing.T) {
	dir := segmentDir(t)
	live(t, dir, nil)
	sink := serve(t, "127.0.0.1:0")
	s := goLive(t, dir, "nut:tcp://"+sink.addr, Options{})
	s.pauses = pause.Schedule{First: 10 * time.Millisecond, Longest: time.Minute, Steady: time.Nanosecond}
	s.start(t)
	for range 4 {
		s.reaches(t, Live)
		require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
		require.LessOrEqual(t, s.reaches(t, Reconnecting).Pause, 12*time.Millisecond)
	}
	s.end(t)
}

// What another start cannot help against is not tried again.
func TestNotRestarted(t *testing.T) {
	needFFmpeg(t)
	kill := func(s *running, _ string) { _ = syscall.Kill(onlyChild(t), syscall.SIGKILL) }
	for _, row := range []struct {
		name, output string
		o            Options
		change       func(*running)
		then         func(s *running, url string) // when it is live; nil: it never is
		want         error
		text         string
	}{
		{name: "never worked", output: "rtmp://127.0.0.1:" + closedPort(t) + "/app/key", want: ErrOutput, text: "refused"},
		{name: "never", output: "tcp", o: Options{Restart: RestartNever}, then: kill, want: ErrEncoder, text: "signal 9"},
		{name: "a file", output: "out.mkv", then: kill, want: ErrEncoder, text: "signal 9"},
		{name: "a bad option", output: "tcp", o: Options{Restart: RestartAlways, OutputArgs: []string{"-nonsense", "1"}}, want: ErrFFmpeg, text: "nonsense"},
		{name: "a bad setting", output: "tcp", o: Options{Restart: RestartAlways, Codec: "libx264", OutputArgs: []string{"-profile:v", "nonsense"}}, want: ErrEncoder},
		{
			name: "refused by name", output: "tcp", o: Options{Restart: RestartAlways}, want: ErrOutput, text: "401",
			change: func(s *running) {
				s.opts.FFmpeg = wrapped(t, "echo '[error] Server returned 401 Unauthorized (authorization failed)' >&2; exit 1")
			},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := segmentDir(t)
			live(t, dir, nil)
			url := row.output
			switch url {
			case "tcp":
				url = "nut:tcp://" + serve(t, "127.0.0.1:0").addr
				if row.o.Codec != "" {
					url = strings.TrimPrefix(url, "nut:")
				}
			case "out.mkv":
				url = output(t, url)
			}
			s := goLive(t, dir, url, row.o)
			if row.change != nil {
				row.change(s)
			}
			s.start(t)
			if row.then != nil {
				s.reaches(t, Live)
				row.then(s, url)
			}
			<-s.done
			require.ErrorIs(t, s.err, row.want)
			require.ErrorContains(t, s.err, row.text)
			require.Zero(t, s.r.Restarts)
			require.NoError(t, s.r.LastError)
			require.Empty(t, children(t))
		})
	}
	t.Run("a file cannot be", func(t *testing.T) {
		dir := segmentDir(t)
		live(t, dir, nil)
		_, err := Open(within(t), "cam", output(t, "out.mkv"), &Options{Dir: dir, Restart: RestartAlways})
		require.ErrorIs(t, err, ErrName)
		require.ErrorContains(t, err, "overwritten")
	})
}

// small is a folder on a file system of its own that is soon full.
func small(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// A full disk ends it, also an output that would be restarted. What was written
// stays.
func TestFullDisk(t *testing.T) {
	needFFmpeg(t)
	for _, name := range []string{"out.mkv", "out.ts", "live.m3u8"} {
		t.Run(name, func(t *testing.T) {
			dir, path := segmentDir(t), filepath.Join(small(t, "256k"), name)
			src, stop := live(t, dir, nil)
			s := goLive(t, dir, path, Options{OutputArgs: []string{"-g", "5", "-qp", "1"}}).start(t)
			<-s.done
			require.ErrorIs(t, s.err, ErrOutput)
			require.Regexp(t, "No space left|is full", s.err.Error())
			require.Zero(t, s.r.Restarts)
			before := src.count()
			require.Eventually(t, func() bool { return src.count() > before }, time.Minute, time.Millisecond)
			stop()
			if name != "live.m3u8" {
				require.NotEmpty(t, probe(t, path).Packets)
			}
		})
	}
}

// HLS into a folder goes on where the dead ffmpeg stopped: numbers rise, and
// players are told of the break.
func TestHLSGoesOn(t *testing.T) {
	dir, path := segmentDir(t), output(t, "live.m3u8")
	live(t, dir, nil)
	s := goLive(t, dir, path, Options{OutputArgs: []string{"-hls_time", "0.2", "-g", "10", "-force_key_frames", "expr:0"}}).start(t)
	s.reaches(t, Live)
	list := func() string { b, _ := os.ReadFile(path); return string(b) }
	require.Eventually(t, func() bool { return strings.Contains(list(), "live3.ts") }, time.Minute, 10*time.Millisecond)
	require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
	s.reaches(t, Live)
	require.Eventually(t, func() bool {
		_, after, ok := strings.Cut(list(), "#EXT-X-DISCONTINUITY")
		return ok && strings.Contains(after, ".ts")
	}, time.Minute, 10*time.Millisecond, "%s", list)
	before, _, _ := strings.Cut(list(), "#EXT-X-DISCONTINUITY")
	require.NotContains(t, before, "ENDLIST")
	require.Contains(t, before, ".ts", "the old parts are still listed")
	s.end(t)
	require.Contains(t, list(), "#EXT-X-ENDLIST")
}

// A source that can wait does: nothing is missed but what the dead ffmpeg had.
func TestASourceThatCanWaitLosesNothing(t *testing.T) {
	needFFmpeg(t)
	dir := segmentDir(t)
	c := testClip(0)
	c.format.Width, c.format.Height = 320, 240
	for k := range 150 {
		c.pts = append(c.pts, int64(k)*20)
	}
	c.paint = number
	c.publish(t, dir, "cam")
	sink := serve(t, "127.0.0.1:0")
	s := goLive(t, dir, "nut:tcp://"+sink.addr, Options{Pace: PaceSource})
	s.pauses.First, s.pauses.Longest = 300*time.Millisecond, 300*time.Millisecond
	s.start(t)
	s.reaches(t, Live)
	sink.awaits(t, 0)
	require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
	s.reaches(t, Live)
	<-s.done
	require.NoError(t, s.err)
	require.NoError(t, s.Close())
	require.LessOrEqual(t, s.r.Missed, uint64(1), "the one that was on its way")
	require.EqualValues(t, 150, s.r.FramesIn+s.r.Missed)
	all := sink.pictures(t)
	require.Len(t, all, 2)
	require.Equal(t, 149, all[1][len(all[1])-1])
	require.Less(t, all[1][0], 125, "it goes on where it was, not at the newest frame")
}

// Stopping takes no longer in any state.
func TestStopInEveryState(t *testing.T) {
	needFFmpeg(t)
	for _, row := range []struct {
		name string
		deaf bool // the server takes the connection and reads nothing
		get  func(t *testing.T, s *running)
	}{
		{"connecting", true, func(t *testing.T, s *running) { s.reaches(t, Connecting) }},
		{"live", false, func(t *testing.T, s *running) { s.reaches(t, Live) }},
		{"stalled", false, func(t *testing.T, s *running) {
			s.reaches(t, Live)
			require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGSTOP))
		}},
		{"pausing", false, func(t *testing.T, s *running) {
			s.reaches(t, Live)
			require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
			s.reaches(t, Reconnecting)
		}},
	} {
		for _, way := range []string{"context", "Close"} {
			t.Run(row.name+" "+way, func(t *testing.T) {
				dir := segmentDir(t)
				live(t, dir, nil)
				sink := serve(t, "127.0.0.1:0")
				url := "nut:tcp://" + sink.addr
				if row.deaf {
					sink.turnDeaf(0)
					url = "rtmp://" + sink.addr + "/app/key"
				}
				s := goLive(t, dir, url, Options{OutputTimeout: time.Hour, Drain: 100 * time.Millisecond})
				s.pauses.First, s.pauses.Longest = time.Hour, time.Hour
				s.start(t)
				row.get(t, s)
				began := time.Now()
				if way == "context" {
					s.cancel()
				} else {
					require.NoError(t, s.Close())
				}
				<-s.done
				t.Logf("after %v: %v", time.Since(began), s.err)
				if way == "Close" {
					require.ErrorIs(t, s.err, ErrClosed)
				}
				require.True(t, s.r.Interrupted)
				require.NoError(t, s.Close())
				require.Empty(t, children(t))
				isReleased(t, dir)
			})
		}
	}
}

// A segment that ends while the output is away is not waited for.
func TestSegmentEndsWhileTheOutputIsAway(t *testing.T) {
	dir := segmentDir(t)
	_, stop := live(t, dir, nil)
	sink := serve(t, "127.0.0.1:0")
	s := goLive(t, dir, "nut:tcp://"+sink.addr, Options{})
	s.pauses.First, s.pauses.Longest = time.Hour, time.Hour
	s.start(t)
	s.reaches(t, Live)
	require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
	s.reaches(t, Reconnecting)
	stop()
	<-s.done
	require.ErrorIs(t, s.err, ErrEncoder)
	require.ErrorContains(t, s.err, "while the output was away")
	require.Equal(t, Failed, (<-s.events).State)
}

// The sound of the time when the output was away is not sent after it.
func TestSoundAfterARestart(t *testing.T) {
	needFFmpeg(t)
	dir := segmentDir(t)
	src, stop := live(t, dir, nil)
	sink := serve(t, "127.0.0.1:0")
	q := NewAudioQueue(0)
	q.Start(testRate, 1)
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan struct{})
	go func() { // 20 ms of sound for every frame
		defer close(done)
		for k := uint64(0); ctx.Err() == nil; {
			for ; k < src.count(); k++ {
				q.Samples(int64(k)*testRate/50, framebuf.Rational{Num: 1, Den: testRate}, make([]byte, testRate/50*2))
			}
			time.Sleep(5 * time.Millisecond)
		}
		q.End()
	}()
	defer func() { cancel(); <-done }()
	s := goLive(t, dir, "nut:tcp://"+sink.addr, Options{Audio: Audio{Queue: q}})
	s.pauses.First, s.pauses.Longest = 500*time.Millisecond, 500*time.Millisecond
	s.start(t)
	s.reaches(t, Live)
	require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
	s.reaches(t, Live)
	s.end(t)
	stop()
	sink.finish()
	require.Len(t, sink.conns, 2)
	path := output(t, "second.nut")
	require.NoError(t, os.WriteFile(path, sink.conns[1].Bytes(), 0o600))
	p := probe(t, path)
	pictures, sounds := p.times(t, "video"), p.times(t, "audio")
	require.NotEmpty(t, pictures)
	require.NotEmpty(t, sounds)
	require.InDelta(t, pictures[0], sounds[0], 0.1)
}

// A lossless reader of a live source lets its frames go while the output is away,
// also if the writer would wait for it for ever.
func TestNobodyWaitsForAnOutputThatIsAway(t *testing.T) {
	dir := segmentDir(t)
	src, stop := live(t, dir, func(c *clip) { c.o.Lossless = framebuf.LosslessWait })
	sink := serve(t, "127.0.0.1:0")
	lossless := framebuf.Lossless
	s := goLive(t, dir, "nut:tcp://"+sink.addr, Options{Mode: &lossless})
	s.pauses.First, s.pauses.Longest = time.Hour, time.Hour
	s.start(t)
	s.reaches(t, Live)
	require.NoError(t, syscall.Kill(onlyChild(t), syscall.SIGKILL))
	s.reaches(t, Reconnecting)
	before := src.count()
	require.Eventually(t, func() bool { return src.count() > before+20 }, time.Minute, time.Millisecond)
	r := s.end(t)
	stop()
	require.Greater(t, r.Missed, uint64(10))
}
