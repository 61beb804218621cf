package encode_test

import (
	"context"
	"fmt"
	"log"

	"github.com/framebridge/framebridge/encode"
)

// The frames of a segment become a file. Cancelling the context finishes the file
// in order.
func Example() {
	ctx := context.Background()
	e, err := encode.Open(ctx, "cam0", "out.mp4", &encode.Options{CRF: "20", Overwrite: true})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	result, err := e.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d frames in %s\n", result.FramesOut, result.Output)
}

// Sound that another goroutine decodes goes with the frames. A queue never makes
// its producer wait.
func ExampleAudio() {
	queue := encode.NewAudioQueue(0)
	// The producer: queue.Start(48000, 2), then queue.Samples(...), then queue.End().
	e, err := encode.Open(context.Background(), "cam0", "out.mkv", &encode.Options{Audio: encode.Audio{Queue: queue}})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = e.Close() }()
}
