package plugintest

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// seen is what a reader saw of a frame.
type seen struct {
	framebuf.Info
	missed uint64
	md5    string
}

// collector reads a segment to its end.
type collector struct {
	t      testing.TB
	count  atomic.Int64
	frames []seen
	err    error
	done   chan struct{} // closed at the end, when frames and err are set
}

// collect begins to read a segment that may not be there yet, until it ends. at, if not nil, is called with each frame.
func collect(t testing.TB, dir, name string, mode framebuf.Mode, at func(*framebuf.Frame)) *collector {
	t.Helper()
	c := &collector{t: t, done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	go func() {
		defer close(c.done)
		c.err = c.read(ctx, dir, name, mode, at)
	}()
	t.Cleanup(func() {
		cancel()
		<-c.done
	})
	return c
}

func (c *collector) read(ctx context.Context, dir, name string, mode framebuf.Mode, at func(*framebuf.Frame)) error {
	r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{Dir: dir, Mode: mode, Wait: true})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	for f, err := range r.Frames(ctx) {
		if errors.Is(err, framebuf.ErrOverrun) {
			continue
		}
		if err != nil {
			return err
		}
		if at != nil {
			at(f)
		}
		sum := md5.Sum(f.Bytes())
		c.frames = append(c.frames, seen{f.Info, f.Missed, hex.EncodeToString(sum[:])})
		c.count.Add(1)
	}
	return io.EOF
}

// wait waits for the end and returns all frames. An end that is not in order fails the test.
func (c *collector) wait() []seen {
	c.t.Helper()
	<-c.done
	require.ErrorIs(c.t, c.err, io.EOF)
	return c.frames
}

func sums(frames []seen) (found []string) {
	for _, f := range frames {
		found = append(found, f.md5)
	}
	return found
}

// numbersFrom requires that frames are numbered one after the other.
func numbersFrom(t testing.TB, first uint64, frames []seen) {
	t.Helper()
	for i, f := range frames {
		require.Equal(t, first+uint64(i), f.Number)
	}
}
