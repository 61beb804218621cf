package capture

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

func TestLimits(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name      string
		o         Options
		live      bool
		fruitless int
		quiet     time.Duration
		want      silenceLimits
	}{
		{"a file", Options{}, false, 0, 0, silenceLimits{}},
		{"live", Options{}, true, 0, 0, silenceLimits{5 * s, 5 * s, 5 * s}},
		{"live, after a try", Options{}, true, 1, 0, silenceLimits{5 * s, 10 * s, 5 * s}},
		{"live, after many", Options{}, true, 99, 0, silenceLimits{5 * s, 30 * s, 5 * s}},
		{"patience that is longer anyway", Options{StallAfter: 60 * s}, true, 2, 0, silenceLimits{60 * s, 60 * s, 60 * s}},
		{"only told", Options{Restart: RestartNever}, true, 0, 0, silenceLimits{stall: 5 * s}},
		{"a file, always", Options{Restart: RestartAlways}, false, 0, 0, silenceLimits{5 * s, 5 * s, 5 * s}},
		{"no clock", Options{StallAfter: -1}, true, 3, 0, silenceLimits{}},
		{"no clock, but an end", Options{StallAfter: -1, GiveUp: 20 * s}, true, 0, 0, silenceLimits{0, 20 * s, 20 * s}},
		{"a file, and an end", Options{GiveUp: 20 * s}, false, 0, 0, silenceLimits{0, 20 * s, 20 * s}},
		{"the end comes first", Options{GiveUp: 20 * s}, true, 5, 12 * s, silenceLimits{5 * s, 8 * s, 5 * s}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := &Capture{o: row.o, schedule: usualSchedule(), fruitless: row.fruitless, alive: time.Now().Add(-row.quiet)}
			c.source.Live = row.live
			c.input = ffargs.Input{Kind: ffargs.URL, Name: "tcp://server:1"}
			got := c.limits()
			got.first = got.first.Round(100 * time.Millisecond)
			require.Equal(t, row.want, got)
		})
	}
}

func TestListens(t *testing.T) {
	for input, want := range map[string]bool{
		"udp://239.1.1.1:5000": true, "rtp://0.0.0.0:5004": true, "srt://0.0.0.0:9000?latency=20000&mode=listener": true,
		"tcp://0.0.0.0:9000?listen=1": true, "rtmp://server/live/x": false, "srt://server:9000?mode=caller": false,
		"tcp://server:9000?listen=10": false, "rtsp://server/listen=1": false, "clip.mp4?listen=1": false,
	} {
		in, err := ffargs.ParseInput(input)
		require.NoError(t, err)
		c := &Capture{input: in}
		c.source.Live = true
		require.Equal(t, want, c.listens(), input)
		if want {
			require.Zero(t, c.limits().first)
			require.Equal(t, defaultStall, c.limits().later)
		}
	}
	c := &Capture{o: Options{InputArgs: []string{"-listen", "1"}}}
	require.True(t, c.listens())
}
