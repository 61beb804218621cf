package overlay_test

import (
	"context"
	"fmt"
	"image"
	"log"
	"time"

	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf/overlay"
	"github.com/framebridge/framebridge/framebuf/results"
)

// Boxes on one picture.
func ExamplePainter() {
	img := image.NewRGBA(image.Rect(0, 0, 320, 180))
	score := 0.93
	p := overlay.New(&overlay.Style{MinScore: 0.5})
	p.Draw(img, results.Boxes{
		Width: 1920, Height: 1080, // the picture that the detector saw
		Boxes: []results.Box{{X: 600, Y: 300, W: 300, H: 300, Label: "person", Score: &score, Color: "#ff8000"}},
	}, 1)
	fmt.Println(img.RGBAAt(100, 50), img.RGBAAt(149, 99), img.RGBAAt(150, 100))
	// Output: {255 128 0 255} {255 128 0 255} {0 0 0 0}
}

// What a detector finds, on every frame of a file. The file waits for the detector,
// within a second; a live source would not.
func ExampleLayer() {
	ctx := context.Background()
	layer, err := overlay.Open(ctx, "cam0.boxes", &overlay.Options{
		Hold: overlay.Hold{For: time.Second, Fade: 500 * time.Millisecond},
		Wait: time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = layer.Close() }()
	e, err := encode.Open(ctx, "cam0", "marked.mp4", &encode.Options{Overlay: layer.Frame})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if _, err := e.Run(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(layer.Stats().Drawn, "frames have boxes")
}
