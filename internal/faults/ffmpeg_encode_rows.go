//go:build linux

// F12 and F13: encoders that are blocked or killed, between a live source and a
// live output.

package main

import (
	"context"
	"crypto/md5"
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

	"github.com/framebridge/framebridge/framebuf"
)

const relayWidth, relayHeight, relaySeconds = 320, 180, 40

// relay is a bridge from a live source to a live output, with all that went in and
// all that came out.
type relay struct {
	*bridging
	dir, scratch string
	sink         *server
	deaf         chan struct{} // closed: the first connection is read no more

	end  func() error
	mu   sync.Mutex
	seen map[frameSum]uint64 // the content of the segment's frames
	lost uint64
	last uint64
}

func (t *trial) relay(ctx context.Context, dir string, source *server, part bridge) *relay {
	r := &relay{dir: dir, scratch: t.scratch(), deaf: make(chan struct{}), seen: map[frameSum]uint64{}}
	closed := make(chan struct{})
	r.sink = t.serve(func(n int, c net.Conn) {
		f, err := os.Create(r.output(n))
		if err != nil {
			return
		}
		defer f.Close()
		b := make([]byte, 64<<10)
		for {
			select {
			case <-r.deaf:
				if n == 0 {
					<-closed
					return
				}
			default:
			}
			k, err := c.Read(b)
			_, _ = f.Write(b[:k])
			if err != nil {
				return
			}
		}
	})
	t.cleanup(func() { close(closed) }) // before the server waits for its connections
	part.Dir, part.Input, part.Output, part.PixFmt = dir, "tcp://"+source.addr, "nut:tcp://"+r.sink.addr, "rgba"
	r.bridging = t.bridge(ctx, part)
	r.end = r.watched(ctx, func(f *framebuf.Frame) {
		sum := frameSum(md5.Sum(f.Bytes()))
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen[sum] = f.Number
		r.lost += f.Missed
		r.last = f.Number
	})
	return r
}

func (r *relay) output(n int) string { return filepath.Join(r.scratch, fmt.Sprintf("%d.nut", n)) }

// finish stops all, and checks that the capture lost nothing and that each output
// has only pictures of the segment, in order. It returns how many.
func (r *relay) finish(ctx context.Context, outputs int) (pictures int) {
	t := r.t
	r.stop()
	if err := r.end(); !errors.Is(err, io.EOF) {
		t.Errorf("the reader ended with %v", err)
	}
	c, e := r.over("capture"), r.over("encode")
	const cutByStop = 1 // the frame on its way
	if !c.Clean || c.Dropped > cutByStop || c.Restarts > 0 || r.lost > 0 || uint64(len(r.seen)) != c.Out {
		t.Errorf("the capture: %d frames read, %d lost, %+v", len(r.seen), r.lost, c)
	}
	if int(e.Restarts) != outputs-1 || !e.Clean {
		t.Errorf("the encode: %+v", e)
	}
	if n := int(r.sink.n.Load()); n != outputs {
		t.Errorf("%d outputs, not %d", n, outputs)
		return 0
	}
	for n := range outputs {
		last := int64(-1)
		for i, picture := range t.decoded(ctx, relayWidth*relayHeight*4, "-v", "quiet", "-f", "nut", "-i", r.output(n)) {
			number, ok := r.seen[md5.Sum(picture)]
			if !ok || int64(number) <= last {
				t.Errorf("output %d: picture %d of it is none of the segment's, or out of order", n, i)
				break
			}
			last = int64(number)
			pictures++
		}
		_ = os.Remove(r.output(n))
	}
	return pictures
}

// liveSource sends a clip at its own speed to whoever connects.
func (t *trial) liveSource(ctx context.Context) *server {
	data := t.transport(ctx, fmt.Sprintf("%dx%d", relayWidth, relayHeight), relaySeconds)
	return t.serve(func(_ int, c net.Conn) {
		paced(c, data, relaySeconds*time.Second)
		silent(0, c)
	})
}

