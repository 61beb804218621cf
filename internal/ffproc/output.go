package ffproc

// Small things around a child: finding a program, a shell command, a short run for its output.

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// Look finds a program: a path with a slash is checked, a bare name is searched in PATH. It
// returns ErrNotFound, with what to install, if there is none that may be executed.
func Look(name string) (string, error) {
	full, err := exec.LookPath(name)
	if err != nil {
		return "", notFound(filepath.Base(name), err)
	}
	return full, nil
}

// Shell returns the program and the arguments that run a shell command line, for Start.
func Shell(command string) (path string, args []string) {
	return "/bin/sh", []string{"-c", command}
}

// Output runs a program to its end and returns what it wrote to standard output, at most
// maxBytes. Beyond that the child is killed and ErrTooMuchOutput returned. It returns what Start and
// Wait return; when ctx ends the child is stopped, and the error is ctx.Err(). Options.Stdout
// is not used.
func Output(ctx context.Context, path string, args []string, maxBytes int, opt *Options) ([]byte, error) {
	o := Options{}
	if opt != nil {
		o = *opt
	}
	o.Stdout = Pipe
	p, err := Start(ctx, path, args, &o)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	n, readErr := io.Copy(&out, io.LimitReader(p.Stdout, int64(maxBytes)+1))
	if n > int64(maxBytes) || readErr != nil {
		p.Kill()
	}
	_, waitErr := p.Wait(context.Background()) // bounded: ctx stops the child
	_ = p.Close()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ffproc: run %s: %w", p.opt.Name, ctx.Err())
	case n > int64(maxBytes):
		return nil, fmt.Errorf("ffproc: run %s: %w: more than %d bytes", p.opt.Name, ErrTooMuchOutput, maxBytes)
	case readErr != nil:
		return nil, fmt.Errorf("ffproc: run %s: %w", p.opt.Name, readErr)
	}
	return []byte(out.String()), waitErr
}
