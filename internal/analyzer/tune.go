// Settings that can be changed while an analyzer runs.

package analyzer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Tunable is an analyzer whose settings can be changed between two frames.
type Tunable interface {
	Analyzer
	// Settings lists what can be changed.
	Settings() []Setting
	// Tune changes the settings from the next frame on. values go by Setting.Key;
	// each one passes Setting.Check, which package function Tune sees to. What is
	// not among them is again as New was told. What has been learned from earlier
	// frames stays, unless a setting says otherwise.
	Tune(values map[string]float64)
}

// Setting is one number that can be changed.
type Setting struct {
	Key      string  // such as threshold; a configuration has it as motion.threshold
	Min, Max float64 // the range, both ends allowed
	Whole    bool    // fractions are refused
	Default  string  // for people: a number, or how it is found
	About    string  // one line, for people
}

// Range is the range in words, such as "a whole number from 1 to 255".
func (s Setting) Range() string {
	kind := "a number"
	if s.Whole {
		kind = "a whole number"
	}
	return fmt.Sprintf("%s from %s to %s", kind, decimal(s.Min), decimal(s.Max))
}

// Check reports whether the setting may have this value. The error matches
// ErrSetting and names the range.
func (s Setting) Check(v float64) error {
	if v >= s.Min && v <= s.Max && !math.IsNaN(v) && (!s.Whole || v == math.Trunc(v)) {
		return nil
	}
	return fmt.Errorf("%w: %s, it takes %s", ErrSetting, decimal(v), s.Range())
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Tune gives t its settings out of a configuration, as decoded from JSON: the
// keys that begin with the analyzer's name and a dot. Others are left alone.
//
// It is all or nothing: if a key is unknown, or a value of another type or out
// of its range, then t goes on as before, and the error, which matches
// ErrSetting, names each of them.
func Tune(t Tunable, configuration map[string]any) error {
	prefix := t.Name() + "."
	settings := t.Settings()
	values := map[string]float64{}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(configuration)) {
		own, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		i := slices.IndexFunc(settings, func(s Setting) bool { return s.Key == own })
		if i < 0 {
			errs = append(errs, fmt.Errorf("%s: %w: %s has no such one, but %s", key, ErrSetting, t.Name(), keys(settings)))
			continue
		}
		v, err := numberOf(configuration[key])
		if err != nil {
			err = fmt.Errorf("%w: %w, it takes %s", ErrSetting, err, settings[i].Range())
		} else {
			err = settings[i].Check(v)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
		values[own] = v
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	t.Tune(values)
	return nil
}

// numberOf is a decoded JSON value as a number.
func numberOf(v any) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return 0, fmt.Errorf("%.40s is too large", v)
		}
		return f, nil
	case string:
		return 0, fmt.Errorf("the string %.40q is no number", v)
	case bool:
		return 0, fmt.Errorf("%t is no number", v)
	case nil:
		return 0, errors.New("null is no number")
	case []any:
		return 0, errors.New("an array is no number")
	default:
		return 0, errors.New("an object is no number")
	}
}

func keys(settings []Setting) string {
	var all []string
	for _, s := range settings {
		all = append(all, s.Key)
	}
	return strings.Join(all, ", ")
}
