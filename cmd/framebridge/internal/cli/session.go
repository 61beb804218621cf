package cli

// One invocation of the program: its streams and the flags that every command has.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// session is what a command has to do with the outside.
type session struct {
	in      *os.File
	out     io.Writer // results; errStdoutClosed once nobody reads them
	outFile *os.File  // the same as a file, to ask whether it is a terminal
	console *console
	environ func(string) (string, bool)

	dir     string // of segments
	json    bool
	quiet   bool
	verbose bool
	trust   trustValue // of commands that read

	started bool // a command runs: an error is not about the command line any more
}

func (s *session) register(f *pflag.FlagSet) {
	f.StringVar(&s.dir, "dir", "", "directory of segments (default /dev/shm/framebridge-<uid>)")
	f.BoolVar(&s.json, "json", false, "results, and the final error, as JSON")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "no progress and no notes")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "show what ffmpeg says")
}

// note tells people something that is no result.
func (s *session) note(format string, args ...any) {
	if !s.quiet {
		s.console.say("framebridge: "+format, args...)
	}
}

// next names a command to go on with, for people at a terminal.
func (s *session) next(format string, args ...any) {
	if !s.quiet && !s.json && s.console.terminal {
		s.console.say("next: framebridge "+format, args...)
	}
}

// printJSON prints one object on one line.
func (s *session) printJSON(v any) error { return writeJSON(s.out, v) }

func (s *session) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(s.out, format, args...)
	return err
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// command makes run what cobra calls: from here on an error is the command's own.
func (s *session) command(run func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		s.started = true
		return run(cmd.Context(), args)
	}
}

// stdout turns a closed pipe into errStdoutClosed, which is no failure, and every other error into one of the output.
type stdout struct{ f *os.File }

func (o stdout) Write(b []byte) (int, error) {
	n, err := o.f.Write(b)
	switch {
	case err == nil:
	case errors.Is(err, syscall.EPIPE):
		err = errStdoutClosed
	default:
		err = outputf("standard output: %w", err)
	}
	return n, err
}

// interruptible returns a context that the first SIGINT or SIGTERM ends in order, with an interruptError as its cause.
// The second one ends the process at once; the kernel then kills its children.
func interruptible(parent context.Context, c *console) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// A handled SIGPIPE makes a write to a closed pipe an error; children start with the default again.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case sig := <-signals:
				err := &interruptError{sig}
				if !first {
					c.clear()
					os.Exit(err.code())
				}
				cancel(err)
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(pipe)
		close(done)
		cancel(nil)
	}
}
