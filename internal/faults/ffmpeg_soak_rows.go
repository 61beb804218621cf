//go:build linux

// F15: a bridge whose source and output are lost again and again.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// soakVariable says how long the soak takes: 24h. Default: 20 s, by night 30 min.
const soakVariable = "FRAMEBRIDGE_SOAK"

// soakLimit is beyond the longest.
const soakLimit = 25 * time.Hour

// soak has a capture that listens, to which a sender comes each two seconds, and
// an encode whose ffmpeg is killed.
func soak(ctx context.Context, t *trial) {
	length, killEvery := 20*time.Second, 7*time.Second
	if t.night {
		length, killEvery = 30*time.Minute, 65*time.Second // over a minute of frames: the pauses do not grow
	}
	if d, err := time.ParseDuration(os.Getenv(soakVariable)); err == nil {
		length = d
	}
	data := t.transport(ctx, "160x90", 1)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := free.Addr().String()
	require.NoError(t, free.Close())
	sink := t.serve(silent)
	dir := t.dir()
	newest := framebuf.Newest
	b := t.bridge(ctx, bridge{
		Dir: dir, Input: "tcp://" + addr + "?listen=1", Stall: 10 * time.Second,
		Output: "flv:tcp://" + sink.addr, Mode: &newest, Timeout: 10 * time.Second,
	})
	sending, stop := context.WithCancel(ctx)
	var sender sync.WaitGroup
	sender.Go(func() { sendAgainAndAgain(sending, addr, data, 2*time.Second) })
	defer sender.Wait()
	defer stop()
	frames := 0
	end := b.watched(ctx, func(*framebuf.Frame) { frames++ })
	b.reaches("encode", "live", 1, 30*time.Second)
	b.reaches("capture", "live", 2, 30*time.Second)
	// What a restart of either side needs for the first time the process keeps: that is no leak.
	require.NoError(t, syscall.Kill(b.child(encoding), syscall.SIGKILL))
	kills := 1
	b.reaches("encode", "live", kills+1, 30*time.Second)
	first, names := b.steady(), len(listed(dir))
	begin := time.Now()
	shown := length / 10
	for over := begin.Add(length); time.Now().Before(over) && ctx.Err() == nil && !b.ended(); {
		time.Sleep(min(killEvery, time.Until(over)))
		if time.Now().Before(over) {
			require.NoError(t, syscall.Kill(b.child(encoding), syscall.SIGKILL))
			kills++
			b.reaches("encode", "live", kills+1, 30*time.Second)
			if s := b.sampled(); ran(begin) >= shown {
				t.note("after %v: %+v", ran(begin), s)
				shown += length / 10
			}
		}
	}
	length = ran(begin)
	last := b.steady()
	if n := len(listed(dir)); n != names {
		t.Errorf("%d names of segments at the beginning, %d at the end", names, n)
	}
	if last.Descriptors > first.Descriptors || last.Threads > first.Threads+keptThreads || last.Children > first.Children || last.Goroutines > first.Goroutines {
		t.Errorf("at the beginning %+v, at the end %+v", first, last)
	}
	if grown := last.Private - first.Private; length > time.Hour && grown > 1<<20 {
		t.Errorf("%d KiB more private memory", grown>>10)
	}
	stop()
	b.stop()
	if err := end(); !errors.Is(err, io.EOF) {
		t.Errorf("the reader ended with %v", err)
	}
	c, e := b.over("capture"), b.over("encode")
	if !c.Clean || c.Restarts < uint64(length/(4*time.Second)) || int(e.Restarts) != kills {
		t.Errorf("%d kills of the encoder: %+v, %+v", kills, c, e)
	}
	t.reached("ran %v: %d restarts of the source, %d of the output, %d frames; descriptors %+d, threads %+d, goroutines %+d, processes %+d, segments ±0, private memory %+d KiB",
		length, c.Restarts, e.Restarts, frames, last.Descriptors-first.Descriptors, last.Threads-first.Threads,
		last.Goroutines-first.Goroutines, last.Children-first.Children, (last.Private-first.Private)>>10)
}

// keptThreads are those that Go's runtime may add in however long a soak: it gives
// none back, and starts one whenever more goroutines than ever before are in a system
// call at the same moment. Against a thread lost in each restart that is few, also in
// the shortest soak, of more than ten restarts.
const keptThreads = 4

func ran(since time.Time) time.Duration { return time.Since(since).Round(time.Second) }

// steady is a sample half a second after the source has come back: the same moment
// of a restart each time.
func (b *bridging) steady() (s sample) {
	n := 0
	for _, x := range b.all() {
		if x.Who == "capture" && x.State == "live" {
			n++
		}
	}
	b.reaches("capture", "live", n+1, 30*time.Second)
	time.Sleep(500 * time.Millisecond)
	s = b.sampled()
	b.t.note("%s", fmt.Sprintf("%+v", s))
	return s
}

// sendAgainAndAgain is a camera that goes away after a second, and comes back.
func sendAgainAndAgain(ctx context.Context, addr string, data []byte, every time.Duration) {
	for ctx.Err() == nil {
		next := time.Now().Add(every)
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil { // nobody listens yet
			time.Sleep(20 * time.Millisecond)
			continue
		}
		paced(c, data, time.Second)
		_ = c.Close()
		time.Sleep(time.Until(next))
	}
}
