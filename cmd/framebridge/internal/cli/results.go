package cli

// framebridge results: the records of a data segment, a line of JSON each.

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/results"
)

type resultsOptions struct {
	segment string
	wait    time.Duration
	follow  bool
	newest  bool
	ask     bool // --for was given
	frame   uint64
}

func newResultsCmd(s *session) *cobra.Command {
	o := &resultsOptions{}
	cmd := &cobra.Command{
		Use:   "results SEGMENT",
		Short: "What analyzers found: the records of a data segment",
		Long: `Prints the records of the data segment SEGMENT, such as analyze --results writes, a line of JSON each: at first
those that are still in its ring, oldest first, then each new one, until the analyzer ends.

  {"segment":"cam0.boxes","record":7,"generation":"7f3a…","frame":42,"pts_seconds":1.4,"data":{…}}

frame is the one spoken of; generation is the first half of what framebridge info shows for its segment. Both are
null for a record that speaks of no frame. "missed" says how many records were overwritten before they could be read.`,
		Example: "  framebridge analyze cam0 --results cam0.boxes &\n  framebridge results cam0.boxes --follow\n  framebridge results cam0.boxes --for 120",
		Args:    exactly(1, 1, false),
	}
	cmd.RunE = s.command(func(ctx context.Context, args []string) error {
		o.segment, o.ask = args[0], cmd.Flags().Changed("for")
		return resultsRun(ctx, s, o)
	})
	f := cmd.Flags()
	f.DurationVar(&o.wait, "wait", 5*time.Second, "how long to wait for the segment to appear")
	f.BoolVar(&o.follow, "follow", false, "after an end or a death of the analyzer go on with the next one of the name")
	f.Uint64Var(&o.frame, "for", 0, "the one record for this frame or the one before it, then end; code 1 if there is none")
	f.BoolVar(&o.newest, "newest", false, "the one record that is the newest, then end; code 1 if there is none")
	f.Lookup("for").DefValue = "" // 0 is a frame
	s.registerTrust(f)
	return cmd
}

func (o *resultsOptions) check() error {
	given := 0
	for _, flag := range []bool{o.follow, o.newest, o.ask} {
		if flag {
			given++
		}
	}
	switch {
	case given > 1:
		return usagef("--follow, --for and --newest exclude each other")
	case o.wait < 0:
		return usagef("--wait %v: not a time to wait", o.wait)
	}
	return framebuf.CheckSource(o.segment)
}

func resultsRun(ctx context.Context, s *session, o *resultsOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	if _, err := s.awaitSegment(ctx, o.segment, o.wait); err != nil {
		return err
	}
	r, err := results.Open(ctx, o.segment, &results.ReaderOptions{Dir: s.dir, TrustUID: s.trust.uids, Label: "results", Follow: o.follow})
	if err != nil {
		return readError(err)
	}
	defer r.Close()
	p := &recordPrinter{s: s}
	switch {
	case o.ask:
		return o.printFor(ctx, r, p)
	case o.newest:
		rec, ok, err := r.Newest(ctx)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s has no record yet", o.segment)
		}
		return p.one(&rec)
	}
	return p.all(ctx, r)
}

// printFor prints the record for a frame of the pictures that the newest record speaks of.
func (o *resultsOptions) printFor(ctx context.Context, r *results.Reader, p *recordPrinter) error {
	about := &framebuf.Info{Number: o.frame}
	rec, ok, err := r.Newest(ctx)
	if err != nil {
		return err
	}
	if ok {
		binary.LittleEndian.PutUint64(about.Generation[:], rec.Reference.Generation)
		rec, ok, err = r.For(ctx, about)
	}
	switch {
	case errors.Is(err, results.ErrGone):
		return &codeError{code: codeFailed, err: err}
	case err != nil:
		return err
	case !ok:
		return &codeError{code: codeFailed, err: fmt.Errorf("%s has no record for frame %d or one before it", o.segment, o.frame)}
	}
	return p.one(&rec)
}

// recordPrinter prints records and remembers what was wrong with them.
type recordPrinter struct {
	s      *session
	missed uint64
	bad    uint64
}

// recordJSON is one record. The keys are a promise.
type recordJSON struct {
	Segment    string          `json:"segment"`
	Record     uint64          `json:"record"`
	Generation *string         `json:"generation"` // low half of that of the pictures
	Frame      *uint64         `json:"frame"`
	PTSSeconds *float64        `json:"pts_seconds"`
	Data       json.RawMessage `json:"data"` // null: see error
	Missed     uint64          `json:"missed,omitempty"`
	Error      string          `json:"error,omitempty"`
}

func (p *recordPrinter) print(rec *results.Record) error {
	out := recordJSON{Segment: rec.Segment, Record: rec.Number, PTSSeconds: ptsSeconds(rec.PTS, rec.TimeBase), Data: rec.JSON, Missed: rec.Missed}
	if ref := rec.Reference; ref.Set {
		half := hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, ref.Generation))
		out.Generation, out.Frame = &half, &ref.Frame
	}
	var whole json.RawMessage
	if err := rec.Unmarshal(&whole); err != nil {
		out.Data, out.Error = nil, message(err)
		p.bad++
	}
	p.missed += rec.Missed
	return p.s.printJSON(out)
}

// one prints the only record.
func (p *recordPrinter) one(rec *results.Record) error {
	rec.Missed = 0 // nobody asked for those before it
	return errors.Join(p.print(rec), p.verdict())
}

// all prints records until the analyzer ends.
func (p *recordPrinter) all(ctx context.Context, r *results.Reader) error {
	for rec, err := range r.Records(ctx) {
		if err == nil {
			err = p.print(&rec)
		}
		if err != nil {
			return errors.Join(err, p.verdict())
		}
	}
	return errors.Join(sourceEnd(r), p.verdict())
}

// verdict says what was wrong. Missed records are no failure: nobody was promised them.
func (p *recordPrinter) verdict() error {
	if p.missed > 0 {
		p.s.note("%d records were overwritten before they could be read", p.missed)
	}
	if p.bad > 0 {
		return fmt.Errorf("%w: %d of the records", results.ErrJSON, p.bad)
	}
	return nil
}
