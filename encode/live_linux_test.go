package encode

// What the tests of restarts need: a live source that never waits, a server that
// can stop reading and go away, and a check of every picture that arrived.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pause"
)

// source is a live writer of 50 frames a second, each of which shows its number.
type source struct {
	w         *framebuf.Writer
	mu        sync.Mutex
	published uint64
	longest   time.Duration // that one Publish took
	failed    error
}

// live starts one in the background. It ends with the test, or by stop.
func live(t *testing.T, dir string, change func(*clip)) (src *source, stop func()) {
	t.Helper()
	c := testClip(0)
	c.format.Width, c.format.Height = 320, 240
	c.o = framebuf.Options{Dir: dir, Linger: -1, Live: true, Lossless: framebuf.LosslessRefuse, Template: c.info}
	if change != nil {
		change(&c)
	}
	w, err := framebuf.Create("cam", c.format, &c.o)
	require.NoError(t, err)
	src = &source{w: w}
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for k := 0; ctx.Err() == nil; k++ {
			began := time.Now()
			err := w.Publish(ctx, func(s *framebuf.Slot) error { s.Info.PTS = int64(k) * 20; number(s.Bytes(), k); return nil })
			src.mu.Lock()
			if err == nil {
				src.published++
				src.longest = max(src.longest, time.Since(began))
			} else if ctx.Err() == nil {
				src.failed = err
			}
			src.mu.Unlock()
			<-tick.C
		}
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() { cancel(); <-done; require.NoError(t, w.Close()); require.NoError(t, src.failed) })
	}
	t.Cleanup(stop)
	return src, stop
}

func (s *source) count() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.published
}

// number makes frame k: every pixel depends on its place and on k.
func number(b []byte, k int) {
	for at := 0; at+4 <= len(b); at += 4 {
		b[at], b[at+1], b[at+2], b[at+3] = byte(k), byte(k>>8)+byte(at/4), byte(at/4/251), 255
	}
}

// numberOf is the frame's number, or -1 if it is not whole.
func numberOf(b []byte) int {
	k := int(b[0]) | int(b[1])<<8
	want := make([]byte, len(b))
	number(want, k)
	if !bytes.Equal(b, want) {
		return -1
	}
	return k
}

// server takes connections and keeps what they bring.
type server struct {
	addr string
	l    net.Listener

	mu    sync.Mutex
	deaf  int // the connection of that number is not read any more; -1: none
	conns []*bytes.Buffer
	open  []net.Conn
	done  sync.WaitGroup
}

func serve(t *testing.T, addr string) *server {
	t.Helper()
	s := &server{deaf: -1}
	var err error
	for s.l == nil { // the port may still be in use for a moment
		if s.l, err = net.Listen("tcp", addr); err != nil && within(t).Err() != nil {
			require.NoError(t, err)
		}
	}
	s.addr = s.l.Addr().String()
	s.done.Go(func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			n := len(s.conns)
			s.conns, s.open = append(s.conns, &bytes.Buffer{}), append(s.open, c)
			s.mu.Unlock()
			s.done.Go(func() { s.read(c, n) })
		}
	})
	t.Cleanup(s.close)
	return s
}

func (s *server) read(c net.Conn, n int) {
	b := make([]byte, 64<<10)
	for {
		k, err := c.Read(b)
		s.mu.Lock()
		s.conns[n].Write(b[:k])
		deaf := s.deaf == n
		s.mu.Unlock()
		switch {
		case err != nil:
			_ = c.Close()
			return
		case deaf:
			return
		}
	}
}

// turnDeaf reads no more of connection n, and leaves it open.
func (s *server) turnDeaf(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = n
}

func (s *server) close() {
	_ = s.l.Close()
	s.mu.Lock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// awaits some pictures on connection n, or a later one.
func (s *server) awaits(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.conns) > n && s.conns[len(s.conns)-1].Len() > 3*320*240*4
	}, time.Minute, time.Millisecond)
}

// finish reads what is still on its way from clients that have ended.
func (s *server) finish() {
	_ = s.l.Close()
	s.done.Wait()
}

// pictures are the numbers of the frames that each connection brought. Every one
// must be whole. All clients must have ended.
func (s *server) pictures(t *testing.T) (all [][]int) {
	t.Helper()
	s.finish()
	for n, c := range s.conns {
		path := filepath.Join(t.TempDir(), strconv.Itoa(n)+".nut")
		require.NoError(t, os.WriteFile(path, c.Bytes(), 0o600))
		all = append(all, pictures(t, path, 320, 240))
	}
	return all
}

