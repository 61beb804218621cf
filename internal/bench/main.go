//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
)

// bench is one run of the program.
type bench struct {
	ctx    context.Context
	pairs  int
	frames int    // of the 1080p clip
	clip   string // made if empty
	ffmpeg string
	python string
	dir    string // segments
	tmp    string // raw frames, in memory
	self   string // this program, to start as another process
}

type section struct {
	name string
	what string
	run  func(*bench) error
}

func main() {
	if role := os.Getenv("FRAMEBRIDGE_BENCH_ROLE"); role != "" {
		os.Exit(runRole(role))
	}
	os.Exit(run())
}

func run() int {
	sections := []section{
		{"capture", "ffmpeg's pipe into a segment, beside a slice, Python and the floor (1080p)", (*bench).capture},
		{"encode", "a segment into ffmpeg, beside ffmpeg reading the raw frames from memory (1080p)", (*bench).encode},
		{"bound", "what the kernel gives two processes that do nothing else: the bound of the encode feed (1080p)", (*bench).bound},
		{"copy", "a copying read beside memcpy in pieces (1080p)", (*bench).copying},
		{"own", "our own time to publish and to read in place, nobody waiting", (*bench).own},
		{"wake", "publish to wake-up beside a bare futex", (*bench).wake},
		{"readers", "the writer's CPU with eight readers at 1080p60", (*bench).readers},
		{"table", "cost against frame size and number of readers", (*bench).table},
	}
	b := &bench{}
	only := flag.String("only", "", "comma-separated `sections` to run; empty: all")
	flag.IntVar(&b.pairs, "pairs", 7, "alternating pairs for each ratio")
	flag.IntVar(&b.frames, "frames", 600, "frames of the 1080p clip")
	flag.StringVar(&b.clip, "clip", "", "a 1080p `clip` of one's own; empty: one is made")
	flag.StringVar(&b.ffmpeg, "ffmpeg", "ffmpeg", "the `program`")
	flag.StringVar(&b.python, "python", "python3", "the `program`")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: bench [flags]\n\nsections:")
		for _, s := range sections {
			fmt.Fprintf(flag.CommandLine.Output(), "  %-8s %s\n", s.name, s.what)
		}
		flag.PrintDefaults()
	}
	flag.Parse()
	var wanted []string
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(sections, func(s section) bool { return s.name == w }) {
			fmt.Fprintf(os.Stderr, "bench: no section %q\n", w)
			return 2
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b.ctx = ctx
	if err := b.setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	defer b.tearDown()
	fmt.Printf("machine: %s, %d cores, %s/%s, %s\n", cpuName(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	for _, s := range sections {
		if len(wanted) > 0 && !slices.Contains(wanted, s.name) {
			continue
		}
		fmt.Printf("\n== %s: %s\n", s.name, s.what)
		if err := s.run(b); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", s.name, err)
			return 1
		}
	}
	return 0
}

func (b *bench) setUp() error {
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("/dev/shm", "framebridge-bench-"); err != nil {
		return err
	}
	b.tmp, err = os.MkdirTemp("/dev/shm", "framebridge-bench-raw-")
	return err
}

func (b *bench) tearDown() {
	_ = os.RemoveAll(b.dir)
	_ = os.RemoveAll(b.tmp)
}

// cpuName is the processor's name as the kernel has it.
func cpuName() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
