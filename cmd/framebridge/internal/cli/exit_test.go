package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/capture"
	"github.com/framebridge/framebridge/encode"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/ffproc"
)

func TestExitCode(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		code int
	}{
		{"none", nil, 0},
		{"nobody reads standard output", fmt.Errorf("x: %w", errStdoutClosed), 0},
		{"anything", errors.New("x"), 1},
		{"evicted", fmt.Errorf("x: %w", framebuf.ErrEvicted), 1},
		{"refused", &framebuf.RefusedError{}, 1},
		{"a context", context.Canceled, 1},
		{"usage", usagef("x"), 2},
		{"name", fmt.Errorf("x: %w", framebuf.ErrName), 2},
		{"output exists", fmt.Errorf("x: %w", encode.ErrExists), 2},
		{"writer died", fmt.Errorf("x: %w", framebuf.ErrWriterDied), 3},
		{"no picture", fmt.Errorf("x: %w", capture.ErrNoPicture), 3},
		{"source of an encode", encode.ErrSource, 3},
		{"output", fmt.Errorf("x: %w", encode.ErrOutput), 4},
		{"no space in the segment's directory", fmt.Errorf("x: %w", &framebuf.SpaceError{}), 5},
		{"busy", fmt.Errorf("x: %w", framebuf.ErrBusy), 5},
		{"ffmpeg missing", fmt.Errorf("x: %w: %w", errors.New("y"), ffproc.ErrNotFound), 6},
		{"ffmpeg missing in a capture", fmt.Errorf("%w: %w", capture.ErrFFmpeg, ffproc.ErrNotFound), 6},
		{"SIGINT", &interruptError{os.Interrupt}, 130},
		{"SIGTERM", fmt.Errorf("x: %w", &interruptError{syscall.SIGTERM}), 143},
		{"two at once: the lowest", errors.Join(encode.ErrOutput, framebuf.ErrWriterDied), 3},
		{"two at once: not 1", errors.Join(errors.New("x"), encode.ErrOutput), 4},
		{"an interruption and more", errors.Join(&interruptError{os.Interrupt}, encode.ErrOutput), 4},
		{"what was decided holds", &codeError{code: 1, err: framebuf.ErrBusy}, 1},
		{"with something to do", withTodo(framebuf.ErrBusy, "do it"), 5},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.code, exitCode(row.err)) })
	}
}

func TestTodo(t *testing.T) {
	require.Equal(t, "do it", todo(fmt.Errorf("x: %w", withTodo(framebuf.ErrBusy, "do it"))))
	require.Contains(t, todo(framebuf.ErrRefused), "--newest")
	require.Empty(t, todo(errors.New("x")))
	require.Empty(t, todo(usagef("x")))
}

func TestMessage(t *testing.T) {
	err := errors.Join(fmt.Errorf("framebuf: open cam0: %w", framebuf.ErrBusy), errors.New("second"))
	require.Equal(t, "open cam0: segment is in use by a living writer; second", message(err))
}
