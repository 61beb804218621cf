package cli

// The results of analyze as records in a data segment.

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/results"
)

// recordSegment is where analyze --results publishes. A nil one is none.
type recordSegment struct {
	s    *session
	w    *results.Writer
	told bool // that a result was too large
}

// checkResults refuses a name for records that is not free for them.
func (o *analyzeOptions) checkResults() error {
	switch o.results {
	case "":
		return nil
	case o.segment, o.out:
		return usagef("analyze: --results %s is the name of a segment of pictures", o.results)
	}
	return framebuf.CheckName(o.results)
}

// createRecords makes the segment before the first frame, so that readers find it.
func (s *session) createRecords(o *analyzeOptions) (*recordSegment, error) {
	if o.results == "" {
		return nil, nil
	}
	w, err := results.Create(o.results, &results.Options{Dir: s.dir, Group: o.write.group})
	if err != nil {
		return nil, segmentError(err)
	}
	s.next("results %s%s --follow", o.results, s.dirFlag())
	return &recordSegment{s: s, w: w}, nil
}

// put publishes a result. One that is too large is left out, since the line of it has been printed.
func (r *recordSegment) put(ctx context.Context, about *framebuf.Info, line []byte) error {
	if r == nil {
		return nil
	}
	err := r.w.Put(ctx, about, json.RawMessage(line))
	if !errors.Is(err, framebuf.ErrTooLarge) {
		return err
	}
	if !r.told {
		r.s.note("frame %d: %v; it is printed only", about.Number, err)
		r.told = true
	}
	return nil
}

// close ends the segment. A bad end of the source is passed on to its readers.
func (r *recordSegment) close(err error) error {
	if r == nil {
		return nil
	}
	return endWriter(r.w.Segment(), err)
}
