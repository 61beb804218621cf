//go:build linux

package ffproc_test

// The fake children: this test binary, started again, behaves as FFPROC_CHILD says.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/internal/ffproc"
)

// starterThread is the goroutine that must live as long as the process.
const starterThread = "github.com/framebridge/framebridge/internal/ffproc.runStarter"

func TestMain(m *testing.M) {
	if mode := os.Getenv("FFPROC_CHILD"); mode != "" {
		os.Exit(child(mode))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(starterThread))
}

// self returns options for a fake child of the given mode.
func self(mode string, o ffproc.Options) *ffproc.Options {
	// A child built with the race detector would sleep a second at its end.
	o.Env = append(o.Env, "FFPROC_CHILD="+mode, "GORACE=atexit_sleep_ms=0")
	if o.Name == "" {
		o.Name = "fake"
	}
	return &o
}

func start(t testing.TB, mode string, o ffproc.Options) *ffproc.Process {
	t.Helper()
	p, err := ffproc.Start(context.Background(), os.Args[0], nil, self(mode, o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); _ = p.Close() })
	return p
}

// lifetime bounds every fake child, so that a broken test leaves nothing behind for long.
const lifetime = time.Minute

func child(mode string) int {
	mode, arg, _ := strings.Cut(mode, ":")
	switch mode {
	case "exit":
		var code int
		_, _ = fmt.Sscan(arg, &code)
		fmt.Fprintf(os.Stderr, "first line\nsecret=hunter2 went wrong\n\n")
		return code
	case "killself":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(lifetime)
	case "sleep":
		fmt.Println("ready")
		time.Sleep(lifetime)
	case "flood": // writes until it cannot
		for {
			if _, err := os.Stdout.Write(make([]byte, 1<<16)); err != nil {
				return 1
			}
		}
	case "countstdin":
		n, _ := io.Copy(io.Discard, os.Stdin)
		fmt.Print(n)
	case "middle": // starts a child with default stdin while its own stdin is full
		out, err := ffproc.Output(context.Background(), os.Args[0], nil, 100, self("countstdin", ffproc.Options{}))
		fmt.Print(string(out), err)
	case "env":
		fmt.Print(strings.Join(os.Environ(), "\n"))
	case "groups":
		fmt.Print(unix.Getpgrp(), " ", os.Getpid())
	case "status":
		b, _ := os.ReadFile("/proc/self/status")
		fmt.Print(string(b))
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "stderr":
		_, _ = os.Stderr.Write(noise(arg))
	case "ignore": // ignores the first arg signals, then ends as ffmpeg does
		return ignoreSignals(arg)
	case "failonterm":
		c := notify(syscall.SIGTERM)
		fmt.Println("ready")
		<-c
		return 1
	case "encoder":
		n, _ := io.Copy(io.Discard, os.Stdin)
		fmt.Print("trailer after ", n)
	case "deafencoder": // end of file does not help, SIGINT does
		c := notify(syscall.SIGINT, syscall.SIGTERM)
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
		fmt.Printf("eof then %v", <-c)
		return 255
	case "burst":
		_, _ = os.Stdout.Write(make([]byte, 60000))
	case "extra":
		f3, f4 := os.NewFile(3, "3"), os.NewFile(4, "4")
		_, _ = f3.WriteString("three")
		_, _ = f4.WriteString("four")
	case "grandchild": // leaves a process behind that holds stdout and stderr
		leaveGrandchild(arg == "escaped")
	case "talk": // on both streams at once
		for range 1000 {
			_, _ = os.Stdout.WriteString("out is one line\n")
			_, _ = os.Stderr.WriteString("err is another\n")
		}
		_, _ = os.Stdout.WriteString("no line end")
	case "leash": // a child with a child of its own; tells the number of that one, and lives on
		p, err := ffproc.Start(context.Background(), "/bin/sh", []string{"-c", "trap '' TERM; sleep 60 & echo $!; wait; wait"}, &ffproc.Options{Stdout: ffproc.Pipe, Leash: true})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		_, _ = io.Copy(os.Stdout, p.Stdout)
	case "parent": // starts a child, tells its number, and lives on
		p, err := ffproc.Start(context.Background(), os.Args[0], nil,
			self("sleep", ffproc.Options{Confine: arg == "confined"}))
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println(p.Pid())
		time.Sleep(lifetime)
	default:
		fmt.Fprintln(os.Stderr, "unknown mode", mode)
		return 99
	}
	return 0
}

func notify(sigs ...os.Signal) <-chan os.Signal {
	c := make(chan os.Signal, 8)
	signal.Notify(c, sigs...)
	return c
}

func ignoreSignals(arg string) int {
	var n int
	_, _ = fmt.Sscan(arg, &n)
	c := notify(syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("ready")
	timeout := time.After(lifetime)
	for i := 0; ; i++ {
		select {
		case <-c:
			if i == n {
				return 255
			}
		case <-timeout:
			return 98
		}
	}
}

func leaveGrandchild(escaped bool) {
	attr := &os.ProcAttr{
		Env:   []string{"FFPROC_CHILD=sleep"},
		Files: []*os.File{nil, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Setsid: escaped},
	}
	p, err := os.StartProcess(os.Args[0], os.Args[:1], attr)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Pid)
}

// noise is what the stderr child writes.
func noise(kind string) []byte {
	switch kind {
	case "longline":
		return bytes.Repeat([]byte("x"), 1<<20)
	case "cr":
		return bytes.Repeat([]byte("frame=  100 fps=25\r"), 60000)
	case "binary":
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = byte(i * 7 >> 3)
		}
		return b
	case "flood":
		return bytes.Repeat([]byte("[Parsed_showinfo_0 @ 0x55] [info] n: 1 pts: 1\n"), 20000)
	}
	return []byte(kind)
}
