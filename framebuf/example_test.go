package framebuf_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"log"
	"os"
	"os/exec"

	"github.com/framebridge/framebridge/framebuf"
)

// exampleDir keeps the examples out of the way of real segments.
func exampleDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// A generator draws into the slot itself, an analyzer reads every frame. Here
// both are in one process; nothing changes when they are not.
func Example() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()

	format := framebuf.Format{PixelFormat: framebuf.RGBA, Width: 64, Height: 36}
	w, err := framebuf.Create("cam0", format, &framebuf.Options{
		Dir:      dir,
		Template: framebuf.Info{TimeBase: framebuf.Rational{Num: 1, Den: 30}},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer w.Close()
		if err := w.AwaitReaders(ctx, 1); err != nil {
			log.Print(err)
			return
		}
		for i := range 3 {
			err := w.Publish(ctx, func(s *framebuf.Slot) error {
				img, err := s.RGBA()
				if err != nil {
					return err
				}
				gray := color.RGBA{R: uint8(100 * i), G: uint8(100 * i), B: uint8(100 * i), A: 255}
				draw.Draw(img, img.Bounds(), image.NewUniform(gray), image.Point{}, draw.Src)
				s.Info.PTS = int64(i)
				return nil
			})
			if err != nil {
				log.Print(err)
			}
		}
	}()

	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for f, err := range r.Frames(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		img, err := f.RGBA()
		if err != nil {
			log.Fatal(err)
		}
		t, _ := f.Time()
		fmt.Println("frame", f.Number, "at", t, "is", img.RGBAAt(10, 10).R)
	}
	// Output:
	// frame 0 at 0s is 0
	// frame 1 at 33.333333ms is 100
	// frame 2 at 66.666667ms is 200
}

// A view is read in place. What was computed counts only if View returns nil.
func ExampleReader_View() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	format := framebuf.Format{PixelFormat: framebuf.Gray8, Width: 4, Height: 2}
	w, err := framebuf.Create("cam0", format, &framebuf.Options{Dir: dir, Linger: -1})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	err = w.Publish(ctx, func(s *framebuf.Slot) error {
		copy(s.Bytes(), []byte{1, 2, 3, 4, 5, 6, 7, 8})
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Pinned})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	sum := 0
	err = r.View(ctx, func(f *framebuf.Frame) error {
		for _, v := range f.Bytes() {
			sum += int(v)
		}
		return nil
	})
	fmt.Println(sum, err)
	// Output: 36 <nil>
}

// A data segment carries plain bytes: here results, each tied to the frame that
// it speaks of.
func ExampleSlot_SetLength() {
	dir, remove := exampleDir()
	defer remove()
	ctx := context.Background()
	w, err := framebuf.Create("cam0.boxes", framebuf.Format{}, &framebuf.Options{Dir: dir, Linger: -1})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	err = w.Publish(ctx, func(s *framebuf.Slot) error {
		record := []byte(`{"boxes":[[10,20,30,40]]}`)
		if err := s.SetLength(len(record)); err != nil {
			return err
		}
		copy(s.Bytes(), record)
		s.Info.Reference = framebuf.Reference{Set: true, Frame: 17, PTS: framebuf.NoPTS}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	r, err := framebuf.Open(ctx, "cam0.boxes", &framebuf.ReaderOptions{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	f, err := r.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("frame %d: %s\n", f.Reference.Frame, f.Bytes())
	if err := f.Release(); err != nil {
		log.Fatal(err)
	}
	// Output: frame 17: {"boxes":[[10,20,30,40]]}
}

// Frames for a child process alone: in sealed memory, without a name. The child
// opens fd:3,4.
func ExampleWriter_HandDown() {
	format := framebuf.Format{PixelFormat: framebuf.RGBA, Width: 64, Height: 36}
	w, err := framebuf.Create("cam0", format, &framebuf.Options{Sealed: true})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	data, control, err := w.HandDown()
	if err != nil {
		log.Fatal(err)
	}
	child := exec.Command("framebridge", "dump", framebuf.InheritedName(3, 4), "--sealed", "--as", "json")
	child.ExtraFiles = []*os.File{data, control} // descriptors 3 and 4
	if err := child.Start(); err != nil {
		log.Print(err)
	}
	_, _ = data.Close(), control.Close()
	// Publish, close w, wait for the child.
}
