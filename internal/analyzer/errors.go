package analyzer

import "errors"

var (
	// ErrUnknown is returned when no analyzer has the name asked for.
	ErrUnknown = errors.New("unknown analyzer")

	// ErrResult is returned when a result does not fit into a line: it is not
	// a JSON object, or it uses a key that belongs to the line.
	ErrResult = errors.New("result does not fit into a line")

	// ErrSetting is returned by Tune for a setting that an analyzer does not
	// have, or a value that it cannot have.
	ErrSetting = errors.New("setting not possible")
)
