package capture

// Which losses are final, and how a run ends in each state.

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// What another start cannot help against is not tried again.
func TestBadConfigurationIsFinal(t *testing.T) {
	answer := func(status string) func(int, net.Conn) {
		return func(_ int, conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status)
		}
	}
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := refused.Addr().String()
	require.NoError(t, refused.Close())
	for _, row := range []struct {
		name, input string
		serve       func(int, net.Conn)
		o           Options
		want        error
		says        string
	}{
		{"filter", "tcp://", silent, Options{Filter: "nosuchfilter", Restart: RestartAlways}, ErrNoFrames, "nosuchfilter"},
		{"filter of a generator", "lavfi:testsrc2", nil, Options{Filter: "crop=9999:9999", Restart: RestartAlways}, ErrNoFrames, "crop"},
		{"option", "tcp://", silent, Options{InputArgs: []string{"-nosuchoption", "1"}, Restart: RestartAlways}, ErrNoFrames, "nosuchoption"},
		{"decoder", "tcp://", silent, Options{InputArgs: []string{"-c:v", "nosuchdecoder"}, Restart: RestartAlways}, ErrNoFrames, "nosuchdecoder"},
		{"password", "http://user:hunter2@", answer("401 Unauthorized"), Options{Restart: RestartAlways}, ErrUnreadable, "401"},
		{"forbidden", "http://", answer("403 Forbidden"), Options{Restart: RestartAlways}, ErrUnreadable, "403"},
		{"nobody there", "rtsp://user:hunter2@" + nobody + "/x", nil, Options{}, ErrUnreadable, "refused"},
		{"hangs up", "rtmp://", func(int, net.Conn) {}, Options{}, ErrUnreadable, ""},
		{"not a video", "tcp://", send([]byte(strings.Repeat("this is no video ", 10000)), false), Options{}, ErrNotMedia, "Invalid data"},
		{"never", "tcp://", silent, Options{Restart: RestartNever, StallAfter: 100 * time.Millisecond, GiveUp: 300 * time.Millisecond}, ErrSourceLost, "no frame"},
	} {
		t.Run(row.name, func(t *testing.T) {
			fake, starts := fakeFFmpeg(t, `exec "$REAL" "$@"`)
			row.o.FFmpeg = fake
			if row.o.StallAfter == 0 {
				row.o.StallAfter = -1
			}
			input := row.input
			if row.serve != nil {
				if row.name == "filter" {
					row.serve = send(liveClip(t, "64x48", 4), true)
				}
				input += newServer(t, row.serve).addr + "/a/b"
			}
			x := troubled(t, input, &row.o)
			r := x.end()
			require.ErrorIs(t, r.err, row.want)
			require.ErrorContains(t, r.err, row.says)
			require.NotContains(t, r.err.Error(), "hunter2")
			require.Equal(t, 1, starts())
			require.Zero(t, r.Restarts)
			require.Zero(t, r.FramesOut)
			states := x.events.states()
			require.Equal(t, failed, states[len(states)-1])
			require.NotContains(t, states, reconnecting)
		})
	}
}

// The same answers are waited out once the source has worked, or by who asked for
// that.
func TestAnswersThatAreWaitedOut(t *testing.T) {
	needFFmpeg(t)
	data := liveClip(t, "64x48", 4)
	for _, row := range []struct {
		name    string
		restart Restart
		status  []string
	}{
		{"it worked before", RestartAuto, []string{"", "401 Unauthorized", "404 Not Found", "503 Busy", ""}},
		{"not there yet", RestartAlways, []string{"404 Not Found", "503 Busy", "", ""}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newServer(t, func(n int, conn net.Conn) {
				_, _ = conn.Read(make([]byte, 4096))
				if row.restart == RestartAuto { // one connection more, for the look
					n = max(n-1, 0)
				}
				status := row.status[min(n, len(row.status)-1)]
				if status != "" {
					_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status)
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n")
				send(data, n >= len(row.status)-1)(n, conn)
			})
			x := troubled(t, "http://"+s.addr+"/x", &Options{Restart: row.restart, StallAfter: 2 * time.Second})
			x.until(func() bool { return len(x.lives()) >= 2 })
			x.stop()
		})
	}
}

