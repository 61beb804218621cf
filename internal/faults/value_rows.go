//go:build linux

// A12: a value that outlives its writer, replaced by somebody who dies.

package main

import (
	"context"
	"encoding/json"
	"os"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

// valueBytes is the size of a value: more than a page, so that half of one shows.
const valueBytes = 5000

func valueRoles() map[string]role {
	return map[string]role{"value": func(ctx context.Context, part []byte, _ func(any)) error {
		var dir string
		if err := json.Unmarshal(part, &dir); err != nil {
			return err
		}
		_, err := replaceValue(ctx, dir)
		return err
	}}
}

// replaceValue puts in the stamped bytes of the frame's own number.
func replaceValue(ctx context.Context, dir string) (uint64, error) {
	return framebuf.Update(ctx, "value", &framebuf.Options{Dir: dir}, func(_ *framebuf.Frame, next *framebuf.Slot) error {
		if err := next.SetLength(valueBytes); err != nil {
			return err
		}
		stamp.Fill(next.Bytes(), next.Info.Number)
		return nil
	})
}

// valueKilled kills at each place, many times.
func valueKilled(ctx context.Context, t *trial) {
	const side, before = 4, 4
	all, times := placesOf("A12"), t.of(1, 50)
	dirs := t.dirs(side)
	var kills atomic.Int64
	t.lanes(ctx, side, times*len(all), func(lane, i int) {
		p, dir := all[i%len(all)], dirs[lane]
		for range before {
			_, err := replaceValue(ctx, dir)
			require.NoError(t, err)
		}
		r, err := framebuf.Open(ctx, "value", &framebuf.ReaderOptions{Dir: dir, Follow: true})
		require.NoError(t, err)
		defer r.Close()
		t.start(ctx, "value", dir, failAt(p.at)).dies(p.at)
		kills.Add(1)
		must := uint64(before - 1)
		if p.told == "new" {
			must++
		}
		if n, whole := lastValue(ctx, t, r); n != must || !whole {
			t.Errorf("%s: a reader finds value %d, whole: %v; it must be %d", p.at, n, whole, must)
		}
		if n, err := replaceValue(ctx, dir); err != nil || n <= must {
			t.Errorf("%s: the next update made value %d: %v", p.at, n, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
			t.Errorf("%s: %d files after the next update, not 2: %v", p.at, len(left), left)
		}
		require.NoError(t, framebuf.Remove(dir, "value"))
	})
	t.reached("%d kills at %d steps: the old value before the rename, the new one after it, always whole; the next update at once, 0 leaked", kills.Load(), len(all))
}

// lastValue is what a reader that follows the name finds.
func lastValue(ctx context.Context, t *trial, r *framebuf.Reader) (n uint64, whole bool) {
	for f, err := range r.Recent(ctx) {
		require.NoError(t, err)
		return f.Number, stamp.Whole(f.Bytes(), f.Number)
	}
	return 0, false
}
