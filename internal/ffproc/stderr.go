package ffproc

// Standard error of a child: a bounded tail, and lines for whoever wants them.
// It is read in blocks, never by a line scanner: a scanner stops at an over-long line, the
// pipe fills, and the child hangs in its next message.

import (
	"bytes"
	"io"
	"sync"
)

const (
	stderrTailBytes = 256 << 10 // what is kept of standard error
	maxLineBytes    = 64 << 10  // a longer line is handed on in pieces of this size
	drainBlockBytes = 32 << 10
)

// tail keeps the last stderrTailBytes bytes written to it. Safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	buf  []byte // grows up to stderrTailBytes, then is a ring; guarded by mu
	next int    // where the next byte goes once buf is full; guarded by mu
	lost bool   // older bytes were overwritten; guarded by mu
}

func (t *tail) write(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := stderrTailBytes - len(t.buf); room > 0 {
		n := min(room, len(b))
		t.buf = append(t.buf, b[:n]...)
		b = b[n:]
	}
	for len(b) > 0 {
		n := copy(t.buf[t.next:], b)
		t.next = (t.next + n) % len(t.buf)
		t.lost = true
		b = b[n:]
	}
}

// text returns what is kept, oldest first. If older bytes are gone it begins with the first
// whole line, so that half of a secret does not stay behind unrecognised.
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.lost {
		return string(t.buf)
	}
	all := append(append(make([]byte, 0, len(t.buf)), t.buf[t.next:]...), t.buf[:t.next]...)
	if i := bytes.IndexAny(all, "\r\n"); i >= 0 {
		all = all[i+1:]
	}
	return string(all)
}

// lines cuts a byte stream at \n and \r and hands each piece to emit, without the line end.
// Empty lines are left out: \r\n would make one of each line.
type lines struct {
	emit func(line []byte)
	part []byte
}

func (l *lines) write(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexAny(b, "\r\n")
		if i < 0 {
			l.add(b)
			return
		}
		l.add(b[:i])
		l.flush()
		b = b[i+1:]
	}
}

func (l *lines) add(b []byte) {
	for len(l.part)+len(b) > maxLineBytes {
		n := maxLineBytes - len(l.part)
		l.part = append(l.part, b[:n]...)
		l.flush()
		b = b[n:]
	}
	l.part = append(l.part, b...)
}

func (l *lines) flush() {
	if len(l.part) > 0 {
		l.emit(l.part)
		l.part = l.part[:0]
	}
}

// drain reads r until it ends or fails. t and onLine may be nil.
func drain(r io.Reader, t *tail, onLine func([]byte)) {
	l := lines{emit: onLine}
	block := make([]byte, drainBlockBytes)
	for {
		n, err := r.Read(block)
		if t != nil {
			t.write(block[:n])
		}
		if onLine != nil {
			l.write(block[:n])
		}
		if err != nil {
			break
		}
	}
	if onLine != nil {
		l.flush()
	}
}
