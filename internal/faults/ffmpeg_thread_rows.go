//go:build linux

// F6: threads that end beside ffmpegs. The kernel ties a child to the thread that
// started it, not to the process.

package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/internal/ffproc"
)

// retirement is what retireThreads has to do, and tells.
type retirement struct {
	Dir     string
	Threads int
}

type retired struct {
	Threads  int // that have ended, each another one
	Ffmpegs  int // at the beginning
	Same     int // of them, at the end
	Advanced int // captures whose frames went on to the end
}

const ffmpegsBeside = 8

// retireThreads ends threads while ffmpegs run.
func retireThreads(ctx context.Context, part []byte, tell func(any)) error {
	p, err := parse[retirement](part)
	if err != nil {
		return err
	}
	var all []*capture.Capture
	var started []*ffproc.Process
	for i := range ffmpegsBeside / 2 {
		c, err := capture.Open(ctx, "lavfi:testsrc2=s=64x48:r=50", fmt.Sprintf("cam%d", i), &capture.Options{Dir: p.Dir, Linger: -1, Pace: capture.PaceSource, Restart: capture.RestartNever})
		if err != nil {
			return err
		}
		defer c.Close()
		all = append(all, c)
		go func() { _, _ = c.Run(ctx) }()
		// And one whose thread ends for certain.
		onEndingThread(func() {
			var p *ffproc.Process
			if p, err = ffproc.Start(ctx, "ffmpeg", strings.Fields("-v error -re -f lavfi -i testsrc2=s=64x48 -f null -"), nil); err == nil {
				started = append(started, p)
			}
		})
		if err != nil {
			return err
		}
	}
	defer func() {
		for _, p := range started {
			_ = p.Close()
		}
	}()
	goOn := func() (n int) {
		from := make([]uint64, len(all))
		for i, c := range all {
			from[i] = c.Progress().FramesOut
		}
		for end := time.Now().Add(10 * time.Second); n < len(all) && time.Now().Before(end); time.Sleep(time.Millisecond) {
			n = 0
			for i, c := range all {
				if c.Progress().FramesOut > from[i] {
					n++
				}
			}
		}
		return n
	}
	goOn()
	before := childPIDs()
	seen := map[int]bool{}
	for len(seen) < p.Threads && ctx.Err() == nil {
		const atOnce = 100 // so that every idle thread is among them
		ids, end := make(chan int), make(chan struct{})
		for range atOnce {
			go onEndingThread(func() {
				ids <- syscall.Gettid()
				<-end
			})
		}
		for range atOnce {
			seen[<-ids] = true
		}
		close(end)
	}
	r := retired{Threads: len(seen), Ffmpegs: len(before), Advanced: goOn()}
	for _, pid := range childPIDs() {
		if slices.Contains(before, pid) && alive(pid) {
			r.Same++
		}
	}
	tell(r)
	return nil
}

// onEndingThread runs do on a thread that ends with it.
func onEndingThread(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the runtime ends the thread
		do()
	}()
	<-done
}

func threadsRetire(ctx context.Context, t *trial) {
	t.needFFmpeg()
	n := t.of(200, 1000)
	p := t.start(ctx, "retiring", retirement{Dir: t.dir(), Threads: n})
	var r retired
	require.NoError(t, p.hear(&r))
	require.NoError(t, p.wait())
	if r.Ffmpegs != ffmpegsBeside || r.Same != ffmpegsBeside || r.Advanced != ffmpegsBeside/2 || r.Threads < n {
		t.Errorf("%+v", r)
	}
	t.reached("%d threads ended beside %d ffmpegs: %d early deaths", r.Threads, r.Ffmpegs, r.Ffmpegs-r.Same)
}
