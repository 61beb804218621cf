// Settings that can be changed while the detector runs.

package scene

import "github.com/framebridge/framebridge/internal/analyzer"

func knobs() []analyzer.Knob[Options] {
	return []analyzer.Knob[Options]{
		{
			Setting: analyzer.Setting{Key: "min_score", Min: 0.001, Max: 1, Default: "0.2", About: "least score of a cut"},
			Set:     func(o *Options, v float64) { o.MinScore = v },
		},
		{
			Setting: analyzer.Setting{Key: "ratio", Min: 0.1, Max: 1000, Default: "1.7", About: "how many times the highest score of the frames before it is a cut's"},
			Set:     func(o *Options, v float64) { o.Ratio = v },
		},
		{
			Setting: analyzer.Setting{Key: "window_frames", Min: 1, Max: 10000, Whole: true, Default: "12", About: "how many frames before are looked at for that"},
			Set:     func(o *Options, v float64) { o.WindowFrames = int(v) },
		},
	}
}

// Settings lists what Tune changes: min_score, ratio and window_frames, which are
// the Options of those names.
func (d *Detector) Settings() []analyzer.Setting { return analyzer.Settings(knobs()) }

// Tune changes settings from the next frame on. The scores of the frames before
// stay, as many as the window takes.
func (d *Detector) Tune(values map[string]float64) {
	o := analyzer.Turn(d.base, knobs(), values)
	if over := len(d.scores) - o.WindowFrames; over > 0 {
		d.scores = append(d.scores[:0], d.scores[over:]...)
	}
	d.opts = o
}
