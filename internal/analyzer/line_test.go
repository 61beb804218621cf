package analyzer_test

import (
	"encoding/json"
	"image/draw"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/picture"
)

// raw is a result that marshals to whatever it holds.
type raw string

func (r raw) MarshalJSON() ([]byte, error)   { return []byte(r), nil }
func (r raw) Draw(draw.Image, *picture.Face) {}
func line(pts time.Duration, r analyzer.Result) analyzer.Line {
	return analyzer.Line{Generation: "a1", Frame: 7, PTS: pts, Analyzer: "x", Result: r}
}

func TestLine(t *testing.T) {
	const head = `{"generation":"a1","frame":7,"pts_seconds":0.28,"analyzer":"x"`
	for _, tc := range []struct {
		name string
		line analyzer.Line
		want string
	}{
		{"keys follow the head", line(280*time.Millisecond, raw(`{"b":1,"a":[2]}`)), head + `,"b":1,"a":[2]}`},
		{"empty object", line(280*time.Millisecond, raw(`{}`)), head + `}`},
		{"spaces", line(280*time.Millisecond, raw("{\n \"b\": 1 }")), head + `,"b":1}`},
		{"no result", line(280*time.Millisecond, nil), head + `}`},
		{"no time", line(analyzer.NoPTS, raw(`{}`)), `{"generation":"a1","frame":7,"pts_seconds":null,"analyzer":"x"}`},
		{"time 0 is a time", line(0, raw(`{}`)), `{"generation":"a1","frame":7,"pts_seconds":0,"analyzer":"x"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := json.Marshal(tc.line)
			require.NoError(t, err)
			require.Equal(t, tc.want, string(got))
		})
	}
}

func TestLineRefuses(t *testing.T) {
	for _, tc := range []struct{ name, result, text string }{
		{"array", `[1]`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"number", `3`, "not a JSON object"},
		{"a key of the line", `{"a":1,"pts_seconds":3}`, `the line's key "pts_seconds"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := json.Marshal(line(0, raw(tc.result)))
			require.ErrorIs(t, err, analyzer.ErrResult)
			require.ErrorContains(t, err, tc.text)
			require.ErrorContains(t, err, "frame 7")
		})
	}
	_, err := json.Marshal(line(0, raw(`{"broken`)))
	require.Error(t, err)
}
