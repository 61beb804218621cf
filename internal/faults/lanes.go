//go:build linux

package main

import (
	"context"
	"sync"
	"sync/atomic"
)

// lanes does the trials 0 to n-1 of a row, so many side by side. require works in
// do, and ends the row once the other lanes have come to the end of their trial.
// The lane is for what each has of its own, as a directory.
func (t *trial) lanes(ctx context.Context, lanes, n int, do func(lane, i int)) {
	var next atomic.Int64
	var broken atomic.Bool
	var running sync.WaitGroup
	for lane := range min(lanes, n) {
		running.Go(func() {
			whole := false
			defer func() {
				if !whole {
					broken.Store(true)
				}
			}()
			defer t.catch()
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil && !broken.Load(); i = int(next.Add(1)) - 1 {
				do(lane, i)
			}
			whole = true
		})
	}
	running.Wait()
	if broken.Load() {
		t.FailNow()
	}
}

// dirs is a directory for each lane.
func (t *trial) dirs(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = t.dir()
	}
	return all
}