// encoderBlocked stops the ffmpeg of an encode, or has its server read no more.
func encoderBlocked(ctx context.Context, t *trial) {
	const deadline = 2 * time.Second // it takes ffmpeg a while to start on a loaded machine
	source := t.liveSource(ctx)
	side, runs := 4, t.of(4, 48)
	dirs := t.dirs(side)
	stopped, unread := &spans{}, &spans{}
	var pictures, restarts atomic.Int64
	t.lanes(ctx, side, runs, func(lane, i int) {
		part := bridge{Timeout: deadline}
		if i%4 >= 2 {
			lossless := framebuf.Lossless
			part.Mode = &lossless
		}
		r := t.relay(ctx, dirs[lane], source, part)
		r.reaches("encode", "live", 1, 30*time.Second)
		time.Sleep(rand.N(300 * time.Millisecond))
		if i%2 == 0 {
			require.NoError(t, syscall.Kill(r.child(encoding), syscall.SIGSTOP))
		} else {
			close(r.deaf)
		}
		lost := r.reaches("encode", "reconnecting", 1, 15*time.Second)
		late := stopped
		if i%2 == 1 {
			late = unread // ffmpeg takes pieces of a frame until the last buffer is full
		}
		late.add(lost.At.Sub(lost.Flow) - deadline)
		r.reaches("encode", "live", 2, 15*time.Second)
		time.Sleep(300 * time.Millisecond)
		pictures.Add(int64(r.finish(ctx, 2)))
		restarts.Add(1)
	})
	if stopped.max() > 250*time.Millisecond {
		t.late("given up %v after the deadline", stopped.max())
	}
	t.reached("%d of %d replaced: p50 %v, max %v after the deadline of %v, with a deaf server p50 %v, max %v; 0 frames lost to the capture; %d pictures in the outputs, 0 sheared",
		restarts.Load(), runs, stopped.at(0.5), stopped.max(), deadline, unread.at(0.5), unread.max(), pictures.Load())
}

// encoderKilled kills the ffmpeg of live encodes, and of encodes to files.
func encoderKilled(ctx context.Context, t *trial) {
	const each = 2
	source := t.liveSource(ctx)
	side, kills := 3, t.of(6, 200)
	if t.night {
		side = 6
	}
	dirs := t.dirs(side)
	backs := &spans{}
	var pictures, done atomic.Int64
	t.lanes(ctx, side, kills/each, func(lane, _ int) {
		r := t.relay(ctx, dirs[lane], source, bridge{})
		var pids []int
		for k := range each {
			r.reaches("encode", "live", k+1, 30*time.Second)
			time.Sleep(rand.N(200 * time.Millisecond))
			pids = append(pids, r.child(encoding, pids...))
			require.NoError(t, syscall.Kill(pids[k], syscall.SIGKILL))
			lost := r.reaches("encode", "reconnecting", k+1, 10*time.Second)
			backs.add(r.reaches("encode", "live", k+2, 15*time.Second).At.Sub(lost.At) - lost.Pause)
			if z := r.zombies(); z > 0 {
				t.Errorf("%d zombies", z)
			}
		}
		pictures.Add(int64(r.finish(ctx, each+1)))
		done.Add(each)
	})
	t.reached("%d of %d kills: another ffmpeg went on, live %v after the pause (p50), 0 frames lost to the capture; %d pictures in the outputs, 0 sheared",
		done.Load(), kills, backs.at(0.5), pictures.Load())
	t.fileEncoderKilled(ctx)
}

// fileEncoderKilled is the command line with a file, which is not started again.
func (t *trial) fileEncoderKilled(ctx context.Context) {
	program, why := t.framebridge(ctx)
	if why != "" {
		t.also("the command line: not run, %s", why)
		return
	}
	dir, scratch, runs := t.dir(), t.scratch(), t.of(2, 20)
	for range runs {
		w := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(320, 240)}, Every: 5 * time.Millisecond})
		w.event("ready")
		c := t.runs(ctx, program, dir, "encode", "cam0", filepath.Join(scratch, "out.mkv"), "-y", "-q", "--preset", "ultrafast")
		require.NoError(t, c.Start())
		t.cleanup(func() { _ = c.Process.Kill() })
		e := &bridging{party: &party{cmd: c}, t: t}
		pid := e.child(encoding)
		time.Sleep(100*time.Millisecond + rand.N(100*time.Millisecond))
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		_ = c.Wait()
		if code := c.ProcessState.ExitCode(); code != 1 && code != 4 {
			t.Errorf("framebridge encode to a file: %v", c.ProcessState)
		}
		if r := w.finish(); r.Error != "told to stop" {
			t.Errorf("the writer: %s", r.Error)
		}
	}
	t.also("%d of %d encodes to a file ended with an error of their own, by no signal", runs, runs)
}
