package luma_test

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/luma"
	"github.com/framebridge/framebridge/internal/picture"
)

func grey(v uint8) color.RGBA { return color.RGBA{R: v, G: v, B: v, A: 255} }

// columns returns a picture with one column for each colour.
func columns(height int, cs ...color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, len(cs), height))
	for x, c := range cs {
		picture.Fill(img, image.Rect(x, 0, x+1, height), c)
	}
	return img
}

func measure(t testing.TB, opts *luma.Options, img *image.RGBA) *luma.Result {
	t.Helper()
	res, err := luma.New(opts).Analyze(analyzer.Frame{Image: img})
	require.NoError(t, err)
	return res.(*luma.Result)
}

func TestStatistics(t *testing.T) {
	hundred := make([]color.RGBA, 100)
	for i := range hundred {
		hundred[i] = grey(uint8(i + 50))
	}
	for _, tc := range []struct {
		name string
		img  *image.RGBA
		opts *luma.Options
		want luma.Result
	}{
		{
			"one grey", columns(4, grey(90), grey(90), grey(90)), nil,
			luma.Result{Mean: 90, Min: 90, Max: 90, P1: 90, P50: 90, P99: 90, Matrix: "bt601"},
		},
		{
			"black and white", columns(3, grey(0), grey(255)), nil,
			luma.Result{Mean: 127.5, Max: 255, Stddev: 127.5, P99: 255, BlackFraction: 0.5, WhiteFraction: 0.5, Matrix: "bt601"},
		},
		{
			"nearly clipped", columns(2, grey(1), grey(2), grey(253), grey(254)), nil,
			luma.Result{Mean: 127.5, Min: 1, Max: 254, Stddev: math.Sqrt(15876.25 + .0), P1: 1, P50: 2, P99: 254, BlackFraction: .25, WhiteFraction: .25, Matrix: "bt601"},
		},
		{
			"other limits", columns(2, grey(1), grey(20), grey(230), grey(254)), &luma.Options{BlackMax: 20, WhiteMin: 230},
			luma.Result{Mean: 126.25, Min: 1, Max: 254, Stddev: math.Sqrt((1+400+52900+64516)/4. - 126.25*126.25), P1: 1, P50: 20, P99: 254, BlackFraction: .5, WhiteFraction: .5, Matrix: "bt601"},
		},
		{
			"a ramp", columns(1, hundred...), nil,
			luma.Result{Mean: 99.5, Min: 50, Max: 149, Stddev: math.Sqrt((100*100 - 1) / 12.), P1: 50, P50: 99, P99: 148, Matrix: "bt601"},
		},
		{
			"green of 601", columns(719, color.RGBA{G: 255, A: 255}), nil,
			luma.Result{Mean: 149, Min: 149, Max: 149, P1: 149, P50: 149, P99: 149, Matrix: "bt601"},
		},
		{
			"green of 709", columns(720, color.RGBA{G: 255, A: 255}), nil,
			luma.Result{Mean: 182, Min: 182, Max: 182, P1: 182, P50: 182, P99: 182, Matrix: "bt709"},
		},
		{
			"red of 709 by wish", columns(2, color.RGBA{R: 255, A: 255}), &luma.Options{Matrix: analyzer.BT709},
			luma.Result{Mean: 54, Min: 54, Max: 54, P1: 54, P50: 54, P99: 54, Matrix: "bt709"},
		},
		{
			"every second column", columns(3, grey(10), grey(200), grey(10), grey(200), grey(10)), &luma.Options{StepPixels: 2},
			luma.Result{Mean: 10, Min: 10, Max: 10, P1: 10, P50: 10, P99: 10, Matrix: "bt601"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := measure(t, tc.opts, tc.img)
			require.InDelta(t, tc.want.Stddev, got.Stddev, 1e-9)
			got.Stddev = tc.want.Stddev
			require.Equal(t, tc.want, *got)
		})
	}
}

// Every pixel counts exactly once, for all widths and steps.
func TestAgainstPlainCount(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for w := 1; w < 20; w++ {
		for step := 1; step < 5; step++ {
			whole := image.NewRGBA(image.Rect(0, 0, w+2, 5))
			for i := range whole.Pix {
				whole.Pix[i] = uint8(rnd.Uint32())
			}
			img := whole.SubImage(image.Rect(1, 1, w+1, 5)).(*image.RGBA)
			var all []int
			for y := 1; y < 5; y += step {
				for x := 1; x < w+1; x += step {
					c := img.RGBAAt(x, y)
					all = append(all, (77*int(c.R)+150*int(c.G)+29*int(c.B)+128)>>8)
				}
			}
			slices.Sort(all)
			sum := 0
			for _, v := range all {
				sum += v
			}
			got := measure(t, &luma.Options{StepPixels: step}, img)
			require.InDelta(t, float64(sum)/float64(len(all)), got.Mean, 1e-9, "width %d, step %d", w, step)
			require.Equal(t, all[0], got.Min)
			require.Equal(t, all[len(all)-1], got.Max)
			require.Equal(t, all[(len(all)-1)/2], got.P50)
		}
	}
}

func Example() {
	frame := image.NewRGBA(image.Rect(0, 0, 64, 36))
	picture.Fill(frame, frame.Rect, color.RGBA{R: 40, G: 40, B: 40, A: 255})
	picture.Fill(frame, image.Rect(0, 0, 64, 9), color.RGBA{A: 255})
	res, err := luma.New(nil).Analyze(analyzer.Frame{Image: frame, Number: 0, PTS: 0})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := res.(*luma.Result)
	fmt.Println(r.Mean, r.P50, r.BlackFraction, r.Matrix)
	// Output: 30 40 0.25 bt601
}
