package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/results"
)

// detector is a program for scripts: detector RESULTS VIDEO FROM EVERY finds a box in some of the frames of a video.
func detector() {
	if err := detect(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "detector:", err)
		os.Exit(1)
	}
}

func detect(ctx context.Context, args []string) (err error) {
	if len(args) != 4 {
		return errors.New("usage: detector RESULTS VIDEO FROM EVERY")
	}
	from, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		return err
	}
	every, err := strconv.ParseUint(args[3], 10, 64)
	if err != nil {
		return err
	}
	r, err := framebuf.Open(ctx, args[1], &framebuf.ReaderOptions{Mode: framebuf.Lossless, Wait: true})
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := results.Create(args[0], &results.Options{Linger: -1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for f, err := range r.Frames(ctx) {
		if err != nil {
			return err
		}
		if f.Number < from || (f.Number-from)%every != 0 {
			continue
		}
		err := w.Put(ctx, &f.Info, results.Boxes{Boxes: []results.Box{{X: 40, Y: 40, W: 50, H: 30, Label: "thing", Color: "#ff00ff"}}})
		if err != nil {
			return err
		}
	}
	return nil
}
