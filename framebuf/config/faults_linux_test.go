//go:build faults

// Every step of an update at which its process can die.

package config_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKilledAtEachStep(t *testing.T) {
	for _, tc := range []struct {
		value int64 // what is there afterwards: 4 the old one, 5 the new one
		at    []string
	}{
		{4, []string{
			"dead-locked", "control-reserved", "control-built", "data-reserved", "data-locked", "back-stored", "claimed", "header-stored",
			"completed", "published", "frame-counted", "before-wake", "frame-rung", "control-linked", "staged",
		}},
		{5, []string{"renamed", "named", "buried", "updated", "ending", "final-stored", "ended", "end-rung", "lingered"}},
	} {
		for _, at := range tc.at {
			t.Run(at, func(t *testing.T) {
				dir := testDir(t, "cfg")
				for n := range int64(4) {
					once(t, dir, n)
				}
				r := open(t, dir) // it has the old one open
				require.Equal(t, uint64(4), current(t, r).Version)
				err := child(t, "once", dir, "FRAMEBRIDGE_FAILPOINT="+at).Run()
				exit := new(exec.ExitError)
				require.True(t, errors.As(err, &exit), "it came through: %v", err)
				require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
				n, _ := whole(t, dir)
				require.Equal(t, tc.value, n)
				once(t, dir, n)
				require.Equal(t, uint64(n+1), current(t, r).Version)
				files, err := os.ReadDir(dir)
				require.NoError(t, err)
				require.Len(t, files, 2)
			})
		}
	}
}
