package cli

// A segment as ls and info show it.

import (
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/shm"
)

// segmentJSON is one segment. The keys are a promise; null means unknown or none.
type segmentJSON struct {
	Name         string       `json:"name"`
	State        string       `json:"state"`
	Alive        bool         `json:"alive"` // its writer lives
	Kept         bool         `json:"kept"`  // outlives its writers: a value such as a configuration
	SourceState  string       `json:"source_state"`
	Generation   string       `json:"generation"`
	Width        *int         `json:"width"`
	Height       *int         `json:"height"`
	StrideBytes  *uint32      `json:"stride_bytes"` // of the first plane
	PixelFormat  *string      `json:"pixel_format"`
	SampleAspect *string      `json:"sample_aspect"`
	FPS          *float64     `json:"fps"` // nominal
	TimeBase     *string      `json:"time_base"`
	Slots        int          `json:"slots"`
	Bytes        int64        `json:"bytes"`
	FirstFrame   uint64       `json:"first_frame"`
	LastFrame    *uint64      `json:"last_frame"`
	Published    uint64       `json:"published"`
	Dropped      uint64       `json:"dropped"`
	Restarts     uint64       `json:"restarts"`
	LastError    *string      `json:"last_error"`
	Audio        *string      `json:"audio"`       // the segment with the sound
	AgeSeconds   *float64     `json:"age_seconds"` // of the newest frame, since its publication
	Readers      []readerJSON `json:"readers"`
}

type readerJSON struct {
	ID     int     `json:"id"`
	Mode   string  `json:"mode"`
	Cursor *uint64 `json:"cursor"` // the last frame let go; lossless only
	Behind *uint64 `json:"behind"` // frames published and not let go; lossless only
	Missed uint64  `json:"missed"`
	Alive  bool    `json:"alive"`
	Label  string  `json:"label"`
	PID    int     `json:"pid"`
}

// stateName is the state as people see it: a segment whose writer is gone without an end is dead, whatever it says. A kept
// one has ended then: its value holds.
func stateName(st *framebuf.Status) string {
	if st.Kept && !st.Alive {
		return framebuf.Ended.String()
	}
	if !st.Alive && (st.State == framebuf.Live || st.State == framebuf.Draining) {
		return framebuf.Dead.String()
	}
	return st.State.String()
}

// describe turns what framebuf sees into what is shown. audio is the name of the segment with its sound, if there is one.
func describe(st *framebuf.Status, audio string) segmentJSON {
	out := segmentJSON{
		Name: st.Name, State: stateName(st), Alive: st.Alive, Kept: st.Kept, SourceState: st.Source.String(), Generation: st.Generation.String(),
		Slots: st.Slots, Bytes: st.Bytes, FirstFrame: st.FirstFrame, Published: st.Published, Dropped: st.Dropped(),
		Restarts: st.Restarts, LastError: known(st.LastError), Audio: known(audio), Readers: []readerJSON{},
	}
	if n := st.Newest; n != nil {
		out.LastFrame = &n.Number
		out.PixelFormat = known(n.PixelFormat.String())
		if n.PixelFormat != framebuf.Data {
			out.Width, out.Height = &n.Width, &n.Height
			out.StrideBytes = &n.Plane[0].Stride
		}
		out.SampleAspect, out.TimeBase = fraction(n.Aspect), fraction(n.TimeBase)
		if fps := n.Rate.Float(); fps > 0 {
			out.FPS = &fps
		}
		if now := shm.Mono(); now > 0 {
			age := max(time.Duration(now)-n.Published, 0).Seconds()
			out.AgeSeconds = &age
		}
	}
	for _, r := range st.Readers {
		j := readerJSON{ID: r.ID, Mode: r.Mode.String(), Missed: r.Missed, Alive: true, Label: printable(r.Label), PID: r.PID}
		if r.Mode == framebuf.Lossless {
			j.Behind = &r.Behind
			if r.Cursor > 0 {
				last := r.Cursor - 1
				j.Cursor = &last
			}
		}
		out.Readers = append(out.Readers, j)
	}
	return out
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func fraction(r framebuf.Rational) *string {
	if r.Num == 0 || r.Den == 0 {
		return nil
	}
	return known(r.String())
}

// audioName is the name under which the sound of a segment is published.
func audioName(segment string) string { return segment + ".audio" }

// segmentStatus looks at one segment and at whether it has sound.
func (s *session) segmentStatus(name string) (*framebuf.Status, segmentJSON, error) {
	st, err := framebuf.Stat(s.dir, name, s.trust.uids...)
	if err != nil {
		return nil, segmentJSON{}, readError(err)
	}
	audio := ""
	if framebuf.CheckName(audioName(name)) == nil {
		if sound, err := framebuf.Stat(s.dir, audioName(name), s.trust.uids...); err == nil && sound.Alive == st.Alive {
			audio = sound.Name
		}
	}
	return st, describe(st, audio), nil
}

// or is what a pointer holds, or a dash.
func or[T any](p *T, format func(T) string) string {
	if p == nil {
		return "-"
	}
	return format(*p)
}
