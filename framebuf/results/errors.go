// Errors. Those of segments are framebuf's and are passed on: ErrWriterDied, ErrNotFound, ErrClosed and so on.

package results

import "errors"

var (
	// ErrJSON is returned when a record is not JSON.
	ErrJSON = errors.New("not JSON")
	// ErrNotResults is returned when a segment holds pictures or sound.
	ErrNotResults = errors.New("not a segment of records")
	// ErrGone is returned by Reader.For when the records of a frame, and of those
	// before it, may have been there but are overwritten by now.
	ErrGone = errors.New("records have left the ring")
	// ErrNoBoxes is returned by Record.Boxes for a record without the key boxes: its
	// analyzer finds other things.
	ErrNoBoxes = errors.New("record has no boxes")
	// ErrBoxes is returned for boxes that nobody could draw: a size that is negative,
	// a number that is missing, or too many of them.
	ErrBoxes = errors.New("boxes not usable")
)
