//go:build linux

// F1, F2 and F10: sources that die, are silent, or never start.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
)

// wanted is what a looped source must look like: length frames, of which is tells whether a picture is that of frame k.
type wanted struct {
	length, bytes int // bytes of a frame
	is            func(k int, b []byte) bool
}

// sequel checks a looped clip that begins anew at each restart.
type sequel struct {
	want wanted
	slow time.Duration // pause after a frame

	mu     sync.Mutex
	lives  int
	inLife int // frames of this life
	all    int
	wrong  int
	first  string // wrong one
}

func (s *sequel) see(f *framebuf.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == 0 || f.Flags&framebuf.FlagDiscontinuity != 0 {
		s.lives++
		s.inLife = 0
	}
	if !s.want.is(s.inLife%s.want.length, f.Bytes()) || f.Missed > 0 {
		if s.wrong++; s.wrong == 1 {
			s.first = fmt.Sprintf("frame %d, number %d of life %d", f.Number, s.inLife, s.lives)
		}
	}
	s.inLife++
	s.all++
	if s.slow > 0 {
		time.Sleep(rand.N(s.slow))
	}
}

func (s *sequel) has(lives, frames int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lives > lives || s.lives == lives && s.inLife >= frames
}

// decoderKilled kills the ffmpeg of captures through the pipe.
func decoderKilled(ctx context.Context, t *trial) {
	const width, height = 320, 180
	t.needFFmpeg()
	clip := t.clip(ctx, "clip.mkv", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=%dx%d:r=25:d=2", width, height), "-c:v", "ffv1", "-g", "1")
	part := bridge{Input: clip, Transport: capture.TransportPipe, Loop: -1}
	frames := t.decoded(ctx, width*height*4, "-i", clip)
	want := wanted{len(frames), width * height * 4, func(k int, b []byte) bool { return bytes.Equal(b, frames[k]) }}
	k := t.killDecoders(ctx, 8, t.of(16, 1000), part, want, 4*time.Millisecond, false)
	t.reached("%d kills, %d of them inside a frame: %s", k.kills, k.short, k)
}

// decoderKills is what came of them. Its text is what both rows say.
type decoderKills struct {
	kills         int
	short, frames uint64 // of the captures' own counting
	torn          int64  // frames that were left with a piece of them copied
	noticed       *spans
}

func (k *decoderKills) String() string {
	return fmt.Sprintf("%d frames, 0 partial, 0 wrong, 0 zombies; noticed p50 %v, max %v", k.frames, k.noticed.at(0.5), k.noticed.max())
}

// killDecoders kills the ffmpeg of captures at random, or with aim every other time inside a copy, so many side by side. Their
// frames must be want, again and again. The pauses before restarts grow, so each capture has only two kills.
func (t *trial) killDecoders(ctx context.Context, side, kills int, part bridge, want wanted, slow time.Duration, aim bool) *decoderKills {
	const each = 2
	dirs := t.dirs(side)
	var short, frames atomic.Uint64
	var torn atomic.Int64
	k := &decoderKills{kills: kills, noticed: &spans{}}
	t.lanes(ctx, side, kills/each, func(lane, _ int) {
		part := part
		part.Dir, part.Restart, part.Readers = dirs[lane], capture.RestartAlways, 1
		b := t.bridge(ctx, part)
		s := &sequel{want: want, slow: slow}
		end := b.watched(ctx, s.see)
		var pids []int
		for kill := range each {
			t.eventually(20*time.Second, "frames come", func() bool { return s.has(kill+1, 3) })
			pids = append(pids, b.child(decoding, pids...))
			if aim && kill%2 == 1 {
				t.awaitCopy(part.Dir, want.bytes)
			} else {
				time.Sleep(rand.N(50 * time.Millisecond))
			}
			at := time.Now()
			require.NoError(t, syscall.Kill(pids[kill], syscall.SIGKILL))
			k.noticed.add(b.reaches("capture", "reconnecting", kill+1, 5*time.Second).At.Sub(at))
			torn.Add(count(t.leftTorn(part.Dir, want.bytes)))
		}
		t.eventually(20*time.Second, "frames come", func() bool { return s.has(each+1, 3) })
		pids = append(pids, b.child(decoding, pids...))
		if n := b.zombies(); n > 0 {
			t.Errorf("%d zombies", n)
		}
		b.stop()
		if err := end(); !errors.Is(err, io.EOF) {
			t.Errorf("the reader ended with %v", err)
		}
		for _, pid := range pids {
			if stateOf(pid) != 0 {
				t.Errorf("an ffmpeg is left, in state %c", stateOf(pid))
			}
		}
		o := b.over("capture")
		if s.wrong > 0 {
			t.Errorf("%d of %d frames wrong: %s", s.wrong, s.all, s.first)
		}
		if o.Restarts != each || s.lives != each+1 || o.Out != uint64(s.all) || !o.Clean {
			t.Errorf("%d lives, %d frames read: %+v", s.lives, s.all, o)
		}
		short.Add(o.Short)
		frames.Add(o.Out)
	})
	k.short, k.frames, k.torn = short.Load(), frames.Load(), torn.Load()
	return k
}

// server is a TCP server of the suite. Each connection is closed when serve returns.
type server struct {
	net.Listener
	addr string
	n    atomic.Int64
}

// serve begins to serve until the end of the row. n counts connections from 0.
func (t *trial) serve(do func(n int, c net.Conn)) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{Listener: l, addr: l.Addr().String()}
	var mu sync.Mutex
	var all sync.WaitGroup
	conns, closed := map[net.Conn]bool{}, false
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			if closed {
				_ = c.Close()
			}
			mu.Unlock()
			n := int(s.n.Add(1)) - 1
			all.Go(func() {
				do(n, c)
				_ = c.Close()
				mu.Lock()
				defer mu.Unlock()
				delete(conns, c)
			})
		}
	})
	t.cleanup(func() {
		_ = l.Close()
		mu.Lock()
		closed = true
		for c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return s
}

// silent says nothing until the other side closes.
func silent(_ int, c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// paced sends data over so much time.
func paced(c net.Conn, data []byte, over time.Duration) {
	const piece = 188 * 7
	begin := time.Now()
	for sent := 0; sent < len(data); sent += piece {
		time.Sleep(time.Until(begin.Add(over * time.Duration(sent) / time.Duration(len(data)))))
		if _, err := c.Write(data[sent:min(sent+piece, len(data))]); err != nil {
			return
		}
	}
}

// transport is a clip as cameras send it.
func (t *trial) transport(ctx context.Context, size string, seconds int) []byte {
	t.needFFmpeg()
	path := t.clip(ctx, "live.ts", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=%s:r=25:d=%d", size, seconds), "-c:v", "mpeg2video", "-g", "5", "-b:v", "2M")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// sourceSilent has servers that say nothing, and one that stops in mid-stream.
func sourceSilent(ctx context.Context, t *trial) {
	side, rounds := 5, t.of(10, 100)
	stall, told := time.Second, time.Second
	if t.night {
		side, stall, told = 10, 5*time.Second, 0 // the default
	}
	stub := t.serve(silent)
	data := t.transport(ctx, "160x90", 1)
	stops := t.serve(func(n int, c net.Conn) {
		_, _ = c.Write(data)
		silent(n, c)
	})
	dirs := t.dirs(side)
	verdicts, ends := &spans{}, &spans{}
	var again atomic.Int64
	schemes := []string{"rtsp", "rtmp", "http", "tcp", "mid"}
	t.lanes(ctx, side, rounds, func(lane, i int) {
		scheme := schemes[i%len(schemes)]
		part := bridge{Dir: dirs[lane], Restart: capture.RestartAlways, Stall: told, Input: fmt.Sprintf("%s://%s/live/x", scheme, stub.addr)}
		if scheme == "mid" {
			part.Input = "tcp://" + stops.addr
		}
		b := t.bridge(ctx, part)
		from := b.reaches("capture", "connecting", 1, 20*time.Second).At
		stalled := b.reaches("capture", "stalled", 1, stall+20*time.Second).At
		if scheme == "mid" {
			live := b.reaches("capture", "live", 1, stall+20*time.Second).At
			t.eventually(stall+5*time.Second, "stalled after frames", func() bool {
				last, ok := b.last(func(x turn) bool { return x.State == "stalled" })
				stalled = last.At
				return ok && stalled.After(live)
			})
			st, err := framebuf.Stat(dirs[lane], "cam0")
			require.NoError(t, err)
			require.NotNil(t, st.Newest)
			from = st.Newest.CapturedWall
		}
		verdicts.add(stalled.Sub(from))
		b.reaches("capture", "reconnecting", 1, 10*time.Second)
		st, err := framebuf.Stat(dirs[lane], "cam0")
		if err != nil || st.LastError == "" {
			t.Errorf("%s: the segment says nothing of it: %v", scheme, err)
		}
		b.reaches("capture", map[bool]string{true: "live", false: "stalled"}[scheme == "mid"], 2, 2*stall+10*time.Second)
		again.Add(1)
		ends.add(b.stop())
		if o := b.over("capture"); o.Stalls == 0 || o.Restarts == 0 || !o.Clean {
			t.Errorf("%s: %+v", scheme, o)
		}
	})
	if verdicts.max() > stall+500*time.Millisecond || verdicts.at(0) < stall-50*time.Millisecond {
		t.late("with %v allowed, stalled after %v to %v", stall, verdicts.at(0), verdicts.max())
	}
	if ends.max() > 5*time.Second {
		t.late("it took %v to stop", ends.max())
	}
	what := fmt.Sprintf("%v allowed", stall)
	if told == 0 {
		what = "the default of 5 s allowed"
	}
	t.reached("%d of %d noticed and tried again, %s: stalled after p50 %v, max %v; stopped within p50 %v, max %v",
		again.Load(), rounds, what, verdicts.at(0.5), verdicts.max(), ends.at(0.5), ends.max())
}

// crashLoop has an ffmpeg that fails at once until there is a file.
func crashLoop(ctx context.Context, t *trial) {
	window := 2500 * time.Millisecond
	most, soon := 3, 10*time.Second // starts at 0, 0.5, 1.5 and then 3.5 s, a fifth more or less
	if t.night {
		window, most, soon = 2*time.Minute, 12, 35*time.Second
	}
	sink := t.serve(silent)
	var mu sync.Mutex
	var found []string
	t.lanes(ctx, 2, 2, func(_, i int) {
		who, dir := []string{"capture", "encode"}[i], t.dir()
		works := "" // an encoder that has never worked is not started again
		if who == "encode" {
			works = "[ $n -eq 1 ] || "
		}
		fake, starts := t.fake(`if ` + works + `[ -e $HERE/back ]; then exec "$REAL" "$@"; fi; echo "[error] it crashed" >&2; exit 1`)
		part := bridge{Dir: dir, FFmpeg: fake, Input: "lavfi:testsrc2=s=64x48:r=25", Restart: capture.RestartAlways, Pace: capture.PaceSource}
		if who == "encode" {
			w := t.start(ctx, "writer", stream{Dir: dir, Sizes: small(), Every: 40 * time.Millisecond})
			w.event("ready")
			defer w.finish()
			newest := framebuf.Newest
			part = bridge{Dir: dir, FFmpeg: fake, Output: "nut:tcp://" + sink.addr, Again: 2, Mode: &newest}
		}
		b := t.bridge(ctx, part)
		lives, word := 0, decoding
		if who == "encode" {
			lives, word = 1, encoding
			b.reaches(who, "live", 1, 20*time.Second)
			require.NoError(t, syscall.Kill(b.child(word), syscall.SIGKILL))
		}
		b.reaches(who, "reconnecting", 1, 10*time.Second)
		time.Sleep(window)
		n := starts()
		if n > most || n < 2 {
			t.Errorf("%s: %d starts in %v", who, n, window)
		}
		if z := b.zombies(); z > 0 {
			t.Errorf("%s: %d zombies", who, z)
		}
		if who == "capture" {
			st, err := framebuf.Stat(dir, "cam0")
			require.NoError(t, err)
			if st.Source != framebuf.SourceReconnecting || st.LastError == "" {
				t.Errorf("the segment says %v, %q", st.Source, st.LastError)
			}
		}
		if last, _ := b.last(func(x turn) bool { return x.State == "reconnecting" }); last.Why == "" || last.Pause > 30*time.Second {
			t.Errorf("%s: pause %v, for %q", who, last.Pause, last.Why)
		}
		at := time.Now()
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(fake), "back"), nil, 0o600))
		b.reaches(who, "live", lives+1, soon)
		back := time.Since(at)
		steady := ""
		if t.night { // after a minute of frames the pauses begin anew
			time.Sleep(61 * time.Second)
			require.NoError(t, syscall.Kill(b.child(word), syscall.SIGKILL))
			b.reaches(who, "live", lives+2, 10*time.Second)
			last, _ := b.last(func(x turn) bool { return x.State == "reconnecting" })
			if last.Pause > 700*time.Millisecond {
				t.Errorf("%s: after a minute of frames the pause was %v", who, last.Pause)
			}
			steady = fmt.Sprintf(", and after a minute of frames the pause is %v", last.Pause.Round(time.Millisecond))
		}
		b.stop()
		if o := b.over(who); !o.Clean || int(o.Restarts)+1 != starts() {
			t.Errorf("%s: %d starts: %+v", who, starts(), o)
		}
		mu.Lock()
		defer mu.Unlock()
		found = append(found, fmt.Sprintf("%s: %d starts in %v, back %v after the source%s", who, n, window, back.Round(100*time.Millisecond), steady))
	})
	for _, f := range found {
		t.also("%s", f)
	}
	t.also("0 zombies")
}
