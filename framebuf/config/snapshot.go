// One version of a configuration.

package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Snapshot is one version of a configuration. It never changes, and is safe for
// concurrent use. The zero value is an empty one.
//
// Two snapshots that Reader.Current returned are equal (==) if nothing was changed
// between.
//
// The getters return def for a key that is not there, and def with an error that
// matches ErrType, and names the segment, the key and both types, for a value of
// another type.
type Snapshot struct {
	// Version is 0 if there is no configuration yet, and rises with every change.
	Version uint64

	segment string
	content *content // nil: empty
}

// content is what a snapshot holds. It is never changed.
type content struct {
	json   []byte
	values Values
}

func (s Snapshot) values() Values {
	if s.content == nil {
		return nil
	}
	return s.content.values
}

// Float is a number.
func (s Snapshot) Float(key string, def float64) (float64, error) {
	v, err := s.values().Float(key, def)
	return v, s.wrap(err)
}

// Int is a whole number of 64 bits.
func (s Snapshot) Int(key string, def int64) (int64, error) {
	v, err := s.values().Int(key, def)
	return v, s.wrap(err)
}

// Bool is true or false.
func (s Snapshot) Bool(key string, def bool) (bool, error) {
	v, err := s.values().Bool(key, def)
	return v, s.wrap(err)
}

// String is a text.
func (s Snapshot) String(key, def string) (string, error) {
	v, err := s.values().String(key, def)
	return v, s.wrap(err)
}

// Duration is a text such as "250ms" or "1m30s", or a number of seconds.
func (s Snapshot) Duration(key string, def time.Duration) (time.Duration, error) {
	v, err := s.values().Duration(key, def)
	return v, s.wrap(err)
}

// Keys are the keys in order.
func (s Snapshot) Keys() []string { return s.values().Keys() }

// JSON is the whole configuration, an object on one line with its keys in order; a
// private copy.
func (s Snapshot) JSON() []byte {
	if s.content == nil {
		return []byte("{}")
	}
	return bytes.Clone(s.content.json)
}

// Raw is one value as JSON. A key that is not there is an error that matches
// ErrUnknown and names keys near it.
func (s Snapshot) Raw(key string) (json.RawMessage, error) {
	v, ok := s.values()[key]
	if !ok {
		return nil, s.wrap(unknown(key, s.Keys()))
	}
	b, err := encode(v)
	return b, s.wrap(err)
}

// Decode puts the values into what v points to, as json.Unmarshal does: a field of a
// struct with the tag `json:"motion.threshold"` gets the value of that key, and what
// has no value stays as it was. Numbers in an any become json.Number. The error
// matches ErrType.
func (s Snapshot) Decode(v any) error {
	if err := decode(s.JSON(), v); err != nil {
		return s.wrap(fmt.Errorf("%w: %w", ErrType, err))
	}
	return nil
}

func (s Snapshot) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("config: %s, version %d: %w", s.segment, s.Version, err)
}
