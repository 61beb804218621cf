//go:build linux

package config_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/config"
)

// exampleDir is a directory for the segments of one example.
func exampleDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("/dev/shm", "framebridge-example-")
	if err != nil {
		panic(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// One program changes a setting, another one sees it at its next frame.
func Example() {
	ctx := context.Background()
	dir, remove := exampleDir()
	defer remove()

	r, err := config.Open(ctx, "cam0.cfg", &config.ReaderOptions{Dir: dir}) // it need not exist yet
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	frame := func(n int) {
		now, err := r.Current(ctx)
		if err != nil {
			fmt.Println(err) // now is the last good one: go on with it
		}
		threshold, err := now.Float("motion.threshold", 14)
		if err != nil {
			fmt.Println(err)
		}
		fmt.Printf("frame %d: version %d, threshold %v\n", n, now.Version, threshold)
	}

	frame(1)
	if _, err := config.Set(ctx, "cam0.cfg", &config.Options{Dir: dir}, map[string]any{"motion.threshold": 20}); err != nil {
		fmt.Println(err)
	}
	frame(2)
	_, err = config.Set(ctx, "cam0.cfg", &config.Options{Dir: dir}, map[string]any{"motion.threshold": "fast"})
	fmt.Println(errors.Is(err, config.ErrType), err)
	frame(3)
	// Output:
	// frame 1: version 0, threshold 14
	// frame 2: version 1, threshold 20
	// true config: update cam0.cfg: other type: motion.threshold is a number (20) and would become a string ("fast"); Options.Retype allows that
	// frame 3: version 1, threshold 20
}

// A counter that any number of processes can increase: nobody else writes between reading and writing it.
func ExampleUpdate() {
	ctx := context.Background()
	dir, remove := exampleDir()
	defer remove()
	for range 3 {
		_, err := config.Update(ctx, "visitors", &config.Options{Dir: dir}, func(v config.Values) error {
			n, err := v.Int("count", 0)
			v["count"] = n + 1
			return err
		})
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	r, err := config.Open(ctx, "visitors", &config.ReaderOptions{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	now, err := r.Current(ctx)
	fmt.Println(string(now.JSON()), err)
	// Output: {"count":3} <nil>
}

// Waiting for changes.
func ExampleReader_Changes() {
	ctx := context.Background()
	dir, remove := exampleDir()
	defer remove()
	r, err := config.Open(ctx, "cam0.cfg", &config.ReaderOptions{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	for now, err := range r.Changes(ctx) {
		if err != nil {
			fmt.Println(err)
			break
		}
		pause, err := now.Duration("pause", time.Second)
		fmt.Println(now.Version, pause, err)
		if now.Version == 2 {
			break
		}
		_, err = config.Set(ctx, "cam0.cfg", &config.Options{Dir: dir}, map[string]any{"pause": fmt.Sprintf("%dms", 100+now.Version)})
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(framebuf.Remove(dir, "cam0.cfg"))
	// Output:
	// 0 1s <nil>
	// 1 100ms <nil>
	// 2 101ms <nil>
	// <nil>
}
