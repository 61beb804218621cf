package pcm

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

var ms = framebuf.Rational{Num: 1, Den: 1000}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, errors.New("the test took too long"))
	t.Cleanup(cancel)
	return ctx
}

func TestBlocksComeInOrderAndAreCopies(t *testing.T) {
	q := New(0)
	q.Start(8000, 2)
	reused := []byte{1, 2, 3, 4}
	q.Samples(10, ms, reused)
	reused[0] = 99
	q.Samples(20, ms, reused)
	q.End()

	f, ok, err := q.Format(within(t))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, Format{Rate: 8000, Channels: 2}, f)
	require.Equal(t, 4, f.FrameBytes())

	b, ok := q.Next()
	require.True(t, ok)
	require.Equal(t, Block{PTS: 10, TimeBase: ms, Data: []byte{1, 2, 3, 4}}, b)
	more, err := q.Wait(within(t))
	require.NoError(t, err)
	require.True(t, more)
	b, ok = q.Next()
	require.True(t, ok)
	require.Equal(t, int64(20), b.PTS)
	_, ok = q.Next()
	require.False(t, ok)
	more, err = q.Wait(within(t))
	require.NoError(t, err)
	require.False(t, more, "the end")
}

// A block without samples only says that there is sound.
func TestEmptyBlocksAreNone(t *testing.T) {
	q := New(0)
	q.Start(8000, 1)
	q.Samples(0, ms, nil)
	_, ok := q.Next()
	require.False(t, ok)
	require.Zero(t, q.Dropped())
}

func TestTheProducerNeverWaits(t *testing.T) {
	q := New(10)
	q.Samples(0, ms, make([]byte, 4)) // before Start
	q.Start(8000, 1)
	for range 5 {
		q.Samples(0, ms, make([]byte, 4)) // two fit
	}
	require.Equal(t, int64(4+3*4), q.Dropped())
	_, ok := q.Next()
	require.True(t, ok)
	q.Samples(0, ms, make([]byte, 4)) // fits again
	require.Equal(t, int64(4+3*4), q.Dropped())
	q.End()
	q.Samples(0, ms, make([]byte, 4))
	require.Equal(t, int64(5*4), q.Dropped())
}

func TestFormat(t *testing.T) {
	for _, row := range []struct {
		name    string
		produce func(*Queue)
		ok      bool
		err     error
	}{
		{"sound", func(q *Queue) { q.Start(48000, 2) }, true, nil},
		{"second start is ignored", func(q *Queue) { q.Start(48000, 2); q.Start(1, 1) }, true, nil},
		{"none", func(q *Queue) { q.End() }, false, nil},
		{"none, and a late start", func(q *Queue) { q.End(); q.Start(48000, 2) }, false, nil},
		{"impossible", func(q *Queue) { q.Start(48000, 0) }, false, ErrFormat},
	} {
		t.Run(row.name, func(t *testing.T) {
			q := New(0)
			go row.produce(q)
			f, ok, err := q.Format(within(t))
			require.ErrorIs(t, err, row.err)
			require.Equal(t, row.ok, ok)
			if ok {
				require.Equal(t, Format{Rate: 48000, Channels: 2}, f)
			}
		})
	}
}

func TestWaitsEndWithTheirContext(t *testing.T) {
	q := New(0)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	_, _, err := q.Format(ctx)
	require.ErrorIs(t, err, why)
	_, err = q.Wait(ctx)
	require.ErrorIs(t, err, why)
}

func TestWaitIsWokenBySamplesAndByClose(t *testing.T) {
	q := New(0)
	q.Start(8000, 1)
	go q.Samples(0, ms, []byte{1, 2})
	more, err := q.Wait(within(t))
	require.NoError(t, err)
	require.True(t, more)
	_, _ = q.Next()

	go q.Close()
	more, err = q.Wait(within(t))
	require.NoError(t, err)
	require.False(t, more)
	q.Samples(0, ms, []byte{1, 2})
	_, ok := q.Next()
	require.False(t, ok, "thrown away")
	require.Zero(t, q.Dropped(), "nobody wants it any more")
}
