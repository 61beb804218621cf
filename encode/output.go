// Checking the output before anything is started.

package encode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// checkOutput parses the output's name and looks whether it can be made.
func (e *Encode) checkOutput(name string) error {
	out, err := ffargs.ParseOutput(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrName, err)
	}
	e.output = out
	if e.opts.Restart == RestartAlways && !out.Live && out.Format != "hls" { // that depends on the pace
		return e.neverAgain()
	}
	if out.Path == "" {
		return nil
	}
	st, err := os.Stat(out.Path)
	switch {
	case err == nil && st.IsDir():
		return fmt.Errorf("%w: %s is a folder", ErrOutput, out.Path)
	case err == nil && !st.Mode().IsRegular(): // a device, a FIFO
		return writable(out.Path)
	case err == nil && !e.opts.Overwrite:
		return fmt.Errorf("%w: %s; choose another name, or overwrite it (-y)", ErrExists, out.Path)
	case err == nil:
		return writable(out.Path)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	e.made = true
	folder := filepath.Dir(out.Path)
	st, err = os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no folder %s; make it first", ErrOutput, folder)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrOutput, err)
	case !st.IsDir():
		return fmt.Errorf("%w: %s is no folder", ErrOutput, folder)
	}
	return writable(folder)
}
