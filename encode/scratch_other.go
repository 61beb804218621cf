//go:build !linux

package encode

import (
	"errors"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/lane"
)

type scratch struct{ bytes []byte }

func newScratch(int) (*scratch, error) { return nil, errors.ErrUnsupported }

func (s *scratch) place(*framebuf.Format) *lane.Place { return nil }

func (s *scratch) close() {}
