package motion_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/analyzer/motion"
	"github.com/framebridge/framebridge/internal/picture"
)

// stage is a picture on which tests move things.
type stage struct {
	*image.RGBA
	noise *rand.Rand
}

func newStage(w, h int) stage {
	return stage{image.NewRGBA(image.Rect(0, 0, w, h)), rand.New(rand.NewPCG(1, 2))}
}

// clear paints a shaded background, brighter by light, with noise of up to
// amplitude on each pixel.
func (s stage) clear(light, amplitude int) {
	w, h := s.Rect.Dx(), s.Rect.Dy()
	for y := range h {
		line := s.Pix[y*s.Stride:][:4*w]
		for x := range w {
			v := 60 + 80*x/w + 40*y/h + light
			if amplitude > 0 {
				v += s.noise.IntN(2*amplitude+1) - amplitude
			}
			v = min(max(v, 0), 255)
			line[4*x], line[4*x+1], line[4*x+2], line[4*x+3] = uint8(v), uint8(v), uint8(v), 255
		}
	}
}

// thing draws a bright rectangle.
func (s stage) thing(r image.Rectangle) {
	picture.Fill(s, r, color.RGBA{R: 240, G: 250, B: 230, A: 255})
}

// longRun leaves a test to the run without -short: nothing here runs beside anything, so
// the race detector, with which -short is used, only makes it slow.
func longRun(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to the run without -short")
	}
}

func look(t testing.TB, d *motion.Detector, img *image.RGBA, n int) *motion.Result {
	t.Helper()
	res, err := d.Analyze(analyzer.Frame{Image: img, Number: uint64(n)})
	require.NoError(t, err)
	r := res.(*motion.Result)
	require.NotNil(t, r.Boxes)
	for _, b := range r.Boxes {
		box := image.Rect(b.X, b.Y, b.X+b.W, b.Y+b.H)
		require.False(t, box.Empty())
		require.True(t, box.In(image.Rectangle{Max: img.Rect.Size()}), "%v", box)
	}
	return r
}

func TestFindsWhatMoves(t *testing.T) {
	longRun(t)
	for _, tc := range []struct {
		name        string
		w, h, noise int
	}{
		{"640x360", 640, 360, 0},
		{"noisy", 640, 360, 12},
		{"odd", 501, 333, 4},
		{"portrait", 360, 640, 4},
		{"1080p", 1920, 1080, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, d := newStage(tc.w, tc.h), motion.New(nil)
			s.clear(0, tc.noise)
			require.Empty(t, look(t, d, s.RGBA, 0).Boxes, "nothing has moved in the first frame")
			cell := max((max(tc.w, tc.h)+239)/240, 2)
			for n := 1; n < 12; n++ {
				// Two things that move towards each other.
				left := image.Rect(0, 0, tc.w/10, tc.h/6).Add(image.Pt(n*tc.w/60, tc.h/5))
				right := image.Rect(0, 0, tc.w/16, tc.h/5).Add(image.Pt(tc.w*9/10-n*tc.w/80, tc.h/2))
				s.clear(0, tc.noise)
				s.thing(left)
				s.thing(right)
				res := look(t, d, s.RGBA, n)
				require.Len(t, res.Boxes, 2, "frame %d", n)
				for _, want := range []image.Rectangle{left, right} {
					found := false
					for _, b := range res.Boxes {
						got := image.Rect(b.X, b.Y, b.X+b.W, b.Y+b.H)
						found = found || want.Inset(cell).In(got) && got.In(want.Inset(-cell))
					}
					require.True(t, found, "frame %d: no box for %v in %v", n, want, res.Boxes)
				}
				require.InDelta(t, 0.029, res.MovingFraction, 0.012)
			}
		})
	}
}

func TestSeesNoMotionIn(t *testing.T) {
	longRun(t)
	for _, tc := range []struct {
		name string
		draw func(s stage, n int)
	}{
		{"a still picture", func(s stage, _ int) { s.clear(0, 0) }},
		{"noise", func(s stage, _ int) { s.clear(0, 25) }},
		{"light that comes up", func(s stage, n int) { s.clear(n, 2) }},
		{"light that is switched", func(s stage, n int) { s.clear(n/10%2*60, 2) }},
		{"specks", func(s stage, n int) {
			s.clear(0, 0)
			s.thing(image.Rect(n*10, 50, n*10+4, 54))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, d := newStage(480, 270), motion.New(nil)
			for n := range 40 {
				tc.draw(s, n)
				res := look(t, d, s.RGBA, n)
				require.Empty(t, res.Boxes, "frame %d", n)
				require.Less(t, res.MovingFraction, 0.02, "frame %d", n)
			}
		})
	}
}

