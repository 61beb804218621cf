package results_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/results"
)

// exampleDir keeps the examples out of the way of real segments.
func exampleDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// A slow detector looks at every tenth frame; whoever draws asks for every frame and
// gets what is known of it: never what was found in a later one.
func Example() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	w, err := results.Create("cam0.boxes", &results.Options{Dir: dir, Linger: -1})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	r, err := results.Open(ctx, "cam0.boxes", &results.ReaderOptions{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	camera := framebuf.Generation{1} // a frame's Info has it
	for _, frame := range []uint64{10, 20} {
		found := results.Boxes{Analyzer: "faces", Boxes: []results.Box{{X: float64(frame), Y: 5, W: 30, H: 40, Label: "Ada", Score: new(0.93)}}}
		if err := w.Put(ctx, &framebuf.Info{Number: frame, Generation: camera, PTS: framebuf.NoPTS}, found); err != nil {
			log.Fatal(err)
		}
	}
	for _, frame := range []uint64{9, 10, 19, 23} {
		rec, ok, err := r.For(ctx, &framebuf.Info{Number: frame, Generation: camera})
		if err != nil {
			log.Fatal(err)
		}
		if !ok {
			fmt.Println("frame", frame, "nothing is known yet")
			continue
		}
		boxes, err := rec.Boxes()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("frame", frame, "as of frame", rec.Reference.Frame, "has", boxes.Boxes[0].Label, "at", boxes.Boxes[0].X)
	}
	// Output:
	// frame 9 nothing is known yet
	// frame 10 as of frame 10 has Ada at 10
	// frame 19 as of frame 10 has Ada at 10
	// frame 23 as of frame 20 has Ada at 20
}

// Who follows gets every record. A late reader begins with the oldest that is still in
// the ring.
func ExampleReader_Records() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	w, err := results.Create("cam0.people", &results.Options{Dir: dir, Linger: -1, Slots: 2})
	if err != nil {
		log.Fatal(err)
	}
	for frame, people := range []int{2, 3, 5} {
		about := framebuf.Info{Number: uint64(frame), PTS: int64(frame), TimeBase: framebuf.Rational{Num: 1, Den: 5}}
		if err := w.Put(ctx, &about, map[string]int{"people": people}); err != nil {
			log.Fatal(err)
		}
	}
	r, err := results.Open(ctx, "cam0.people", &results.ReaderOptions{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if err := w.Close(); err != nil { // what was published is read all the same
		log.Fatal(err)
	}
	for rec, err := range r.Records(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		var v struct{ People int }
		if err := rec.Unmarshal(&v); err != nil {
			log.Fatal(err)
		}
		at, _ := rec.Time()
		fmt.Printf("record %d, frame %d at %v: %d people\n", rec.Number, rec.Reference.Frame, at, v.People)
	}
	// Output:
	// record 1, frame 1 at 200ms: 3 people
	// record 2, frame 2 at 400ms: 5 people
}

// A record is any JSON. Boxes say so when there are none in it, or none that can be
// drawn.
func ExampleRecord_Boxes() {
	for _, text := range []string{
		`{"analyzer":"faces","boxes":[]}`,
		`{"analyzer":"luma","mean":81.5}`,
		`{"analyzer":"faces","boxes":[{"x":1,"y":2,"w":-3,"h":4}]}`,
	} {
		rec := results.Record{Segment: "cam0.boxes", Number: 7, JSON: json.RawMessage(text)}
		boxes, err := rec.Boxes()
		switch {
		case errors.Is(err, results.ErrNoBoxes):
			fmt.Println("about other things")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(boxes.Analyzer, "sees", len(boxes.Boxes))
		}
	}
	// Output:
	// faces sees 0
	// about other things
	// results: cam0.boxes: record 7: boxes not usable: boxes[0]: w is -3: a size is not negative
}
