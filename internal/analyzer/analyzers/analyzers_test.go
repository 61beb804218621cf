package analyzers_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/analyzers"
	"github.com/framebridge/framebridge/internal/analyzer/luma"
	"github.com/framebridge/framebridge/internal/analyzer/motion"
	"github.com/framebridge/framebridge/internal/analyzer/scene"
	"github.com/framebridge/framebridge/internal/generator/generators"
	"github.com/framebridge/framebridge/internal/picture"
	"github.com/framebridge/framebridge/internal/picture/golden"
)

func make1(t testing.TB, name string) analyzer.Analyzer {
	t.Helper()
	a, err := analyzers.New(name)
	require.NoError(t, err)
	require.Equal(t, name, a.Name())
	return a
}

func TestUnknownNameListsTheKnown(t *testing.T) {
	_, err := analyzers.New("Motion")
	require.ErrorIs(t, err, analyzer.ErrUnknown)
	require.EqualError(t, err, `unknown analyzer "Motion": choose one of motion, scene, luma`)
}

func TestUnusablePicture(t *testing.T) {
	for _, name := range analyzers.Names() {
		a := make1(t, name)
		_, err := a.Analyze(analyzer.Frame{Number: 3})
		require.ErrorIs(t, err, picture.ErrUnusable)
		_, err = a.Analyze(analyzer.Frame{Number: 4, Image: &image.RGBA{Rect: image.Rect(0, 0, 4, 4), Stride: 16}})
		require.ErrorContains(t, err, name+": frame 4: unusable picture: 0 bytes of pixels")
	}
}

// Results of any stream of pictures, whatever their sizes, fit into a line and
// can be drawn on a picture of any size.
func TestAnyPictures(t *testing.T) {
	for _, name := range analyzers.Names() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				a := make1(t, name)
				size := func() image.Point {
					return image.Pt(rapid.IntRange(1, 90).Draw(rt, "w"), rapid.IntRange(1, 90).Draw(rt, "h"))
				}
				now := size()
				for n := range uint64(6) {
					if rapid.IntRange(0, 3).Draw(rt, "change") == 0 {
						now = size()
					}
					whole := image.NewRGBA(image.Rectangle{Max: now.Add(image.Pt(5, 5))})
					for i, v := 0, rapid.Byte().Draw(rt, "v"); i < len(whole.Pix); i++ {
						v = v*5 + 3
						whole.Pix[i] = v
					}
					img := whole.SubImage(image.Rectangle{Min: image.Pt(2, 3), Max: now.Add(image.Pt(2, 3))}).(*image.RGBA)
					res, err := a.Analyze(analyzer.Frame{Image: img, Number: n})
					require.NoError(rt, err)
					line, err := json.Marshal(analyzer.Line{Frame: n, Analyzer: name, Result: res})
					require.NoError(rt, err)
					require.NotContains(rt, string(line), "\n")
					other := image.NewRGBA(image.Rectangle{Max: size()})
					res.Draw(img, picture.NewFace(12))
					res.Draw(other, picture.NewFace(0))
				}
			})
		})
	}
}

// The same frames give the same lines, byte for byte.
func TestSameFramesSameLines(t *testing.T) {
	for _, name := range analyzers.Names() {
		run := func() (lines []string) {
			g, err := generators.New("life")
			require.NoError(t, err)
			a, img := make1(t, name), image.NewRGBA(image.Rect(0, 0, 320, 180))
			for n := range uint64(12) {
				require.NoError(t, g.Draw(img, n, 0))
				res, err := a.Analyze(analyzer.Frame{Image: img, Number: n})
				require.NoError(t, err)
				line, err := json.Marshal(analyzer.Line{Frame: n, Result: res})
				require.NoError(t, err)
				lines = append(lines, string(line))
			}
			return lines
		}
		require.Equal(t, run(), run(), name)
	}
}

