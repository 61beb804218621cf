package ffargs

import "errors"

var (
	// ErrInput is returned when the text that names an input cannot be used.
	ErrInput = errors.New("bad input")

	// ErrOutput is returned when the text that names an output cannot be used, or when the output's
	// format is not known.
	ErrOutput = errors.New("bad output")

	// ErrRequest is returned when a request contradicts itself or lacks something.
	ErrRequest = errors.New("bad request")

	// ErrNoEncoder is returned when this ffmpeg lacks the encoder that is needed.
	ErrNoEncoder = errors.New("encoder not in this ffmpeg")

	// ErrNoMuxer is returned when this ffmpeg cannot write the format that is needed.
	ErrNoMuxer = errors.New("format not in this ffmpeg")
)
