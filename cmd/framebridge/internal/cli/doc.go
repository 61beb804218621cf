// Package cli is the command line of framebridge.
//
// Main is all that main calls. root.go puts the commands together; each command is a file of its own with an
// options struct, a constructor that declares its flags (newXCmd), and what it does (xRun), which knows nothing of
// cobra. flags_*.go are groups of flags that several commands share, exit.go maps errors to exit codes, argv.go takes
// ffmpeg's spellings, environment.go reads flags from the environment.
//
// The names of commands and flags, the exit codes and the JSON keys are a promise to scripts: add, never rename.
package cli
