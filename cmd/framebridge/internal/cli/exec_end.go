package cli

// What the end of the process in between means, and how it is said.

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/framebridge/framebridge/internal/ffproc"
)

// Why a process in between was stopped, beside errElsewhere. Neither is shown: failure words them.
var (
	errNeverOpened = errors.New("it never opened its input")
	errTooLate     = errors.New("its input ended before it had opened that")
	errStuck       = errors.New("it has not ended after its input")
)

// shellsWord is how shells tell that a signal ended a program, on the last line.
const shellsWord = `(^|\n)([^\n]*line \d+:[ \d]*)?(Hangup|Illegal instruction|Aborted|Bus error|Floating point exception|Killed|Segmentation fault|Terminated)( \(core dumped\))?[^\n]*$`

// The exit codes with which a shell says that it could not start a program.
const (
	codeNotExecutable = 126
	codeNoSuchCommand = 127
)

// judge says what the end of a process means: whether another one is to be started, and what was wrong.
func (c *command) judge(l *life) (again bool, err error) {
	if l == nil {
		return false, nil
	}
	code := l.result.Code
	if l.result.Signal != 0 {
		code = codeSignal + int(l.result.Signal)
	}
	c.exit = &code
	c.frames += l.frames
	_, over := c.input()
	over = over && !l.early // else we ended that
	switch fine := l.err == nil && l.cause == nil && (l.inOrder() || c.o.exec.command == ""); {
	case errors.Is(l.cause, errElsewhere), errors.Is(l.cause, errTooLate) && c.wasInterrupted():
		return false, nil
	case fine && !over && c.policy() == "always":
		return true, fmt.Errorf("%s has ended its output %s", c.what, l.after())
	case fine:
		if !over {
			c.early = l.frames
		}
		return false, nil
	}
	hopeless := l.frames == 0 && (code == codeNoSuchCommand || code == codeNotExecutable)
	switch c.policy() {
	case "never":
	case "always":
		again = !hopeless
	default:
		again = c.o.live && c.worked
	}
	return again && !over && c.ctx.Err() == nil, c.failure(l)
}

// failure says how a process has failed. Our own analyzer has the exit codes of this program; whatever a command of the
// user's ends with is code 1.
func (c *command) failure(l *life) error {
	var exit *ffproc.ExitError
	if c.o.exec.command == "" && l.cause == nil && errors.As(l.err, &exit) {
		code := codeFailed
		if exit.Code >= codeUsage && exit.Code <= codeFFmpeg {
			code = exit.Code
		}
		return &codeError{code: code, err: fmt.Errorf("the analyzer failed: %w", exit)}
	}
	how, todo := c.how(l)
	if last := lastWords(l.p.StderrTail(), l.result.Code); last != "" {
		how += "; last words: " + last
	}
	return &codeError{code: codeFailed, err: errors.New(c.what + " " + how), todo: todo}
}

// how goes on a sentence that begins with the command.
func (c *command) how(l *life) (how, todo string) {
	const reads = "a filter reads FRAMEBRIDGE_IN until it ends, and then ends FRAMEBRIDGE_OUT"
	r := l.result
	_, over := c.input()
	switch {
	case errors.Is(l.cause, errNeverOpened):
		return fmt.Sprintf("never opened FRAMEBRIDGE_IN (%s) within %v", c.o.inName(), openTime),
			"it must read the segment that $FRAMEBRIDGE_IN names, in the directory $FRAMEBRIDGE_DIR"
	case errors.Is(l.cause, errTooLate):
		return fmt.Sprintf("had not opened FRAMEBRIDGE_IN (%s) when that ended", c.o.inName()), ""
	case errors.Is(l.cause, errStuck):
		how = fmt.Sprintf("has neither ended nor published a frame for %v after the end of its input, %s, and was stopped", c.o.exec.wait.Duration, l.after())
		if r.Killed {
			how += " (it ignored SIGTERM)"
		}
		return how, "--exec-wait 1m gives it longer"
	case strings.HasPrefix(r.Reason(), "signal"):
		return fmt.Sprintf("was killed by %s %s", r.Reason(), l.after()), ""
	case r.Code == codeNoSuchCommand && l.frames == 0:
		return fmt.Sprintf("ended with %s (no such command) %s", r.Reason(), l.after()), "write it as you would in /bin/sh"
	case r.Code != 0:
		return fmt.Sprintf("ended with %s %s", r.Reason(), l.after()), ""
	case l.generation.IsZero():
		return fmt.Sprintf("ended without publishing FRAMEBRIDGE_OUT (%s)", c.o.outName()),
			"it must publish the segment that $FRAMEBRIDGE_OUT names, and wait there for a reader"
	case l.inOrder(): // and yet here
		return "ended its output " + l.after(), reads
	case l.gone || l.complaint != "":
		return fmt.Sprintf("ended its output as failed %s: %s", l.after(), l.complaint), reads
	case over:
		return fmt.Sprintf("ended %s without ending FRAMEBRIDGE_OUT: whether that was all of it cannot be known", l.after()), reads
	}
	return fmt.Sprintf("ended (exit code 0) %s, while frames were still coming", l.after()),
		reads + "; what it starts in the background ends with it"
}

// passesOn reports whether the command only says of the source what the source said itself.
func (c *command) passesOn() bool {
	return c.o.exec.command == "" || c.exit != nil && *c.exit == codeDone
}

// after says after how many frames it ended.
func (l *life) after() string {
	switch l.frames {
	case 0:
		return "before its first frame"
	case 1:
		return "after 1 frame"
	}
	return fmt.Sprintf("after %d frames", l.frames)
}

// lastWords is the last line of what a process said that ended with code, and not what a shell says of that end.
func lastWords(text string, code int) string {
	if code > codeSignal {
		text = regexp.MustCompile(shellsWord).ReplaceAllString(strings.TrimRight(text, "\r\n"), "")
	}
	return (&ffproc.ExitError{Stderr: text}).LastLine()
}

// lastLines is how many lines of a command's are shown that was to be quiet, and failed.
const lastLines = 10

// tellLastLines shows what a command said last, if that was not shown before.
func (c *command) tellLastLines(l *life) {
	if !c.s.quiet || c.o.exec.command == "" {
		return
	}
	lines := strings.FieldsFunc(l.p.StderrTail(), func(r rune) bool { return r == '\n' || r == '\r' })
	for _, line := range lines[max(0, len(lines)-lastLines):] {
		c.line([]byte(line))
	}
}

// execSummary is what run says of its --exec at the end. The JSON keys are a promise.
type execSummary struct {
	Restarts  uint64 `json:"restarts"`
	FramesIn  uint64 `json:"frames_in"`  // published for it
	FramesOut uint64 `json:"frames_out"` // published by it, each once
	Missed    uint64 `json:"missed"`     // frames_in for which it published none
	Exit      *int   `json:"exit"`       // its exit code, 128 + n for signal n
}

// summary sums up, when everything has ended. in is how many frames were published for it, repeated how many of its own
// the next one after a restart has published once more.
func (c *command) summary(in, repeated uint64) *execSummary {
	out := c.frames - min(repeated, c.frames)
	return &execSummary{Restarts: c.restarts, FramesIn: in, FramesOut: out, Missed: in - min(out, in), Exit: c.exit}
}
