//go:build !linux

package futex

import (
	"errors"
	"sync/atomic"
	"time"
)

// Wait returns errors.ErrUnsupported: this system has no futex.
func Wait(*atomic.Uint32, uint32, time.Duration) (timedOut bool, err error) {
	return false, errors.ErrUnsupported
}

// WakeAll returns errors.ErrUnsupported: this system has no futex.
func WakeAll(*atomic.Uint32) error { return errors.ErrUnsupported }
