package plugintest

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/testbed"
)

// A writer that is stopped holds nobody up for longer than the deadline: not who reads already, and not who comes.
func TestSourceWriterStopped(t *testing.T) {
	needPlugins(t)
	for _, mode := range []string{"newest", "lossless"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			writer := endless(t, dir, "cam0|lossless|deadline=3600")
			writer.goesOn()
			arguments := append(source(64, 48, "cam0|deadline=50ms|"+mode), "-progress", "pipe:1", "-stats_period", "0.05", "-f", "null", "-")
			first := start(t, dir, arguments...)
			first.goesOn()
			require.NoError(t, writer.cmd.Process.Signal(syscall.SIGSTOP))
			first.goesOn()
			second := start(t, dir, arguments...)
			second.goesOn()
			require.NoError(t, writer.cmd.Process.Signal(syscall.SIGCONT))
			first.goesOn()
			second.quit()
			first.quit()
			writer.quit()
		})
	}
}
