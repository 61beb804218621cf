package nut_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/framebridge/framebridge/internal/nut"
)

// Example writes two pictures and reads them back, as they would go to one
// ffmpeg and come from another.
func Example() {
	var pipe bytes.Buffer
	w, err := nut.NewWriter(&pipe, []nut.Stream{{
		Class: nut.ClassVideo, Tag: "RGBA", Width: 2, Height: 2,
		TimeBase: nut.Rational{Num: 1, Den: 90000}, FrameRate: nut.Rational{Num: 25, Den: 1},
	}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	for i := range 2 {
		if err := w.WriteFrame(0, int64(i)*3600, make([]byte, 16)); err != nil {
			log.Fatal(err)
		}
	}

	r := nut.NewReader(&pipe, nil)
	streams, err := r.ReadHeader()
	if err != nil {
		log.Fatal(err)
	}
	format, _ := nut.PixelFormat(streams[0].Tag)
	fmt.Println(format, streams[0].Width, streams[0].Height, streams[0].TimeBase)
	slot := make([]byte, 16)
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		if err := r.Payload(slot[:p.Size]); err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.PTS, p.Size)
	}
	// Output:
	// rgba 2 2 1/90000
	// 0 16
	// 3600 16
}
