package clock

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimecode(t *testing.T) {
	for _, tc := range []struct {
		name string
		t    time.Duration
		want string
	}{
		{"start", 0, "00:00:00.000"},
		{"cut off, not rounded", 999999 * time.Microsecond, "00:00:00.999"},
		{"all fields", time.Hour + 2*time.Minute + 3*time.Second + 45*time.Millisecond, "01:02:03.045"},
		{"many hours", 1234 * time.Hour, "1234:00:00.000"},
		{"negative", -1500 * time.Millisecond, "-00:00:01.500"},
		{"least", math.MinInt64, "-2562047:47:16.854"},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, timecode(tc.t)) })
	}
}

func TestSine(t *testing.T) {
	for i := range 200 {
		require.InDelta(t, math.Sin(float64(i)*math.Pi/30), float64(sine(i))/sineOne, 1e-4, "%d", i)
	}
}
