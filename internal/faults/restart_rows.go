//go:build linux

// B5: a slot that was complete and never published, and the writer after it.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

func restartRows() []row {
	return []row{{
		id: "B5", fault: "writer gets SIGKILL when a slot is complete and not yet published, and starts again",
		must: "that frame is never seen: the next writer has a new generation and goes on behind its number",
		run:  unpublishedSlot,
	}}
}

func restartRoles() map[string]role {
	return map[string]role{"salted": writeSalted}
}

// writeSalted is a writer whose pixels depend on the generation as well: a frame
// of another life under the same number is seen by its content.
func writeSalted(ctx context.Context, part []byte, tell func(any)) error {
	var s stream
	if err := json.Unmarshal(part, &s); err != nil {
		return err
	}
	w, err := framebuf.Create(s.name(), s.Sizes[0], &framebuf.Options{Dir: s.Dir, Slots: s.Slots, Linger: -1})
	if err != nil {
		return err
	}
	defer w.Close()
	tell(report{Event: "ready"})
	salt := w.Generation().Low()
	for {
		err := w.Publish(ctx, func(slot *framebuf.Slot) error {
			stamp.Fill(slot.Bytes(), slot.Info.Number^salt)
			return nil
		})
		if err != nil {
			return nil
		}
	}
}

// unpublishedSlot kills each writer at its frame k, complete and not published.
func unpublishedSlot(ctx context.Context, t *trial) {
	restarts := t.of(25, 1000)
	dir := t.dir()
	part := stream{Dir: dir, Sizes: []framebuf.Format{size(64, 36)}, Slots: 3}
	var mu sync.Mutex
	unpublished := map[uint64]bool{}
	identities := map[framebuf.Generation]bool{}

	reading, stop := context.WithCancel(ctx)
	defer stop()
	var readers sync.WaitGroup
	var reports [3]report
	for i := range reports {
		mode := framebuf.Mode(i)
		readers.Go(func() {
			rep := &reports[i]
			r, err := framebuf.Open(reading, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: mode, Follow: true, Wait: true})
			if err != nil {
				rep.Error = err.Error()
				return
			}
			defer r.Close()
			for {
				f, err := r.Next(reading)
				if errors.Is(err, framebuf.ErrOverrun) {
					continue
				}
				if err != nil {
					rep.Error = kind(err)
					return
				}
				whole := stamp.Whole(f.Bytes(), f.Number^f.Generation.Low())
				n, gen := f.Number, f.Generation
				if errors.Is(f.Release(), framebuf.ErrBroken) {
					whole = true
				}
				rep.seen(n, f.Missed, whole)
				mu.Lock()
				if unpublished[n] {
					t.Errorf("wrong: a %v reader got frame %d, which was never published", mode, n)
				}
				identities[gen] = true
				mu.Unlock()
			}
		})
	}
	var next uint64
	for i := range restarts {
		frames := 2 + i%5 // in slots of every number
		w := t.start(ctx, "salted", part, failAt(fmt.Sprintf("completed@%d", frames)))
		w.event("ready")
		var ignored report
		for w.hear(&ignored) == nil { // until it is dead
			continue
		}
		require.True(t, w.wasKilled(), "the writer did not come to the failpoint")
		st, err := framebuf.Stat(dir, "cam0")
		require.NoError(t, err)
		require.Equal(t, next, st.FirstFrame, "the successor does not go on behind the frame that was never published")
		mu.Lock()
		unpublished[next+uint64(frames)-1] = true
		mu.Unlock()
		next += uint64(frames)
	}
	w := t.start(ctx, "salted", part)
	w.event("ready")
	t.eventually(10*time.Second, "every reader came to the last writer", func() bool {
		st, err := framebuf.Stat(dir, "cam0")
		require.NoError(t, err)
		return st.Published > 100
	})
	stop()
	readers.Wait()
	w.tellToStop()
	require.NoError(t, w.wait())
	for i := range reports {
		reports[i].check(t, framebuf.Mode(i).String())
		require.Equal(t, "told to stop", reports[i].Error)
	}
	t.reached("%d restarts: 0 frames of an unpublished slot seen, 0 numbers used twice; readers saw %d generations", restarts, len(identities))
}
