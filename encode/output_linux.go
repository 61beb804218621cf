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

// full reports whether nothing more fits on the disk that holds the file.
func full(path string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) != nil || fs.Blocks == 0 {
		return false
	}
	if os.Geteuid() == 0 { // who also has what is reserved
		return fs.Bfree == 0
	}
	return fs.Bavail == 0
}
