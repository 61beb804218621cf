package results

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// testDir is an empty directory of segments in memory, removed afterwards. It must hold
// nothing by then: what is left is a leak.
func testDir(t testing.TB) string {
	t.Helper()
	return testbed.Dir(t)
}

// within is a context that ends long after every healthy test has.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	return testbed.Within(t, d)
}

func mustCreate(t testing.TB, dir string, o Options) *Writer {
	t.Helper()
	o.Dir, o.Linger = dir, -1
	w, err := Create("cam0.boxes", &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

func mustOpen(t testing.TB, dir string, o ReaderOptions) *Reader {
	t.Helper()
	o.Dir = dir
	r, err := Open(within(t, time.Minute), "cam0.boxes", &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// picture is a frame of the n-th generation of a camera.
func picture(generation byte, n uint64) *framebuf.Info {
	return &framebuf.Info{
		Number: n, Generation: framebuf.Generation{generation, 7}, PTS: int64(3 * n), TimeBase: framebuf.Rational{Num: 1, Den: 90},
	}
}

func mustPut(t testing.TB, w *Writer, about *framebuf.Info, v any) {
	t.Helper()
	require.NoError(t, w.Put(within(t, time.Minute), about, v))
}
