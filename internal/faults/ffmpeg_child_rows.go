//go:build linux

// F3 to F5, F7 and F9: what ffmpeg shares with us, and who outlives whom.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffproc"
)

const keptBytes = 256 << 10 // of a child's messages, at the most

// floods are what a program may write to its standard error beside ffmpeg's own
// messages. Those that go on beside it write whole lines in one piece, as ffmpeg does.
func floods() map[string]string {
	beside := func(line string) string {
		return `(i=0; while [ $i -lt 2000 ]; do printf '` + line + `' >&2; i=$((i+1)); done) & "$REAL" "$@"; code=$?; wait; exit $code`
	}
	before := func(command string) string { return command + ` >&2; echo >&2; exec "$REAL" "$@"` }
	return map[string]string{
		"ffmpeg's own, a line a frame":   `exec "$REAL" "$@"`,
		"8 MiB of lines first":           before(`yes "[swscaler @ 0x5581] [warning] deprecated pixel format used" | head -c 8388608`),
		"lines beside the frames":        beside(strings.Repeat("[swscaler @ 0x5581] [warning] deprecated pixel format used\\n", 40)),
		"1 MiB without a line end":       before(`head -c 1048576 /dev/zero | tr '\0' x`),
		"1 MiB of random bytes":          before(`head -c 1048576 /dev/urandom`),
		"carriage returns only, 2 MiB":   before(`yes "frame=  100 fps= 25 q=-0.0 size=" | head -c 2097152 | tr '\n' '\r'`),
		"carriage returns beside frames": beside(strings.Repeat("frame=  100 fps= 25\\r", 40)),
		"zero bytes, 1 MiB":              before(`head -c 1048576 /dev/zero`),
	}
}

// messagesFlood captures through programs that write too much.
func messagesFlood(ctx context.Context, t *trial) {
	t.needFFmpeg()
	dir, rounds, frames := t.dir(), t.of(1, 10), t.of(300, 1800)
	runs, delivered, kept := 0, 0, 0
	for range rounds {
		for name, script := range floods() {
			fake, _ := t.fake(script)
			n := 0
			b := t.bridge(ctx, bridge{Dir: dir, FFmpeg: fake, Input: fmt.Sprintf("lavfi:testsrc2=s=64x48:r=25:d=%d", frames/25), Restart: capture.RestartNever, Readers: 1})
			end := b.watched(ctx, func(*framebuf.Frame) { n++ })
			if err := end(); !errors.Is(err, io.EOF) || n != frames {
				t.Errorf("%s: %d of %d frames, then %v", name, n, frames, err)
			}
			b.close()
			if o := b.over("capture"); !o.Clean || o.Out != uint64(frames) || o.Dropped > 0 {
				t.Errorf("%s: %+v", name, o)
			}
			runs++
			delivered += n
			// The same without ffmpeg, to see what is kept.
			p, err := ffproc.Start(ctx, fake, []string{"-nothing"}, nil)
			require.NoError(t, err)
			_, _ = p.Wait(ctx)
			tail := len(p.StderrTail())
			kept = max(kept, tail)
			_ = p.Close()
			if tail > keptBytes {
				t.Errorf("%s: %d bytes kept", name, tail)
			}
		}
	}
	t.reached("%d runs of %d kinds: %d of %d frames; at most %d KiB of messages kept", runs, len(floods()), delivered, runs*frames, kept>>10)
}

// stdinFullOfQ runs the command line with a standard input full of q.
func stdinFullOfQ(ctx context.Context, t *trial) {
	const frames = 100
	t.needFFmpeg()
	program, why := t.framebridge(ctx)
	if why != "" {
		t.notRun(why)
	}
	clip := t.clip(ctx, "clip.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=50:d=2", "-c:v", "ffv1")
	scratch := t.scratch()
	keys := filepath.Join(scratch, "keys")
	require.NoError(t, os.WriteFile(keys, []byte(strings.Repeat("q\n", 32<<10)), 0o600))
	const side = 2
	dirs, runs := t.dirs(side), t.of(2, 50)
	var whole atomic.Int64
	t.lanes(ctx, side, runs, func(lane, i int) {
		out := filepath.Join(scratch, fmt.Sprintf("%d.mkv", lane))
		c := t.runs(ctx, program, dirs[lane], "run", clip, out, "-y", "--json", "-q", "--codec", "ffv1", "--pace", []string{"fast", "source"}[i%2])
		in, err := os.Open(keys)
		require.NoError(t, err)
		defer in.Close()
		c.Stdin = in
		text, err := c.Output()
		var said struct {
			FramesIn  int `json:"frames_in"`
			FramesOut int `json:"frames_out"`
		}
		if err == nil {
			err = json.Unmarshal(text, &said)
		}
		if err != nil || said.FramesOut != frames || said.FramesIn != frames {
			t.Errorf("run with q on its input: %v, %s", err, text)
			return
		}
		whole.Add(1)
	})
	t.reached("%d of %d runs of two ffmpegs each unaffected, %d frames each", whole.Load(), runs, frames)
}

