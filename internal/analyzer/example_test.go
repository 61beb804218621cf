package analyzer_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"time"

	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/picture"
)

// corner is an analyzer in a few lines: it reports the first pixel.
type corner struct{}

type cornerResult struct {
	Red uint8 `json:"red"`
}

func (corner) Name() string { return "corner" }

func (corner) Analyze(f analyzer.Frame) (analyzer.Result, error) {
	img, err := picture.AtOrigin(f.Image)
	if err != nil {
		return nil, fmt.Errorf("corner: frame %d: %w", f.Number, err)
	}
	return cornerResult{Red: img.RGBAAt(0, 0).R}, nil
}

func (r cornerResult) Draw(dst draw.Image, face *picture.Face) {}

// An analyzer of one's own, and its results as lines of JSON.
func Example() {
	var a analyzer.Analyzer = corner{}
	frame := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for n := range uint64(2) {
		frame.Pix[0] = uint8(100 + n)
		pts := time.Duration(n) * 40 * time.Millisecond
		res, err := a.Analyze(analyzer.Frame{Image: frame, Number: n, PTS: pts})
		if err != nil {
			fmt.Println(err)
			return
		}
		line, err := json.Marshal(analyzer.Line{Generation: "9f3c", Frame: n, PTS: pts, Analyzer: a.Name(), Result: res})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(line))
	}
	// Output:
	// {"generation":"9f3c","frame":0,"pts_seconds":0,"analyzer":"corner","red":100}
	// {"generation":"9f3c","frame":1,"pts_seconds":0.04,"analyzer":"corner","red":101}
}
