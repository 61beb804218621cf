// One record as a reader gets it.

package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Record is one result.
type Record struct {
	// Segment is the name of the segment that it was read from.
	Segment string
	// Number is its own number there. Numbers rise by one, and begin anew with an
	// analyzer that starts after a clean end.
	Number uint64
	// Missed is how many records were published since the one before and overwritten
	// before this reader could read them.
	Missed uint64
	// Reference is the frame that it speaks of, if Reference.Set.
	Reference framebuf.Reference
	// PTS is that frame's time in units of TimeBase; framebuf.NoPTS is unknown.
	PTS      int64
	TimeBase framebuf.Rational // seconds in one unit
	// Published is when it was published, on CLOCK_MONOTONIC.
	Published time.Duration
	// JSON is what the analyzer said, as it came: nobody has looked whether it is
	// JSON. It is not to be changed.
	JSON json.RawMessage
}

// Time is the time of the frame spoken of, since 0. ok is false if it is unknown.
func (r *Record) Time() (t time.Duration, ok bool) {
	return (&framebuf.Info{PTS: r.PTS, TimeBase: r.TimeBase}).Time()
}

// Unmarshal decodes the JSON into what v points to, as json.Unmarshal does. The error
// names segment, record and frame; it matches ErrJSON if the record is not JSON.
func (r *Record) Unmarshal(v any) error {
	err := json.Unmarshal(r.JSON, v)
	if errors.As(err, new(*json.SyntaxError)) {
		err = fmt.Errorf("%w: %w", ErrJSON, err)
	}
	return r.wrap(err)
}

// wrap says which record an error is about.
func (r *Record) wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case r.Reference.Set:
		return fmt.Errorf("results: %s: record %d of frame %d: %w", r.Segment, r.Number, r.Reference.Frame, err)
	}
	return fmt.Errorf("results: %s: record %d: %w", r.Segment, r.Number, err)
}

// recordOf copies a record out of its slot.
func recordOf(segment string, f *framebuf.Frame) Record {
	return Record{
		Segment: segment, Number: f.Number, Reference: f.Reference, PTS: f.PTS, TimeBase: f.TimeBase, Published: f.Published,
		JSON: append(json.RawMessage(nil), f.Bytes()...),
	}
}
