//go:build !linux

package hostile

import (
	"errors"
	"fmt"
)

type watch struct{}

func newWatch(string) (*watch, error) {
	return nil, fmt.Errorf("hostile: watch: %w", errors.ErrUnsupported)
}

func (*watch) close() {}

func (*watch) events() []string { return nil }