func TestGivesUp(t *testing.T) {
	needFFmpeg(t)
	t.Run("in a pause", func(t *testing.T) {
		s := newServer(t, send(liveClip(t, "64x48", 4), false))
		x := prepared(t, "tcp://"+s.addr, &Options{GiveUp: 3 * time.Second})
		x.schedule.First = time.Hour
		x.run()
		r := x.end()
		require.ErrorIs(t, r.err, ErrSourceLost)
		require.ErrorContains(t, r.err, "given up after 3s")
		require.Zero(t, r.Restarts)
		require.NotZero(t, r.FramesOut)
	})
	t.Run("in silence", func(t *testing.T) {
		x := troubled(t, "tcp://"+newServer(t, silent).addr, &Options{GiveUp: 2 * time.Second, StallAfter: 150 * time.Millisecond})
		r := x.end()
		require.ErrorIs(t, r.err, ErrSourceLost)
		require.ErrorContains(t, r.err, "given up after 2s")
		require.NotZero(t, r.Restarts)
	})
	t.Run("a file", func(t *testing.T) {
		fake, _ := fakeFFmpeg(t, `"$REAL" "$@" | head -c 50000; exec sleep 1000`)
		x := troubled(t, "lavfi:testsrc2=s=64x48", &Options{FFmpeg: fake, GiveUp: 3 * time.Second, Transport: TransportPipe})
		r := x.end()
		require.ErrorIs(t, r.err, ErrSourceLost)
		require.EqualValues(t, 4, r.FramesOut)
	})
}

// A live source that was to be captured for a time, and was away for a part of it.
func TestDurationGoesOnWhileAway(t *testing.T) {
	needFFmpeg(t)
	data := liveClip(t, "64x48", 3)
	s := newServer(t, func(n int, conn net.Conn) { send(data[:len(data)/3], false)(n, conn) })
	x := prepared(t, "tcp://"+s.addr, &Options{Duration: 3500 * time.Millisecond, StallAfter: -1})
	x.schedule.First, x.schedule.Longest = 400*time.Millisecond, 400*time.Millisecond
	x.run()
	r := x.end()
	require.NoError(t, r.err)
	require.True(t, r.Clean)
	require.False(t, r.Interrupted)
	require.NotZero(t, r.Restarts)
	require.Equal(t, ended, x.events.states()[len(x.events.all())-1])
}

// Close and the end of the context end a run in every state.
func TestEndsInEveryState(t *testing.T) {
	needFFmpeg(t)
	for _, how := range []string{"context", "close"} {
		for _, row := range []struct {
			name  string
			serve func(int, net.Conn)
			o     Options
			state framebuf.SourceState
		}{
			{"connecting", silent, Options{}, connecting},
			{"live", send(liveClip(t, "64x48", 4), true), Options{}, live},
			{"stalled", silent, Options{Restart: RestartNever, StallAfter: 50 * time.Millisecond}, stalled},
			{"stalled, and being stopped", silent, Options{StallAfter: 50 * time.Millisecond}, stalled},
			{"reconnecting", send(liveClip(t, "64x48", 4), false), Options{Placeholder: PlaceholderHold}, reconnecting},
		} {
			t.Run(how+" while "+row.name, func(t *testing.T) {
				x := prepared(t, "tcp://"+newServer(t, row.serve).addr, &row.o)
				x.schedule.First, x.schedule.Longest = time.Hour, time.Hour
				x.run()
				// It may be in this state for a moment only.
				x.until(func() bool { return slices.Contains(x.events.states(), row.state) })
				if how == "context" {
					x.cancel()
				} else {
					require.NoError(t, x.Close())
				}
				r := x.end()
				require.NoError(t, r.err)
				require.True(t, r.Interrupted)
				require.Equal(t, ended, x.events.states()[len(x.events.all())-1])
			})
		}
	}
}
