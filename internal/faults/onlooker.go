//go:build linux

// Readers inside the suite's own process, which look on while others die.

package main

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// onlooker is a reader of the usual frames.
type onlooker struct {
	mode framebuf.Mode
	done chan struct{}

	mu    sync.Mutex
	rep   report
	ended time.Time
}

// onlook opens a reader, which reads until the end, or until ctx ends. If it
// follows, it waits for the name in the background.
func (t *trial) onlook(ctx context.Context, s stream) *onlooker {
	l := &onlooker{mode: s.Mode, done: make(chan struct{})}
	s.TellEvery = 1
	open := func() (*framebuf.Reader, error) {
		return framebuf.Open(ctx, s.name(), &framebuf.ReaderOptions{Dir: s.Dir, Mode: s.Mode, Hold: s.Hold, Follow: s.Follow, Wait: s.Follow})
	}
	read := func(r *framebuf.Reader, err error) {
		rep := report{}
		if err == nil {
			err = s.readOn(ctx, r, &rep, l.note)
			_ = r.Close()
		}
		rep.Error = kind(err)
		l.mu.Lock()
		l.rep, l.ended = rep, time.Now()
		l.mu.Unlock()
		close(l.done)
	}
	if s.Follow {
		go func() { read(open()) }()
		return l
	}
	r, err := open()
	require.NoError(t, err)
	go read(r, nil)
	return l
}

// audience is an onlooker of each mode.
func (t *trial) audience(ctx context.Context, s stream) []*onlooker {
	var all []*onlooker
	for _, s.Mode = range []framebuf.Mode{framebuf.Newest, framebuf.Pinned, framebuf.Lossless} {
		all = append(all, t.onlook(ctx, s))
	}
	return all
}

func (l *onlooker) note(v any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rep = v.(report)
}

// sees is what it has seen so far.
func (l *onlooker) sees() report {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rep
}

// end waits for its end, which must come within a minute, and checks the frames.
func (l *onlooker) end(t *trial) (report, time.Time) {
	select {
	case <-l.done:
	case <-time.After(time.Minute):
		t.Errorf("a %v reader hangs", l.mode)
		t.FailNow()
	}
	r := l.sees()
	r.check(t, l.mode.String()+" reader")
	return r, l.ended
}
