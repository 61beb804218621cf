package encode

// Writers that take turns at one stream.

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// The first one is killed after 20 frames, the second one begins five before that: each frame is in the output once,
// at its own time, and the end comes when it is said that nobody follows.
func TestRelay(t *testing.T) {
	needFFmpeg(t)
	dir, path := segmentDir(t), output(t, "out.mkv")
	kill := startWriter(t, dir)
	relay, over := context.WithCancel(context.Background())
	defer over()
	frames := 0
	dead, reached := make(chan struct{}), make(chan struct{})
	e, err := Open(within(t), "cam", path, &Options{Dir: dir, Relay: relay, OnFrame: func(info *framebuf.Info, _ time.Time) {
		if frames++; frames == childFrames {
			close(reached)
		}
	}})
	require.NoError(t, err)
	published := make(chan error, 1)
	go func() {
		defer over()
		<-reached
		kill()
		close(dead)
		c := testClip(30)
		c.pts = c.pts[15:]
		c.o.Dir, c.o.Template, c.o.Linger = dir, c.info, -1
		w, err := framebuf.Create("cam", c.format, &c.o)
		if err == nil {
			err = c.write(context.Background(), w)
		}
		published <- err
	}()
	r, err := e.Run(within(t))
	require.NoError(t, err)
	require.NoError(t, <-published)
	<-dead
	require.NoError(t, e.Close())
	require.False(t, r.Interrupted)
	require.EqualValues(t, 35, r.FramesIn)
	require.EqualValues(t, 30, r.FramesOut)
	require.EqualValues(t, 5, r.Repeated)
	require.Zero(t, r.Merged+r.Missed+r.Retimed)
	got := probe(t, path).times(t, "video")
	require.Len(t, got, 30)
	for k, at := range got {
		require.InDelta(t, float64(k)*0.04, at, 0.0006)
	}
}

// Nobody comes after a death, and no end was said in order: what is there is in the output, and that is no error, as
// whoever ended the relay knows how it went.
func TestRelayEndsAfterADeath(t *testing.T) {
	needFFmpeg(t)
	dir, path := segmentDir(t), output(t, "out.mkv")
	kill := startWriter(t, dir)
	relay, over := context.WithCancel(context.Background())
	frames := 0
	e, err := Open(within(t), "cam", path, &Options{Dir: dir, Relay: relay, OnFrame: func(*framebuf.Info, time.Time) {
		if frames++; frames == childFrames/2 {
			go func() { kill(); over() }()
		}
	}})
	require.NoError(t, err)
	r, err := e.Run(within(t))
	require.NoError(t, err)
	require.EqualValues(t, childFrames, r.FramesOut)
	require.NoError(t, framebuf.Remove(dir, "cam"))
}
