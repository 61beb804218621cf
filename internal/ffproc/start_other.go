//go:build !linux

package ffproc

// Elsewhere no child is started: there is no parent-death signal to keep the promise with.

import (
	"errors"
	"os/exec"
	"syscall"
)

func startChild(*exec.Cmd, bool) error { return errors.ErrUnsupported }

func waitExited(int) {}

func signalGroup(int, syscall.Signal) error { return errors.ErrUnsupported }
