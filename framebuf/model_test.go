//go:build linux

// A writer and readers of every mode take random steps, and a simple model says
// what each step must do.

package framebuf

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/stamp"
)

func TestAgainstTheModel(t *testing.T) {
	base := testDir(t)
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t, base)
		defer m.done()
		t.Repeat(map[string]func(*rapid.T){
			"":              m.check,
			"publish":       m.publish,
			"publish more":  m.publishMore,
			"publish again": m.publish,
			"abandon":       m.abandon,
			"set format":    m.setFormat,
			"open":          m.open,
			"close":         m.close,
			"next":          m.next,
			"next again":    m.next,
			"release":       m.release,
		})
		m.end(t)
	})
}

// out is a frame that a reader holds.
type out struct {
	f    *Frame
	gen  int
	firm bool // the model knows that it must hold
}

// reading is what the model knows of one reader.
type reading struct {
	r     *Reader
	mode  Mode
	hold  int
	gen   int
	want  uint64 // n+1
	began bool
	shaky bool // pins of it were broken, perhaps: nothing is sure from then on
	out   []*out
}

// machine is the real writer and the model of its segment. Numbers are n+1.
type machine struct {
	dir     string
	w       *Writer
	slots   int
	format  Format
	next1   uint64         // of the next frame
	newest  []uint64       // by generation; 0 none
	first   uint64         // next1 when the current generation began
	room    int            // capacity of the current generation
	shape   map[uint64]int // size of each frame
	readers []*reading
}

func newMachine(t *rapid.T, base string) *machine {
	dir, err := os.MkdirTemp(base, "model-")
	require.NoError(t, err)
	m := &machine{
		dir: dir, slots: rapid.IntRange(2, 6).Draw(t, "slots"), format: Format{RGBA, 16, 8},
		next1: 1, first: 1, newest: []uint64{0}, shape: map[uint64]int{},
	}
	m.room = m.format.Size()
	m.w, err = Create("cam0", m.format, &Options{Dir: dir, Slots: m.slots, Cells: 6, Linger: -1, EvictAfter: 20 * time.Millisecond})
	require.NoError(t, err)
	return m
}

// done leaves nothing, also after a failure.
func (m *machine) done() {
	for _, x := range m.readers {
		for _, o := range x.out {
			_ = o.f.Release()
		}
		_ = x.r.Close()
	}
	_ = m.w.Close()
	_ = os.RemoveAll(m.dir)
}

func (m *machine) gen() int { return len(m.newest) - 1 }

// kept are the frames of the current generation, as n+1, that the writer may not
// touch; with pins also those that it should avoid.
func (m *machine) kept(pinned bool) map[uint64]bool {
	kept := map[uint64]bool{}
	newest := m.newest[m.gen()]
	if newest == 0 {
		return kept
	}
	kept[newest] = true
	for _, x := range m.readers {
		if x.mode == Lossless {
			from := x.want // the first that is still owed
			for _, o := range x.out {
				if o.gen == x.gen {
					from = min(from, o.f.Number+1)
				}
			}
			for n := max(from, m.first); n <= newest; n++ {
				kept[n] = true
			}
		}
		if pinned && x.mode == Pinned {
			for _, o := range x.out {
				if o.gen == m.gen() && o.f.view {
					kept[o.f.Number+1] = true
				}
			}
		}
	}
	return kept
}

// claims says whether a slot can be had. If one can be had only by breaking a
// pin, the pins are not sure any more.
func (m *machine) claims() bool {
	if len(m.kept(false)) >= m.slots {
		return false
	}
	if len(m.kept(true)) >= m.slots {
		for _, x := range m.readers {
			if x.mode != Pinned {
				continue
			}
			x.shaky = x.shaky || len(x.out) > 0
			for _, o := range x.out {
				o.firm = o.firm && (o.gen != m.gen() || !o.f.view)
			}
		}
	}
	return true
}

// soon is a context for what must not happen: it ends shortly.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 2*time.Millisecond)
}

// surely is a context for what must happen at once.
func surely() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), 20*time.Second, errStuck)
}

