//go:build linux

package conformance

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// session runs one command after the other over segments at rest: in one process,
// where a client has batch, as some languages are slow to start.
type session struct {
	c   *client
	dir string
	p   *process
	in  io.WriteCloser
}

func newSession(t testing.TB, c *client) *session {
	t.Helper()
	return &session{c: c, dir: testDir(t)}
}

// run runs a command to its end.
func (s *session) run(t testing.TB, words ...string) finished {
	t.Helper()
	if !s.c.Batch || strings.ContainsAny(strings.Join(words, ""), "\t\n") {
		return start(t, s.c, s.dir, words...).end(t)
	}
	if s.p == nil {
		s.open(t)
	}
	_, err := io.WriteString(s.in, strings.Join(words, "\t")+"\n")
	require.NoError(t, err, "%s is gone", s.p.who)
	got := finished{who: s.c.name + " " + strings.Join(words, " ")}
	for {
		l, text, ok := s.p.nextText(t)
		if !ok { // the next command gets a new process
			broken := s.p
			s.p = nil
			end := broken.end(t)
			t.Fatalf("%s: the process ended, code %d\n%s", got.who, end.code, end.stderr)
		}
		if l.Done != nil {
			got.code = *l.Done
			return got
		}
		got.lines, got.stdout = append(got.lines, l), text
	}
}

// open starts the process. It outlives the test that needs it first, so the one that
// made the session has to close it.
func (s *session) open(t testing.TB) {
	t.Helper()
	in, out, err := os.Pipe()
	require.NoError(t, err)
	s.p, s.in = launch(t, s.c, s.dir, nil, in, "batch"), out
	require.NoError(t, in.Close())
}

func (s *session) close(t testing.TB) {
	t.Helper()
	if s.p == nil {
		return
	}
	require.NoError(t, s.in.Close())
	got := s.p.end(t)
	require.Zero(t, got.code, "%s\n%s", got.who, got.stderr)
}
