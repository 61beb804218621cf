// Command framebridge carries video frames between ffmpeg and other programs through shared memory:
// it captures into segments, reads them, and encodes them again. `framebridge --help` lists the commands.
package main

import (
	"os"

	"github.com/framebridge/framebridge/cmd/framebridge/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
