// Package scene finds cuts: the first frame of each new scene.
//
// Two things are compared with the frame before: how the colours are
// distributed (a coarse histogram) and where the light is (a grid of luma
// averages). Their mean is the score. A frame is a cut if its score is high
// and also stands out from those of the frames before it, so that steady fast
// movement, smooth or in jerks, makes no cuts. Fades and dissolves have no first frame and are
// not found.
//
// A configuration can change its settings while it runs: scene.min_score,
// scene.ratio, scene.window_frames.
package scene

import (
	"fmt"
	"image"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/picture"
)

// Name is the analyzer's name.
const Name = "scene"

// Options tune a Detector. A field left zero has the default named with it.
type Options struct {
	// MinScore is the least score of a cut, 0 to 1. It is Ratio times as much
	// for the first WindowFrames frames of a stream. Default 0.2.
	MinScore float64
	// Ratio is how many times the highest score of the frames before a cut's
	// score has to be. Default 1.7.
	Ratio float64
	// WindowFrames is how many frames before are looked at for that. Default
	// 12. Cuts are among them: a flash makes one cut and not two, and of two
	// cuts closer than this the second is not seen.
	WindowFrames int
}

// gridCells is about how many cells the longer side of the picture has.
const gridCells = 64

// Bins of the colour histogram: 17 of luma, 3 each of blue-yellow and
// red-green.
const bins = 17 * 3 * 3

// Detector is the scene analyzer. It is not safe for concurrent use.
type Detector struct {
	base Options // as New was told
	opts Options // as tuned
	past analyzer.Past

	now, before         analyzer.Grid
	nowHist, beforeHist [bins]uint32
	total               uint32 // of each histogram

	scores []float64 // of the last WindowFrames frames
	scene  int
}

// New returns a detector; nil options mean the defaults.
func New(opts *Options) *Detector {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.MinScore <= 0 {
		o.MinScore = 0.2
	}
	if o.Ratio <= 0 {
		o.Ratio = 1.7
	}
	if o.WindowFrames <= 0 {
		o.WindowFrames = 12
	}
	return &Detector{base: o, opts: o}
}

// Name returns "scene".
func (d *Detector) Name() string { return Name }

// Analyze returns a *Result. The first frame is the start of scene 1 and not a
// cut.
func (d *Detector) Analyze(f analyzer.Frame) (analyzer.Result, error) {
	img, err := picture.AtOrigin(f.Image)
	if err != nil {
		return nil, fmt.Errorf("scene: frame %d: %w", f.Number, err)
	}
	size := img.Rect.Size()
	d.now, d.before = d.before, d.now
	d.nowHist, d.beforeHist = d.beforeHist, d.nowHist
	cell := max((max(size.X, size.Y)+gridCells-1)/gridCells, 1)
	d.now.Fill(img, cell)
	d.count(img, max(cell/4, 1))
	if !d.past.Continues(size, f.Number) {
		d.scene, d.scores = 1, d.scores[:0]
		return &Result{Scene: d.scene}, nil
	}
	score := (d.colourChange() + d.lightChange()) / 2
	cut := score >= d.threshold()
	if cut {
		d.scene++
	}
	d.remember(score)
	return &Result{Cut: cut, Score: score, Scene: d.scene}, nil
}

// threshold is the score from which on a frame is a cut. While little is known
// of how the scene moves it is higher.
func (d *Detector) threshold() float64 {
	least := d.opts.MinScore
	if len(d.scores) < d.opts.WindowFrames {
		least *= d.opts.Ratio
	}
	return max(least, d.opts.Ratio*highest(d.scores))
}

// remember adds a score to the window.
func (d *Detector) remember(score float64) {
	if len(d.scores) == d.opts.WindowFrames {
		copy(d.scores, d.scores[1:])
		d.scores = d.scores[:len(d.scores)-1]
	}
	d.scores = append(d.scores, score)
}

// count fills the histogram from every step-th pixel of every step-th row.
func (d *Detector) count(img *image.RGBA, step int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	d.nowHist = [bins]uint32{}
	d.total = 0
	// A picture thinner than half a step still gives a sample.
	for y := min(step/2, h-1); y < h; y += step {
		line := img.Pix[y*img.Stride:][:4*w]
		for i := 4 * min(step/2, w-1); i+3 < len(line); i += 4 * step {
			p := line[i : i+3 : i+3]
			r, g, b := int(p[0]), int(p[1]), int(p[2])
			luma := (77*r + 150*g + 29*b) >> 8
			tint := 3*third(b-(r+g)/2) + third(r-g)
			// Each sample is shared between two bins of luma, so that a
			// little more light moves a little and not all of it.
			at, part := luma>>4, uint32(luma&15)
			d.nowHist[9*at+tint] += 16 - part
			d.nowHist[9*at+9+tint] += part
			d.total += 16
		}
	}
}

// third says whether a colour difference, -255 to 255, is low, small or high.
func third(v int) int {
	switch {
	case v < -20:
		return 0
	case v <= 20:
		return 1
	default:
		return 2
	}
}

// colourChange is the share of the samples, 0 to 1, that are of another colour
// than in the frame before.
func (d *Detector) colourChange() float64 {
	var sum uint32
	for i, n := range d.nowHist {
		sum += max(n, d.beforeHist[i]) - min(n, d.beforeHist[i])
	}
	return float64(sum) / float64(2*d.total)
}

// lightChange is the mean difference of the cells' luma. A difference of 64
// counts as 1, for two unlike pictures seldom differ by more on average.
func (d *Detector) lightChange() float64 {
	var sum int
	for i, v := range d.now.Luma {
		b := d.before.Luma[i]
		sum += int(max(v, b) - min(v, b))
	}
	return min(float64(sum)/float64(64*len(d.now.Luma)), 1)
}

// highest of no scores is 0.
func highest(scores []float64) (top float64) {
	for _, v := range scores {
		top = max(top, v)
	}
	return top
}
