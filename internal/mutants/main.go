//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	// The directory in memory is this thread's alone, and its children's.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out io.Writer) int {
	f := flag.NewFlagSet("mutants", flag.ExitOnError)
	length := f.String("length", os.Getenv("MUTANTS"), "short: some mutants with cheap tests; fences: those of arm64; else all. Also MUTANTS=short")
	only := f.String("only", "", "mutants whose name contains one of these, with commas between")
	limit := f.Duration("limit", time.Minute, "a test that takes longer hangs")
	list := f.Bool("list", false, "list the mutants")
	_ = f.Parse(args)
	chosen := slices.DeleteFunc(mutants(), func(m mutant) bool {
		named := slices.ContainsFunc(strings.Split(*only, ","), func(part string) bool { return strings.Contains(m.name, part) })
		return !named || *length == "short" && !m.short || *length == "fences" && !m.fence()
	})
	if *length == "short" {
		for i := range chosen {
			chosen[i].by = chosen[i].by[:1]
		}
	}
	if *list {
		for _, m := range chosen {
			fmt.Fprintln(out, m.name)
		}
		return 0
	}
	if len(chosen) == 0 {
		fmt.Fprintln(os.Stderr, "mutants: none has such a name; -list shows them")
		return 2
	}
	left, err := trial(ctx, chosen, *limit, out)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutants:", err)
		return 2
	case left.ten > 1 || left.others > 0:
		return 1
	}
	return 0
}

// survivors are counted apart: of the ten that the published figure speaks of, and
// of the others.
type survivors struct{ ten, others int }

// trial tries every mutant, and the tests on the unbroken tree first.
func trial(ctx context.Context, chosen []mutant, limit time.Duration, out io.Writer) (left survivors, err error) {
	t, err := copyTree()
	if err != nil {
		return left, err
	}
	defer t.remove()
	if err := privateMemory(); err != nil {
		fmt.Fprintf(out, "tests that are killed may leave files in /dev/shm: %v\n", err)
	}
	start := time.Now()
	if err := t.unbroken(ctx, chosen, limit); err != nil {
		return left, fmt.Errorf("on the unbroken tree: %w", err)
	}
	fmt.Fprintf(out, "the unbroken tree passes (%.0fs)\n", time.Since(start).Seconds())
	ten := 0
	for _, m := range chosen {
		if m.ten {
			ten++
		}
		start := time.Now()
		by, err := t.try(ctx, m, limit)
		if err != nil {
			return left, fmt.Errorf("%s: %w", m.name, err)
		}
		verdict := "killed  "
		if by == "" {
			verdict = "SURVIVED"
			if m.ten {
				left.ten++
			} else {
				left.others++
			}
		}
		mark := " "
		if m.ten {
			mark = "*"
		}
		fmt.Fprintf(out, "%s %s %-52s %5.1fs  %s\n", verdict, mark, m.name, time.Since(start).Seconds(), by)
	}
	fmt.Fprintf(out, "%d of %d mutants killed", len(chosen)-left.ten-left.others, len(chosen))
	if ten > 0 {
		fmt.Fprintf(out, "; of the ten plainest (*) %d of %d", ten-left.ten, ten)
	}
	fmt.Fprintln(out)
	return left, nil
}
