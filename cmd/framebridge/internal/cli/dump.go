package cli

// framebridge dump: every frame of a segment, in one of five shapes.

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
)

type dumpOptions struct {
	segment   string
	as        string
	output    string
	overwrite bool
	read      readFlags
}

func newDumpCmd(s *session) *cobra.Command {
	o := &dumpOptions{}
	cmd := &cobra.Command{
		Use:   "dump SEGMENT",
		Short: "Every frame, lossless, to standard output or a file",
		Long: `Writes every frame of SEGMENT, to standard output or to --output FILE.

  raw       the payloads, one after the other; ends with code 3 where the size of frames changes
  framemd5  a list of times and hashes, as ffmpeg -f framemd5 writes it
  json      one object a frame
  nut       a container that ffmpeg reads: framebridge dump cam0 --as nut | ffmpeg -f nut -i - …
  y4m       yuv420p and gray8 as YUV4MPEG2`,
		Example: "  framebridge dump cam0 --as framemd5\n  framebridge dump cam0 --as nut | ffmpeg -f nut -i - out.mkv",
		Args:    exactly(1, 1, false),
		RunE: s.command(func(ctx context.Context, args []string) error {
			o.segment = args[0]
			return dumpRun(ctx, s, o)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.as, "as", "raw", strings.Join(dumpNames(), ", "))
	f.StringVarP(&o.output, "output", "o", "", "file to write (default standard output)")
	f.BoolVarP(&o.overwrite, "overwrite", "y", false, "overwrite the file")
	o.read.register(f, "the default")
	o.read.registerSealed(f)
	s.registerTrust(f)
	return cmd
}

func dumpRun(ctx context.Context, s *session, o *dumpOptions) (err error) {
	newDumper, err := dumperByName(o.as)
	if err != nil {
		return err
	}
	if err := errors.Join(o.read.check(), framebuf.CheckSource(o.segment)); err != nil {
		return err
	}
	toStdout := o.output == "" || o.output == "-"
	if toStdout && (o.as == "raw" || o.as == "nut" || o.as == "y4m") && isTerminal(s.outFile) {
		return usagef("dump: --as %s is not for a terminal: write -o FILE, or --as json", o.as)
	}
	if _, err := os.Stat(o.output); err == nil && !toStdout && !o.overwrite {
		return existsError(o.output)
	}
	if _, err := s.awaitSegment(ctx, o.segment, o.read.wait); err != nil {
		return err
	}
	mode, ok := o.read.chosen()
	if !ok {
		mode = framebuf.Lossless
	}
	r, err := s.openReader(ctx, o.segment, &o.read, mode, "dump")
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := s.create(o.output, o.overwrite)
	if err != nil {
		return err
	}
	defer func() { err = out.finish(err) }()
	d := newDumper(out, s.note)
	var m meter
	if !toStdout || !isTerminal(s.outFile) {
		defer s.showProgress(m.sample)()
	}
	return eachFrame(ctx, r, func(f *framebuf.Frame) error {
		if err := d.frame(f); err != nil {
			return err
		}
		m.frame(&f.Info)
		if flushesEach(o.as) {
			return out.Flush()
		}
		return nil
	})
}

// flushesEach reports whether each frame is a line that somebody may be waiting for.
func flushesEach(as string) bool { return as == "json" || as == "framemd5" }
