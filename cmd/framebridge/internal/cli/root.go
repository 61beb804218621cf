package cli

// Main and the tree of commands.

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// Main runs one command line, without the program's name, and returns the exit code.
func Main(args []string, stdin, stdoutFile, stderr *os.File) int {
	s := &session{
		in: stdin, out: stdout{stdoutFile}, outFile: stdoutFile,
		console: &console{w: stderr, terminal: isTerminal(stderr)},
		environ: os.LookupEnv,
	}
	ctx, stop := interruptible(context.Background(), s.console)
	defer stop()
	return s.execute(ctx, args)
}

// execute runs one command line and reports its error.
func (s *session) execute(ctx context.Context, args []string) int {
	s.console.redact = secretsOf(args)
	root := newRoot(s)
	args, err := translate(root, args)
	if err == nil {
		root.SetArgs(args)
		err = root.ExecuteContext(ctx)
	}
	if err != nil && !s.started {
		s.json = s.json || slices.Contains(args, "--json")
		var coded *codeError
		if !errors.As(err, &coded) {
			err = &codeError{code: codeUsage, err: err}
		}
	}
	s.report(err)
	return exitCode(err)
}

// finalError is the last line on standard error with --json.
type finalError struct {
	Error    string `json:"error"`
	ExitCode int    `json:"exit_code"`
	Todo     string `json:"todo,omitempty"`
}

// secretsOf knows the secrets of a command line and of the environment's flags, so that they come out nowhere, whatever quotes
// them.
func secretsOf(args []string) *ffargs.Redactor {
	known := slices.Clone(args)
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, environmentPrefix) {
			known = append(known, value)
		}
	}
	for _, a := range slices.Clone(known) {
		if words, err := splitArgs(a); err == nil && len(words) > 1 { // --input-args
			known = append(known, words...)
		}
	}
	return ffargs.NewRedactor(known...)
}

// report says how the command failed, if it did.
func (s *session) report(err error) {
	s.console.clear()
	code := exitCode(err)
	if code == codeDone {
		return
	}
	if s.json {
		_ = writeJSON(s.console.w, finalError{Error: s.console.redact.Redact(message(err)), ExitCode: code, Todo: todo(err)})
		return
	}
	s.console.say("framebridge: %s", message(err))
	if todo := todo(err); todo != "" {
		s.console.say("  %s", todo)
	}
}

// message is an error for people: on one line, without the names of our packages in front.
func message(err error) string {
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' })
	for i, line := range lines {
		line = ": " + line // so that a word of the text is none of these
		for _, own := range []string{"framebuf: ", "config: ", "results: ", "overlay: ", "capture: ", "encode: ", "ffproc: "} {
			line = strings.ReplaceAll(line, ": "+own, ": ")
		}
		lines[i] = strings.TrimPrefix(line, ": ")
	}
	return strings.Join(slices.Compact(lines), "; ")
}

const rootHelp = `framebridge carries video frames between ffmpeg and any program through shared memory.

INPUT is a file, - (NUT or y4m on standard input), a URL (rtsp:// rtmp:// srt:// http:// https://), a device
(v4l2:/dev/video0, x11grab::0), or lavfi:GRAPH. OUTPUT is a file, a URL, or a format before a colon
(hls:dir/live.m3u8). SEGMENT is a name: a-z 0-9 . _ -, a letter or digit first, 64 at most.

Each flag has an environment variable: FRAMEBRIDGE_ and the flag's name in capitals, hyphens as underscores
(FRAMEBRIDGE_PIX_FMT for --pix-fmt). A flag on the command line wins over it.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 source, 4 output, 5 segment or shared memory, 6 ffmpeg,
130 and 143 interrupted, after an orderly end.`

const rootExample = `  framebridge run clip.mp4 out.mp4 --analyzer motion    capture, find the motion, draw it, encode
  framebridge capture clip.mp4 cam0                     ffmpeg decodes into shared memory ...
  framebridge analyze cam0                              ... and another program reads it
  framebridge doctor                                    is everything there that is needed?`

func newRoot(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:           "framebridge",
		Short:         "Video frames between ffmpeg and any program, through shared memory",
		Long:          rootHelp,
		Example:       rootExample,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return fromEnvironment(cmd.Flags(), s.environ)
		},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q; `framebridge --help` lists them", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(s.out)
	root.SetErr(s.console.w)
	root.CompletionOptions.HiddenDefaultCmd = true
	s.register(root.PersistentFlags())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return withTodo(usagef("%s: %w", cmd.Name(), err), "see `%s --help`", cmd.CommandPath())
	})
	root.AddCommand(
		newRunCmd(s), newCaptureCmd(s), newGenerateCmd(s), newAnalyzeCmd(s), newResultsCmd(s), newEncodeCmd(s), newDumpCmd(s), newSnapCmd(s),
		newConfigCmd(s), newLsCmd(s), newInfoCmd(s), newRmCmd(s), newGcCmd(s), newDoctorCmd(s), newVersionCmd(s),
	)
	for _, name := range []string{"serve", "top", "view", "bench"} {
		root.AddCommand(newReservedCmd(name))
	}
	return root
}

// newReservedCmd keeps a name free for a command that is yet to come.
func newReservedCmd(name string) *cobra.Command {
	return &cobra.Command{
		Use: name, Hidden: true, DisableFlagParsing: true, Args: cobra.ArbitraryArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(*cobra.Command, []string) error {
			return usagef("%s: the name is reserved for later; `framebridge --help` lists what there is", name)
		},
	}
}

// exactly wants this many arguments before a --, and says what they are. With rest, more may follow a --.
func exactly(least, most int, rest bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		n := len(args)
		if dash := cmd.ArgsLenAtDash(); dash >= 0 {
			if n = dash; !rest && len(args) > dash {
				return usagef("%s takes nothing after --", cmd.Name())
			}
		}
		if n >= least && n <= most {
			return nil
		}
		return usagef("%s takes %s, not %d: %s", cmd.Name(), counted(least, most), n, cmd.UseLine())
	}
}

func counted(least, most int) string {
	words := []string{"no argument", "one argument", "two arguments", "three arguments"}
	if least == most {
		return words[least]
	}
	return words[least] + " or " + strings.Fields(words[most])[0]
}

// splitDash returns the arguments before and after --.
func splitDash(cmd *cobra.Command, args []string) (before, after []string) {
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		return args[:dash], args[dash:]
	}
	return args, nil
}
