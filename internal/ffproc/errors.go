package ffproc

// Errors: what can be told apart by a caller.

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

var (
	// ErrNotFound is returned when the program to start does not exist or may not be
	// executed. The message says what to install.
	ErrNotFound = errors.New("program not found")

	// ErrTooMuchOutput is returned by Output when the child wrote more than the caller allows.
	ErrTooMuchOutput = errors.New("too much output")
)

// ExitError says that a child ended badly by itself: it was not asked to stop, or it
// ended in a way that our asking does not explain.
type ExitError struct {
	Name   string         // for messages, the base name of the program
	Code   int            // exit code, -1 if a signal ended the child
	Signal syscall.Signal // the signal that ended the child, 0 if none did
	Stderr string         // the end of its standard error, redacted
}

// Error gives name, exit code or signal, and the last line of standard error.
func (e *ExitError) Error() string {
	how := fmt.Sprintf("exit code %d", e.Code)
	if e.Signal != 0 {
		how = fmt.Sprintf("killed by signal %d (%v)", int(e.Signal), e.Signal)
	}
	if last := e.LastLine(); last != "" {
		return fmt.Sprintf("%s: %s: %s", e.Name, how, last)
	}
	return fmt.Sprintf("%s: %s", e.Name, how)
}

// lastLineBytes bounds the line of standard error that an error message repeats.
const lastLineBytes = 512

// LastLine returns the last line of standard error that is not blank, cut to 512 bytes.
func (e *ExitError) LastLine() string {
	lines := strings.FieldsFunc(e.Stderr, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" {
			if len(line) > lastLineBytes {
				line = line[:lastLineBytes] + "…"
			}
			return strings.ToValidUTF8(line, "?")
		}
	}
	return ""
}

// notFound tells what was looked for and how to get it.
func notFound(name string, cause error) error {
	remedy := "install it or give its full path"
	switch name {
	case "ffmpeg", "ffprobe":
		remedy = "install ffmpeg (Debian, Ubuntu: apt install ffmpeg; Fedora: dnf install ffmpeg; Alpine: apk add ffmpeg), " +
			"or set FRAMEBRIDGE_FFMPEG and FRAMEBRIDGE_FFPROBE to the full paths"
	}
	return fmt.Errorf("ffproc: start %s: %w: %w; %s", name, ErrNotFound, cause, remedy)
}
