package cli

// What stands between capture and encode in run: our own analyzer or a command of the user's, in a process of its own.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffproc"
)

// startChild starts the process in between. It ends when ctx does.
func (b *bridge) startChild(ctx context.Context) error {
	options := &ffproc.Options{
		DropEnv: []string{environmentPrefix},
		OnLine:  b.s.console.raw,
		Ladder:  ffproc.Ladder{{Signal: syscall.SIGTERM, Wait: endTime}},
	}
	in := b.o.inName()
	if b.o.sealed {
		data, control, err := b.capture.Writer().HandDown()
		if err != nil {
			return err
		}
		defer func() { _, _ = data.Close(), control.Close() }()
		options.Inherit = []*os.File{data, control}
		in = framebuf.InheritedName(3, 4)
	}
	path, args, err := b.analyzerCommand(in)
	if b.o.exec != "" {
		path, args = ffproc.Shell(b.o.exec)
		dir := b.s.dir
		if dir == "" {
			dir = framebuf.DefaultDir()
		}
		options.Name = "--exec"
		options.Env = []string{"FRAMEBRIDGE_IN=" + in, "FRAMEBRIDGE_OUT=" + b.o.outName(), "FRAMEBRIDGE_DIR=" + dir}
		// What the command prints is for people; our own standard output holds the result.
		options.Stdout, options.StdoutFile = ffproc.File, os.Stderr
		err = nil
	} else {
		options.Name = "analyze"
		options.OnLine = nil // its last line comes with its error
	}
	if err != nil {
		return err
	}
	b.child, err = ffproc.Start(ctx, path, args, options)
	return err
}

// analyzerCommand is our own program as the analyzer.
func (b *bridge) analyzerCommand(in string) (path string, args []string, err error) {
	path, err = os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("cannot start myself: %w", err)
	}
	args = []string{
		"analyze", in, b.o.outName(), "--analyzer", b.o.analyzer, "--" + b.o.mode().String(), "--await-readers", "1", "--quiet",
	}
	if b.s.dir != "" {
		args = append(args, "--dir", b.s.dir)
	}
	if b.o.slots > 0 {
		args = append(args, "--slots", strconv.Itoa(b.o.slots))
	}
	if b.o.group != "" {
		args = append(args, "--group", b.o.group)
	}
	if b.o.sealed {
		args = append(args, "--sealed")
	}
	if b.o.evict != "" {
		args = append(args, "--evict", b.o.evict)
	}
	return path, args, nil
}

// stopChild asks the process in between to end, if there is one and it still runs.
func (b *bridge) stopChild() {
	if b.child != nil {
		_, _ = b.child.Stop(context.Background())
	}
}

// awaitChild gives the process in between some time to end after its frames have, and then ends it.
func (b *bridge) awaitChild() {
	if b.child == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if _, err := b.child.Wait(ctx); errors.Is(err, context.DeadlineExceeded) {
		b.s.note("the command has not ended %v after its last frame, and is stopped", endTime)
		b.stopChild()
	}
}

// childError is how the process in between failed. Our own analyzer has the exit codes of this program; whatever a
// command of the user's ends with is code 1.
func (b *bridge) childError(err error) error {
	var exit *ffproc.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if b.o.exec != "" {
		return &codeError{code: codeFailed, err: fmt.Errorf("the command failed: %w", exit)}
	}
	code := codeFailed
	if exit.Code >= codeUsage && exit.Code <= codeFFmpeg {
		code = exit.Code
	}
	return &codeError{code: code, err: fmt.Errorf("the analyzer failed: %w", exit)}
}
