//go:build !linux

package ffproc

import "os"

// toChild makes a connection that the child reads.
func toChild() (ours, child *os.File, err error) { return pipeToChild() }

// fromChild makes a connection that the child writes.
func fromChild() (ours, child *os.File, err error) { return os.Pipe() }
