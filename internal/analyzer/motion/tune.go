// Settings that can be changed while the detector runs.

package motion

import "github.com/framebridge/framebridge/internal/analyzer"

func knobs() []analyzer.Knob[Options] {
	return []analyzer.Knob[Options]{
		{
			Setting: analyzer.Setting{Key: "threshold", Min: 1, Max: 255, Whole: true, Default: "14", About: "least difference of luma that counts as movement"},
			Set:     func(o *Options, v float64) { o.Threshold = int(v) },
		},
		{
			Setting: analyzer.Setting{Key: "noise_factor", Min: 1, Max: 100, Whole: true, Default: "6", About: "how far above the picture's noise movement has to be"},
			Set:     func(o *Options, v float64) { o.NoiseFactor = int(v) },
		},
		{
			Setting: analyzer.Setting{Key: "min_cells", Min: 1, Max: 1e6, Whole: true, Default: "a 3000th of all", About: "least number of grid cells of a part that counts"},
			Set:     func(o *Options, v float64) { o.MinCells = int(v) },
		},
		{
			Setting: analyzer.Setting{Key: "learn_frames", Min: 1, Max: 30000, Whole: true, Default: "16", About: "in how many frames the background follows a slow change"},
			Set:     func(o *Options, v float64) { o.LearnFrames = int(v) },
		},
		{
			Setting: analyzer.Setting{Key: "max_fraction", Min: 0.001, Max: 1, Default: "0.6", About: "share of moving cells from which on all has changed: no boxes"},
			Set:     func(o *Options, v float64) { o.MaxFraction = v },
		},
		{
			Setting: analyzer.Setting{Key: "max_boxes", Min: 1, Max: 10000, Whole: true, Default: "32", About: "most boxes of a frame; the largest stay"},
			Set:     func(o *Options, v float64) { o.MaxBoxes = int(v) },
		},
		{
			Setting: analyzer.Setting{Key: "cell_pixels", Min: 2, Max: 4096, Whole: true, Default: "a 240th of the longer side", About: "side of a grid cell; a change learns the background anew"},
			Set:     func(o *Options, v float64) { o.CellPixels = int(v) },
		},
	}
}

// Settings lists what Tune changes: threshold, noise_factor, min_cells,
// learn_frames, max_fraction, max_boxes and cell_pixels, which are the Options of
// those names.
func (d *Detector) Settings() []analyzer.Setting { return analyzer.Settings(knobs()) }

// Tune changes settings from the next frame on. The background that was learned
// stays, unless the size of the cells changes.
func (d *Detector) Tune(values map[string]float64) {
	o := analyzer.Turn(d.base, knobs(), values)
	if o.CellPixels != d.opts.CellPixels {
		d.past = analyzer.Past{}
	}
	d.opts = o
}
