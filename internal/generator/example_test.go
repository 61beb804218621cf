package generator_test

import (
	"fmt"
	"image"
	"image/color"
	"time"

	"github.com/framebridge/framebridge/internal/generator"
	"github.com/framebridge/framebridge/internal/picture"
)

// blink is a generator in a few lines: white and black in turn.
type blink struct{}

func (blink) Name() string { return "blink" }

func (blink) Draw(dst *image.RGBA, n uint64, _ time.Duration) error {
	if _, err := picture.AtOrigin(dst); err != nil {
		return fmt.Errorf("blink: frame %d: %w", n, err)
	}
	c := color.RGBA{A: 255}
	if n%2 == 0 {
		c = color.RGBA{R: 255, G: 255, B: 255, A: 255}
	}
	picture.Fill(dst, dst.Rect, c)
	return nil
}

// A generator of one's own.
func Example() {
	var g generator.Generator = blink{}
	frame := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for n := range uint64(3) {
		if err := g.Draw(frame, n, 0); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(g.Name(), n, frame.RGBAAt(3, 3).R)
	}
	// Output:
	// blink 0 255
	// blink 1 0
	// blink 2 255
}
