// The errors of this package, for errors.Is.

package config

import "errors"

var (
	// ErrKey is returned for a key outside what CheckKey allows.
	ErrKey = errors.New("key not allowed")
	// ErrUnknown is returned when a key that must be there is not.
	ErrUnknown = errors.New("no such key")
	// ErrType is returned when a value is of another JSON type, or another range,
	// than the one wanted, and when a change would give a key another type.
	ErrType = errors.New("other type")
	// ErrValue is returned by Update for what JSON cannot hold: NaN, a function,
	// text that is not UTF-8; and for null, which stands for nothing.
	ErrValue = errors.New("not a value")
	// ErrTooLarge is returned when a configuration would be larger than 16 MiB.
	ErrTooLarge = errors.New("configuration too large")
	// ErrNotConfig is returned when the segment of that name is something else:
	// frames that come and go, or one that holds no JSON object.
	ErrNotConfig = errors.New("not a configuration")
)
