//go:build linux

package results

import (
	"testing"
	"time"
)

// BenchmarkFor is what a question costs who draws on 60 frames a second.
func BenchmarkFor(b *testing.B) {
	boxes := Boxes{Analyzer: "bench", Boxes: make([]Box, 20), Width: 1920, Height: 1080}
	for i := range boxes.Boxes {
		boxes.Boxes[i] = Box{X: 10, Y: 20, W: 30, H: 40, Label: "person", Score: new(0.93), Color: "#ff8000"}
	}
	for _, row := range []struct {
		name  string
		every int // frames from one record to the next; 0: none comes
	}{{"no news", 0}, {"a record each frame", 1}, {"a record each 6 frames", 6}} {
		b.Run(row.name, func(b *testing.B) {
			dir, ctx := testDir(b), within(b, 10*time.Minute)
			w, r := mustCreate(b, dir, Options{}), mustOpen(b, dir, ReaderOptions{Follow: true})
			for i := range uint64(64) {
				mustPut(b, w, picture(1, i), boxes)
			}
			b.ReportAllocs()
			frame := uint64(64)
			for b.Loop() {
				if row.every > 0 && frame%uint64(row.every) == 0 {
					b.StopTimer()
					mustPut(b, w, picture(1, frame), boxes)
					b.StartTimer()
				}
				if _, ok, err := r.For(ctx, picture(1, frame)); err != nil || !ok {
					b.Fatal(ok, err)
				}
				frame++
			}
		})
	}
}

// BenchmarkBoxes is what decoding a record with 20 boxes costs, once for each record.
func BenchmarkBoxes(b *testing.B) {
	boxes := Boxes{Boxes: make([]Box, 20)}
	data, err := encode(boxes)
	if err != nil {
		b.Fatal(err)
	}
	rec := Record{JSON: data}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rec.Boxes(); err != nil {
			b.Fatal(err)
		}
	}
}
