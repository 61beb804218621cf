package analyzer_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/analyzer"
)

// cornerOptions are those of a corner that can be tuned.
type cornerOptions struct {
	Limit int
	Share float64
}

// tunedCorner is a corner with settings.
type tunedCorner struct {
	corner
	now   cornerOptions
	tuned int
}

func cornerKnobs() []analyzer.Knob[cornerOptions] {
	return []analyzer.Knob[cornerOptions]{
		{
			Setting: analyzer.Setting{Key: "limit", Min: 1, Max: 255, Whole: true},
			Set:     func(o *cornerOptions, v float64) { o.Limit = int(v) },
		},
		{
			Setting: analyzer.Setting{Key: "share", Min: 0.5, Max: 1},
			Set:     func(o *cornerOptions, v float64) { o.Share = v },
		},
	}
}

func (c *tunedCorner) Settings() []analyzer.Setting { return analyzer.Settings(cornerKnobs()) }

func (c *tunedCorner) Tune(values map[string]float64) {
	c.now = analyzer.Turn(cornerOptions{Limit: 7, Share: 0.75}, cornerKnobs(), values)
	c.tuned++
}

func TestTune(t *testing.T) {
	for _, tc := range []struct {
		name, configuration string
		want                cornerOptions
	}{
		{"nothing", `{}`, cornerOptions{7, 0.75}},
		{"one", `{"corner.limit": 20}`, cornerOptions{20, 0.75}},
		{"both", `{"corner.limit": 1, "corner.share": 0.5}`, cornerOptions{1, 0.5}},
		{"the ends of the range", `{"corner.limit": 255, "corner.share": 1}`, cornerOptions{255, 1}},
		{"whole, written with a fraction", `{"corner.limit": 2e1}`, cornerOptions{20, 0.75}},
		{"keys of others", `{"limit": "x", "cornered.limit": 3, "scene.ratio": [], "corner": {}}`, cornerOptions{7, 0.75}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var values map[string]any
			require.NoError(t, json.Unmarshal([]byte(tc.configuration), &values))
			c := &tunedCorner{}
			require.NoError(t, analyzer.Tune(c, values))
			require.Equal(t, tc.want, c.now)
		})
	}
}

func TestTuneRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		value any
		text  string
	}{
		{"string", "fast", `corner.limit: setting not possible: the string "fast" is no number, it takes a whole number from 1 to 255`},
		{"boolean", true, "true is no number"},
		{"null", nil, "null is no number"},
		{"array", []any{1.0}, "an array is no number"},
		{"object", map[string]any{}, "an object is no number"},
		{"below", 0.0, "corner.limit: setting not possible: 0, it takes a whole number from 1 to 255"},
		{"above", json.Number("256"), "256, it takes"},
		{"a fraction", 1.5, "1.5, it takes a whole number"},
		{"not a number", math.NaN(), "NaN, it takes"},
		{"beyond all numbers", json.Number("1e999"), "1e999 is too large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &tunedCorner{}
			err := analyzer.Tune(c, map[string]any{"corner.limit": tc.value, "corner.share": 0.5})
			require.ErrorIs(t, err, analyzer.ErrSetting)
			require.ErrorContains(t, err, tc.text)
			require.Zero(t, c.tuned, "all or nothing")
		})
	}
	c := &tunedCorner{}
	err := analyzer.Tune(c, map[string]any{"corner.limt": 3.0, "corner.share": 9.0})
	require.ErrorIs(t, err, analyzer.ErrSetting)
	require.EqualError(t, err, "corner.limt: setting not possible: corner has no such one, but limit, share\ncorner.share: setting not possible: 9, it takes a number from 0.5 to 1")
	require.Zero(t, c.tuned)
}
