//go:build !linux

package encode

import (
	"errors"
	"os"
	"time"
)

const (
	canSplice  = false
	spliceFrom = 0
)

func newSplicer(*os.File, time.Duration) (sink, error) { return nil, errors.ErrUnsupported }

func widen(*os.File) {}
