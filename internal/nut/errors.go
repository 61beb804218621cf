// The errors that callers can tell apart with errors.Is.

package nut

import "errors"

// Errors of the Reader. A Reader that has returned one of them, or an error of
// the underlying reader, returns it again from every later call.
var (
	// ErrFormat is returned when the input does not begin as a NUT stream does.
	ErrFormat = errors.New("not a NUT stream")
	// ErrVersion is returned when the stream has a NUT version other than 3 or 4.
	ErrVersion = errors.New("unsupported NUT version")
	// ErrCorrupt is returned when a checksum fails, or when a field has a value
	// that NUT does not allow.
	ErrCorrupt = errors.New("damaged NUT stream")
	// ErrLimit is returned when a length in the stream is larger than
	// ReaderOptions allows.
	ErrLimit = errors.New("over the limit")
	// ErrChanged is returned when a header that is repeated in mid-stream
	// differs from the first one.
	ErrChanged = errors.New("stream header changed in mid-stream")
)

// Errors of the Writer. None of them makes the Writer unusable: nothing has
// been written and no state has changed.
var (
	// ErrStream is returned when a stream description cannot be written, or
	// when there is no stream of that number.
	ErrStream = errors.New("bad stream")
	// ErrPTS is returned when a PTS is negative or too large for NUT.
	ErrPTS = errors.New("bad PTS")
	// ErrFrameSize is returned when a payload has a size that its stream cannot
	// have: empty, not that of the stream's first frame, or not whole samples.
	ErrFrameSize = errors.New("bad frame size")
)

// Errors of both.
var (
	// ErrMisuse is returned when a call does not fit the state that its
	// documentation asks for. Nothing has been read or written.
	ErrMisuse = errors.New("misuse")
	// ErrRange is returned by Rescale when the result does not fit, or when a
	// time base is not positive.
	ErrRange = errors.New("out of range")
)
