package capture

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

const (
	connecting   = framebuf.SourceConnecting
	live         = framebuf.SourceLive
	stalled      = framebuf.SourceStalled
	reconnecting = framebuf.SourceReconnecting
	failed       = framebuf.SourceFailed
	ended        = framebuf.SourceEnded
)

// A server that accepts and says nothing is noticed by our clock, whatever the
// protocol, and tried again.
func TestSilentServers(t *testing.T) {
	for _, row := range []struct {
		scheme string
		o      Options
	}{
		{"rtsp", Options{}}, {"rtmp", Options{}}, {"tcp", Options{}}, {"http", Options{Restart: RestartAlways}},
	} {
		t.Run(row.scheme, func(t *testing.T) {
			s := newServer(t, silent)
			row.o.StallAfter = 200 * time.Millisecond
			x := troubled(t, row.scheme+"://"+s.addr+"/live/x", &row.o)
			x.until(func() bool { return len(x.events.all()) >= 5 })
			st, err := framebuf.Stat(x.dir, "test")
			require.NoError(t, err)
			require.NotZero(t, st.Stalls)
			require.NotZero(t, st.Restarts)
			require.Contains(t, st.LastError, "no frame for")
			x.until(func() bool { return s.connections() >= 2 })
			x.stop()
			list := x.events.all()
			require.Equal(t, []framebuf.SourceState{connecting, stalled, reconnecting, stalled, reconnecting}, x.events.states()[:5])
			require.GreaterOrEqual(t, list[1].At.Sub(list[0].At), 200*time.Millisecond)
			require.GreaterOrEqual(t, list[4].At.Sub(list[2].At), 400*time.Millisecond, "the second try gets twice the time")
			t.Logf("stalled after %v, stopped after %v more", list[1].At.Sub(list[0].At), list[2].At.Sub(list[1].At))
			require.Equal(t, ended, x.events.states()[len(x.events.all())-1])
		})
	}
}

// Of http only a look can tell whether it is live. The look has our clock too.
func TestSilentWebServer(t *testing.T) {
	needFFmpeg(t)
	s := newServer(t, silent)
	_, err := Open(bounded(t), "http://"+s.addr+"/x", "test", &Options{Dir: memory(t), StallAfter: 300 * time.Millisecond})
	require.ErrorIs(t, err, ErrUnreadable)
	require.NotContains(t, err.Error(), "within 15s")
}

