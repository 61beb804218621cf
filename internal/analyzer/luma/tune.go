// Settings that can be changed while the meter runs.

package luma

import "github.com/framebridge/framebridge/internal/analyzer"

func knobs() []analyzer.Knob[Options] {
	return []analyzer.Knob[Options]{
		{
			Setting: analyzer.Setting{Key: "black_max", Min: 0, Max: 255, Whole: true, Default: "1", About: "highest luma that counts as clipped black"},
			Set:     func(o *Options, v float64) { o.BlackMax = uint8(v) },
		},
		{
			Setting: analyzer.Setting{Key: "white_min", Min: 0, Max: 255, Whole: true, Default: "254", About: "lowest luma that counts as clipped white"},
			Set:     func(o *Options, v float64) { o.WhiteMin = uint8(v) },
		},
		{
			Setting: analyzer.Setting{Key: "step_pixels", Min: 1, Max: 1024, Whole: true, Default: "1", About: "every n-th pixel of every n-th row is measured"},
			Set:     func(o *Options, v float64) { o.StepPixels = int(v) },
		},
	}
}

// Settings lists what Tune changes: black_max, white_min and step_pixels, which
// are the Options of those names.
func (m *Meter) Settings() []analyzer.Setting { return analyzer.Settings(knobs()) }

// Tune changes settings from the next frame on.
func (m *Meter) Tune(values map[string]float64) {
	m.opts = analyzer.Turn(m.base, knobs(), values)
}
