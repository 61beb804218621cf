//go:build linux

package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/framebridge/framebridge/internal/failpoint"
)

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := suite(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// rows is the whole catalogue, in its order.
func rows() []row {
	all := slices.Concat(writerRows(), readerRows(), numberRows(), restartRows(), viewRows(), mutantRows(), memoryRows(), damageRows(), sizeRows(), limitRows(), stdioRows(), hostileRows(), headerRows(), forgedRows(), scribbleRows(), foreignRows(), waitRows(), ffmpegRows(), argumentRows(), endRows(), pluginRows())
	slices.SortStableFunc(all, func(a, b row) int { return cmp.Compare(rank(a.id), rank(b.id)) })
	return all
}

// rank is where a row stands in the catalogue, whose groups are A to D, W, F to H; one by a plug-in comes after its like.
func rank(id string) int {
	number, plugin := strings.CutSuffix(id[1:], "p")
	n, _ := strconv.Atoi(number)
	n *= 2
	if plugin {
		n++
	}
	return 200*strings.IndexByte("ABCDWFGH", id[0]) + n
}

func suite(ctx context.Context, args []string, out io.Writer) int {
	f := flag.NewFlagSet("faults", flag.ExitOnError)
	night := f.Bool("night", os.Getenv("FAULTS") == "night", "the long form; also FAULTS=night")
	only := f.String("only", "", "rows to run, by their beginning: A,F12 (default: all)")
	write := f.String("o", "", "also write the table, as Markdown, to this file")
	list := f.Bool("list", false, "list the rows")
	verbose := f.Bool("v", false, "show what the rows note")
	_ = f.Parse(args)
	chosen := slices.DeleteFunc(rows(), func(r row) bool { return !picked(r.id, *only) })
	switch {
	case *list:
		for _, r := range chosen {
			fmt.Fprintf(out, "%-4s %s: %s\n", r.id, r.fault, r.must)
		}
		return 0
	case len(chosen) == 0:
		fmt.Fprintf(os.Stderr, "faults: no row begins with %s; -list shows them\n", *only)
		return 2
	case !failpoint.Enabled:
		fmt.Fprintln(os.Stderr, "faults: built without failpoints; build it with -tags faults, as `make faults` does")
		return 2
	}
	results := runAll(ctx, chosen, manner{night: *night, verbose: *verbose}, out)
	s := summarize(results)
	fmt.Fprintln(out, s)
	if *write != "" {
		if err := writeTable(ctx, *write, results, *night); err != nil {
			fmt.Fprintln(os.Stderr, "faults:", err)
			return 1
		}
	}
	if s.broken > 0 || ctx.Err() != nil {
		return 1
	}
	return 0
}

// picked reports whether a row is asked for.
func picked(id, only string) bool {
	if only == "" {
		return true
	}
	for _, p := range strings.Split(only, ",") {
		if p = strings.TrimSpace(p); id == p || p != "" && strings.HasPrefix(id, p) && len(p) == 1 {
			return true
		}
	}
	return false
}

func writeTable(ctx context.Context, path string, results []result, night bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(markdown(results, night, machine(ctx))), 0o644)
}
