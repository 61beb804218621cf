package cli

// ffmpeg's habits: -ss 10 -vf hflip -re. Cobra would take -re for -r e; so single-dash words are put right, or refused
// with the right spelling, before cobra sees them.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// habit is what a word that ffmpeg users type means here.
type habit struct {
	flag  string // our flag; empty: refused
	value string // the value that the word stands for; empty: the next word, if the flag takes one
	say   string // why it is refused
}

// habits of ffmpeg's command line whose name is not that of a flag of ours.
func habits() map[string]habit {
	const (
		passOn = "give it to ffmpeg with --input-args or --output-args"
		level  = "-v shows ffmpeg's lines and -q silences; there are no levels"
	)
	return map[string]habit{
		"re":             {flag: "pace", value: "source"},
		"an":             {flag: "audio", value: "none"},
		"vn":             {say: "framebridge is about the picture; there is always one"},
		"c":              {flag: "codec"},
		"c:v":            {flag: "codec"},
		"codec:v":        {flag: "codec"},
		"vcodec":         {flag: "codec"},
		"pix_fmt":        {flag: "pix-fmt"},
		"filter:v":       {flag: "vf"},
		"stream_loop":    {flag: "loop"},
		"rtsp_transport": {flag: "rtsp-transport"},
		"framerate":      {flag: "fps"},
		"video_size":     {flag: "size"},
		"n":              {say: "not overwriting is the default: leave it out"},
		"to":             {say: "write -t DURATION"},
		"f":              {say: "write the format before a colon: nut:out.bin, lavfi:testsrc2"},
		"loglevel":       {say: level},
		"filter_complex": {say: "a graph with one input and one output goes to --vf; otherwise " + passOn},
		"b:v":            {say: passOn + ": --output-args '-b:v 2M'"},
		"map":            {say: passOn},
	}
}

// translate puts single-dash words into the spelling that cobra takes.
func translate(root *cobra.Command, args []string) ([]string, error) {
	cmd, _, err := root.Find(args)
	if err != nil || cmd == nil || cmd.DisableFlagParsing {
		return args, nil //nolint:nilerr // cobra finds the same fault and words it
	}
	flags := allFlags(cmd)
	out := make([]string, 0, len(args)+2)
	positional := 0 // arguments seen, the command's own name among them
	for i := 0; i < len(args); i++ {
		word := args[i]
		switch {
		case word == "--":
			return append(out, args[i:]...), nil
		case word == "-" || !strings.HasPrefix(word, "-"):
			positional++
			out = append(out, word)
			continue
		case strings.HasPrefix(word, "--"):
			name, _, inline := strings.Cut(word[2:], "=")
			out = append(out, word)
			if f := flags.Lookup(name); f != nil && !inline && takesValue(f) && i+1 < len(args) {
				i++
				out = append(out, args[i])
			}
			continue
		case word == "-i" && flags.ShorthandLookup("i") == nil:
			if !slices.Contains([]string{"run", "capture"}, cmd.Name()) || positional != 1 {
				return nil, usagef("%s: -i is not needed: the input stands before the output: %s", cmd.Name(), cmd.UseLine())
			}
			continue // what follows is the first argument anyway
		}
		put, more, err := single(cmd, flags, word, args[i+1:])
		if err != nil {
			return nil, err
		}
		out = append(out, put...)
		i += more
	}
	return out, nil
}

// single translates one single-dash word; more is how many of the following words it took.
func single(cmd *cobra.Command, flags *pflag.FlagSet, word string, rest []string) (put []string, more int, err error) {
	name, inline, hasInline := strings.Cut(word[1:], "=")
	long := func(flag, value string) ([]string, int, error) {
		f := flags.Lookup(flag)
		switch {
		case value != "":
			return []string{"--" + flag + "=" + value}, 0, nil
		case hasInline:
			return []string{"--" + flag + "=" + inline}, 0, nil
		case !takesValue(f):
			return []string{"--" + flag}, 0, nil
		case len(rest) == 0:
			return nil, 0, usagef("%s: %s needs a value", cmd.Name(), word)
		}
		return []string{"--" + flag + "=" + rest[0]}, 1, nil
	}
	if f := flags.Lookup(name); f != nil && len(name) > 1 {
		return long(name, "")
	}
	if f := shorthand(flags, name); f != nil {
		if name == "v" && len(rest) > 0 && slices.Contains(logLevels(), rest[0]) {
			return nil, 0, refuse(cmd, word+" "+rest[0], "-v shows ffmpeg's lines and -q silences; there are no levels")
		}
		return long(f.Name, "")
	}
	h, known := habits()[name]
	switch {
	case known && h.flag != "" && flags.Lookup(h.flag) != nil:
		return long(h.flag, h.value)
	case known && h.say != "":
		return nil, 0, refuse(cmd, word, h.say)
	case known || isFlagElsewhere(cmd.Root(), name):
		return nil, 0, refuse(cmd, word, fmt.Sprintf("%s has no such flag", cmd.Name()))
	case bundled(flags, name):
		return []string{word}, 0, nil
	}
	return nil, 0, refuse(cmd, word, "flags have two hyphens; options that only ffmpeg knows go into --input-args '…' or --output-args '…'")
}

func refuse(cmd *cobra.Command, word, why string) error {
	return withTodo(usagef("%s: %s: %s", cmd.Name(), word, why), "see `%s --help`", cmd.CommandPath())
}

// bundled reports whether a word is one that can be meant in one way only: letters of flags without a value (-qy), or one
// letter and a number (-r30).
func bundled(flags *pflag.FlagSet, name string) bool {
	if f := shorthand(flags, name[:1]); f != nil && takesValue(f) {
		return len(name) > 1 && name[1] >= '0' && name[1] <= '9'
	}
	for _, letter := range name {
		if f := shorthand(flags, string(letter)); f == nil || takesValue(f) {
			return false
		}
	}
	return true
}

func isFlagElsewhere(root *cobra.Command, name string) bool {
	return slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool {
		return c.Flags().Lookup(name) != nil || shorthand(c.Flags(), name) != nil
	})
}

// shorthand is the flag of one letter, or nil.
func shorthand(flags *pflag.FlagSet, name string) *pflag.Flag {
	if len(name) != 1 {
		return nil
	}
	return flags.ShorthandLookup(name)
}

func takesValue(f *pflag.Flag) bool { return f.NoOptDefVal == "" }

func logLevels() []string {
	return []string{"quiet", "panic", "fatal", "error", "warning", "info", "verbose", "debug", "trace"}
}

// allFlags are a command's own flags and those that every command has.
func allFlags(cmd *cobra.Command) *pflag.FlagSet {
	cmd.InitDefaultHelpFlag()
	all := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	all.AddFlagSet(cmd.Flags())
	all.AddFlagSet(cmd.InheritedFlags())
	return all
}
