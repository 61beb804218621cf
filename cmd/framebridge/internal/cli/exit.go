package cli

// Errors and what they mean to a script: one function maps any error to an exit code.

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/results"
	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/generator"
)

// The exit codes, a promise to scripts.
const (
	codeDone    = 0
	codeFailed  = 1 // nothing below fits
	codeUsage   = 2 // bad name or flag, output exists
	codeSource  = 3 // the source could not be opened, ended badly or was lost
	codeOutput  = 4 // disk full, unwritable, refused by the server
	codeSegment = 5 // not found, busy, damaged, of another version; no memory
	codeFFmpeg  = 6 // missing or unsuitable
	codeSignal  = 128
)

// errStdoutClosed says that whoever read our standard output has enough (`dump | head`). It is no failure.
var errStdoutClosed = errors.New("standard output is closed")

// codeError is an error whose exit code was decided where it was met; what it wraps has no say any more.
type codeError struct {
	code int
	err  error
	todo string // what to do about it; may be empty
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &codeError{code: codeUsage, err: fmt.Errorf(format, args...)}
}

func sourcef(format string, args ...any) error {
	return &codeError{code: codeSource, err: fmt.Errorf(format, args...)}
}

func outputf(format string, args ...any) error {
	return &codeError{code: codeOutput, err: fmt.Errorf(format, args...)}
}

// segmentError gives an error of framebuf that has no code of its own (no permission) the code of segments.
func segmentError(err error) error {
	if err == nil || exitCode(err) != codeFailed || isPromiseBroken(err) {
		return err
	}
	return &codeError{code: codeSegment, err: err}
}

// withTodo adds a line that says what to do.
func withTodo(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &codeError{code: exitCode(err), err: err, todo: fmt.Sprintf(format, args...)}
}

// interruptError says that a signal asked for the end, and that it was orderly.
type interruptError struct{ signal os.Signal }

func (e *interruptError) Error() string { return "interrupted by " + e.signal.String() }

func (e *interruptError) code() int {
	if n, ok := e.signal.(syscall.Signal); ok {
		return codeSignal + int(n)
	}
	return codeFailed
}

// sentinelCodes are the errors of the packages below that have a code of their own.
func sentinelCodes() map[error]int {
	return map[error]int{
		framebuf.ErrName:           codeUsage,
		framebuf.ErrFormat:         codeUsage,
		analyzer.ErrUnknown:        codeUsage,
		generator.ErrUnknown:       codeUsage,
		ffargs.ErrInput:            codeUsage,
		ffargs.ErrOutput:           codeUsage,
		ffargs.ErrRequest:          codeUsage,
		capture.ErrInput:           codeUsage,
		encode.ErrName:             codeUsage,
		encode.ErrExists:           codeUsage,
		capture.ErrMissing:         codeSource,
		capture.ErrUnreadable:      codeSource,
		capture.ErrNotMedia:        codeSource,
		capture.ErrNoPicture:       codeSource,
		capture.ErrNoFrames:        codeSource,
		capture.ErrEndedBadly:      codeSource,
		capture.ErrSourceLost:      codeSource,
		encode.ErrNoFrames:         codeSource,
		encode.ErrSource:           codeSource,
		encode.ErrOutput:           codeOutput,
		capture.ErrFFmpeg:          codeFFmpeg,
		encode.ErrFFmpeg:           codeFFmpeg,
		capture.ErrGeometryChanged: codeSource,
		framebuf.ErrWriterDied:     codeSource,
		framebuf.ErrNotFound:       codeSegment,
		framebuf.ErrBusy:           codeSegment,
		framebuf.ErrDamaged:        codeSegment,
		framebuf.ErrVersion:        codeSegment,
		framebuf.ErrNoSpace:        codeSegment,
		framebuf.ErrNotMemory:      codeSegment,
		framebuf.ErrUntrusted:      codeSegment,
		framebuf.ErrNotSealed:      codeSegment,
		framebuf.ErrGroup:          codeUsage,
		results.ErrNotResults:      codeUsage,
		framebuf.ErrUnlinked:       codeSegment,
		framebuf.ErrCells:          codeSegment,
		framebuf.ErrReadOnly:       codeSegment,
		ffproc.ErrNotFound:         codeFFmpeg,
	}
}

func isPromiseBroken(err error) bool {
	return errors.Is(err, framebuf.ErrEvicted) || errors.Is(err, framebuf.ErrLost) || errors.Is(err, framebuf.ErrRefused)
}

// exitCode is the code of an error. Of several at once it is the lowest that is not 1.
func exitCode(err error) int {
	if err == nil || errors.Is(err, errStdoutClosed) {
		return codeDone
	}
	best := codeFailed
	collectCodes(err, sentinelCodes(), func(code int) {
		if code != codeFailed && (best == codeFailed || code < best) {
			best = code
		}
	})
	return best
}

// collectCodes reports the code of every error in the tree that has one.
func collectCodes(err error, sentinels map[error]int, found func(int)) {
	switch e := err.(type) { //nolint:errorlint // this walks the tree itself, node by node
	case nil:
		return
	case *codeError:
		found(e.code)
		return
	case *interruptError:
		found(e.code())
		return
	}
	for sentinel, code := range sentinels {
		if err == sentinel || matches(err, sentinel) { //nolint:errorlint // as above
			found(code)
		}
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		collectCodes(e.Unwrap(), sentinels, found)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			collectCodes(inner, sentinels, found)
		}
	}
}

func matches(err, sentinel error) bool {
	is, ok := err.(interface{ Is(error) bool })
	return ok && is.Is(sentinel)
}

// todo is the line that says what to do about an error, if there is one.
func todo(err error) string {
	var coded *codeError
	if errors.As(err, &coded) {
		if coded.todo != "" {
			return coded.todo
		}
		if deeper := todo(coded.err); deeper != "" {
			return deeper
		}
	}
	switch {
	case errors.Is(err, encode.ErrExists):
		return "-y overwrites it"
	case errors.As(err, new(*framebuf.OwnerError)):
		return "what another user owns is left alone: take another name, or another directory with --dir"
	case errors.Is(err, framebuf.ErrNotFound):
		return "`framebridge ls` lists the segments; --wait 30s waits longer for this one"
	case errors.Is(err, framebuf.ErrBusy):
		return "`framebridge ls` shows who is alive; take another name, or end that writer"
	case errors.Is(err, framebuf.ErrNotSealed):
		return "only `framebridge run --sealed` hands sealed frames to its --exec"
	case errors.Is(err, framebuf.ErrTooLarge):
		return "--on-resize scale keeps every frame at the size of the first"
	case errors.Is(err, framebuf.ErrNoSpace):
		return "fewer --slots (2 work), a smaller --size, or more shared memory; `framebridge doctor` shows what there is"
	case errors.Is(err, framebuf.ErrNotMemory):
		return "name a directory on tmpfs with --dir or FRAMEBRIDGE_DIR, such as one in /dev/shm"
	case errors.Is(err, framebuf.ErrRefused):
		return "--newest reads the newest frames and counts what it missed; or start the writer with --lossless"
	case errors.Is(err, framebuf.ErrEvicted):
		return "give the writer --evict never, or read with --newest"
	case errors.Is(err, framebuf.ErrWriterDied):
		return "--follow waits for the next writer of the name"
	case errors.Is(err, results.ErrNotResults):
		return "`framebridge analyze SEGMENT --results NAME` publishes what it finds in pictures as records"
	case errors.Is(err, ffproc.ErrNotFound):
		return "`framebridge doctor` shows what is missing and how to get it"
	}
	return ""
}
