package generators_test

import (
	"fmt"
	"image"
	"time"

	"github.com/framebridge/framebridge/internal/generator/clock"
	"github.com/framebridge/framebridge/internal/generator/generators"
)

// Draw frames of a generator chosen by its name, and read the stamp of the
// last one.
func Example() {
	g, err := generators.New("clock")
	if err != nil {
		fmt.Println(err)
		return
	}
	frame := image.NewRGBA(image.Rect(0, 0, 640, 360))
	for n := range uint64(8) {
		if err := g.Draw(frame, n, time.Duration(n)*time.Second/30); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(clock.ReadStamp(frame))
	// Output: 7 true
}
