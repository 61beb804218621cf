package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffargs"
)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10": 10 * time.Second, "1.5": 1500 * time.Millisecond, "90s": 90 * time.Second, "1m30s": 90 * time.Second,
		"00:01:30.5": 90500 * time.Millisecond, "1:30": 90 * time.Second, "0": 0, "40ms": 40 * time.Millisecond,
	} {
		got, err := parseTime(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "x", "-1", "-1s", "1:60", "1:2:3:4", "NaN", "1e30", ":"} {
		_, err := parseTime(text)
		require.Error(t, err, text)
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]framebuf.Rational{
		"25": {Num: 25, Den: 1}, "30000/1001": {Num: 30000, Den: 1001}, "29.97": {Num: 30000, Den: 1001}, "23.976": {Num: 24000, Den: 1001},
		"12.5": {Num: 25, Den: 2}, "50/2": {Num: 25, Den: 1}, "0.5": {Num: 1, Den: 2},
	} {
		got, ok := parseRate(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "x", "1/0", "0/1", "1/x", "NaN", "Inf", "1e9", "0.0001"} {
		_, ok := parseRate(text)
		require.False(t, ok, text)
	}
}

func TestSplitArgs(t *testing.T) {
	for text, want := range map[string][]string{
		"":                         nil,
		"-a  b":                    {"-a", "b"},
		`-x 'a b' "c d" e\ f`:      {"-x", "a b", "c d", "e f"},
		`-x '' "" `:                {"-x", "", ""},
		`a'b'"c"`:                  {"abc"},
		`'\n' "\""`:                {`\n`, `"`},
		"-headers 'A: $B `c`\r\n'": {"-headers", "A: $B `c`\r\n"},
	} {
		got, err := splitArgs(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	_, err := splitArgs("'a")
	require.ErrorContains(t, err, "not closed")
}

func TestSegmentName(t *testing.T) {
	for input, want := range map[string]string{
		"dir/Clip One.mp4":                    "clip-one",
		"./.hidden.mp4":                       "hidden",
		"été.mkv":                             "t",
		"-":                                   "stdin",
		"lavfi:testsrc2=size=64x48":           "testsrc2",
		"rtsp://user:secret@camera/live/door": "door",
	} {
		in, err := ffargs.ParseInput(input)
		require.NoError(t, err, input)
		got := segmentName(in)
		require.Equal(t, want, got, input)
		require.NoError(t, framebuf.CheckName(got+".out"))
	}
}

func TestPolicy(t *testing.T) {
	for _, row := range []struct {
		name   string
		flags  writeFlags
		live   bool
		policy framebuf.LosslessPolicy
		after  time.Duration
	}{
		{"a file", writeFlags{}, false, framebuf.LosslessWait, 0},
		{"a file that evicts", writeFlags{evict: "3s"}, false, framebuf.LosslessEvict, 3 * time.Second},
		{"a file, newest", writeFlags{newest: true}, false, framebuf.LosslessRefuse, 0},
		{"live", writeFlags{}, true, framebuf.LosslessRefuse, 0},
		{"live, lossless", writeFlags{lossless: true}, true, framebuf.LosslessEvict, 5 * time.Second},
		{"live, lossless for ever", writeFlags{lossless: true, evict: "never"}, true, framebuf.LosslessWait, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.NoError(t, row.flags.check())
			policy, after := row.flags.policy(row.live)
			require.Equal(t, row.policy, policy)
			require.Equal(t, row.after, after)
		})
	}
}
