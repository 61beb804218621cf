package cli

// framebridge rm and gc: removing what is dead, never what is alive. What is kept goes by its name alone.

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
)

func newRmCmd(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "rm SEGMENT",
		Short:   "Remove a dead or kept segment (refuses a live one)",
		Example: "  framebridge rm cam0",
		Args:    exactly(1, 1, false),
		RunE: s.command(func(_ context.Context, args []string) error {
			return segmentError(framebuf.Remove(s.dir, args[0]))
		}),
	}
}

func newGcCmd(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "gc",
		Short:   "Remove everything dead; never anything alive, kept or foreign",
		Example: "  framebridge gc",
		Args:    exactly(0, 0, false),
		RunE:    s.command(func(ctx context.Context, _ []string) error { return gcRun(ctx, s) }),
	}
}

func gcRun(ctx context.Context, s *session) error {
	removed, err := framebuf.GC(ctx, s.dir)
	if s.json {
		if removed == nil {
			removed = []string{}
		}
		if err := s.printJSON(struct {
			Removed []string `json:"removed"`
		}{removed}); err != nil {
			return err
		}
		return segmentError(err)
	}
	for _, name := range removed {
		if err := s.printf("removed %s\n", name); err != nil {
			return err
		}
	}
	return segmentError(err)
}
