package capture

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

func TestTimeline(t *testing.T) {
	zero := time.Now()
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	line := newTimeline(framebuf.Rational{Num: 1, Den: 1000}, framebuf.Rational{Num: 25, Den: 1})
	send := func(pts int64, ms int) int64 {
		out := line.at(pts, at(ms))
		line.published(out, at(ms))
		return out
	}
	require.Zero(t, line.covered(at(0)))
	require.EqualValues(t, 70, send(70, 1000), "the first session has its own times")
	require.EqualValues(t, 30, send(30, 1010), "also if they jump back")
	require.EqualValues(t, 110, send(110, 1040))
	require.EqualValues(t, framebuf.NoPTS, send(framebuf.NoPTS, 1080))

	line.restart()
	require.EqualValues(t, framebuf.NoPTS, send(framebuf.NoPTS, 2000))
	require.EqualValues(t, 110+2000, send(5, 3040), "2 s later")
	require.EqualValues(t, 110+2000+40, send(45, 3041), "then the source's own distances")

	line.restart()
	require.EqualValues(t, 2190, send(7000, 3042), "at least a frame later, whatever the source says")

	line.fill(line.now(at(3242)))
	require.EqualValues(t, 2390, line.last)
	require.EqualValues(t, 2430, line.now(at(3242)), "placeholders do not repeat a time")
	line.fill(2590)
	require.EqualValues(t, 2630, send(7040, 3445), "a source that comes back is not behind them")
	require.EqualValues(t, 2670, send(7080, 3446))
	line.fill(2700)
	require.EqualValues(t, 2790, send(7200, 3500), "it needs no shift if it is not")
	require.Equal(t, 2720*time.Millisecond, line.covered(at(3500)))
	require.Equal(t, 3720*time.Millisecond, line.covered(at(4500)))
}

// A first ffmpeg without a frame leaves no trace.
func TestTimelineBeginsLate(t *testing.T) {
	line := newTimeline(framebuf.Rational{Num: 1, Den: 90000}, framebuf.Rational{})
	line.restart()
	require.EqualValues(t, 1234, line.at(1234, time.Now()))
}
