// Options and their defaults.

package motion

// Options tune a Detector. A field left zero has the default named with it.
type Options struct {
	// CellPixels is the side of a grid cell. Default: a 240th of the
	// picture's longer side, at least 2; that is 8 for 1920x1080.
	CellPixels int
	// Threshold is the least difference of luma, of 255, that counts as
	// movement. In a noisy picture it is raised to NoiseFactor times the
	// noise, but to no more than four times itself. Default 14.
	Threshold int
	// NoiseFactor is how far above the noise, the median difference of all
	// cells, movement has to be. Default 6.
	NoiseFactor int
	// MinCells is the least number of cells of a part that counts. Default: a
	// 3000th of all cells, at least 4.
	MinCells int
	// LearnFrames is in how many frames, about, the background follows a slow
	// change. What moved and then rests for twice as many becomes background,
	// too. Default 16.
	LearnFrames int
	// MaxFraction is the share of moving cells, 0 to 1, from which on the
	// picture counts as changed as a whole. Default 0.6.
	MaxFraction float64
	// MaxBoxes limits the boxes of one result; the largest stay. Default 32.
	MaxBoxes int
}

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	v.Threshold = orDefault(v.Threshold, 14)
	v.NoiseFactor = orDefault(v.NoiseFactor, 6)
	v.LearnFrames = orDefault(v.LearnFrames, 16)
	v.MaxBoxes = orDefault(v.MaxBoxes, 32)
	if v.MaxFraction <= 0 {
		v.MaxFraction = 0.6
	}
	return v
}

// cellPixels is the side of a cell for a picture of w by h pixels.
func (o Options) cellPixels(w, h int) int {
	return orDefault(o.CellPixels, max((max(w, h)+239)/240, 2))
}

// minCells is the size of the least part on a grid of n cells.
func (o Options) minCells(n int) int {
	return orDefault(o.MinCells, max(n/3000, 4))
}

func orDefault(v, def int) int {
	if v > 0 {
		return v
	}
	return def
}
