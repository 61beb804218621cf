package capture

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// Readers get what was asked for while the source is away, marked, and then the
// source again.
func TestPlaceholders(t *testing.T) {
	needFFmpeg(t)
	black := func(b []byte) bool {
		for k := 0; k < len(b); k += 4 {
			if b[k] != 0 || b[k+1] != 0 || b[k+2] != 0 || b[k+3] != 255 {
				return false
			}
		}
		return true
	}
	for _, row := range []struct {
		name string
		kind Placeholder
		is   func(b []byte) bool
	}{
		{"hold", PlaceholderHold, nil},
		{"black", PlaceholderBlack, black},
		{"card", PlaceholderCard, func(b []byte) bool { return !black(b) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newServer(t, send(liveClip(t, "64x48", 4), true))
			x := prepared(t, "tcp://"+s.addr, &Options{Placeholder: row.kind, StallAfter: 500 * time.Millisecond})
			x.placeholderEvery = 20 * time.Millisecond
			x.schedule.First, x.schedule.Longest = 300*time.Millisecond, 300*time.Millisecond
			x.run()
			away := func() (n int) {
				for _, f := range x.seen() {
					if f.Flags&framebuf.FlagPlaceholder != 0 {
						n++
					}
				}
				return n
			}
			newest, err := framebuf.Open(bounded(t), "test", &framebuf.ReaderOptions{Dir: x.dir})
			require.NoError(t, err)
			defer newest.Close()
			var content []byte
			x.until(func() bool {
				f, err := newest.Next(bounded(t))
				require.NoError(t, err)
				defer func() { require.NoError(t, f.Release()) }()
				content = append([]byte(nil), f.Bytes()...)
				return f.Flags&framebuf.FlagPlaceholder != 0
			})
			x.until(func() bool { return x.Progress().FramesOut >= 150 }) // it has come back
			was := away()
			x.until(func() bool { return away() > was+3 })
			r := x.stop()
			require.NotZero(t, r.Restarts)
			require.EqualValues(t, away(), r.Placeholders)
			if row.is != nil {
				require.True(t, row.is(content))
			}
			var last got
			for i, f := range x.seen() {
				filled, wasFilled := f.Flags&framebuf.FlagPlaceholder != 0, last.Flags&framebuf.FlagPlaceholder != 0
				require.Equal(t, "rgba 64x48", f.Format.String())
				if i > 0 {
					require.Equal(t, filled != wasFilled, f.Flags&framebuf.FlagDiscontinuity != 0, "a change is marked, frame %d", i)
				}
				if filled {
					require.Zero(t, f.Flags&framebuf.FlagKey)
					require.Equal(t, last.Rate, f.Rate)
					require.Equal(t, last.Color, f.Color)
					if row.kind == PlaceholderHold || wasFilled {
						require.Equal(t, last.hash, f.hash)
					}
				}
				last = f
			}
		})
	}
}

// A source that falls silent and goes on by itself: its times are not behind those
// of the placeholders.
func TestPlaceholdersThenTheSameSource(t *testing.T) {
	fake, starts := fakeFFmpeg(t, `exec "$REAL" "$@"`)
	x := prepared(t, "lavfi:testsrc2=s=64x48:r=25", &Options{
		FFmpeg: fake, Restart: RestartNever, GiveUp: time.Hour, Placeholder: PlaceholderBlack, Pace: PaceSource,
	})
	x.placeholderEvery = 20 * time.Millisecond
	x.source.Live, x.o.StallAfter = true, 200*time.Millisecond // so that it stalls, and is waited for
	x.run()
	x.until(func() bool { return len(x.seen()) > 10 })
	signalChildren(t, "-STOP")
	x.until(func() bool { return x.pump.placeholders.Load() > 10 })
	before := x.Progress().FramesOut
	signalChildren(t, "-CONT")
	x.until(func() bool { return x.Progress().FramesOut > before+20 })
	r := x.stop()
	require.Equal(t, 1, starts())
	require.Zero(t, r.Restarts)
	require.NotZero(t, r.Stalls)
	require.NotContains(t, x.events.states(), reconnecting)
	back := 0
	for i, f := range x.seen()[1:] {
		if f.Flags&framebuf.FlagPlaceholder == 0 && x.seen()[i].Flags&framebuf.FlagPlaceholder != 0 {
			require.NotZero(t, f.Flags&framebuf.FlagDiscontinuity)
			back++
		}
	}
	require.NotZero(t, back)
}

// Every format has its grey.
func TestShades(t *testing.T) {
	for _, p := range []framebuf.PixelFormat{
		framebuf.RGBA, framebuf.BGRA, framebuf.RGB24, framebuf.BGR24, framebuf.Gray8, framebuf.YUV420P, framebuf.NV12,
	} {
		t.Run(p.String(), func(t *testing.T) {
			like := &framebuf.Info{Format: framebuf.Format{PixelFormat: p, Width: 33, Height: 25}}
			b := shade(card(33, 25, "a-segment-with-a-long-name"), like)
			require.Len(t, b, like.Format.Size())
			corner := map[framebuf.PixelFormat][]byte{
				framebuf.RGBA: {0x30, 0x30, 0x30, 0xff}, framebuf.BGRA: {0x30, 0x30, 0x30, 0xff}, framebuf.RGB24: {0x30, 0x30, 0x30},
				framebuf.BGR24: {0x30, 0x30, 0x30}, framebuf.Gray8: {0x30}, framebuf.YUV420P: {16 + 0x30*219/255}, framebuf.NV12: {16 + 0x30*219/255},
			}[p]
			require.Equal(t, corner, b[:len(corner)])
			if p == framebuf.YUV420P || p == framebuf.NV12 {
				require.EqualValues(t, 0x80, b[33*25])
				require.EqualValues(t, 0x80, b[len(b)-1])
				like.Color.Range = framebuf.RangeFull
				require.EqualValues(t, 0x30, shade(card(33, 25, "x"), like)[0])
			}
		})
	}
	require.NotPanics(t, func() { card(1, 1, "x") })
}
