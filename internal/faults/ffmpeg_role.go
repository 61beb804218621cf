//go:build linux

// The bridge: a process that captures, encodes, or does both, as the rows of
// ffmpeg need it.

package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
)

// bridge is its part. Without an Input it only encodes, without an Output it only
// captures.
type bridge struct {
	Dir, Name string // Name: default cam0
	FFmpeg    string
	Transport capture.Transport // also of the encode, as its own have the same values

	Input   string
	Readers int // awaited before the first frame
	Restart capture.Restart
	Pace    capture.Pace
	Resize  capture.Resize
	Stall   time.Duration
	Loop    int
	Slots   int

	Output        string
	Again         encode.Restart
	Mode          *framebuf.Mode
	Timeout       time.Duration
	Codec, PixFmt string
}

// turn is what it tells: a change of state, an outcome, or a sample.
type turn struct {
	Who      string // capture, encode, sample
	State    string // "over" with an outcome
	At       time.Time
	Restarts uint64
	Pause    time.Duration
	Why      string
	Flow     time.Time // of encode: when it last handed over a frame
	Over     *outcome
	Sample   *sample
}

// outcome is how a capture or an encode went.
type outcome struct {
	In, Out, Short, Dropped  uint64
	Missed, Restarts, Stalls uint64
	Clean                    bool
	Kind, Text               string // of the error; see refusal
}

// sample is what the process holds. It is taken at SIGUSR1.
type sample struct {
	Descriptors, Threads, Goroutines, Children int
	Private                                    int64 // bytes
}

func ffmpegRoles() map[string]role {
	return map[string]role{
		"bridge": func(ctx context.Context, part []byte, tell func(any)) error {
			b, err := parse[bridge](part)
			if err != nil {
				return err
			}
			if b.Name == "" {
				b.Name = "cam0"
			}
			stop := sampleOnSignal(tell)
			defer stop()
			return b.run(ctx, tell)
		},
		"retiring": retireThreads,
	}
}

func (b *bridge) run(ctx context.Context, tell func(any)) error {
	var both sync.WaitGroup
	defer both.Wait()
	if b.Input != "" {
		c, err := capture.Open(ctx, b.Input, b.Name, &capture.Options{
			Dir: b.Dir, Slots: b.Slots, Linger: -1, FFmpeg: b.FFmpeg, Loop: b.Loop, Pace: b.Pace, Transport: b.Transport, OnResize: b.Resize, Restart: b.Restart, StallAfter: b.Stall,
			OnEvent: func(e capture.Event) {
				tell(turn{Who: "capture", State: e.State.String(), At: e.At, Restarts: e.Restarts, Pause: e.Pause, Why: reason(e.Err)})
			},
		})
		if err != nil {
			tell(turn{Who: "capture", State: "over", Over: &outcome{Kind: refusal(err), Text: err.Error()}})
			return nil
		}
		both.Go(func() { b.capture(ctx, c, tell) })
	}
	if b.Output != "" {
		b.encode(ctx, tell)
	}
	return nil
}

func (b *bridge) capture(ctx context.Context, c *capture.Capture, tell func(any)) {
	err := c.Writer().AwaitReaders(ctx, b.Readers)
	var r capture.Result
	if err == nil {
		r, err = c.Run(ctx)
	}
	_ = c.Close()
	over := &outcome{
		In: r.FramesIn, Out: r.FramesOut, Short: r.Dropped[framebuf.DropShort], Dropped: r.DroppedFrames(),
		Restarts: r.Restarts, Stalls: r.Stalls, Clean: r.Clean, Kind: refusal(err), Text: reason(err),
	}
	tell(turn{Who: "capture", State: "over", At: time.Now(), Over: over})
}

func (b *bridge) encode(ctx context.Context, tell func(any)) {
	var mu sync.Mutex
	var flow time.Time
	e, err := encode.Open(ctx, b.Name, b.Output, &encode.Options{
		Dir: b.Dir, Wait: -1, Mode: b.Mode, FFmpeg: b.FFmpeg, Codec: b.Codec, PixFmt: b.PixFmt, Transport: encode.Transport(b.Transport), Overwrite: true, OutputTimeout: b.Timeout, Restart: b.Again,
		OnFrame: func(_ *framebuf.Info, at time.Time) {
			mu.Lock()
			defer mu.Unlock()
			flow = at
		},
		OnEvent: func(e encode.Event) {
			mu.Lock()
			defer mu.Unlock()
			tell(turn{Who: "encode", State: e.State.String(), At: e.At, Restarts: e.Restarts, Pause: e.Pause, Why: reason(e.Err), Flow: flow})
		},
	})
	var r encode.Result
	if err == nil {
		r, err = e.Run(ctx)
		_ = e.Close()
	}
	over := &outcome{In: r.FramesIn, Out: r.FramesOut, Missed: r.Missed, Restarts: r.Restarts, Clean: err == nil, Kind: refusal(err), Text: reason(err)}
	tell(turn{Who: "encode", State: "over", At: time.Now(), Over: over})
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// sampleOnSignal tells a sample at each SIGUSR1, until stop.
func sampleOnSignal(tell func(any)) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	var running sync.WaitGroup
	running.Go(func() {
		for range signals {
			runtime.GC()
			debug.FreeOSMemory()
			s := &sample{
				Descriptors: descriptors(), Threads: threads(), Goroutines: runtime.NumGoroutine(),
				Children: len(childPIDs()), Private: privateBytes(),
			}
			tell(turn{Who: "sample", At: time.Now(), Sample: s})
		}
	})
	return func() {
		signal.Stop(signals)
		close(signals)
		running.Wait()
	}
}
