package scene_test

import (
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/scene"
)

func TestTune(t *testing.T) {
	dark, light := color.RGBA{R: 20, G: 20, B: 30, A: 255}, color.RGBA{R: 200, G: 190, B: 170, A: 255}
	dim := color.RGBA{R: 50, G: 50, B: 60, A: 255}
	// Cuts at 20, 26 and 40. The second one lies within 12 frames of the first, the third is not as hard.
	frames := film(t, 160, 90, shot{"", dark, 20}, shot{"", light, 6}, shot{"", dark, 14}, shot{"", dim, 10})
	for _, tc := range []struct {
		name   string
		at     int // tuned before this frame
		values map[string]any
		want   []int
	}{
		{"never", 99, nil, []int{20, 40}},
		{"a shorter window, from the start", 0, map[string]any{"scene.window_frames": 5.0}, []int{20, 26, 40}},
		{"a shorter window in between", 26, map[string]any{"scene.window_frames": 5.0}, []int{20, 26, 40}},
		{"a longer window in between", 30, map[string]any{"scene.window_frames": 30.0}, []int{20}},
		{"nothing is enough", 30, map[string]any{"scene.min_score": 1.0}, []int{20}},
		{"the ratio", 26, map[string]any{"scene.ratio": 0.5}, []int{20, 26, 40}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, found := scene.New(nil), []int{}
			for n, img := range frames {
				if n == tc.at {
					require.NoError(t, analyzer.Tune(d, tc.values))
				}
				res, err := d.Analyze(analyzer.Frame{Image: img, Number: uint64(n)})
				require.NoError(t, err)
				if res.(*scene.Result).Cut {
					found = append(found, n)
				}
				require.Equal(t, len(found)+1, res.(*scene.Result).Scene, "the count of scenes goes on")
			}
			require.Equal(t, tc.want, found)
		})
	}
}
