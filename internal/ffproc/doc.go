// Package ffproc starts and supervises child processes: ffmpeg, ffprobe and the
// shell commands of --exec. It is the only package that may import os/exec.
//
// What it guarantees for every child:
//
//   - The child has its own process group, so a Ctrl-C in the terminal reaches us and
//     not the child; we end it in order.
//   - The kernel kills the child when this process dies, however it dies; with
//     Options.Leash everything in the child's process group.
//   - Standard input is never inherited: it is /dev/null, a pipe of ours, or a file that
//     the caller hands over on purpose.
//   - Standard error is read all the time, into a bounded tail, so that a talkative child
//     never blocks on it.
//   - It is always reaped, and Wait never hangs because a grandchild holds a pipe.
//     What is left of the child's process group is killed when the child has ended.
//   - A stop that we asked for is no error, whatever way the child obeyed it.
//
// It does not restart anything, knows no ffmpeg option and parses no output.
//
// Two goroutines named runStarter live as long as the process once the first child was
// started (see start_linux.go). A test that looks for leaked goroutines ignores them:
//
//	goleak.IgnoreTopFunction("github.com/framebridge/framebridge/internal/ffproc.runStarter")
package ffproc
