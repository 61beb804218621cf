//go:build linux

// B4: counters that come to their end.

package main

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

// maxFrame is the first frame number that is refused, see LAYOUT.md.
const maxFrame = 1 << 47

func numberRows() []row {
	return []row{{
		id: "B4", fault: "counters near their limits: the futex words at 2^32, frame numbers at 2^32 and at 2^47",
		must: "nothing wraps wrongly; at 2^47 a clear error, and the next writer begins anew",
		run:  countersNearTheirLimits,
	}}
}

// forge leaves a dead segment that spoke of frame n last. The next writer of the
// name goes on from there.
func (t *trial) forge(ctx context.Context, dir string, n uint64) {
	w := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(64, 36)}, Every: time.Hour})
	w.event("ready")
	w.kill() // not ended: after a clean end numbers begin anew
	m := t.mapRaw(filepath.Join(dir, "cam0"), true)
	m.word64(m.dynamic() + atBack).Store((n + 1) << 16)
}

func countersNearTheirLimits(ctx context.Context, t *trial) {
	const frames, before = 10_000, 1_000
	for _, c := range []struct {
		name  string
		first uint64
		ends  bool // with ErrExhausted, after exactly so many frames
	}{
		{"from 0", 0, false},
		{"over 2^32", 1<<32 - before, false},
		{"up to 2^47", maxFrame - frames, true},
	} {
		dir := t.dir()
		if c.first > 0 {
			t.forge(ctx, dir, c.first-1)
		}
		w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: dir, Linger: -1})
		require.NoError(t, err)
		t.cleanup(func() { _ = w.Close() })
		st, err := framebuf.Stat(dir, "cam0")
		require.NoError(t, err)
		require.Equal(t, c.first, st.FirstFrame)
		data := t.mapRaw(filepath.Join(dir, "cam0"), true)
		control := t.mapRaw(t.controlOf(dir, "cam0"), true)
		// The writer and the readers only ever add to these words and compare them.
		data.word32(data.dynamic() + atEvent).Store(math.MaxUint32 - before)
		control.word32(atRingEvent).Store(math.MaxUint32 - before)

		modes := []framebuf.Mode{framebuf.Newest, framebuf.Pinned, framebuf.Lossless}
		reports := make([]report, len(modes))
		var reading sync.WaitGroup
		for i, m := range modes {
			r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: m})
			require.NoError(t, err)
			reading.Go(func() {
				defer r.Close()
				reports[i].Error = kind((&stream{}).readOn(ctx, r, &reports[i], func(any) {}))
			})
		}
		published := 0
		// One more than there can be, where there is an end.
		for err = nil; err == nil && (published < frames || c.ends && published == frames); {
			if err = publish(ctx, w); err == nil {
				published++
			}
		}
		if c.ends != errors.Is(err, framebuf.ErrExhausted) || published != frames {
			t.Errorf("%s: wrong: %d frames, then %v", c.name, published, err)
		}
		require.Less(t, data.word32(data.dynamic()+atEvent).Load(), uint32(math.MaxInt32), "the event did not wrap")
		require.Less(t, control.word32(atRingEvent).Load(), uint32(math.MaxInt32), "the cursor event did not wrap")
		require.NoError(t, w.Close())
		reading.Wait()
		for i, m := range modes {
			r := &reports[i]
			r.check(t, c.name+", "+m.String())
			if r.Error != "end" || r.Last != c.first+frames-1 || r.Delivered+r.Missed != r.Last-r.First+1 {
				t.Errorf("%s, %v: wrong: %d to %d, %d delivered, %d missed, ended with %q", c.name, m, r.First, r.Last, r.Delivered, r.Missed, r.Error)
			}
			if m == framebuf.Lossless && (r.Delivered != frames || r.First != c.first) {
				t.Errorf("%s: wrong: the lossless reader got %d frames from %d", c.name, r.Delivered, r.First)
			}
		}
		t.also("%s: %d frames, 0 errors in 3 modes", c.name, published)
	}
	for _, last := range []uint64{maxFrame - 1, maxFrame, 1<<48 - 2} {
		dir := t.dir()
		t.forge(ctx, dir, last)
		w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: dir, Linger: -1})
		require.NoError(t, err)
		require.NoError(t, publish(ctx, w))
		st, err := framebuf.Stat(dir, "cam0")
		require.NoError(t, err)
		if st.FirstFrame != 0 {
			t.Errorf("wrong: after frame %d comes %d", last, st.FirstFrame)
		}
		require.NoError(t, w.Close())
	}
	t.also("beyond 2^47: the next writer begins at 0")
}

// publish makes one frame that can be checked.
func publish(ctx context.Context, w *framebuf.Writer) error {
	return w.Publish(ctx, func(s *framebuf.Slot) error {
		s.Info.PTS = int64(s.Info.Number)
		stamp.Fill(s.Bytes(), s.Info.Number)
		return nil
	})
}
