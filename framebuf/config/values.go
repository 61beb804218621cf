// Values and their types.

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Values are the settings in a change: what is there, decoded from JSON with numbers
// as json.Number; and what the change puts there, which may be anything that
// package encoding/json can encode. Not safe for concurrent use.
//
// The getters return def for a key that is not there, and def with an error that
// matches ErrType for one of another type.
type Values map[string]any

// Keys are the keys in order.
func (v Values) Keys() []string { return slices.Sorted(maps.Keys(v)) }

// Float is a number.
func (v Values) Float(key string, def float64) (float64, error) {
	return get(v, key, def, "a number", func(kind string, plain any) (float64, bool) {
		n, _ := plain.(json.Number)
		f, err := n.Float64()
		return f, kind == kindNumber && err == nil
	})
}

// Int is a whole number of 64 bits.
func (v Values) Int(key string, def int64) (int64, error) {
	return get(v, key, def, "a whole number of 64 bits", func(kind string, plain any) (int64, bool) {
		n, _ := plain.(json.Number)
		if i, err := n.Int64(); err == nil {
			return i, true
		}
		f, err := n.Float64() // 20.0 and 2e1 are whole, too
		const exact = 1 << 53
		return int64(f), kind == kindNumber && err == nil && f == math.Trunc(f) && math.Abs(f) <= exact
	})
}

// Bool is true or false.
func (v Values) Bool(key string, def bool) (bool, error) {
	return get(v, key, def, "true or false", func(_ string, plain any) (b, ok bool) {
		b, ok = plain.(bool)
		return b, ok
	})
}

// String is a text.
func (v Values) String(key, def string) (string, error) {
	return get(v, key, def, "a string", func(_ string, plain any) (s string, ok bool) {
		s, ok = plain.(string)
		return s, ok
	})
}

// Duration is a text such as "250ms" or "1m30s", or a number of seconds.
func (v Values) Duration(key string, def time.Duration) (time.Duration, error) {
	return get(v, key, def, `a duration such as "250ms", or a number of seconds`, func(_ string, plain any) (time.Duration, bool) {
		switch plain := plain.(type) {
		case string:
			d, err := time.ParseDuration(plain)
			return d, err == nil
		case json.Number:
			seconds, err := plain.Float64()
			return time.Duration(math.Round(seconds * 1e9)), err == nil && math.Abs(seconds) <= math.MaxInt64/1e9
		}
		return 0, false
	})
}

func get[T any](v Values, key string, def T, wanted string, as func(kind string, plain any) (T, bool)) (T, error) {
	value, ok := v[key]
	if !ok {
		return def, nil
	}
	plain, err := plainly(value)
	if err != nil {
		return def, fmt.Errorf("%s: %w", key, err)
	}
	kind := kindOf(plain)
	if got, ok := as(kind, plain); ok {
		return got, nil
	}
	return def, fmt.Errorf("%w: %s is %s, not %s", ErrType, key, described(plain), wanted)
}

// The types of JSON.
const (
	kindNumber  = "number"
	kindString  = "string"
	kindBoolean = "boolean"
	kindArray   = "array"
	kindObject  = "object"
	kindNull    = "null"
)

// kindOf is the type of a plain value.
func kindOf(plain any) string {
	switch plain.(type) {
	case json.Number:
		return kindNumber
	case string:
		return kindString
	case bool:
		return kindBoolean
	case []any:
		return kindArray
	case map[string]any:
		return kindObject
	default:
		return kindNull
	}
}

// described is a plain value for people, such as: a string ("fast").
func described(plain any) string {
	kind := kindOf(plain)
	text := "?"
	if b, err := encode(plain); err == nil {
		text = string(b)
	}
	if runes := []rune(text); len(runes) > 40 {
		text = string(runes[:40]) + "…"
	}
	switch kind {
	case kindNull:
		return kind
	case kindArray, kindObject:
		return "an " + kind + " (" + text + ")"
	default:
		return "a " + kind + " (" + text + ")"
	}
}

// plainly is a value as the decoder makes it.
func plainly(v any) (any, error) {
	switch v.(type) {
	case json.Number, string, bool, nil:
		return v, nil
	}
	b, err := encode(v)
	if err != nil {
		return nil, err
	}
	var plain any
	return plain, decode(b, &plain)
}

// encode makes JSON of a value, on one line, keys in order.
func encode(v any) ([]byte, error) {
	if !isText(v) {
		return nil, fmt.Errorf("%w: text that is not UTF-8", ErrValue)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrValue, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// isText reports whether the strings in a value are UTF-8; the encoder would put
// something else in their place without a word. It looks at what a decoder makes.
func isText(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v)
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !isText(e) })
	case Values:
		return isText(map[string]any(v))
	case map[string]any:
		for key, e := range v {
			if !utf8.ValidString(key) || !isText(e) {
				return false
			}
		}
	}
	return true
}

// decode reads one JSON value and nothing after it, numbers as json.Number.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// parse reads a configuration. The error matches ErrNotConfig.
func parse(b []byte) (Values, error) {
	var v Values
	if err := decode(b, &v); err != nil {
		return nil, fmt.Errorf("%w: %s is no JSON object: %w", ErrNotConfig, strconv.QuoteToASCII(string(b[:min(len(b), 40)])), err)
	}
	if v == nil {
		return nil, fmt.Errorf("%w: null is no JSON object", ErrNotConfig)
	}
	return v, nil
}
