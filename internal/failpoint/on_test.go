//go:build faults

package failpoint

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for _, row := range []struct {
		text   string
		place  string
		signal syscall.Signal
		passes int64
	}{
		{"claimed", "claimed", syscall.SIGKILL, 1},
		{"claimed@3", "claimed", syscall.SIGKILL, 3},
		{"claimed=kill", "claimed", syscall.SIGKILL, 1},
		{"claimed=stop@2", "claimed", syscall.SIGSTOP, 2},
	} {
		t.Run(row.text, func(t *testing.T) {
			p := parse(row.text)
			require.Equal(t, row.place, p.place)
			require.Equal(t, row.signal, p.signal)
			require.Equal(t, row.passes, p.left.Load())
		})
	}
	require.Nil(t, parse(""))
	for _, bad := range []string{"claimed@", "claimed@0", "claimed@-1", "claimed@x", "claimed=die"} {
		require.Panics(t, func() { parse(bad) }, bad)
	}
}
