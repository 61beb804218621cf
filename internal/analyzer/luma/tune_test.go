package luma_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/luma"
)

func TestTune(t *testing.T) {
	img := columns(2, grey(0), grey(1), grey(200), grey(255))
	m := luma.New(&luma.Options{BlackMax: 250})
	look := func(values map[string]any) *luma.Result {
		require.NoError(t, analyzer.Tune(m, values))
		res, err := m.Analyze(analyzer.Frame{Image: img})
		require.NoError(t, err)
		return res.(*luma.Result)
	}
	require.Equal(t, 0.75, look(nil).BlackFraction, "as made")
	require.Equal(t, 0.5, look(map[string]any{"luma.black_max": 1.0}).BlackFraction)
	require.Equal(t, 0.25, look(map[string]any{"luma.black_max": 0.0}).BlackFraction, "0 is 0 here")
	require.Equal(t, 0.75, look(map[string]any{"luma.white_min": 1.0}).WhiteFraction)
	require.Equal(t, 1.0, look(map[string]any{"luma.white_min": 0.0}).WhiteFraction)
	require.Equal(t, 100.0, look(map[string]any{"luma.step_pixels": 2.0}).Mean)
	require.Equal(t, 0.75, look(map[string]any{}).BlackFraction, "as made again")
}
