package cli

// run --exec: what the user says of the command in between, and what it is called in messages.

import (
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// execFlags are about a command of the user's between capture and encode.
type execFlags struct {
	command string
	restart choice
	wait    timeValue
}

func (o *execFlags) register(f *pflag.FlagSet) {
	o.restart = choice{"auto", []string{"auto", "never", "always"}}
	o.wait.Duration = 10 * time.Second
	f.StringVar(&o.command, "exec", "", "a command that reads FRAMEBRIDGE_IN and publishes FRAMEBRIDGE_OUT")
	f.Var(&o.restart, "exec-restart", "start a command again that dies: auto is with live sources, once it has worked; always also with files, where a few frames are missed")
	f.Var(&o.wait, "exec-wait", "how long the command may take to end when its input has ended; a frame that it publishes begins the time anew")
}

const (
	shownCommand = 60 // characters of a command in messages
	shownName    = 32 // of the name in front of its lines
)

// quoted is a command for messages: on one line, and not all of a long one.
func quoted(command string) string {
	return "'" + cut(strings.Join(strings.Fields(command), " "), shownCommand) + "'"
}

func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// programName is what stands in front of the lines of a command: blur.py for `python3 -u dir/blur.py --fast`, and exec
// where a shell does more than start one program.
func programName(command string) string {
	const several = "exec"
	words, err := splitArgs(command)
	if err != nil || strings.ContainsAny(command, "|;&(){}<>`\n") {
		return several
	}
	for len(words) > 0 && (strings.Contains(words[0], "=") || words[0] == "exec" || words[0] == "env") {
		words = words[1:]
	}
	if len(words) == 0 {
		return several
	}
	name, rest := path.Base(words[0]), words[1:]
	if interprets(name) {
		for len(rest) > 0 && strings.HasPrefix(rest[0], "-") && rest[0] != "-c" && rest[0] != "-e" && rest[0] != "-m" {
			rest = rest[1:]
		}
		switch {
		case len(rest) > 1 && rest[0] == "-m":
			name = path.Base(rest[1])
		case len(rest) > 0 && !strings.HasPrefix(rest[0], "-"):
			name = path.Base(rest[0])
		}
	}
	return cut(name, shownName)
}

// interprets reports whether a program runs the script that it is given.
func interprets(program string) bool {
	switch strings.TrimRight(program, "0123456789.") {
	case "python", "pypy", "node", "ruby", "perl", "sh", "bash", "dash", "zsh", "lua", "php", "julia", "Rscript":
		return true
	}
	return false
}
