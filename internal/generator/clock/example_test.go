package clock_test

import (
	"fmt"
	"image"
	"time"

	"github.com/framebridge/framebridge/internal/generator/clock"
)

// The number of a frame can be read from its pixels.
func ExampleReadStamp() {
	frame := image.NewRGBA(image.Rect(0, 0, 320, 180))
	if err := clock.New().Draw(frame, 4242, 141*time.Second); err != nil {
		fmt.Println(err)
		return
	}
	n, ok := clock.ReadStamp(frame)
	fmt.Println(n, ok)
	// Output: 4242 true
}
