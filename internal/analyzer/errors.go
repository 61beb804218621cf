package analyzer

import "errors"

var (
	// ErrUnknown is returned when no analyzer has the name asked for.
	ErrUnknown = errors.New("unknown analyzer")

	// ErrResult is returned when a result does not fit into a line: it is not
	// a JSON object, or it uses a key that belongs to the line.
	ErrResult = errors.New("result does not fit into a line")
)
