package scene_test

import (
	"fmt"
	"image"
	"image/color"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/scene"
	"github.com/framebridge/framebridge/internal/generator"
	"github.com/framebridge/framebridge/internal/generator/generators"
	"github.com/framebridge/framebridge/internal/picture"
)

// shot is a piece of film: the frames of a generator, or one colour.
type shot struct {
	generator string
	colour    color.RGBA
	frames    int
}

// lifeSettled is the frame of life at which the first great dying is over.
const lifeSettled = 10

// film returns a function that draws the n-th frame of the shots in a row.
func film(t testing.TB, w, h int, shots ...shot) (frames []*image.RGBA) {
	t.Helper()
	for _, s := range shots {
		var g generator.Generator
		if s.generator != "" {
			var err error
			g, err = generators.New(s.generator)
			require.NoError(t, err)
		}
		for n := range uint64(s.frames) {
			img := image.NewRGBA(image.Rect(0, 0, w, h))
			picture.Fill(img, img.Rect, s.colour)
			if g != nil {
				require.NoError(t, g.Draw(img, lifeSettled+n, time.Duration(n)*time.Second/25))
			}
			frames = append(frames, img)
		}
	}
	return frames
}

// cuts returns the numbers of the frames at which the analyzer sees a cut.
func cuts(t testing.TB, frames []*image.RGBA) []int {
	t.Helper()
	found := []int{}
	d := scene.New(nil)
	for n, img := range frames {
		res, err := d.Analyze(analyzer.Frame{Image: img, Number: uint64(n)})
		require.NoError(t, err)
		r := res.(*scene.Result)
		require.GreaterOrEqual(t, r.Score, 0.0)
		require.LessOrEqual(t, r.Score, 1.0)
		if r.Cut {
			found = append(found, n)
		}
		require.Equal(t, len(found)+1, r.Scene)
	}
	return found
}

func TestCuts(t *testing.T) {
	if testing.Short() {
		t.Skip("left to the run without -short: nothing here runs beside anything")
	}
	dark, light := color.RGBA{R: 20, G: 20, B: 30, A: 255}, color.RGBA{R: 200, G: 190, B: 170, A: 255}
	for _, tc := range []struct {
		name  string
		shots []shot
		want  []int
	}{
		{"the three generators", []shot{{"clock", dark, 30}, {"bars", dark, 30}, {"life", dark, 30}, {"clock", dark, 20}}, []int{30, 60, 90}},
		{"movement alone", []shot{{"life", dark, 60}}, []int{}},
		{"still", []shot{{"", dark, 40}}, []int{}},
		{"a cut at once", []shot{{"", dark, 1}, {"", light, 20}}, []int{1}},
		{"a flash is one cut", []shot{{"", dark, 20}, {"", light, 1}, {"", dark, 20}}, []int{20}},
		{"the second of two close cuts", []shot{{"", dark, 20}, {"", light, 13}, {"", dark, 20}}, []int{20, 33}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, size := range []image.Point{{320, 180}, {181, 320}} {
				require.Equal(t, tc.want, cuts(t, film(t, size.X, size.Y, tc.shots...)), "%v", size)
			}
		})
	}
}

// A slow fade never makes a cut.
func TestFade(t *testing.T) {
	var frames []*image.RGBA
	for n := range 50 {
		v := uint8(5 * n)
		frames = append(frames, film(t, 160, 90, shot{"", color.RGBA{R: v, G: v, B: v, A: 255}, 1})...)
	}
	require.Equal(t, []int{}, cuts(t, frames))
}

func TestTinyPictures(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 1000}, {1000, 1}, {16, 16}, {3, 700}} {
		d := film(t, size.X, size.Y, shot{"", color.RGBA{A: 255}, 2}, shot{"", color.RGBA{R: 255, G: 255, B: 255, A: 255}, 2})
		require.Equal(t, []int{2}, cuts(t, d), "%v", size)
	}
}

func Example() {
	d := scene.New(nil)
	frame := image.NewRGBA(image.Rect(0, 0, 320, 180))
	for n := range uint64(60) {
		c := color.RGBA{R: 10, G: 40, B: 80, A: 255}
		if n >= 25 {
			c = color.RGBA{R: 200, G: 180, B: 90, A: 255}
		}
		picture.Fill(frame, frame.Rect, c)
		res, err := d.Analyze(analyzer.Frame{Image: frame, Number: n})
		if err != nil {
			fmt.Println(err)
			return
		}
		if r := res.(*scene.Result); r.Cut {
			fmt.Println("scene", r.Scene, "begins with frame", n)
		}
	}
	// Output: scene 2 begins with frame 25
}