// What comes to rest, and the hole that something left, are no motion.
func TestRestsAfterMotion(t *testing.T) {
	longRun(t)
	s, d := newStage(480, 270), motion.New(nil)
	draw := func(n int) *motion.Result {
		s.clear(0, 2)
		s.thing(image.Rect(20, 20, 60, 70)) // goes at frame 10
		if n >= 10 {
			s.clear(0, 2)
			s.thing(image.Rect(300, 150, 340, 200)) // has come, and stays
		}
		return look(t, d, s.RGBA, n)
	}
	for n := range 10 {
		require.Empty(t, draw(n).Boxes)
	}
	require.Len(t, draw(10).Boxes, 2)
	for n := 11; n < 20; n++ {
		res := draw(n)
		require.Empty(t, res.Boxes, "frame %d", n)
		require.Positive(t, res.MovingFraction, "frame %d", n)
	}
	for n := 20; n < 150; n++ {
		draw(n)
	}
	require.Zero(t, draw(150).MovingFraction, "what rests becomes background")
}

func TestCutHasNoBoxes(t *testing.T) {
	s, d := newStage(480, 270), motion.New(nil)
	s.clear(0, 0)
	look(t, d, s.RGBA, 0)
	for y := range 270 { // another picture altogether
		for x := range 480 {
			v := uint8((x/40+y/30)%5) * 60
			s.SetRGBA(x, y, color.RGBA{R: v, G: v, B: v, A: 255})
		}
	}
	res := look(t, d, s.RGBA, 1)
	require.Greater(t, res.MovingFraction, 0.6)
	require.Empty(t, res.Boxes)
	require.Zero(t, look(t, d, s.RGBA, 2).MovingFraction, "the new picture is the background")
}

// The picture is borrowed: once Analyze has returned it may change.
func TestKeepsNoPartOfThePicture(t *testing.T) {
	run := func(scribble bool) (all []*motion.Result) {
		s, d := newStage(320, 180), motion.New(nil)
		for n := range 8 {
			s.clear(0, 5)
			s.thing(image.Rect(20+9*n, 40, 60+9*n, 90))
			img := &image.RGBA{Pix: bytes.Clone(s.Pix), Stride: s.Stride, Rect: s.Rect}
			all = append(all, look(t, d, img, n))
			if scribble {
				clear(img.Pix)
			}
		}
		return all
	}
	require.NotEmpty(t, run(false)[5].Boxes)
	require.Equal(t, run(false), run(true))
}

func TestStartsAnew(t *testing.T) {
	for _, tc := range []struct {
		name   string
		w, h   int
		number int
	}{
		{"another size", 330, 180, 9},
		{"the size turned", 180, 320, 9},
		{"a number that goes back", 320, 180, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := motion.New(nil)
			old, changed := newStage(320, 180), newStage(tc.w, tc.h)
			for n := range 5 {
				old.clear(0, 0)
				look(t, d, old.RGBA, n)
			}
			changed.clear(0, 0)
			changed.thing(image.Rect(50, 50, 120, 120))
			require.Equal(t, &motion.Result{Boxes: []motion.Box{}, Width: tc.w, Height: tc.h}, look(t, d, changed.RGBA, tc.number))
			changed.clear(0, 0)
			changed.thing(image.Rect(80, 50, 150, 120))
			require.NotEmpty(t, look(t, d, changed.RGBA, tc.number+1).Boxes)
		})
	}
}

// After a number that goes back a detector is as good as new.
func TestForgetsAllBefore(t *testing.T) {
	longRun(t)
	used, fresh := motion.New(nil), motion.New(nil)
	s := newStage(320, 180)
	for n := range 50 { // a thing that comes and rests, and is half learned
		s.clear(0, 0)
		if n > 2 {
			s.thing(image.Rect(100, 50, 160, 100))
		}
		look(t, used, s.RGBA, 100+n)
	}
	for n := range 60 { // once more, the rest at once
		s.clear(0, 0)
		if n > 0 {
			s.thing(image.Rect(100, 50, 160, 100))
		}
		require.Equal(t, look(t, fresh, s.RGBA, n), look(t, used, s.RGBA, n), "frame %d", n)
	}
}