// liveClip is a transport stream of moving pictures.
func liveClip(t *testing.T, size string, seconds int) []byte {
	t.Helper()
	path := makeClip(t, "live.ts", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=%s:r=25:d=%d", size, seconds), "-c:v", "mpeg2video", "-g", "5")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// The server is killed, stays away, and comes back: the frames go on in the same
// segment.
func TestSourceThatReturns(t *testing.T) {
	for _, scheme := range []string{"tcp", "http"} {
		t.Run(scheme, func(t *testing.T) {
			needFFmpeg(t)
			data := liveClip(t, "64x48", 4)
			s := newServer(t, func(n int, conn net.Conn) {
				if scheme == "http" {
					_, _ = conn.Read(make([]byte, 4096))
					_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n"))
				}
				send(data, true)(n, conn)
			})
			x := troubled(t, scheme+"://"+s.addr, &Options{StallAfter: 2 * time.Second})
			for life := 1; life <= 3; life++ {
				x.await(live)
				x.until(func() bool { return x.flows(life, 50) })
				s.kill()
				st := x.await(reconnecting)
				require.NotEmpty(t, st.LastError)
				x.until(func() bool { return x.state.is() == reconnecting && strings.Contains(lastError(x), "refused") })
				s.start()
			}
			x.until(func() bool { return x.flows(4, 50) })
			r := x.stop()
			require.True(t, r.Clean)
			require.GreaterOrEqual(t, r.Restarts, uint64(3))
			require.EqualValues(t, x.source.Codec, "mpeg2video")
			require.Equal(t, 64, x.Source().Width)
			lives := x.lives()
			for i, frames := range lives {
				require.Equal(t, lives[0][0].hash, frames[0].hash, "each life begins with the clip's first frame")
				for k := range frames[:len(frames)-1] {
					require.EqualValues(t, 3600, frames[k+1].PTS-frames[k].PTS, "the source's own distances")
					require.Equal(t, lives[0][0].Generation, frames[k].Generation)
				}
				if i > 0 {
					last := lives[i-1][len(lives[i-1])-1]
					gap := seconds(frames[0].PTS-last.PTS, last.TimeBase)
					require.InDelta(t, frames[0].Captured-last.Captured, gap, float64(200*time.Millisecond), "the gap is that of the clock")
				}
			}
		})
	}
}

func lastError(x *outage) string {
	st, err := framebuf.Stat(x.dir, "test")
	if err != nil {
		return ""
	}
	return st.LastError
}

// A program that ends at once is not started without end, and every pause is
// longer than the one before.
func TestCrashLoop(t *testing.T) {
	fake, starts := fakeFFmpeg(t, `if [ $n -lt 9 ]; then echo "[error] it crashed" >&2; exit 1; fi; exec "$REAL" "$@"`)
	x := troubled(t, "lavfi:testsrc2=s=64x48", &Options{FFmpeg: fake, Restart: RestartAlways, StallAfter: -1, PixelFormat: framebuf.Gray8})
	st := x.await(live)
	require.EqualValues(t, 8, st.Restarts)
	require.Contains(t, st.LastError, "it crashed")
	require.Equal(t, 9, starts())
	x.stop()
	want := 5 * time.Millisecond
	list := x.events.all()
	require.Equal(t, connecting, list[0].State)
	for i, e := range list[1:9] {
		require.Equal(t, reconnecting, e.State)
		require.EqualValues(t, i, e.Restarts)
		require.InDelta(t, want, e.Pause, 0.2*float64(want)+1)
		require.ErrorContains(t, e.Err, "it crashed")
		if i > 0 {
			require.GreaterOrEqual(t, e.At.Sub(list[i].At), list[i].Pause, "the pause was kept")
		}
		want = min(2*want, 250*time.Millisecond)
	}
	require.Equal(t, live, list[9].State)
	require.NoError(t, list[9].Err)
}

// After frames for long enough the pauses begin anew.
func TestPausesBeginAnew(t *testing.T) {
	fake, _ := fakeFFmpeg(t, `if [ $n -lt 4 ]; then exit 1; fi; exec "$REAL" "$@"`)
	x := prepared(t, "lavfi:testsrc2=s=64x48:d=1", &Options{FFmpeg: fake, Restart: RestartAlways, StallAfter: -1, Pace: PaceSource})
	x.schedule.Steady = 300 * time.Millisecond
	x.run()
	var after []time.Duration
	x.until(func() bool {
		after = nil
		flowed := false
		for _, e := range x.events.all() {
			flowed = flowed || e.State == live
			if flowed && e.State == reconnecting {
				after = append(after, e.Pause)
			}
		}
		return len(after) == 2
	})
	x.stop()
	for _, pause := range after {
		require.LessOrEqual(t, pause, 6*time.Millisecond)
	}
}

// kills is how often programs are killed: FRAMEBRIDGE_KILLS, or 20.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("FRAMEBRIDGE_KILLS"))
	if err != nil {
		return 20
	}
	return n
}

// kill -9 of ffmpeg, wherever it is: every frame that readers get is whole, and is
// the right one.
func TestKilledAgainAndAgain(t *testing.T) {
	const clip = "testsrc2=s=320x240:r=25"
	want := reference(t, []string{"-f", "lavfi"}, clip+":d=60")
	before := descriptors(t)
	x := troubled(t, "lavfi:"+clip, &Options{Restart: RestartAlways, StallAfter: -1})
	for n := range kills(t) {
		x.until(func() bool { return x.flows(n+1, 2) })
		killChildren(t)
	}
	x.until(func() bool { return x.flows(kills(t)+1, 0) })
	r := x.stop()
	require.EqualValues(t, kills(t), r.Restarts)
	frames := 0
	for _, life := range x.lives() {
		for k, f := range life {
			require.Equal(t, want[k%len(want)].hash, f.hash, "frame %d, %d after a kill", f.Number, k)
			frames++
		}
	}
	require.LessOrEqual(t, r.Dropped[framebuf.DropOther], uint64(1), "that of the stop")
	t.Logf("%d kills, %d of them inside a frame; %d frames, all whole", kills(t), r.Dropped[framebuf.DropShort], frames)
	require.Eventually(t, func() bool { return descriptors(t) <= before }, 10*time.Second, 10*time.Millisecond, "descriptors are left; before there were %d", before)
}

func killChildren(t *testing.T) {
	t.Helper()
	for _, child := range children() {
		pid, err := strconv.Atoi(strings.Fields(child)[0])
		require.NoError(t, err)
		if process, err := os.FindProcess(pid); err == nil {
			_ = process.Kill() // it may have ended
		}
	}
}

// signalChildren sends them a signal by its name.
func signalChildren(t *testing.T, signal string) {
	t.Helper()
	for _, child := range children() {
		_ = exec.Command("kill", signal, strings.Fields(child)[0]).Run() // it may have ended
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors cannot be counted here: %v", err)
	}
	return len(list)
}

// A program that hangs in the middle of a frame.
func TestHangsInsideAFrame(t *testing.T) {
	fake, starts := fakeFFmpeg(t, `if [ $n -lt 3 ]; then "$REAL" "$@" | head -c 50000; exec sleep 1000; fi; exec "$REAL" "$@"`)
	x := troubled(t, "lavfi:testsrc2=s=64x48", &Options{FFmpeg: fake, Restart: RestartAlways, StallAfter: 2 * time.Second, Transport: TransportPipe})
	x.until(func() bool { return x.flows(3, 10) })
	r := x.stop()
	require.Equal(t, 3, starts())
	require.EqualValues(t, 2, r.Stalls)
	lives := x.lives()
	require.Equal(t, []framebuf.SourceState{connecting, live, stalled, reconnecting, live, stalled, reconnecting, live, ended}, x.events.states())
	require.Len(t, lives[0], 4, "50,000 bytes are four frames and a piece")
	require.Len(t, lives[1], 4)
	for k := range lives[0] {
		require.Equal(t, lives[0][k].hash, lives[1][k].hash)
		require.Equal(t, lives[0][k].hash, lives[2][k].hash)
	}
}

// A program that ignores every polite request.
func TestIgnoresSignals(t *testing.T) {
	fake, _ := fakeFFmpeg(t, `if [ $n -lt 2 ]; then trap '' TERM INT; while :; do sleep 1000; done; fi; exec "$REAL" "$@"`)
	x := troubled(t, "lavfi:testsrc2=s=64x48", &Options{FFmpeg: fake, Restart: RestartAlways, StallAfter: 100 * time.Millisecond})
	x.await(live)
	x.stop()
	list := x.events.all()
	require.Equal(t, []framebuf.SourceState{connecting, stalled, reconnecting}, x.events.states()[:3])
	t.Logf("stopped within %v", list[2].At.Sub(list[1].At))
}

// The picture has another size when the source comes back.
func TestSizeChangesWhileAway(t *testing.T) {
	needFFmpeg(t)
	small, large := liveClip(t, "64x48", 4), liveClip(t, "128x96", 4)
	serve := func(n int, conn net.Conn) {
		data := small
		if n%2 == 1 {
			data = large
		}
		send(data, n == 3)(n, conn)
	}
	t.Run("follow", func(t *testing.T) {
		x := troubled(t, "tcp://"+newServer(t, serve).addr, &Options{StallAfter: -1})
		x.until(func() bool { return x.flows(4, 10) })
		x.stop()
		for i, life := range x.lives() {
			for _, f := range life {
				require.Equal(t, []int{64, 128}[i%2], f.Width)
				require.Equal(t, []int{48, 96}[i%2], f.Height)
			}
		}
		require.Equal(t, 128, x.Source().Width)
	})
	t.Run("scale", func(t *testing.T) {
		x := troubled(t, "tcp://"+newServer(t, serve).addr, &Options{OnResize: ResizeScale, Width: 32, Height: 24, StallAfter: -1})
		x.until(func() bool { return x.flows(4, 10) })
		x.stop()
		for _, f := range x.seen() {
			require.Equal(t, "rgba 32x24", f.Format.String())
		}
	})
	t.Run("stop", func(t *testing.T) {
		x := troubled(t, "tcp://"+newServer(t, serve).addr, &Options{OnResize: ResizeStop, StallAfter: -1})
		r := x.end()
		require.ErrorIs(t, r.err, ErrGeometryChanged)
		require.EqualValues(t, 1, r.Restarts)
		require.Equal(t, failed, x.events.states()[len(x.events.all())-1])
	})
}

// A reader that holds the source back is not the source's silence.
func TestReadersAreNotTheSource(t *testing.T) {
	needFFmpeg(t)
	dir := memory(t)
	ctx := bounded(t)
	c, err := Open(ctx, "lavfi:testsrc2=s=64x48:r=25:d=2", "test", &Options{
		Dir: dir, Linger: -1, Restart: RestartAlways, StallAfter: 2 * time.Second, Duration: 2 * time.Second,
	})
	require.NoError(t, err)
	defer c.Close()
	r, err := framebuf.Open(ctx, "test", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	defer r.Close()
	done := make(chan result, 1)
	go func() {
		r, err := c.Run(ctx)
		done <- result{r, err}
	}()
	f, err := r.Next(ctx)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		st, err := framebuf.Stat(dir, "test")
		return err == nil && st.Blocked > 3*time.Second
	}, time.Minute, time.Millisecond)
	require.NoError(t, f.Release())
	go func() {
		for {
			f, err := r.Next(ctx)
			if err != nil {
				return
			}
			_ = f.Release()
		}
	}()
	end := <-done
	require.NoError(t, end.err)
	require.Zero(t, end.Stalls)
	require.EqualValues(t, 50, end.FramesOut)
	require.Zero(t, end.Restarts)
}

// A listener is connected to once.
func TestLiveSourcesAreOpenedOnce(t *testing.T) {
	needFFmpeg(t)
	s := newServer(t, send(liveClip(t, "64x48", 4), true))
	x := troubled(t, "tcp://"+s.addr, &Options{})
	x.until(func() bool { return len(x.seen()) > 15 })
	require.Equal(t, 1, s.connections())
	info := x.Source()
	x.stop()
	require.Equal(t, "mpegts", info.Container)
	require.Equal(t, "mpeg2video", info.Codec)
	require.Equal(t, "yuv420p", info.PixelFormat)
	require.Equal(t, framebuf.Rational{Num: 25, Den: 1}, info.Rate)
	require.Equal(t, framebuf.Rational{Num: 1, Den: 90000}, info.TimeBase)
	require.Equal(t, "source", info.TimeBaseFrom)
	require.Equal(t, 64, info.Width)
	require.True(t, info.Live)
	f := x.seen()[0]
	require.Equal(t, info.TimeBase, f.TimeBase)
	require.Equal(t, info.Rate, f.Rate)
	require.Equal(t, "rgba 64x48", f.Format.String())
}
