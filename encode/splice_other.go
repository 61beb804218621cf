//go:build !linux

package encode

import (
	"errors"
	"os"
	"time"
)

func newSplicer(*os.File, time.Duration) (sink, error) { return nil, errors.ErrUnsupported }
