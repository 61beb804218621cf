//go:build linux

// Everything at once: a writer that never rests, and readers of every mode in
// processes of their own that check every byte.

package framebuf

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNoFrameIsEverTorn(t *testing.T) {
	for _, row := range []struct {
		name   string
		format Format
		slots  int
	}{
		{"2 slots", Format{RGBA, 160, 90}, 2},
		{"3 slots", Format{RGBA, 160, 90}, 3},
		{"4 slots", Format{RGBA, 160, 90}, 4},
		{"8 slots", Format{RGBA, 161, 91}, 8},
		{"1080p", Format{RGBA, 1920, 1080}, 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := play{Dir: testDir(t), Format: row.format, Slots: row.slots, Await: 3}
			writer := start(t, "writer", p)
			writer.event(t, "ready")
			readers := map[string]*child{}
			open := func(name string, mode Mode) {
				p.Mode = mode
				readers[name] = start(t, "reader", p)
				readers[name].event(t, "ready")
			}
			open("newest", Newest)
			open("pinned", Pinned)
			open("pinned too", Pinned)
			// Half of the time nobody holds the writer back; then a lossless reader
			// joins while it runs.
			time.Sleep(torture(t) / 2)
			open("lossless", Lossless)
			time.Sleep(torture(t) / 2)
			wrote := writer.stop(t)
			require.Equal(t, "told to stop", wrote.Error)
			t.Logf("writer: %d frames of %d bytes", wrote.Delivered, row.format.Size())
			for name, c := range readers {
				got := c.end(t)
				t.Logf("%s: %d delivered, %d missed, %d broken, %d overruns", name, got.Delivered, got.Missed, got.Broken, got.Overruns)
				checkRead(t, name, got)
				require.Equal(t, wrote.Last, got.Last, "%s: the last frame", name)
				if name == "lossless" {
					require.Zero(t, got.Missed)
				}
			}
		})
	}
}

func checkRead(t testing.TB, name string, got report) {
	t.Helper()
	require.Equal(t, "end", got.Error, name)
	require.Zero(t, got.Torn, name)
	require.Zero(t, got.Unordered, name)
	require.NotZero(t, got.Delivered, name)
	require.Equal(t, got.Last-got.First+1, got.Delivered+got.Missed, fmt.Sprintf("%s: what is delivered and what is missed make all", name))
}
