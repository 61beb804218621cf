package plugintest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rule by which the round trip waits for its partner, played through with a clock that is a number: see testdata/pace.c.
func TestPace(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
			t.Fatal("no C compiler here")
		}
		t.Skip("no C compiler here")
	}
	program := filepath.Join(t.TempDir(), "pace")
	out, err := exec.Command(compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", program, filepath.Join("testdata", "pace.c")).CombinedOutput()
	require.NoError(t, err, string(out))

	type result struct{ annotated, late, waits, vain, vainMS, through int }
	const never = "-"
	for _, row := range []struct {
		name                         string
		frames                       int
		interval, cost, deadline     float64 // ms
		work                         string
		annotated, lateHalf, mostBad int // at least, at least in the second half; waits in vain at most
	}{
		{"instant", 300, 16.667, 1, 15, "0", 300, 150, 0},
		{"just in time", 300, 16.667, 1, 15, "14.5", 300, 150, 0},
		{"5 a second at 60 a second", 300, 16.667, 1, 15, "200", 0, 0, 1},
		{"5 a second, as fast as it goes", 300, 0, 5, 15, "200", 0, 0, 1},
		{"too slow by half a millisecond", 300, 16.667, 1, 15, "15.5", 0, 0, 1},
		{"too slow for the deadline in a slow graph", 300, 500, 450, 15, "200", 0, 0, 1},
		{"slower than the graph, within the deadline", 300, 0, 5, 40, "10", 300, 150, 0},
		{"one hiccup", 300, 0, 5, 40, "10*50,300,10", 200, 150, 1},
		{"a slow beginning", 3000, 0, 5, 40, "2000,10", 1000, 1000, 1},
		{"every other one is slow", 3000, 0, 2, 15, "1*1+16", 0, 0, 1},
		{"the worst there is: nine fast ones, one too slow", 3000, 0, 2, 15, "1*9+16", 300, 100, 300},
		{"never answers", 300, 16.667, 1, 15, never, 0, 0, 1},
		{"dies on the way", 300, 0, 1, 15, "10*100,-", 100, 0, 1},
		{"no deadline, no wait", 300, 0, 1, 0, "0", 0, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := exec.Command(program, fmt.Sprint(row.frames), fmt.Sprint(row.interval), fmt.Sprint(row.cost), fmt.Sprint(row.deadline), row.work).CombinedOutput()
			require.NoError(t, err, string(out))
			var r result
			_, err = fmt.Sscan(string(out), &r.annotated, &r.late, &r.waits, &r.vain, &r.vainMS, &r.through)
			require.NoError(t, err, string(out))
			require.GreaterOrEqual(t, r.annotated, row.annotated)
			require.GreaterOrEqual(t, r.late, row.lateHalf)
			require.LessOrEqual(t, r.vain, row.mostBad)
			require.Equal(t, r.waits, r.annotated+r.vain, "every wait is for something, or in vain")
			require.LessOrEqual(t, float64(r.vainMS), float64(r.vain)*row.deadline+1)
		})
	}
}
