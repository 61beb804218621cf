//go:build linux

package conformance

// One conform that runs, and what it has printed.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long anything may take before it is called a hang.
const patience = 20 * time.Second

// line is anything that conform prints.
type line struct {
	Ready      bool    `json:"ready"`
	Published  *uint64 `json:"published"`
	Number     *uint64 `json:"number"`
	Value      *int64  `json:"value"`
	Generation string  `json:"generation"`
	PTS        int64   `json:"pts"`
	Missed     uint64  `json:"missed"`
	Format     string  `json:"format"`
	Width      int     `json:"width"`
	Height     int     `json:"height"`
	Length     int     `json:"length"`
	End        string  `json:"end"`
	Done       *int    `json:"done"`
	Error      string  `json:"error"`
	Message    string  `json:"message"`
}

// process is a conform that runs.
type process struct {
	who    string
	cmd    *exec.Cmd
	stderr bytes.Buffer // read when the process is gone
	read   chan struct{}

	mu    sync.Mutex
	lines []line
	texts [][]byte      // the lines as they came
	more  chan struct{} // closed and made anew with each line
	over  bool          // stdout is read to its end
	seen  int           // lines that next has handed out
	watch func(line)    // gets the lines of frames instead
}

// finished is what a process has left behind.
type finished struct {
	who    string
	code   int // -1: killed
	lines  []line
	stdout []byte // the last line as it came
	stderr string
}

func (f finished) last() line {
	if len(f.lines) == 0 {
		return line{}
	}
	return f.lines[len(f.lines)-1]
}

// start starts a conform with its segments in dir. It is killed with the test at the
// latest.
func start(t testing.TB, c *client, dir string, args ...string) *process {
	t.Helper()
	return startWatched(t, c, dir, nil, args...)
}

// startWatched gives every frame's line to watch, as it comes, instead of keeping it.
func startWatched(t testing.TB, c *client, dir string, watch func(line), args ...string) *process {
	t.Helper()
	p := launch(t, c, dir, watch, nil, args...)
	t.Cleanup(p.kill)
	return p
}

// launch starts a conform that the caller sees to the end of.
func launch(t testing.TB, c *client, dir string, watch func(line), stdin *os.File, args ...string) *process {
	t.Helper()
	command := slices.Concat(c.command, args)
	p := &process{who: c.name + " " + strings.Join(args, " "), read: make(chan struct{}), more: make(chan struct{}), watch: watch}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Env = append(os.Environ(), "FRAMEBRIDGE_DIR="+dir, "FRAMEBRIDGE_CONFORM_SECONDS=120")
	p.cmd.Stderr = &p.stderr
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start(), p.who)
	go p.collect(out)
	return p
}

func (p *process) collect(out io.Reader) {
	defer close(p.read)
	lines := bufio.NewReader(out)
	for {
		text, err := lines.ReadBytes('\n')
		if err != nil { // of a killed process the last line may be half
			break
		}
		var l line
		if json.Unmarshal(text, &l) != nil {
			l.Error, l.Message = "not JSON", string(text)
		}
		p.mu.Lock()
		if isFrame(l) && p.watch != nil {
			p.watch(l)
		} else {
			p.lines, p.texts = append(p.lines, l), append(p.texts, text)
		}
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	close(p.more)
}

// next is the next line. ok is false after the last one.
func (p *process) next(t testing.TB) (l line, ok bool) {
	t.Helper()
	l, _, ok = p.nextText(t)
	return l, ok
}

func (p *process) nextText(t testing.TB) (l line, text []byte, ok bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		more, over := p.more, p.over
		if ok = p.seen < len(p.lines); ok {
			l, text = p.lines[p.seen], p.texts[p.seen]
			p.seen++
		}
		p.mu.Unlock()
		if ok || over {
			return l, text, ok
		}
		select {
		case <-more:
		case <-deadline.C:
			p.hangs(t)
		}
	}
}

// until waits for a line.
func (p *process) until(t testing.TB, what string, is func(line) bool) line {
	t.Helper()
	for {
		l, ok := p.next(t)
		if !ok {
			got := p.end(t)
			t.Fatalf("%s: ended before %s: %+v\n%s", p.who, what, got.last(), got.stderr)
		}
		if is(l) {
			return l
		}
		require.Empty(t, l.Error, "%s: %s, instead of %s", p.who, l.Message, what)
	}
}

func (p *process) ready(t testing.TB) line {
	t.Helper()
	return p.until(t, "it is ready", func(l line) bool { return l.Ready })
}

// frame waits for a line of a frame, read or published.
func (p *process) frame(t testing.TB) line {
	t.Helper()
	return p.until(t, "a frame", isFrame)
}

func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s), p.who)
}

// end waits until the process has ended by itself.
func (p *process) end(t testing.TB) finished {
	t.Helper()
	select {
	case <-p.read:
	case <-time.After(patience):
		p.hangs(t)
	}
	_ = p.cmd.Wait() // the code says it
	if syscall.Kill(-p.cmd.Process.Pid, 0) == nil {
		t.Errorf("%s left processes behind", p.who)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	got := finished{p.who, p.cmd.ProcessState.ExitCode(), p.lines, nil, p.stderr.String()}
	if n := len(p.texts); n > 0 {
		got.stdout = p.texts[n-1]
	}
	return got
}

// stop asks the process to end in order, and waits for it.
func (p *process) stop(t testing.TB) finished {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	got := p.end(t)
	require.Zero(t, got.code, "%s, told to stop: %+v\n%s", p.who, got.last(), got.stderr)
	require.Equal(t, "told", got.last().End, p.who)
	return got
}

// stays sees that the process is still there and says nothing, for longer than any
// wait of the protocol.
func (p *process) stays(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	before := len(p.lines)
	p.mu.Unlock()
	select {
	case <-p.read:
		got := p.end(t)
		t.Fatalf("%s: ended, and should have waited: %+v", p.who, got.last())
	case <-time.After(300 * time.Millisecond):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Equal(t, before, len(p.lines), "%s: should have waited: %+v", p.who, p.lines[before:])
}

// ends waits for an orderly end of this kind.
func (p *process) ends(t testing.TB, how string) finished {
	t.Helper()
	return p.end(t).ended(t, how)
}

// fails waits for an end by this error.
func (p *process) fails(t testing.TB, class string) finished {
	t.Helper()
	return p.end(t).failed(t, class)
}

func (f finished) ended(t testing.TB, how string) finished {
	t.Helper()
	require.Equal(t, how, f.last().End, "%s: %+v\n%s", f.who, f.last(), f.stderr)
	require.Zero(t, f.code, "%s: exit code", f.who)
	return f
}

// failed checks the class of an error.
func (f finished) failed(t testing.TB, class string) finished {
	t.Helper()
	require.Equal(t, class, f.last().Error, "%s: %+v\n%s", f.who, f.last(), f.stderr)
	require.Equal(t, 1, f.code, "%s: exit code", f.who)
	return f
}

// kill is SIGKILL, to the whole group; nothing of the process is left after it.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.read
	_ = p.cmd.Wait()
}

func (p *process) hangs(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	tail := p.lines[max(0, len(p.lines)-3):]
	t.Fatalf("%s hangs: nothing for %v; its last lines: %+v", p.who, patience, tail)
}

func isFrame(l line) bool { return l.Number != nil && l.Value == nil || l.Published != nil }

// frames are the lines of frames, read or published.
func frames(lines []line) (all []line) {
	for _, l := range lines {
		if isFrame(l) {
			all = append(all, l)
		}
	}
	return all
}
