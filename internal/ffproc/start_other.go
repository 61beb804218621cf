//go:build !linux

package ffproc

// Elsewhere no child is started: there is no parent-death signal to keep the promise with.

import (
	"errors"
	"os/exec"
	"syscall"
)

func startChild(*exec.Cmd, bool, int) error { return errors.ErrUnsupported }

type leash struct{}

func startLeash() (*leash, error) { return nil, errors.ErrUnsupported }

func (*leash) group() int { return 0 }

func (*leash) end() {}

func waitExited(int) {}

func signalGroup(int, syscall.Signal) error { return errors.ErrUnsupported }

func groupOf(int) int { return -1 }

func signalName(syscall.Signal) string { return "" }