func (m *machine) publish(t *rapid.T) {
	fill := func(s *Slot) error {
		require.Equal(t, m.next1-1, s.Info.Number)
		require.Equal(t, m.format, s.Info.Format)
		require.Len(t, s.Bytes(), m.format.Size())
		stamp.Fill(s.Bytes(), s.Info.Number)
		return nil
	}
	if !m.claims() {
		ctx, cancel := soon()
		defer cancel()
		require.ErrorIs(t, m.w.Publish(ctx, fill), context.DeadlineExceeded)
		return
	}
	ctx, cancel := surely()
	defer cancel()
	require.NoError(t, m.w.Publish(ctx, fill))
	m.newest[m.gen()] = m.next1
	m.shape[m.next1] = m.format.Size()
	m.next1++
}

// publishMore takes the writer round the ring.
func (m *machine) publishMore(t *rapid.T) {
	for range rapid.IntRange(2, 8).Draw(t, "frames") {
		if len(m.kept(false)) >= m.slots {
			return
		}
		m.publish(t)
	}
}

func (m *machine) abandon(t *rapid.T) {
	if !m.claims() {
		t.Skip("nothing to claim")
	}
	ctx, cancel := surely()
	defer cancel()
	s, err := m.w.Begin(ctx)
	require.NoError(t, err)
	stamp.Fill(s.Bytes(), ^uint64(0)) // half a frame
	_, err = m.w.Begin(ctx)
	require.ErrorIs(t, err, ErrSlotOpen)
	s.Abandon()
}

func (m *machine) setFormat(t *rapid.T) {
	f := Format{
		rapid.SampledFrom([]PixelFormat{RGBA, Gray8, NV12}).Draw(t, "pixel format"),
		rapid.IntRange(1, 24).Draw(t, "width"), rapid.IntRange(1, 16).Draw(t, "height"),
	}
	moves := f.Size() > m.room
	for _, x := range m.readers {
		if moves && x.mode == Lossless && x.gen < m.gen() {
			ctx, cancel := soon()
			defer cancel()
			require.ErrorIs(t, m.w.SetFormat(ctx, f), context.DeadlineExceeded, "a second move waits for every lossless reader")
			return
		}
	}
	ctx, cancel := surely()
	defer cancel()
	require.NoError(t, m.w.SetFormat(ctx, f))
	m.format = f
	if moves {
		m.newest, m.first, m.room = append(m.newest, 0), m.next1, f.Size()
	}
}

func (m *machine) open(t *rapid.T) {
	if len(m.readers) == 6 {
		t.Skip("no free cell")
	}
	x := &reading{mode: Mode(rapid.Uint32Range(0, 2).Draw(t, "mode")), gen: m.gen()}
	switch x.mode {
	case Pinned:
		x.hold = rapid.IntRange(0, pins-1).Draw(t, "hold")
	case Lossless:
		x.hold = rapid.IntRange(0, m.slots-1).Draw(t, "hold")
		x.want = m.next1
		if n := m.newest[m.gen()]; n != 0 {
			x.want = n
		}
	}
	opened := make(chan error, 1)
	ctx, cancel := surely()
	defer cancel()
	go func() {
		var err error
		x.r, err = Open(ctx, "cam0", &ReaderOptions{Dir: m.dir, Mode: x.mode, Hold: x.hold})
		opened <- err
	}()
	for { // an answer takes a tick of 50 ms: look more often
		select {
		case err := <-opened:
			require.NoError(t, err)
			m.readers = append(m.readers, x)
			return
		case <-time.After(100 * time.Microsecond):
			m.w.mu.Lock()
			m.w.look()
			m.w.mu.Unlock()
		}
	}
}

func (m *machine) reader(t *rapid.T) (int, *reading) {
	if len(m.readers) == 0 {
		t.Skip("no reader")
	}
	i := rapid.IntRange(0, len(m.readers)-1).Draw(t, "reader")
	return i, m.readers[i]
}

func (m *machine) close(t *rapid.T) {
	i, x := m.reader(t)
	require.NoError(t, x.r.Close())
	ctx, cancel := surely()
	defer cancel()
	_, err := x.r.Next(ctx)
	require.ErrorIs(t, err, ErrClosed)
	for _, o := range x.out { // frames outlive their reader; nothing keeps their slots
		_ = o.f.Release()
	}
	m.readers = append(m.readers[:i], m.readers[i+1:]...)
}

