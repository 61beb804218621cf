// Test help: a writer that dies without a word, inside this process.

package framebuf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crash ends a writer as SIGKILL would: its locks go, nothing is marked, every
// name stays. What a Close would have removed is removed with the test.
func crash(t testing.TB, w *Writer) {
	t.Helper()
	close(w.stop)
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	require.NoError(t, w.seg.release())
	require.NoError(t, w.ctl.release())
	require.NoError(t, w.dir.Close())
}

// kill ends a reader as SIGKILL would: its lock goes, its cell stays as it is.
func kill(t testing.TB, r *Reader) {
	t.Helper()
	r.mu.Lock()
	c := r.ctl
	r.ctl = nil
	r.mu.Unlock()
	require.NoError(t, c.release())
}

// eventually waits until what holds, and fails the test after d.
func eventually(t testing.TB, d time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", d, what)
		}
	}
}

// sweep removes what dead segments left in dir.
func sweep(t testing.TB, dir string) {
	t.Helper()
	_, err := GC(t.Context(), dir)
	require.NoError(t, err)
}

func mustCreate(t testing.TB, dir string, f Format, o Options) *Writer {
	t.Helper()
	o.Dir = dir
	if o.Linger == 0 {
		o.Linger = -1
	}
	w, err := Create("cam0", f, &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

func mustOpen(t testing.TB, dir string, o ReaderOptions) *Reader {
	t.Helper()
	o.Dir = dir
	r, err := Open(within(t, 20*time.Second), "cam0", &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}
