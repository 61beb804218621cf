package cli

// framebridge info: one segment.

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
)

func newInfoCmd(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "info SEGMENT",
		Short:   "One segment: format, rates, readers, counters",
		Example: "  framebridge info cam0",
		Args:    exactly(1, 1, false),
		RunE:    s.command(func(_ context.Context, args []string) error { return infoRun(s, args[0]) }),
	}
	s.registerTrust(cmd.Flags())
	return cmd
}

func infoRun(s *session, name string) error {
	st, row, err := s.segmentStatus(name)
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(row)
	}
	t := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	line := func(key, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", key, printable(fmt.Sprintf(format, args...)))
	}
	line("name", "%s", st.Name)
	line("state", "%s", stateText(st))
	line("source", "%s", sourceText(st))
	line("generation", "%s", st.Generation)
	line("format", "%s", formatText(st))
	if n := st.Newest; n != nil && n.PixelFormat != framebuf.Data {
		line("sample aspect", "%s", or(row.SampleAspect, same))
		line("rate", "%s frames a second, time base %s", or(row.FPS, rateText), or(row.TimeBase, same))
		line("colour", "%s", colorText(n))
	}
	if n := st.Newest; n != nil {
		line("newest frame", "%d, published %s ago", n.Number, or(row.AgeSeconds, ageText))
	}
	line("frames", "%d published from %d on, %d dropped before, %d given up", st.Published, st.FirstFrame, row.Dropped, st.Abandoned)
	line("memory", "%s: %d slots of %s%s", mebibytes(st.Bytes), st.Slots, mebibytes(st.Capacity), map[bool]string{true: ", sealed"}[st.Sealed])
	line("lossless readers", "%s", []string{"the writer waits for them", "waited for, then evicted", "refused"}[min(int(st.Lossless), 2)])
	line("counters", "%d restarts, %d stalls, %d evicted, %d pins broken, %v waited for readers",
		st.Restarts, st.Stalls, st.Evicted, st.Broken, st.Blocked.Round(time.Millisecond))
	line("sound", "%s", or(row.Audio, same))
	line("layout", "%d.%d", st.LayoutMajor, st.LayoutMinor)
	for _, r := range row.Readers {
		line(fmt.Sprintf("reader %d", r.ID), "%s", readerText(r))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if st.Kept {
		s.next("config get %s", name)
	}
	if st.Alive && st.Newest != nil && st.Newest.PixelFormat != framebuf.Data {
		s.next("snap %s now.png", name)
	}
	return nil
}

func same(s string) string { return s }

func stateText(st *framebuf.Status) string {
	if st.Alive {
		return fmt.Sprintf("%s, written by process %d", stateName(st), st.WriterPID)
	}
	if st.Kept {
		return "kept: it outlives its writers, gc leaves it, rm removes it"
	}
	return stateName(st) + ", nobody writes it"
}

func sourceText(st *framebuf.Status) string {
	text := st.Source.String()
	if st.Live {
		text += ", live source"
	}
	switch {
	case st.LastError == "":
	case st.Source == framebuf.SourceLive, st.Source == framebuf.SourceEnded: // it came back
		text += "; before that: " + st.LastError
	default:
		text += ": " + st.LastError
	}
	return text
}

func colorText(n *framebuf.Info) string {
	return strings.Join([]string{
		[]string{"range unknown", "limited range", "full range"}[min(int(n.Color.Range), 2)],
		fmt.Sprintf("matrix %d, primaries %d, transfer %d", n.Color.Matrix, n.Color.Primaries, n.Color.Transfer),
		[]string{"opaque", "straight alpha", "premultiplied alpha"}[min(int(n.Alpha), 2)],
	}, ", ")
}

func readerText(r readerJSON) string {
	text := r.Mode
	if r.Label != "" {
		text += ", " + r.Label
	}
	text += fmt.Sprintf(", process %d", r.PID)
	if r.Behind != nil {
		text += fmt.Sprintf(", %d behind", *r.Behind)
	}
	if r.Missed > 0 {
		text += fmt.Sprintf(", %d missed", r.Missed)
	}
	return text
}

// mebibytes is an amount of memory for people.
func mebibytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
