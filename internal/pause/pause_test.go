package pause

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a source that is gone costs: the starts of two minutes, and the longest
// time until its return is noticed.
func TestUsual(t *testing.T) {
	for range 1000 {
		pauses := Usual().Start()
		want, starts, now := 500*time.Millisecond, 1, time.Duration(0)
		for range 20 {
			pause := pauses.NextBackOff()
			require.InDelta(t, want, pause, 0.2*float64(want)+1)
			require.LessOrEqual(t, pause, 30*time.Second)
			if now += pause; now <= 2*time.Minute {
				starts++
			}
			want = min(2*want, 25*time.Second)
		}
		require.LessOrEqual(t, starts, 12)
		require.GreaterOrEqual(t, starts, 8)
		pauses.Reset()
		require.LessOrEqual(t, pauses.NextBackOff(), 600*time.Millisecond)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	require.True(t, Sleep(ctx, time.Millisecond))
	require.True(t, Sleep(ctx, -time.Second))
	cancel()
	require.False(t, Sleep(ctx, time.Hour))
	require.False(t, Sleep(ctx, 0), "it had ended before")
}
