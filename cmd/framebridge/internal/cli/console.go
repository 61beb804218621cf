package cli

// Standard error: whole lines for people, and one progress line that is drawn over and over on a terminal.

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/framebridge/framebridge/internal/ffargs"
)

// console is standard error. Safe for concurrent use.
type console struct {
	terminal bool             // lines can be redrawn
	redact   *ffargs.Redactor // knows the secrets of the command line; set before the first line

	mu    sync.Mutex
	w     io.Writer
	drawn bool // a progress line is on the screen
}

// say prints one line. What it says may come from outside, so control characters are taken out.
func (c *console) say(format string, args ...any) {
	text := printable(c.redact.Redact(fmt.Sprintf(format, args...)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	fmt.Fprintln(c.w, text)
}

// draw shows text in place of the progress line before it.
func (c *console) draw(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	fmt.Fprint(c.w, printable(text))
	c.drawn = true
}

// clear takes the progress line away.
func (c *console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
}

// erase needs mu held.
func (c *console) erase() {
	if c.drawn {
		fmt.Fprint(c.w, "\r\x1b[K")
		c.drawn = false
	}
}

// raw prints bytes as they are, for the standard error of a child.
func (c *console) raw(line []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	fmt.Fprintf(c.w, "%s\n", printable(c.redact.Redact(string(line))))
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
