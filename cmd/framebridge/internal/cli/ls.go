package cli

// framebridge ls: the segments of a directory, alive or dead.

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
)

func newLsCmd(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "The segments here, alive or dead",
		Example: "  framebridge ls\n  framebridge ls --json | jq -r 'select(.alive) | .name'",
		Args:    exactly(0, 0, false),
		RunE:    s.command(func(context.Context, []string) error { return lsRun(s) }),
	}
	s.registerTrust(cmd.Flags())
	return cmd
}

func lsRun(s *session) error {
	names, err := framebuf.List(s.dir, s.trust.uids...)
	if err != nil {
		return readError(err)
	}
	table := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	var shown, dead int
	var failed []error
	for _, name := range names {
		st, row, err := s.segmentStatus(name)
		if errors.Is(err, framebuf.ErrNotFound) {
			continue // gone in the meantime
		}
		if uid, ok := foreign(err); ok { // no fault of a directory of several users
			if uid < 0 {
				s.note("%s is another user's, and private", name)
			} else {
				s.note("%s belongs to user %d: --trust %d shows it", name, uid, uid)
			}
			continue
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if !st.Alive && !st.Kept {
			dead++
		}
		if s.json {
			if err := s.printJSON(row); err != nil {
				return err
			}
			continue
		}
		if shown++; shown == 1 {
			fmt.Fprintln(table, "NAME\tSTATE\tSOURCE\tFORMAT\tFPS\tFRAMES\tDROPPED\tREADERS\tAGE")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", row.Name, shortState(st), row.SourceState, formatText(st),
			or(row.FPS, rateText), row.Published, row.Dropped, len(row.Readers), or(row.AgeSeconds, ageText))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	switch {
	case len(names) == 0:
		s.next("generate cam0")
	case dead > 0:
		s.next("gc (removes %d dead)", dead)
	}
	return errors.Join(failed...)
}

// shortState is the state for people: of a kept segment that nobody writes at the moment it says just that.
func shortState(st *framebuf.Status) string {
	if st.Kept && !st.Alive {
		return "kept"
	}
	return stateName(st)
}

func formatText(st *framebuf.Status) string {
	if st.Newest == nil {
		return "-"
	}
	return st.Newest.Format.String()
}

func rateText(fps float64) string { return strconv.FormatFloat(fps, 'f', -1, 32) }

func ageText(seconds float64) string { return fmt.Sprintf("%.1fs", seconds) }