func TestOptions(t *testing.T) {
	frames := func(d *motion.Detector) *motion.Result {
		s := newStage(320, 180)
		s.clear(0, 0)
		look(t, d, s.RGBA, 0)
		for i := range 5 { // five things, each larger than the one before
			s.thing(image.Rect(60*i+5, 20, 60*i+15+8*i, 30+20*i))
		}
		return look(t, d, s.RGBA, 1)
	}
	all := frames(motion.New(nil)).Boxes
	require.Len(t, all, 5)
	require.Greater(t, all[0].W*all[0].H, all[4].W*all[4].H, "the largest first")
	require.Equal(t, all[:2], frames(motion.New(&motion.Options{MaxBoxes: 2})).Boxes)
	require.Empty(t, frames(motion.New(&motion.Options{Threshold: 250})).Boxes)
	require.Len(t, frames(motion.New(&motion.Options{MinCells: 300})).Boxes, 3)
	require.Empty(t, frames(motion.New(&motion.Options{MaxFraction: 0.05})).Boxes)
	for _, b := range frames(motion.New(&motion.Options{CellPixels: 10})).Boxes {
		require.Zero(t, b.X%10)
	}
}

func TestKeys(t *testing.T) {
	got, err := json.Marshal(&motion.Result{MovingFraction: 0.5, Boxes: []motion.Box{{X: 1, Y: 2, W: 3, H: 4, Score: 0.25}}})
	require.NoError(t, err)
	require.JSONEq(t, `{"boxes":[{"x":1,"y":2,"w":3,"h":4,"score":0.25}],"moving_fraction":0.5}`, string(got))
	got, err = json.Marshal(&motion.Result{Boxes: []motion.Box{}})
	require.NoError(t, err)
	require.Equal(t, `{"boxes":[],"moving_fraction":0}`, string(got))
}

// The people of vtest.avi, if there: FRAMEBRIDGE_MEDIA names a folder with it.
// Where they stand in three frames was read off by eye.
func TestPeople(t *testing.T) {
	clip := filepath.Join(os.Getenv("FRAMEBRIDGE_MEDIA"), "vtest.avi")
	if _, err := os.Stat(clip); err != nil || os.Getenv("FRAMEBRIDGE_MEDIA") == "" {
		t.Skip("FRAMEBRIDGE_MEDIA names no folder with vtest.avi")
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
			t.Fatalf("FRAMEBRIDGE_NEED_FFMPEG is set, but: %v", err)
		}
		t.Skip("ffmpeg is not installed")
	}
	people := map[int][]image.Point{
		100: {{229, 79}, {362, 238}, {603, 195}},
		200: {{98, 187}, {234, 230}, {504, 190}, {632, 320}, {724, 308}, {692, 125}},
		400: {{289, 240}, {603, 171}, {717, 355}},
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-i", clip, "-frames:v", "401", "-f", "rawvideo", "-pix_fmt", "rgba", "-")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	d, img := motion.New(nil), image.NewRGBA(image.Rect(0, 0, 768, 576))
	for n := range 401 {
		_, err := io.ReadFull(out, img.Pix)
		require.NoError(t, err)
		res := look(t, d, img, n)
		for _, p := range people[n] {
			found := false
			for _, b := range res.Boxes {
				found = found || p.In(image.Rect(b.X, b.Y, b.X+b.W, b.Y+b.H))
			}
			require.True(t, found, "frame %d: nobody at %v in %v", n, p, res.Boxes)
		}
	}
	require.NoError(t, cmd.Wait())
}

func Example() {
	d := motion.New(nil)
	frame := image.NewRGBA(image.Rect(0, 0, 320, 180))
	for n := range uint64(3) {
		picture.Fill(frame, frame.Rect, color.RGBA{R: 40, G: 60, B: 50, A: 255})
		ball := image.Rect(0, 0, 40, 40).Add(image.Pt(20+60*int(n), 100))
		picture.Fill(frame, ball, color.RGBA{R: 250, G: 240, B: 230, A: 255})
		res, err := d.Analyze(analyzer.Frame{Image: frame, Number: n})
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, b := range res.(*motion.Result).Boxes {
			fmt.Printf("frame %d: %dx%d at (%d, %d)\n", n, b.W, b.H, b.X, b.Y)
		}
	}
	// The ball left a hole where it was in frame 0.
	// Output:
	// frame 1: 40x40 at (20, 100)
	// frame 1: 40x40 at (80, 100)
	// frame 2: 40x40 at (140, 100)
}
