package capture

// Help for tests of sources that stall, die and vanish: servers, a stand-in for
// ffmpeg, and a reader that keeps everything.

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pause"
)

// quick is a schedule a hundred times as fast.
func quick() schedule {
	return schedule{pause.Schedule{First: 5 * time.Millisecond, Longest: 250 * time.Millisecond, Steady: time.Minute}, 30 * time.Second}
}

// server is a TCP server that can be taken away and brought back at its address.
type server struct {
	t     *testing.T
	addr  string
	serve func(n int, conn net.Conn) // n counts connections from 0

	mu    sync.Mutex
	l     net.Listener
	conns map[net.Conn]bool
	n     int
	all   sync.WaitGroup
}

// newServer begins to serve. Each connection is closed when serve returns.
func newServer(t *testing.T, serve func(n int, conn net.Conn)) *server {
	t.Helper()
	s := &server{t: t, addr: "127.0.0.1:0", serve: serve, conns: map[net.Conn]bool{}}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	l, err := net.Listen("tcp", s.addr)
	require.NoError(s.t, err)
	s.mu.Lock()
	s.l, s.addr = l, l.Addr().String()
	s.mu.Unlock()
	s.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			n := s.n
			s.n++
			s.conns[conn] = true
			s.mu.Unlock()
			s.all.Go(func() {
				s.serve(n, conn)
				_ = conn.Close()
			})
		}
	})
}

// kill ends all connections and refuses new ones.
func (s *server) kill() {
	s.mu.Lock()
	_ = s.l.Close()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// silent says nothing until the other side, or kill, closes.
func silent(_ int, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// send is what a server sends, after which it hangs up, or with hold is silent.
func send(data []byte, hold bool) func(int, net.Conn) {
	return func(n int, conn net.Conn) {
		if _, err := conn.Write(data); err == nil && hold {
			silent(n, conn)
		}
	}
}

// fakeFFmpeg is a shell script in ffmpeg's place. $n is the number of this start,
// from 1; ffmpeg itself is "$REAL". starts counts them.
func fakeFFmpeg(t *testing.T, body string) (path string, starts func() int) {
	t.Helper()
	needFFmpeg(t)
	dir := t.TempDir()
	path, counter := filepath.Join(dir, "ffmpeg"), filepath.Join(dir, "starts")
	program, err := exec.LookPath("ffmpeg")
	require.NoError(t, err)
	script := fmt.Sprintf("#!/bin/sh\nREAL=%s\ncase \"$*\" in *-version*|*frei0r=framebridge_lane*) exec \"$REAL\" \"$@\";; esac\necho x >>%s\nn=$(wc -l <%s)\n%s\n",
		program, counter, counter, body)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	return path, func() int {
		text, _ := os.ReadFile(counter)
		return strings.Count(string(text), "\n")
	}
}

// events collects what OnEvent says.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) add(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

func (e *events) all() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Event(nil), e.list...)
}

func (e *events) states() (list []framebuf.SourceState) {
	for _, ev := range e.all() {
		list = append(list, ev.State)
	}
	return list
}

// outage is a capture whose source will have troubles, with a lossless reader.
type outage struct {
	*Capture
	t      *testing.T
	dir    string
	events *events
	cancel context.CancelFunc
	result chan result

	mu     sync.Mutex
	frames []got
	life   int        // how often the source has come
	inLife int        // frames since it came
	read   chan error // how reading ended
	reader *framebuf.Reader
}

type result struct {
	Result
	err error
}

// troubled opens a capture with a quick schedule and a reader, and runs it.
func troubled(t *testing.T, input string, o *Options) *outage {
	t.Helper()
	x := prepared(t, input, o)
	x.run()
	return x
}

// prepared is troubled without running.
func prepared(t *testing.T, input string, o *Options) *outage {
	t.Helper()
	needFFmpeg(t)
	ctx, cancel := context.WithCancel(bounded(t))
	x := &outage{t: t, dir: memory(t), events: &events{}, cancel: cancel, result: make(chan result, 1), read: make(chan error, 1)}
	o.Dir, o.Linger = x.dir, -1
	if o.OnEvent == nil {
		o.OnEvent = x.events.add
	}
	c, err := Open(ctx, input, "test", o)
	require.NoError(t, err)
	x.Capture = c
	c.schedule = quick()
	t.Cleanup(func() {
		cancel()
		_ = c.Close()
	})
	x.reader, err = framebuf.Open(ctx, "test", &framebuf.ReaderOptions{Dir: x.dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	go func() {
		defer x.reader.Close()
		for f, err := range x.reader.Frames(bounded(t)) {
			if err != nil {
				x.read <- err
				return
			}
			x.mu.Lock()
			if x.inLife++; len(x.frames) == 0 || f.Flags&framebuf.FlagDiscontinuity != 0 {
				x.life, x.inLife = x.life+1, 1
			}
			x.frames = append(x.frames, got{f.Info, md5sum(f.Bytes()), f.Bytes()[0]})
			x.mu.Unlock()
		}
		x.read <- nil
	}()
	return x
}

func (x *outage) run() {
	ctx, cancel := context.WithCancel(bounded(x.t))
	outer := x.cancel
	x.cancel = func() { cancel(); outer() }
	go func() {
		r, err := x.Run(ctx)
		x.result <- result{r, err}
	}()
}

// seen are the frames that the reader has got so far.
func (x *outage) seen() []got {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]got(nil), x.frames...)
}

// await waits until the segment says so.
func (x *outage) await(state framebuf.SourceState) *framebuf.Status {
	x.t.Helper()
	var st *framebuf.Status
	x.until(func() bool {
		var err error
		st, err = framebuf.Stat(x.dir, "test")
		return err == nil && st.Source == state
	})
	return st
}

func (x *outage) until(is func() bool) {
	x.t.Helper()
	require.Eventually(x.t, is, time.Minute, time.Millisecond)
}

// end waits for the end of the run and of the reader, and checks what holds for
// every outage: all that was published was read, once and in order.
func (x *outage) end() result {
	x.t.Helper()
	r := <-x.result
	require.NoError(x.t, x.Close())
	require.NoError(x.t, <-x.read)
	x.mu.Lock()
	defer x.mu.Unlock()
	require.EqualValues(x.t, r.FramesOut+r.Placeholders, len(x.frames), "the reader got every frame that was published")
	for i := range x.frames[min(1, len(x.frames)):] {
		before, f := x.frames[i], x.frames[i+1]
		require.Equal(x.t, before.Number+1, f.Number)
		require.Greater(x.t, f.PTS, before.PTS, "frame %d", f.Number)
		require.Equal(x.t, before.TimeBase, f.TimeBase)
	}
	require.Empty(x.t, children())
	return r
}

// stop ends the run as a signal would.
func (x *outage) stop() result {
	x.t.Helper()
	x.cancel()
	r := x.end()
	require.NoError(x.t, r.err)
	require.True(x.t, r.Interrupted)
	return r
}

// flows reports whether the source has come so often, and has then given more
// than so many frames.
func (x *outage) flows(life, frames int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.life == life && x.inLife > frames
}

// lives are the frames, cut where the source had been away.
func (x *outage) lives() (all [][]got) {
	for i, f := range x.seen() {
		if i == 0 || f.Flags&framebuf.FlagDiscontinuity != 0 {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], f)
	}
	return all
}
