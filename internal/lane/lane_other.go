//go:build !linux

package lane

import (
	"errors"
	"os"
	"time"
)

// Lane does not exist here.
type Lane struct{}

// New returns errors.ErrUnsupported.
func New() (*Lane, *os.File, error) { return nil, nil, errors.ErrUnsupported }

// Close does nothing.
func (l *Lane) Close() error { return nil }

// Orphan does nothing.
func (l *Lane) Orphan() {}

// Next returns errors.ErrUnsupported.
func (l *Lane) Next() (Frame, error) { return Frame{}, errors.ErrUnsupported }

// Fill returns errors.ErrUnsupported.
func (l *Lane) Fill(Frame, *Place) error { return errors.ErrUnsupported }

// Draw returns errors.ErrUnsupported.
func (l *Lane) Draw(uint32, int, int, *Place) error { return errors.ErrUnsupported }

// Drawn returns errors.ErrUnsupported.
func (l *Lane) Drawn(uint32) error { return errors.ErrUnsupported }

// Limit does nothing.
func (l *Lane) Limit(time.Time) {}

// Pixel is nothing.
func Pixel(uint32) (b [4]byte) { return b }