// parentKilled kills bridges while their ffmpeg has different things to wait for.
func parentKilled(ctx context.Context, t *trial) {
	t.needFFmpeg()
	stub := t.serve(silent)
	release := make(chan struct{})
	deaf := t.serve(func(int, net.Conn) { <-release })
	t.cleanup(func() { close(release) })
	const side = 6
	dirs, kills := t.dirs(side), t.of(12, 200)
	gone := &spans{}
	kinds := []string{"decodes", "waits for a silent source", "waits for a deaf server"}
	t.lanes(ctx, side, kills, func(lane, i int) {
		dir := dirs[lane]
		part, word := bridge{Dir: dir}, decoding
		switch i % 3 {
		case 0:
			part.Input, part.Pace = "lavfi:testsrc2=s=320x240:r=50", capture.PaceSource
		case 1:
			part.Input = "tcp://" + stub.addr
		case 2:
			part.Output, word = "nut:tcp://"+deaf.addr, encoding
			w := t.start(ctx, "writer", stream{Dir: dir, Name: "src", Sizes: []framebuf.Format{size(320, 240)}, Every: 20 * time.Millisecond})
			w.event("ready")
			defer w.finish()
			newest := framebuf.Newest
			part.Name, part.Mode = "src", &newest
		}
		b := t.bridge(ctx, part)
		pid := b.child(word)
		switch i % 3 {
		case 0:
			b.reaches("capture", "live", 1, 20*time.Second)
		case 1:
			b.reaches("capture", "connecting", 1, 20*time.Second)
		case 2:
			b.reaches("encode", "connecting", 1, 20*time.Second)
			time.Sleep(300 * time.Millisecond) // the socket fills
		}
		if !alive(pid) {
			t.Errorf("ffmpeg that %s ended too early", kinds[i%3])
		}
		at := time.Now()
		b.kill()
		t.eventually(5*time.Second, "ffmpeg that "+kinds[i%3]+" is gone", func() bool { return !alive(pid) })
		gone.add(time.Since(at))
		_, err := framebuf.GC(ctx, dir)
		require.NoError(t, err)
	})
	if gone.max() > time.Second {
		t.late("ffmpeg was gone only after %v", gone.max())
	}
	t.reached("%d of %d ffmpegs gone, after p50 %v, max %v", len(gone.all), kills, gone.at(0.5), gone.max())
}

