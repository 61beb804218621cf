package cli

// framebridge doctor: is everything there that is needed, and if not, what to paste.

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// How a check came out.
const (
	checkOK   = "ok"
	checkWarn = "warn" // something optional is missing
	checkFail = "fail"
)

// check is one line of doctor. The JSON keys are a promise.
type check struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"` // a command to paste

	code int // exit code if it failed
}

type doctorOptions struct{ programs programFlags }

// programFlags say which ffmpeg to use.
type programFlags struct{ ffmpeg, ffprobe string }

func (p *programFlags) register(f *pflag.FlagSet) {
	f.StringVar(&p.ffmpeg, "ffmpeg", "ffmpeg", "the ffmpeg to use")
	f.StringVar(&p.ffprobe, "ffprobe", "ffprobe", "the ffprobe to use")
}

func newDoctorCmd(s *session) *cobra.Command {
	o := &doctorOptions{}
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Check ffmpeg, shared memory and limits; a remedy for each fault",
		Example: "  framebridge doctor",
		Args:    exactly(0, 0, false),
		RunE:    s.command(func(ctx context.Context, _ []string) error { return doctorRun(ctx, s, o) }),
	}
	o.programs.register(cmd.Flags())
	return cmd
}

func doctorRun(ctx context.Context, s *session, o *doctorOptions) error {
	checks := programChecks(ctx, &o.programs)
	checks = append(checks, memoryChecks(s.dir)...)
	var failed error
	remedy := ""
	for _, c := range checks {
		if c.State == checkFail {
			failed = errors.Join(failed, &codeError{code: c.code, err: fmt.Errorf("%s: %s", c.Check, c.Detail)})
		}
		if remedy == "" && c.Remedy != "" && c.State == checkFail {
			remedy = c.Remedy
		}
	}
	if s.json {
		if err := s.printJSON(struct {
			OK     bool    `json:"ok"`
			Checks []check `json:"checks"`
		}{failed == nil, checks}); err != nil {
			return err
		}
		return failed
	}
	t := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	for _, c := range checks {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.State, c.Check, printable(c.Detail))
		if c.Remedy != "" {
			fmt.Fprintf(t, "\t\t  %s\n", c.Remedy)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if failed == nil {
		return s.printf("all that is needed is there; try: framebridge run 'lavfi:testsrc2=duration=5' out.mp4 --analyzer motion\n")
	}
	if remedy != "" {
		if err := s.printf("to go on, paste: %s\n", remedy); err != nil {
			return err
		}
	}
	return failed
}
