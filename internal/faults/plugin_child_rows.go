//go:build linux

// C3p, F1p and F11p: what happens to the plug-in, and to the ffmpeg that it is in.

package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/plugin"
)

// pluginDecoderKilled kills the ffmpeg of captures by the plug-in.
func pluginDecoderKilled(ctx context.Context, t *trial) {
	t.needPlugins(ctx)
	f := large()
	tints := t.tints(ctx, f)
	want := wanted{len(tints), f.bytes(), func(k int, b []byte) bool {
		p, plain := tint(b)
		return plain && p == tints[k]
	}}
	k := t.killDecoders(ctx, 4, t.of(8, 1000), bridge{Input: f.input(), Transport: capture.TransportPlugin}, want, 0, true)
	if k.torn == 0 {
		t.late("no kill hit the copy")
	}
	t.reached("%d kills, %d of them between grant and publication, %d of those with a piece of the frame copied: %s", k.kills, k.short, k.torn, k)
}

// pluginSizeChanges is sizeChanges by the plug-in.
func pluginSizeChanges(ctx context.Context, t *trial) {
	t.needPlugins(ctx)
	t.changeSizes(ctx, capture.TransportPlugin, true)
}

// telling is a program in ffmpeg's place that notes how it ended: 128 and the number of the signal, or its own code.
const telling = `trap : TERM INT; "$REAL" "$@"; echo $? >>$HERE/codes`

// pluginTruncated cuts the segment while the plug-in copies: of captures in a process of the suite, and of the command.
func pluginTruncated(ctx context.Context, t *trial) {
	plugins, f := t.needPlugins(ctx), large()
	program, why := t.framebridge(ctx)
	if why != "" {
		t.notRun(why)
	}
	const side = 2
	dirs, runs := t.dirs(side), t.of(6, 500)
	var inside, commands, codes atomic.Int64
	t.lanes(ctx, side, runs, func(lane, i int) {
		dir := dirs[lane]
		path := filepath.Join(dir, "cam0")
		fake, _ := t.fake(telling)
		var said string
		var end func()
		if i%3 == 2 {
			c := t.runs(ctx, program, dir, "capture", f.input(), "cam0", "--transport", "plugin", "--await-readers", "0", "-q")
			c.Env = append(c.Env, plugin.Variable+"="+plugins, "PATH="+filepath.Dir(fake)+":"+os.Getenv("PATH"))
			var text bytes.Buffer
			c.Stderr = &text
			require.NoError(t, c.Start())
			end = func() {
				_ = c.Wait()
				said = text.String()
				if c.ProcessState.ExitCode() != 5 {
					t.Errorf("the command ended with %v: %s", c.ProcessState, said)
				}
				commands.Add(1)
			}
		} else {
			b := t.bridge(ctx, bridge{Dir: dir, FFmpeg: fake, Input: f.input(), Transport: capture.TransportPlugin, Restart: capture.RestartAlways})
			end = func() {
				b.close()
				o := b.over("capture")
				said = o.Text
				if o.Kind != "damaged" || o.Restarts > 0 {
					t.Errorf("the capture ended with %+v", o)
				}
			}
		}
		t.flows(dir)
		g, err := geometryOf(path)
		require.NoError(t, err)
		time.Sleep(rand.N(20 * time.Millisecond))
		require.NoError(t, os.Truncate(path, cuts()[i/2%3].to(g)))
		end()
		inside.Add(count(strings.Contains(said, "the plug-in could not write")))
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(fake), "codes")) // none of one that had to be killed
		for _, code := range strings.Fields(string(text)) {
			switch code {
			case "135", "134", "139", "132": // SIGBUS, SIGABRT, SIGSEGV, SIGILL
				t.Errorf("ffmpeg ended with code %s: %s", code, said)
			}
			codes.Add(1)
		}
		// What was cut is no segment any more, and nobody else may judge it.
		_, err = framebuf.GC(ctx, dir)
		require.NoError(t, err)
		for _, left := range listed(dir) {
			require.NoError(t, os.Remove(filepath.Join(dir, left)))
		}
	})
	if inside.Load() == 0 {
		t.late("no cut hit the copy")
	}
	t.reached("%d of %d captures ended with the right error, %d by exit code 5 of the command; the fault was the plug-in's %d times; 0 of %d ffmpegs ended by a fault",
		runs, runs, commands.Load(), inside.Load(), codes.Load())
}
