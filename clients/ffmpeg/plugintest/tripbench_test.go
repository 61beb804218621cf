package plugintest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/testbed"
)

// The round trip with a partner that answers at once: µs a frame above two plain copies. By hand:
//
//	go test -run '^$' -bench Trip -benchtime 1x ./clients/ffmpeg/plugintest
func BenchmarkTrip(b *testing.B) {
	require.NoError(b, built.err)
	program := filepath.Join(b.TempDir(), "tripbench")
	out, err := exec.Command("cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread", "-o", program, filepath.Join("testdata", "tripbench.c"), "-ldl", "-lm").CombinedOutput()
	require.NoError(b, err, string(out))
	for _, row := range []struct {
		name          string
		width, height int
		interval      int // µs between two frames
	}{
		{"1080p as fast as it goes", 1920, 1080, 0},
		{"1080p with pauses of 10 ms", 1920, 1080, 10000},
		{"320x180 with pauses of 10 ms", 320, 180, 10000},
	} {
		b.Run(row.name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(program, filepath.Join(built.dir, "framebridge_trip.so"), fmt.Sprint(row.width), fmt.Sprint(row.height), "300", fmt.Sprint(row.interval))
				cmd.Env = append(os.Environ(), "FRAMEBRIDGE_DIR="+testbed.Dir(b))
				var stderr strings.Builder
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				require.NoError(b, err, stderr.String())
				require.Contains(b, stderr.String(), "316 frames: 316 annotated", "every frame is answered")
				var median, slow, copies float64
				_, err = fmt.Sscan(string(out), &median, &slow, &copies)
				require.NoError(b, err)
				b.ReportMetric(median-copies, "µs-above-copies")
				b.ReportMetric(copies, "µs-copies")
				b.ReportMetric(slow, "µs-p99")
			}
		})
	}
}
