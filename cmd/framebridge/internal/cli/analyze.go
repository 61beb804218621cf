package cli

// framebridge analyze: what an analyzer says of frames, and the frames with that drawn in.

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/analyzer/analyzers"
)

type analyzeOptions struct {
	segment  string
	out      string // empty: nothing is published
	analyzer string
	results  string // empty: results are printed only
	config   string // empty: every setting has its default
	read     readFlags
	write    writeFlags
}

func newAnalyzeCmd(s *session) *cobra.Command {
	o := &analyzeOptions{}
	cmd := &cobra.Command{
		Use:   "analyze SEGMENT [OUT_SEGMENT]",
		Short: "Read frames, print results, publish annotated frames",
		Long: `Reads frames, prints a JSON object a line for each, and with OUT_SEGMENT publishes the frames with the
result drawn in: same times, the result as their meta, and a reference to the frame of SEGMENT.

With --results NAME each object is also a record in the data segment NAME, tied to its frame: framebridge results
prints them. No reader of it can hold the analyzer back.`,
		Example: "  framebridge analyze cam0\n  framebridge analyze cam0 cam0.out --analyzer scene\n  framebridge analyze cam0 --results cam0.boxes",
		Args:    exactly(1, 2, false),
		RunE: s.command(func(ctx context.Context, args []string) error {
			o.segment = args[0]
			if len(args) > 1 {
				o.out = args[1]
			}
			return analyzeRun(ctx, s, o)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.analyzer, "analyzer", analyzers.Names()[0], strings.Join(analyzers.Names(), ", "))
	f.StringVar(&o.results, "results", "", "data segment in which each result is published as well, as a record of its frame")
	f.StringVar(&o.config, "config", "", configFlagHelp)
	o.read.register(f, "default for files")
	o.read.registerSealed(f)
	s.registerTrust(f)
	o.write.registerMemory(f)
	f.IntVar(&o.write.await, "await-readers", 0, "readers of OUT_SEGMENT to wait for before its first frame")
	return cmd
}

func (o *analyzeOptions) check() error {
	if err := errors.Join(o.read.check(), o.write.check(), framebuf.CheckSource(o.segment), o.checkResults()); err != nil {
		return err
	}
	switch o.out {
	case "":
		if o.write.await > 0 {
			return usagef("--await-readers is about OUT_SEGMENT, and none is given")
		}
		return nil
	case o.segment:
		return usagef("analyze: SEGMENT and OUT_SEGMENT are both %s", o.out)
	}
	return framebuf.CheckName(o.out)
}

func analyzeRun(ctx context.Context, s *session, o *analyzeOptions) (err error) {
	analysis, err := analyzers.New(o.analyzer)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	settings, err := s.followConfig(ctx, o.config, analysis)
	if err != nil {
		return err
	}
	defer settings.close()
	st, err := s.awaitSegment(ctx, o.segment, o.read.wait)
	if err != nil {
		return err
	}
	if st.Kind != framebuf.Video {
		return usagef("%s holds %v, not pictures", o.segment, st.Kind)
	}
	mode := o.read.modeFor(st)
	r, err := s.openReader(ctx, o.segment, &o.read, mode, "analyze")
	if err != nil {
		return err
	}
	defer r.Close()
	a := &annotator{analysis: analysis, settings: settings, results: bufio.NewWriter(s.out)}
	if a.records, err = s.createRecords(o); err != nil {
		return err
	}
	if o.out != "" {
		a.publish = &annotatedSegment{s: s, o: o, live: st.Live}
	}
	defer func() {
		_ = r.Close() // the writer of SEGMENT need not wait for the readers of OUT_SEGMENT
		err = errors.Join(err, a.close(err))
	}()
	var m meter
	if !isTerminal(s.outFile) {
		defer s.showProgress(func() sample {
			now := m.sample()
			now.dropped = r.Stats().Missed
			return now
		})()
	}
	for {
		info, err := a.next(ctx, r)
		switch {
		case err == nil:
			m.frame(&info)
		case errors.Is(err, framebuf.ErrOverrun):
		case errors.Is(err, io.EOF):
			return sourceEnd(r)
		default:
			return err
		}
	}
}
