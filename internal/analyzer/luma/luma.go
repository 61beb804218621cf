// Package luma measures how bright frames are: mean, spread, percentiles and
// how much of the picture is clipped.
//
// Luma is computed from RGB, full range: 0 is black and 255 white, whatever
// range the source had. Which matrix is used stands in each result.
//
// A configuration can change its settings while it runs: luma.black_max,
// luma.white_min, luma.step_pixels.
package luma

import (
	"fmt"
	"image"
	"math"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/picture"
)

// Name is the analyzer's name.
const Name = "luma"

// Options tune a Meter. A field left zero has the default named with it.
type Options struct {
	// Matrix is how luma is made of RGB. Default: analyzer.AutoMatrix.
	Matrix analyzer.Matrix
	// BlackMax is the highest luma that counts as clipped black. Default 1,
	// because coding leaves few pixels at exactly 0.
	BlackMax uint8
	// WhiteMin is the lowest luma that counts as clipped white. Default 254.
	WhiteMin uint8
	// StepPixels measures every n-th pixel of every n-th row. Default 1, each
	// pixel.
	StepPixels int
}

// Meter is the luma analyzer. Each frame is measured by itself. It is not safe
// for concurrent use.
type Meter struct {
	base Options // as New was told
	opts Options // as tuned
}

// New returns a meter; nil options mean the defaults.
func New(opts *Options) *Meter {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.BlackMax == 0 {
		o.BlackMax = 1
	}
	if o.WhiteMin == 0 {
		o.WhiteMin = 254
	}
	o.StepPixels = max(o.StepPixels, 1)
	return &Meter{base: o, opts: o}
}

// Name returns "luma".
func (m *Meter) Name() string { return Name }

// Analyze returns a *Result.
func (m *Meter) Analyze(f analyzer.Frame) (analyzer.Result, error) {
	img, err := picture.AtOrigin(f.Image)
	if err != nil {
		return nil, fmt.Errorf("luma: frame %d: %w", f.Number, err)
	}
	matrix := m.opts.Matrix.For(img.Rect.Dy())
	hist := m.count(img, matrix)
	res := summary(&hist)
	res.Matrix = matrix.String()
	for v, n := range hist {
		if v <= int(m.opts.BlackMax) {
			res.BlackFraction += float64(n)
		}
		if v >= int(m.opts.WhiteMin) {
			res.WhiteFraction += float64(n)
		}
	}
	total := float64(sum(&hist))
	res.BlackFraction /= total
	res.WhiteFraction /= total
	return res, nil
}

// count returns how many pixels have each luma.
func (m *Meter) count(img *image.RGBA, matrix analyzer.Matrix) [256]uint64 {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	wr, wg, wb := matrix.Weights()
	// Two tables in turn: neighbours are often equal, and adding to the same
	// number twice running would wait for the first.
	var even, odd [256]uint32
	var hist [256]uint64
	stepBytes := 4 * m.opts.StepPixels
	for y := 0; y < h; y += m.opts.StepPixels {
		line := img.Pix[y*img.Stride:][:4*w]
		i := 0
		for ; i+stepBytes+3 < len(line); i += 2 * stepBytes {
			p := line[i : i+3 : i+3]
			q := line[i+stepBytes:][:3]
			even[uint8((wr*uint32(p[0])+wg*uint32(p[1])+wb*uint32(p[2])+128)>>8)]++
			odd[uint8((wr*uint32(q[0])+wg*uint32(q[1])+wb*uint32(q[2])+128)>>8)]++
		}
		if i+3 < len(line) {
			p := line[i : i+3 : i+3]
			even[uint8((wr*uint32(p[0])+wg*uint32(p[1])+wb*uint32(p[2])+128)>>8)]++
		}
	}
	for v := range hist {
		hist[v] = uint64(even[v]) + uint64(odd[v])
	}
	return hist
}

// summary computes all that follows from the histogram alone.
func summary(hist *[256]uint64) *Result {
	total := sum(hist)
	res := &Result{Min: 255, Max: 0}
	var first, second uint64 // sums of luma and of its square
	for v, n := range hist {
		if n == 0 {
			continue
		}
		res.Min, res.Max = min(res.Min, v), max(res.Max, v)
		first += uint64(v) * n
		second += uint64(v) * uint64(v) * n
	}
	res.Mean = float64(first) / float64(total)
	res.Stddev = math.Sqrt(max(float64(second)/float64(total)-res.Mean*res.Mean, 0))
	res.P1 = percentile(hist, total, 1)
	res.P50 = percentile(hist, total, 50)
	res.P99 = percentile(hist, total, 99)
	return res
}

// percentile returns the lowest luma that at least p percent of the pixels do
// not exceed.
func percentile(hist *[256]uint64, total uint64, p uint64) int {
	var sum uint64
	for v, n := range hist {
		if sum += n; sum*100 >= total*p {
			return v
		}
	}
	return 255
}

func sum(hist *[256]uint64) (total uint64) {
	for _, n := range hist {
		total += n
	}
	return total
}
