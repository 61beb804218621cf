// One result as one line of JSON.

package analyzer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Line is a result with what says which frame it speaks of. It marshals to one
// flat JSON object on one line, without a newline at its end:
//
//	{"generation":"…","frame":7,"pts_seconds":0.28,"analyzer":"luma","mean":…}
//
// The four keys come first and in this order, then the result's own.
type Line struct {
	Generation string        // of the segment that holds the frame
	Frame      uint64        // number of the frame
	PTS        time.Duration // time of the frame; NoPTS becomes null
	Analyzer   string        // name of the analyzer
	Result     Result        // marshals to an object; nil adds no keys
}

// lineHead is a Line without its result.
type lineHead struct {
	Generation string   `json:"generation"`
	Frame      uint64   `json:"frame"`
	PTSSeconds *float64 `json:"pts_seconds"`
	Analyzer   string   `json:"analyzer"`
}

// headKeys are the json keys of lineHead.
func headKeys() []string { return []string{"generation", "frame", "pts_seconds", "analyzer"} }

// MarshalJSON returns the line. The error wraps ErrResult if the result is not
// an object or has a key of the line's own.
func (l Line) MarshalJSON() ([]byte, error) {
	head := lineHead{Generation: l.Generation, Frame: l.Frame, Analyzer: l.Analyzer}
	if l.PTS != NoPTS {
		seconds := l.PTS.Seconds()
		head.PTSSeconds = &seconds
	}
	line, err := json.Marshal(head)
	if err != nil || l.Result == nil {
		return line, err
	}
	body, err := json.Marshal(l.Result)
	if err != nil {
		return nil, fmt.Errorf("analyzer: line: frame %d: %w", l.Frame, err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(body, &keys); err != nil || keys == nil {
		return nil, fmt.Errorf("analyzer: line: frame %d: %w: %T is not a JSON object", l.Frame, ErrResult, l.Result)
	}
	for key := range keys {
		if slices.Contains(headKeys(), key) {
			return nil, fmt.Errorf("analyzer: line: frame %d: %w: %T has the line's key %q", l.Frame, ErrResult, l.Result, key)
		}
	}
	if len(keys) == 0 {
		return line, nil
	}
	return slices.Concat(line[:len(line)-1], []byte(","), bytes.TrimPrefix(body, []byte("{"))), nil
}