// pipesHeld has an ffmpeg that leaves processes behind, which hold its pipes: one
// in its group, and one that has escaped from it.
func pipesHeld(ctx context.Context, t *trial) {
	const bound, frames = 1500 * time.Millisecond, 50
	t.needFFmpeg()
	const side = 4
	dirs, runs := t.dirs(side), t.of(4, 100)
	ends, stops := &spans{}, &spans{}
	var cleared, escaped atomic.Int64
	t.lanes(ctx, side, runs, func(lane, i int) {
		dir := dirs[lane]
		leave, inGroup := `sleep 60 & echo $! >$HERE/left; `, i%4 < 2
		if !inGroup {
			leave = `setsid sh -c 'echo $$ >'$HERE'/left; exec sleep 60' & `
		}
		fake, _ := t.fake(leave + `while [ ! -s $HERE/left ]; do sleep 0.01; done; exec "$REAL" "$@"`)
		part := bridge{Dir: dir, FFmpeg: fake, Input: fmt.Sprintf("lavfi:testsrc2=s=64x48:r=25:d=%d", frames/25), Restart: capture.RestartNever, Readers: 1}
		if i%2 == 1 {
			part.Input, part.Pace = "lavfi:testsrc2=s=64x48:r=25", capture.PaceSource
		}
		b := t.bridge(ctx, part)
		last := time.Now()
		var n atomic.Int64
		end := b.watched(ctx, func(*framebuf.Frame) { last = time.Now(); n.Add(1) })
		if i%2 == 1 {
			t.eventually(20*time.Second, "frames come", func() bool { return n.Load() > 5 })
			stops.add(b.stop())
			if err := end(); !errors.Is(err, io.EOF) {
				t.Errorf("%v", err)
			}
		} else {
			if err := end(); !errors.Is(err, io.EOF) || n.Load() != frames {
				t.Errorf("%d of %d frames, then %v", n.Load(), frames, err)
			}
			ends.add(time.Since(last))
			b.close()
		}
		if o := b.over("capture"); !o.Clean {
			t.Errorf("%+v", o)
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(fake), "left"))
		require.NoError(t, err)
		var pid int
		_, err = fmt.Sscan(string(text), &pid)
		require.NoError(t, err)
		switch {
		case !inGroup:
			escaped.Add(1)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		case alive(pid):
			t.Errorf("a process of ffmpeg's group is left")
			_ = syscall.Kill(pid, syscall.SIGKILL)
		default:
			cleared.Add(1)
		}
	})
	if worst := max(ends.max(), stops.max()); worst > bound {
		t.late("it took %v", worst)
	}
	t.reached("%d runs: end p50 %v, max %v after the last frame; stop p50 %v, max %v; %d of %d left in the group cleared, %d escaped ones did no harm",
		runs, ends.at(0.5), ends.max(), stops.at(0.5), stops.max(), cleared.Load(), cleared.Load(), escaped.Load())
}

// signalsIgnored has ffmpegs that do not obey.
func signalsIgnored(ctx context.Context, t *trial) {
	t.needFFmpeg()
	sink := t.serve(silent)
	side, runs := 6, t.of(6, 100)
	if t.night {
		side = 10
	}
	dirs := t.dirs(side)
	captures, encodes := &spans{}, &spans{}
	const deafToAll = `echo $$ >$HERE/pid; trap '' TERM INT HUP; "$REAL" -v quiet -re -f lavfi -i testsrc2=s=64x48 -f null - & while :; do sleep 1; done`
	t.lanes(ctx, side, runs, func(lane, i int) {
		dir := dirs[lane]
		fake, starts := t.fake(deafToAll)
		part := bridge{Dir: dir, FFmpeg: fake, Input: "lavfi:testsrc2=s=64x48:r=25", Pace: capture.PaceSource}
		var b *bridging
		var group int
		switch i % 3 {
		case 0, 2:
			if i%3 == 2 {
				w := t.start(ctx, "writer", stream{Dir: dir, Name: "src", Sizes: small(), Every: 20 * time.Millisecond})
				w.event("ready")
				defer w.finish()
				newest := framebuf.Newest
				part = bridge{Dir: dir, FFmpeg: fake, Name: "src", Mode: &newest, Output: "nut:tcp://" + sink.addr, Again: encode.RestartNever}
			}
			b = t.bridge(ctx, part)
			t.eventually(20*time.Second, "it runs", func() bool {
				text, _ := os.ReadFile(filepath.Join(filepath.Dir(fake), "pid"))
				_, err := fmt.Sscan(string(text), &group)
				return err == nil && starts() > 0 && len(childrenOf(group)) == 2
			})
		case 1: // a real one that is stopped
			part.FFmpeg = ""
			b = t.bridge(ctx, part)
			b.reaches("capture", "live", 1, 20*time.Second)
			group = b.child(decoding)
			require.NoError(t, syscall.Kill(group, syscall.SIGSTOP))
		}
		members := append(childrenOf(group), group)
		if z := b.zombies(); z > 0 {
			t.Errorf("%d zombies", z)
		}
		took := b.stop()
		if i%3 == 2 {
			encodes.add(took)
		} else {
			captures.add(took)
		}
		for _, pid := range members {
			if alive(pid) {
				t.Errorf("left: process %d in state %c", pid, stateOf(pid))
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	if worst := max(captures.max(), encodes.max()); worst > 5*time.Second {
		t.late("it took %v", worst)
	}
	t.reached("%d stops: captures p50 %v, max %v, live encodes p50 %v, max %v; 0 left of the groups, 0 zombies",
		runs, captures.at(0.5), captures.max(), encodes.at(0.5), encodes.max())
}
