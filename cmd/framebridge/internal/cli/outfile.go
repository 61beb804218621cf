package cli

// Where a command's bytes go: standard output or a file.

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
)

// outputFile is a buffered output. Errors of writing are errors of the output (errStdoutClosed where nobody reads).
type outputFile struct {
	*bufio.Writer
	f    *os.File // nil for standard output
	path string
}

// create opens path for writing, or standard output for "" and "-". An existing file is refused unless overwrite is set.
func (s *session) create(path string, overwrite bool) (*outputFile, error) {
	if path == "" || path == "-" {
		return &outputFile{Writer: bufio.NewWriterSize(s.out, 64<<10)}, nil
	}
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		how = os.O_WRONLY // a device or a FIFO: there is nothing to lose
	} else if overwrite {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, how, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, existsError(path)
	case err != nil:
		return nil, outputf("%w", err)
	}
	return &outputFile{Writer: bufio.NewWriterSize(fileWriter{f}, 64<<10), f: f, path: path}, nil
}

func existsError(path string) error {
	return withTodo(usagef("%s exists", path), "-y overwrites it")
}

type fileWriter struct{ f *os.File }

func (w fileWriter) Write(b []byte) (int, error) {
	n, err := w.f.Write(b)
	if err != nil {
		err = outputf("%w", err)
	}
	return n, err
}

// finish writes what is buffered, closes the file, and returns the first error of both and err.
func (o *outputFile) finish(err error) error {
	flushed := o.Flush()
	if err == nil {
		err = flushed
	}
	if o.f == nil {
		return err
	}
	if closed := o.f.Close(); err == nil && closed != nil {
		err = outputf("%w", closed)
	}
	return err
}

// discard gives up the file.
func (o *outputFile) discard() {
	if o.f != nil {
		_ = o.f.Close()
		_ = os.Remove(o.path)
	}
}

var _ io.Writer = (*outputFile)(nil)
