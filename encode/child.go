// The ffmpeg that encodes: its start, what it counts, and what its end means.

package encode

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/lane"
	"github.com/framebridge/framebridge/internal/plugin"
)

// child is a running ffmpeg.
type child struct {
	*ffproc.Process
	frames  atomic.Uint64 // written, as it counts
	counted chan struct{} // closed when the last count has been read
	lane    *lane.Lane    // nil: the pixels go through the pipe
}

// childOptions of startChild.
type childOptions struct {
	Path    string
	Args    []string
	Redact  func(string) string
	OnLine  func(string)
	Stdout  *os.File // nil: none
	Confine bool
	Pipe    bool   // frames are spliced, which needs a pipe
	Plugins string // the folder of the plug-in that carries the pixels; empty: none does
	Pixels  string // their format, by ffmpeg's name
}

// startChild starts ffmpeg. It is not stopped when ctx ends: the caller does that
// in order.
func startChild(ctx context.Context, o childOptions) (*child, error) {
	po := &ffproc.Options{
		Name: "ffmpeg", Stdin: ffproc.Socket, ExtraPipes: 1,
		Redact: o.Redact, Confine: o.Confine,
		Ladder: ffproc.EncodeLadder(0), // await has been patient before
	}
	if o.Pipe {
		po.Stdin = ffproc.Pipe
	}
	if o.Stdout != nil {
		po.Stdout, po.StdoutFile = ffproc.File, o.Stdout
	}
	if o.OnLine != nil {
		po.OnLine = func(line []byte) {
			// Its queue of frames is short on purpose: they are large.
			if !bytes.Contains(line, []byte("Thread message queue blocking")) {
				o.OnLine(o.Redact(string(line)))
			}
		}
	}
	c := &child{counted: make(chan struct{})}
	if o.Plugins != "" {
		l, theirs, err := lane.New()
		if err != nil {
			return nil, err
		}
		defer theirs.Close()
		c.lane = l
		po.Inherit, po.Env = []*os.File{theirs}, plugin.Env(o.Plugins, o.Pixels)
	}
	p, err := ffproc.Start(context.WithoutCancel(ctx), o.Path, o.Args, po)
	if err != nil {
		if c.lane != nil {
			_ = c.lane.Close()
		}
		return nil, err
	}
	c.Process = p
	if c.lane != nil {
		go func() {
			<-p.Done() // also where what ffmpeg has left behind holds its end of the lane
			c.lane.Orphan()
		}()
	}
	go c.count()
	return c, nil
}

// count reads what -progress reports.
func (c *child) count() {
	defer close(c.counted)
	countFrames(c.Extra[0], &c.frames)
}

// countFrames reads lines like frame=17 to the end, or ffmpeg would wait for
// somebody to read on. A line that is none, however long, is passed over.
func countFrames(r io.Reader, frames *atomic.Uint64) {
	lines := bufio.NewReader(r)
	whole := true // the piece to come begins a line
	for {
		piece, err := lines.ReadSlice('\n')
		key, value, _ := bytes.Cut(piece, []byte("="))
		if whole && string(key) == "frame" {
			if n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64); err == nil {
				frames.Store(n)
			}
		}
		whole = err == nil
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// await waits for the end, and stops the child in order when ctx has ended and
// drain has passed, or patience (0: none) has.
func (c *child) await(ctx context.Context, drain, patience time.Duration) (late bool) {
	var impatience, drained <-chan time.Time
	if patience > 0 {
		impatience = time.After(patience)
	}
	cancelled := ctx.Done()
	for {
		select {
		case <-c.Done():
			return false
		case <-cancelled:
			cancelled, drained = nil, time.After(drain)
		case <-drained:
			_, _ = c.Stop(context.Background())
			return true
		case <-impatience:
			_, _ = c.Stop(context.Background())
			return true
		}
	}
}

// end reaps the child and closes our ends of its pipes.
func (c *child) end() (ffproc.Result, error) {
	_ = c.CloseStdin()
	r, err := c.Wait(context.Background())
	<-c.counted
	_ = c.Close()
	return r, err
}

// failure says what the end of an ffmpeg that failed by itself means.
func failure(err error) error {
	var exit *ffproc.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("%w: %w", ErrEncoder, err)
	}
	line, kind := diagnose(exit.Stderr)
	switch {
	case kind == ErrFFmpeg && strings.Contains(line, plugin.Lane): //nolint:errorlint // as diagnose gave it
		line += " The file is there but does not load: build it for this machine, or send frames through the pipe."
	case kind != nil:
	case exit.Signal != 0:
		kind, line = ErrEncoder, fmt.Sprintf("killed by signal %d (%v)", int(exit.Signal), exit.Signal)
	case line == "":
		kind, line = ErrEncoder, fmt.Sprintf("exit code %d", exit.Code)
	default:
		kind = ErrEncoder
	}
	return &failed{kind: kind, exit: exit, line: line}
}

// failed is the end of ffmpeg with the line that explains it, which is not always
// the last one.
type failed struct {
	kind error
	exit *ffproc.ExitError
	line string
}

func (f *failed) Error() string   { return fmt.Sprintf("%v: ffmpeg: %s", f.kind, f.line) }
func (f *failed) Unwrap() []error { return []error{f.kind, f.exit} }

// diagnose finds the line of ffmpeg's messages that tells why it failed, and what
// that means. Without such a line it is the last error, and kind is nil.
func diagnose(stderr string) (line string, kind error) {
	lines := strings.FieldsFunc(stderr, func(r rune) bool { return r == '\n' || r == '\r' })
	for _, sign := range signs() {
		for _, text := range sign.texts {
			for k := len(lines) - 1; k >= 0; k-- {
				if strings.Contains(lines[k], text) {
					return message(lines[k]), sign.kind
				}
			}
		}
	}
	for k := len(lines) - 1; k >= 0; k-- {
		if strings.Contains(lines[k], "[error]") || strings.Contains(lines[k], "[fatal]") {
			return message(lines[k]), nil
		}
	}
	return "", nil
}

// message is a line of ffmpeg without its address and level.
func message(line string) string {
	line = strings.TrimSpace(line)
	for _, level := range []string{"[fatal] ", "[error] ", "[warning] "} {
		if _, after, ok := strings.Cut(line, level); ok {
			line = after
		}
	}
	const longest = 512 // bytes
	if len(line) > longest {
		line = line[:longest] + "…"
	}
	return strings.ToValidUTF8(line, "?")
}

type sign struct {
	kind  error
	texts []string
}

// signs are what ffmpeg prints, most telling first: the texts of ffmpeg's own
// errors (libavutil/error.c, fftools) and of the C library.
func signs() []sign {
	return []sign{
		{ErrOutput, []string{
			"No space left on device", "File too large", "Disk quota exceeded", "Read-only file system", "Permission denied",
			"Operation not permitted", "Is a directory", "Not a directory", "No such file or directory", "Input/output error",
			"Connection refused", "Connection reset", "Connection timed out", "Broken pipe", "Network is unreachable", "No route to host",
			"Host is down", "Failed to resolve hostname", "Name or service not known", "Temporary failure in name resolution",
			"Server returned", "Operation timed out", "End of file", "Protocol not found", "already exists. Exiting", "Cannot open connection",
		}},
		{ErrFFmpeg, []string{
			"Unknown encoder", "Unknown format", "Unknown input format", "is not a suitable output format", "Requested output format", "Unrecognized option", "Option not found",
			"No such filter", "Unknown decoder", "codec not currently supported in container", "Encoder not found", "Muxer not found",
			"Could not find module", // of frei0r
		}},
	}
}
