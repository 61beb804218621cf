//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "mutants: segments are shared memory of Linux")
	os.Exit(1)
}
