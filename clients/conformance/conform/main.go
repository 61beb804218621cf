// Command conform is Go's side of the conformance kit: it describes, reads and writes
// segments as a test driver tells it to. clients/conformance/README.md says what each
// command does and prints; programs in other languages do the same.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Exit codes.
const (
	exitError = 1 // the last line says which
	exitUsage = 2
)

// errUsage is returned for a command line that makes no sense.
var errUsage = errors.New("usage: conform about | batch | COMMAND NAME [--flag value]...; commands: describe, read, write, update, value")

// errTold is the end that a signal asked for.
var errTold = errors.New("told to stop")

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		cancel(errTold)
	}()
	// Whatever hangs, and whoever forgot this process: it ends.
	time.AfterFunc(lifetime(), func() {
		fmt.Fprintln(os.Stderr, "conform: my time is over")
		os.Exit(exitError)
	})
	if slices.Equal(os.Args[1:], []string{"batch"}) {
		batch(ctx)
		return
	}
	os.Exit(runOne(ctx, os.Args[1:]))
}

// runOne runs one command and tells how it failed.
func runOne(ctx context.Context, args []string) (code int) {
	err := run(ctx, args)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "conform:", err)
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	_ = tell(map[string]string{"error": classOf(err), "message": err.Error()})
	return exitError
}

// batch runs the commands that are the lines of stdin, their words divided by tabs.
func batch(ctx context.Context) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		_ = tell(map[string]int{"done": runOne(ctx, strings.Split(lines.Text(), "\t"))})
	}
}

// lifetime is FRAMEBRIDGE_CONFORM_SECONDS.
func lifetime() time.Duration {
	if s, err := strconv.ParseFloat(os.Getenv("FRAMEBRIDGE_CONFORM_SECONDS"), 64); err == nil {
		return time.Duration(s * float64(time.Second))
	}
	return time.Minute
}

// tell prints one object as a line. It is not buffered: a process that is killed has
// told all it knew.
func tell(line any) error { return json.NewEncoder(os.Stdout).Encode(line) }

func run(ctx context.Context, args []string) error {
	if slices.Equal(args, []string{"about"}) {
		return about()
	}
	if len(args) < 2 {
		return errUsage
	}
	command, name, rest := args[0], args[1], args[2:]
	switch command {
	case "describe":
		return describe(ctx, name, rest)
	case "read":
		return read(ctx, name, rest)
	case "write":
		return write(ctx, name, rest)
	case "update":
		return update(ctx, name, rest)
	case "value":
		return value(ctx, name, rest)
	}
	return fmt.Errorf("%w: no command %q", errUsage, command)
}

// about says what this client can do, so that the driver leaves the rest out.
func about() error {
	return tell(map[string]any{
		"client": "go", "layout": framebuf.LayoutVersion,
		"commands": []string{"describe", "read", "write", "update", "value"},
		"modes":    []string{"newest", "pinned", "lossless"},
		"moves":    true, "batch": true,
	})
}