// due is the frame, as n+1, that Next must give now; 0 none.
func (m *machine) due(x *reading) uint64 {
	for {
		switch newest := m.newest[x.gen]; {
		case x.mode == Lossless && x.want <= newest:
			return x.want
		case x.mode != Lossless && newest >= max(x.want, 1):
			return newest
		case x.gen == m.gen():
			return 0
		}
		x.gen = m.gen()
	}
}

func (m *machine) next(t *rapid.T) {
	_, x := m.reader(t)
	views := 0
	for _, o := range x.out {
		if o.f.view {
			views++
		}
	}
	ctx, cancel := surely()
	defer cancel()
	if views > x.hold {
		_, err := x.r.Next(ctx)
		require.ErrorIs(t, err, ErrHeld)
		return
	}
	before := x.gen
	due := m.due(x)
	if due == 0 {
		x.gen = before // it would wait, and has not looked
		t.Skip("nothing to read")
	}
	f, err := x.r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, due-1, f.Number)
	missed := uint64(0)
	if x.began && x.mode != Lossless {
		missed = due - x.want
	}
	require.Equal(t, missed, f.Missed)
	x.want, x.began = due+1, true
	x.out = append(x.out, &out{f, x.gen, x.mode != Pinned || !x.shaky})
	switch {
	case x.mode == Newest:
		require.False(t, f.view)
	case x.mode == Lossless || !x.shaky:
		require.True(t, f.view)
	}
}

func (m *machine) release(t *rapid.T) {
	_, x := m.reader(t)
	if len(x.out) == 0 {
		t.Skip("holds nothing")
	}
	i := rapid.IntRange(0, len(x.out)-1).Draw(t, "which")
	o := x.out[i]
	err := o.f.Release()
	if o.firm {
		require.NoError(t, err)
	}
	require.Equal(t, err, o.f.Release(), "the second time says the same")
	require.Nil(t, o.f.Bytes())
	x.out = append(x.out[:i], x.out[i+1:]...)
}

// check runs after each step: every frame that says it holds, holds.
func (m *machine) check(t *rapid.T) {
	for _, x := range m.readers {
		for _, o := range x.out {
			switch err := o.f.Valid(); {
			case err == nil:
				require.True(t, stamp.Whole(o.f.Bytes(), o.f.Number), "frame %d for a %v reader", o.f.Number, x.mode)
				require.Len(t, o.f.Bytes(), m.shape[o.f.Number+1])
				require.Equal(t, m.shape[o.f.Number+1], o.f.Format.Size())
			case o.firm:
				t.Fatalf("frame %d of a %v reader: %v, and the writer had another slot", o.f.Number, x.mode, err)
			default:
				require.ErrorIs(t, err, ErrBroken)
			}
		}
	}
}

// end closes the writer: readers get the rest, then the end.
func (m *machine) end(t *rapid.T) {
	named := false // the ended segment keeps its name for who has not come over
	for _, x := range m.readers {
		named = named || x.mode == Lossless && x.gen < m.gen()
	}
	require.NoError(t, m.w.Close())
	ctx, cancel := surely()
	defer cancel()
	for _, x := range m.readers {
		for _, o := range x.out {
			err := o.f.Release()
			if o.firm {
				require.NoError(t, err)
			}
		}
		x.out = nil
		for {
			f, err := x.r.Next(ctx)
			if err == io.EOF { //nolint:errorlint // it must come bare
				break
			}
			require.NoError(t, err)
			due := m.due(x)
			require.Equal(t, due-1, f.Number)
			require.True(t, stamp.Whole(f.Bytes(), f.Number))
			require.NoError(t, f.Release())
			x.want = due + 1
		}
		if named || x.mode == Lossless || x.gen == m.gen() {
			require.Zero(t, m.due(x), "nothing is left out")
		}
		require.NoError(t, x.r.Close())
	}
	m.readers = nil
	_, err := GC(ctx, m.dir)
	require.NoError(t, err)
	left, err := os.ReadDir(m.dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
