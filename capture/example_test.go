package capture_test

import (
	"context"
	"fmt"
	"time"

	"github.com/framebridge/framebridge/capture"
)

// A clip goes into the segment cam0, once somebody reads it.
func Example() {
	ctx := context.Background()
	c, err := capture.Open(ctx, "clip.mp4", "cam0", &capture.Options{Width: 1280, Height: 720})
	if err != nil {
		fmt.Println(err) // errors.Is(err, capture.ErrMissing), and so on
		return
	}
	defer c.Close()
	fmt.Println(c.Source().Format, "in ticks of", c.Source().TimeBase)
	if err := c.Writer().AwaitReaders(ctx, 1); err != nil {
		return
	}
	result, err := c.Run(ctx)
	fmt.Println(result.FramesOut, "frames, clean end:", result.Clean, err)
}

// A camera, at ten frames a second, for a minute. It may fail meanwhile.
func Example_camera() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	o := &capture.Options{
		NewestOnly: true, Filter: "fps=10", Placeholder: capture.PlaceholderHold,
		OnEvent: func(e capture.Event) { fmt.Println(e.State, e.Err, e.Pause) },
	}
	c, err := capture.Open(ctx, "rtsp://camera.example/stream", "cam0", o)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_, err = c.Run(ctx) // nil when ctx ends: that is an orderly end
	fmt.Println(err)
}
