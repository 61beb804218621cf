package motion_test

import (
	"image"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/motion"
)

// A change counts from the next frame on, and the background stays.
func TestTune(t *testing.T) {
	s, d := newStage(320, 180), motion.New(nil)
	n := 0
	boxes := func() int {
		n++
		s.clear(0, 0)
		s.thing(image.Rect(0, 0, 40, 40).Add(image.Pt(10+10*n, 60)))
		return len(look(t, d, s.RGBA, n).Boxes)
	}
	s.clear(0, 0)
	look(t, d, s.RGBA, 0)
	require.Equal(t, 1, boxes())
	for range 3 {
		require.NoError(t, analyzer.Tune(d, map[string]any{"motion.threshold": 250.0}))
		require.Zero(t, boxes())
		require.NoError(t, analyzer.Tune(d, map[string]any{}))
		require.Equal(t, 1, boxes(), "as before, in the very next frame: nothing was forgotten")
	}
	require.NoError(t, analyzer.Tune(d, map[string]any{"motion.cell_pixels": 10.0}))
	require.Zero(t, boxes(), "other cells: the background is learned anew")
	require.NotZero(t, boxes())
	require.NoError(t, analyzer.Tune(d, map[string]any{"motion.cell_pixels": 10.0, "motion.max_fraction": 1.0}))
	require.NotZero(t, boxes(), "the same cells: it stays")
}

func TestTunedIsAsMade(t *testing.T) {
	longRun(t)
	for _, tc := range []struct {
		name string
		key  string
		v    float64
		opts motion.Options
	}{
		{"threshold", "motion.threshold", 40, motion.Options{Threshold: 40}},
		{"noise", "motion.noise_factor", 1, motion.Options{NoiseFactor: 1}},
		{"cells", "motion.min_cells", 300, motion.Options{MinCells: 300}},
		{"learning", "motion.learn_frames", 2, motion.Options{LearnFrames: 2}},
		{"share", "motion.max_fraction", 0.05, motion.Options{MaxFraction: 0.05}},
		{"boxes", "motion.max_boxes", 1, motion.Options{MaxBoxes: 1}},
		{"cell size", "motion.cell_pixels", 16, motion.Options{CellPixels: 16}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			film := func(d *motion.Detector) (all []*motion.Result) {
				s := newStage(320, 180)
				for n := range 12 {
					s.clear(n, 20)
					s.thing(image.Rect(0, 0, 30, 30).Add(image.Pt(12*n, 20)))
					s.thing(image.Rect(0, 0, 80, 60).Add(image.Pt(200-9*n, 100)))
					all = append(all, look(t, d, s.RGBA, n))
				}
				return all
			}
			tuned := motion.New(nil)
			require.NoError(t, analyzer.Tune(tuned, map[string]any{tc.key: tc.v}))
			got := film(tuned)
			require.Equal(t, film(motion.New(&tc.opts)), got)
			require.NotEqual(t, film(motion.New(nil)), got, "it makes a difference here")
		})
	}
}

// What New was told is what an empty configuration gives.
func TestTuneGoesBackToNew(t *testing.T) {
	d, same := motion.New(&motion.Options{Threshold: 250}), motion.New(&motion.Options{Threshold: 250})
	require.NoError(t, analyzer.Tune(d, map[string]any{"motion.threshold": 5.0}))
	require.NoError(t, analyzer.Tune(d, nil))
	s := newStage(320, 180)
	for n := range 3 {
		s.clear(0, 0)
		s.thing(image.Rect(0, 0, 40, 40).Add(image.Pt(50*n, 60)))
		require.Equal(t, look(t, same, s.RGBA, n), look(t, d, s.RGBA, n))
	}
}
