// The detector: from a frame to the cells that move.

package motion

import (
	"fmt"
	"math"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/picture"
)

// Name is the analyzer's name.
const Name = "motion"

// Detector is the motion analyzer. It is not safe for concurrent use.
type Detector struct {
	base Options // as New was told
	opts Options // as tuned
	past analyzer.Past

	now    analyzer.Grid
	before []uint8 // luma of the frame before
	// back is the background in 1/256 of luma, so that it can follow a
	// difference smaller than the number of frames it learns in.
	back   []int32
	diff   []int32 // luma over background, the common change taken off
	moving []bool
	fresh  []bool   // changed since the frame before
	rested []uint16 // for how many frames a moving cell has not been fresh
	label  []int32
	queue  []int32
}

// New returns a detector; nil options mean the defaults.
func New(opts *Options) *Detector {
	o := opts.withDefaults()
	return &Detector{base: o, opts: o}
}

// Name returns "motion".
func (d *Detector) Name() string { return Name }

// Analyze returns a *Result. The first frame, and the first of a new size, has
// no boxes: nothing has moved yet.
func (d *Detector) Analyze(f analyzer.Frame) (analyzer.Result, error) {
	img, err := picture.AtOrigin(f.Image)
	if err != nil {
		return nil, fmt.Errorf("motion: frame %d: %w", f.Number, err)
	}
	size := img.Rect.Size()
	continues := d.past.Continues(size, f.Number)
	d.now.Fill(img, d.opts.cellPixels(size.X, size.Y))
	res := &Result{Boxes: []Box{}, Width: size.X, Height: size.Y}
	if !continues {
		d.start()
		return res, nil
	}
	res.MovingFraction = d.mark()
	if res.MovingFraction >= d.opts.MaxFraction {
		d.start()
		return res, nil
	}
	res.Boxes = d.boxes(size.X, size.Y)
	d.learn()
	return res, nil
}

// start takes the present frame as the background.
func (d *Detector) start() {
	n := len(d.now.Luma)
	if len(d.back) != n {
		d.before = make([]uint8, n)
		d.back, d.diff = make([]int32, n), make([]int32, n)
		d.moving, d.fresh = make([]bool, n), make([]bool, n)
		d.rested = make([]uint16, n)
		d.label, d.queue = make([]int32, n), make([]int32, 0, n)
	}
	copy(d.before, d.now.Luma)
	clear(d.rested)
	for i, v := range d.now.Luma {
		d.back[i] = int32(v) << 8
	}
}

// mark compares the frame with the background and with the frame before, and
// returns the share of cells that moved.
func (d *Detector) mark() float64 {
	var hist [511]int32
	for i, v := range d.now.Luma {
		d.diff[i] = int32(v) - (d.back[i]+128)>>8
		hist[d.diff[i]+255]++
	}
	light := median(hist[:]) - 255
	var noise [512]int32
	for i := range d.diff {
		d.diff[i] -= light
		noise[min(abs(d.diff[i]), 511)]++
	}
	least := int32(d.opts.Threshold)
	// The limit is for a picture that has changed as a whole: there the median
	// is no noise.
	threshold := min(max(least, int32(d.opts.NoiseFactor)*median(noise[:])), 4*least)
	count := 0
	for i, v := range d.diff {
		d.moving[i] = abs(v) > threshold
		if d.moving[i] {
			count++
		}
		d.fresh[i] = abs(int32(d.now.Luma[i])-int32(d.before[i])) > threshold/2
	}
	return float64(count) / float64(len(d.diff))
}

// learn lets the background follow the frame, but where something moves only
// after that has rested for a while: it would leave a trail otherwise.
func (d *Detector) learn() {
	copy(d.before, d.now.Luma)
	frames := int32(d.opts.LearnFrames)
	patience := uint16(min(2*frames, math.MaxUint16-1))
	for i, v := range d.now.Luma {
		switch {
		case !d.moving[i]:
			d.rested[i] = 0
		case d.fresh[i]:
			d.rested[i] = 0
			continue
		case d.rested[i] < patience:
			d.rested[i]++
			continue
		}
		d.back[i] += (int32(v)<<8 - d.back[i]) / frames
	}
}

// median returns the index at which half of the counts in hist are reached.
func median(hist []int32) int32 {
	var total, sum int32
	for _, n := range hist {
		total += n
	}
	for i, n := range hist {
		if sum += n; 2*sum >= total {
			return int32(i)
		}
	}
	return 0
}

func abs(v int32) int32 { return max(v, -v) }
