package plugintest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// partnerOptions say how a partner works: the zero value is a good one, at once.
type partnerOptions struct {
	width, height int
	pixels        framebuf.PixelFormat // default: RGBA
	fixed         bool                 // its pictures do not follow the size and format of the frames
	follow        bool                 // goes on with the next writer of cam0
	stopAfter     int                  // frames; 0: at the end of cam0
	work          time.Duration        // for each frame
	refer         func(framebuf.Reference) framebuf.Reference
}

// partner answers each frame of cam0 that it gets with a picture in cam0.out.
type partner struct {
	out  *framebuf.Writer
	done chan struct{} // closed at the end, when err and answers are set
	err  error
	// answers are the numbers of the frames answered.
	answers []uint64
}

// answer starts a partner in this process. cam0.out is there when it returns, cam0 need not be.
func answer(t testing.TB, dir string, o partnerOptions) *partner {
	t.Helper()
	if o.pixels == framebuf.Data {
		o.pixels = framebuf.RGBA
	}
	out, err := framebuf.Create("cam0.out", framebuf.Format{PixelFormat: o.pixels, Width: o.width, Height: o.height}, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	p := &partner{out: out, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(p.done)
		p.err = errors.Join(p.work(ctx, dir, &o), out.Close())
	}()
	t.Cleanup(func() {
		cancel()
		<-p.done
		if t.Failed() {
			t.Logf("the partner ended: %v", p.err)
		}
	})
	return p
}

func (p *partner) work(ctx context.Context, dir string, o *partnerOptions) error {
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Wait: true, Follow: o.follow})
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
		if err := p.one(ctx, f, o); err != nil {
			return err
		}
		if p.answers = append(p.answers, f.Number); len(p.answers) == o.stopAfter {
			return nil
		}
	}
	return nil
}

func (p *partner) one(ctx context.Context, f *framebuf.Frame, o *partnerOptions) error {
	if o.work > 0 {
		time.Sleep(o.work) // is what the partner does, not a wait for something
	}
	if !o.fixed {
		if err := p.out.SetFormat(ctx, f.Format); err != nil {
			return err
		}
	}
	return p.out.Publish(ctx, func(s *framebuf.Slot) error {
		if s.Info.Format == f.Format {
			copy(s.Bytes(), annotated(f.Bytes()))
		}
		s.Info.Reference = framebuf.Reference{Set: true, Frame: f.Number, Generation: f.Generation.Low(), PTS: f.PTS}
		if o.refer != nil {
			s.Info.Reference = o.refer(s.Info.Reference)
		}
		return nil
	})
}

// wait waits for the partner's end, and returns the frames that it answered.
func (p *partner) wait() []uint64 {
	<-p.done
	return p.answers
}

// annotated is a picture in rgba as partners change it: its colours inverted, its alpha kept.
func annotated(rgba []byte) []byte {
	b := bytes.Clone(rgba)
	for i := range b {
		if i%4 != 3 {
			b[i] ^= 0xff
		}
	}
	return b
}

// fate says what became of each frame of plain in got: 'a' annotated, 'o' the original, 'l' one that was annotated before it, 'x' anything
// else. Frames must differ from each other.
func fate(t testing.TB, plain, got string, size int) string {
	t.Helper()
	require.Len(t, got, len(plain), "frames were lost, or made")
	made := map[string]int{}
	var fates strings.Builder
	for at := 0; at < len(plain); at += size {
		made[string(annotated([]byte(plain[at:at+size])))] = at
		earlier, known := made[got[at:at+size]]
		switch {
		case plain[at:at+size] == got[at:at+size]:
			fates.WriteByte('o')
		case known && earlier == at:
			fates.WriteByte('a')
		case known:
			fates.WriteByte('l')
		default:
			fates.WriteByte('x')
		}
	}
	return fates.String()
}

// tripCounts is what a round trip says at its end.
type tripCounts struct {
	frames, annotated, last, original, answers int
	answerMS                                   float64
	waits                                      int
	waitedMS                                   float64
	vain                                       int
	vainMS                                     float64
}

var tripEnd = regexp.MustCompile(`\[framebridge_trip\] \S+: (\d+ frames: .*)`)

// tripSaid splits what a round trip said into its lines before the end and the counts of the last end.
func tripSaid(t testing.TB, stderr string) (said []string, counts tripCounts) {
	t.Helper()
	found := false
	for _, line := range lines(stderr) {
		m := tripEnd.FindStringSubmatch(line)
		if m == nil {
			said = append(said, line)
			continue
		}
		found = true
		counts = tripCounts{}
		_, err := fmt.Sscanf(m[1], "%d frames: %d annotated, %d the last annotated, %d the original; %d answers in %f ms each; %d waits, %f ms, %d in vain, %f ms",
			&counts.frames, &counts.annotated, &counts.last, &counts.original, &counts.answers, &counts.answerMS, &counts.waits, &counts.waitedMS, &counts.vain, &counts.vainMS)
		require.NoError(t, err, line)
	}
	require.True(t, found, "the round trip did not say its counts:\n%s", stderr)
	require.Equal(t, counts.frames, counts.annotated+counts.last+counts.original, "every frame is counted once")
	return said, counts
}
