package generator

import "errors"

// ErrUnknown is returned when no generator has the name asked for.
var ErrUnknown = errors.New("unknown generator")