// The keys are a promise to scripts.
func TestKeys(t *testing.T) {
	for _, tc := range []struct {
		name string
		res  analyzer.Result
		want string
	}{
		{"motion", &motion.Result{Boxes: []motion.Box{}}, `{"boxes":[],"moving_fraction":0}`},
		{"scene", &scene.Result{Cut: true, Score: 0.5, Scene: 2}, `{"cut":true,"score":0.5,"scene":2}`},
		{"luma", &luma.Result{Matrix: "bt709"}, `{"mean":0,"min":0,"max":0,"stddev":0,"p1":0,"p50":0,"p99":0,"black_fraction":0,"white_fraction":0,"matrix":"bt709"}`},
	} {
		got, err := json.Marshal(tc.res)
		require.NoError(t, err)
		require.Equal(t, tc.want, string(got), tc.name)
	}
}

func TestDrawGolden(t *testing.T) {
	for _, tc := range []struct {
		name string
		res  analyzer.Result
	}{
		{"motion", &motion.Result{Boxes: []motion.Box{{X: 100, Y: 40, W: 80, H: 60, Score: 0.31}, {X: 290, Y: 0, W: 30, H: 50, Score: 0.12}}}},
		{"scene", &scene.Result{Score: 0.012, Scene: 3}},
		{"cut", &scene.Result{Cut: true, Score: 0.71, Scene: 4}},
		{"luma", &luma.Result{Mean: 101.25, Min: 3, Max: 250, Stddev: 40, P1: 9, P50: 99, P99: 240, BlackFraction: .015, WhiteFraction: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// A view into a larger picture: results count from its corner.
			whole := image.NewRGBA(image.Rect(0, 0, 340, 200))
			picture.Fill(whole, whole.Rect, color.RGBA{R: 40, G: 70, B: 60, A: 255})
			view := whole.SubImage(image.Rect(10, 10, 330, 190)).(*image.RGBA)
			tc.res.Draw(view, picture.NewFace(picture.HeightFor(view.Rect.Size())))
			golden.Equal(t, tc.name, whole)
		})
	}
}

// Benchmark1080p is one frame of life after another, which moves everywhere;
// drawing it is not counted.
func Benchmark1080p(b *testing.B) {
	const frames = 8
	g, err := generators.New("life")
	require.NoError(b, err)
	var film [frames]*image.RGBA
	for n := range film {
		film[n] = image.NewRGBA(image.Rect(0, 0, 1920, 1080))
		require.NoError(b, g.Draw(film[n], uint64(50+n), 0))
	}
	for _, name := range analyzers.Names() {
		b.Run(name, func(b *testing.B) {
			a := make1(b, name)
			b.SetBytes(int64(len(film[0].Pix)))
			b.ReportAllocs()
			for n := uint64(0); b.Loop(); n++ {
				_, err := a.Analyze(analyzer.Frame{Image: film[n%frames], Number: n})
				require.NoError(b, err)
			}
		})
	}
}

func Example() {
	a, err := analyzers.New("scene")
	if err != nil {
		fmt.Println(err)
		return
	}
	frame := image.NewRGBA(image.Rect(0, 0, 320, 180))
	for n := range uint64(2) {
		picture.Fill(frame, frame.Rect, color.RGBA{R: uint8(250 * n), A: 255})
		res, err := a.Analyze(analyzer.Frame{Image: frame, Number: n, PTS: time.Duration(n) * time.Second})
		if err != nil {
			fmt.Println(err)
			return
		}
		line, _ := json.Marshal(analyzer.Line{Generation: "9f3c", Frame: n, PTS: time.Duration(n) * time.Second, Analyzer: a.Name(), Result: res})
		fmt.Println(string(line))
		res.Draw(frame, picture.NewFace(0))
	}
	// Output:
	// {"generation":"9f3c","frame":0,"pts_seconds":0,"analyzer":"scene","cut":false,"score":0,"scene":1}
	// {"generation":"9f3c","frame":1,"pts_seconds":1,"analyzer":"scene","cut":true,"score":1,"scene":2}
}
