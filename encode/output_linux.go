package encode

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// writable reports whether this process may write a file, or into a folder.
func writable(path string) error {
	if err := unix.Access(path, unix.W_OK); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, &os.PathError{Op: "write", Path: path, Err: err})
	}
	return nil
}
