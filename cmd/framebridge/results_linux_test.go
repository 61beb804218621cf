package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/results"
)

// Records that no analyzer of ours writes: of no frame, of several generations, no JSON, and none at all.
func TestResultsOfOthers(t *testing.T) {
	dir := segmentDir(t)
	env := []string{"FRAMEBRIDGE_DIR=" + dir}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w, err := results.Create("r", &results.Options{Dir: dir, Linger: -1, Slots: 4})
	require.NoError(t, err)
	defer w.Close()

	for _, flags := range [][]string{{"--newest"}, {"--for", "0"}} {
		got := framebridge(t, env, append([]string{"results", "r"}, flags...)...)
		require.Equal(t, 1, got.code, got.stderr)
		require.Empty(t, got.stdout)
		require.Contains(t, got.stderr, "r has no record")
	}

	camera := framebuf.Generation{0xab, 0xcd, 7: 0x12, 15: 0xff}
	put := func(v any, about *framebuf.Info) {
		t.Helper()
		require.NoError(t, w.Put(ctx, about, v))
	}
	put("hello", nil)
	put(map[string]any{"text": "a\n<b>"}, &framebuf.Info{Number: 7, Generation: camera, PTS: framebuf.NoPTS})
	put([]int{1, 2}, &framebuf.Info{Number: 9, Generation: camera, PTS: 3, TimeBase: framebuf.Rational{Num: 1, Den: 2}})
	// Written by hand, as a client in another language might.
	require.NoError(t, w.Segment().Publish(ctx, func(s *framebuf.Slot) error {
		const text = `{"boxes":[`
		if err := s.SetLength(len(text)); err != nil {
			return err
		}
		copy(s.Bytes(), text)
		s.Info.Reference = framebuf.Reference{Set: true, Frame: 10, Generation: camera.Low(), PTS: framebuf.NoPTS}
		return nil
	}))

	got := framebridge(t, env, "results", "r", "--for", "9")
	require.Equal(t, 0, got.code, got.stderr)
	require.Equal(t, `{"segment":"r","record":2,"generation":"abcd000000000012","frame":9,"pts_seconds":1.5,"data":[1,2]}`+"\n", got.stdout)
	got = framebridge(t, env, "results", "r", "--for", "6")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "r has no record for frame 6 or one before it")
	got = framebridge(t, env, "results", "r", "--newest")
	require.Equal(t, 1, got.code, "it is not JSON")
	require.Contains(t, got.stdout, `"frame":10,"pts_seconds":null,"data":null,"error":"r: record 3 of frame 10: not JSON: unexpected end of JSON input"}`)

	// What is not JSON ends nothing; it makes the exit code.
	all := start(t, env, "results", "r")
	require.Eventually(t, func() bool {
		return strings.Contains(framebridge(t, env, "info", "r", "--json").stdout, `"label":"results"`)
	}, time.Minute, 20*time.Millisecond)
	require.NoError(t, w.Close())
	require.Equal(t, 1, exitCodeOf(t, all))
	require.Equal(t, []string{
		`{"segment":"r","record":0,"generation":null,"frame":null,"pts_seconds":null,"data":"hello"}`,
		`{"segment":"r","record":1,"generation":"abcd000000000012","frame":7,"pts_seconds":null,"data":{"text":"a\n<b>"}}`,
		`{"segment":"r","record":2,"generation":"abcd000000000012","frame":9,"pts_seconds":1.5,"data":[1,2]}`,
		`{"segment":"r","record":3,"generation":"abcd000000000012","frame":10,"pts_seconds":null,"data":null,"error":"r: record 3 of frame 10: not JSON: unexpected end of JSON input"}`,
		``,
	}, strings.Split(text(all.Stdout), "\n"))
	require.Contains(t, text(all.Stderr), "not JSON: 1 of the records")
}