// pictures are the numbers of the frames in a file.
func pictures(t *testing.T, path string, w, h int) (list []int) {
	t.Helper()
	// The last picture of a broken stream may be missing, never half there.
	cmd := exec.Command("ffmpeg", "-v", "fatal", "-i", path, "-fps_mode", "passthrough", "-pix_fmt", "rgba", "-f", "rawvideo", "-")
	b, err := cmd.Output()
	if len(b) == 0 {
		t.Logf("%s has no picture: %v", path, err)
		return nil
	}
	var exit *exec.ExitError
	require.True(t, err == nil || errors.As(err, &exit))
	require.Zero(t, len(b)%(w*h*4))
	for k := 0; k < len(b); k += w * h * 4 {
		n := numberOf(b[k : k+w*h*4])
		require.GreaterOrEqual(t, n, 0, "picture %d of %s is torn", k/(w*h*4), path)
		if len(list) > 0 {
			require.Greater(t, n, list[len(list)-1])
		}
		list = append(list, n)
	}
	return list
}

// running is an Encode at work, with the states that it went through.
type running struct {
	*Encode
	cancel context.CancelFunc
	events chan Event
	done   chan struct{}
	r      Result
	err    error
	last   uint64 // the number of the last frame sent
}

// quick are pauses for tests.
func quick() pause.Schedule {
	return pause.Schedule{First: 20 * time.Millisecond, Longest: 200 * time.Millisecond, Steady: time.Minute}
}

// goLive opens and runs an encode of the segment cam.
func goLive(t *testing.T, dir, output string, o Options) *running {
	t.Helper()
	needFFmpeg(t)
	ctx, cancel := context.WithCancel(within(t))
	s := &running{cancel: cancel, events: make(chan Event, 1000), done: make(chan struct{})}
	o.Dir = dir
	o.OnEvent = func(ev Event) {
		t.Log(time.Now().Format("05.000"), ev.State, ev.Restarts, ev.Pause, ev.Err)
		s.events <- ev
	}
	o.OnFrame = func(i *framebuf.Info, _ time.Time) { s.last = i.Number }
	e, err := Open(ctx, "cam", output, &o)
	require.NoError(t, err)
	e.pauses = quick()
	s.Encode = e
	t.Cleanup(func() { cancel(); _ = e.Close() })
	return s
}

func (s *running) start(t *testing.T) *running {
	t.Helper()
	ctx := within(t)
	ctx, cancel := context.WithCancel(ctx)
	s.cancel = cancel
	go func() {
		defer close(s.done)
		s.r, s.err = s.Run(ctx)
	}()
	return s
}

// reaches waits for the state, passing others.
func (s *running) reaches(t *testing.T, want State) Event {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case ev := <-s.events:
			if ev.State == want {
				return ev
			}
			require.NotContains(t, []State{Failed, Ended}, ev.State, "%v", ev.Err)
		case <-late:
			require.FailNow(t, "the output never became "+want.String())
		}
	}
}

// isExact checks that every frame from the first one to the last one sent was
// either sent or counted as missed.
func (s *running) isExact(t *testing.T) {
	t.Helper()
	require.Equal(t, s.last+1-s.info.Number, s.r.FramesIn+s.r.Missed, "%d sent, %d missed", s.r.FramesIn, s.r.Missed)
}

// end stops it in order.
func (s *running) end(t *testing.T) Result {
	t.Helper()
	s.cancel()
	<-s.done
	require.NoError(t, s.err)
	require.NoError(t, s.Close())
	return s.r
}

// children are the processes that this one has started, zombies included.
func children(t testing.TB) (pids []int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err != nil {
			continue
		}
		for _, f := range strings.Fields(string(b)) {
			pid, err := strconv.Atoi(f)
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

func descriptors(t testing.TB) int {
	t.Helper()
	d, err := os.Open("/proc/self/fd")
	require.NoError(t, err)
	defer func() { _ = d.Close() }()
	names, err := d.Readdirnames(-1)
	require.True(t, err == nil || errors.Is(err, io.EOF))
	return len(names)
}

// sum is how many frames arrived at all.
func sum(all [][]int) (n int) {
	for _, list := range all {
		n += len(list)
	}
	return n
}
