//go:build linux

// D4: readers that write garbage where they may write.

package main

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

func scribbleRows() []row {
	return []row{{
		id: "D4", fault: "a reader writes garbage into its cells, or into all of the control file, or cuts it",
		must: "the writer lives and delivers only whole frames; garbage in the own cells costs others nothing, any other costs them no more than an error",
		run:  scribbledControl,
	}}
}

func scribbleRoles() map[string]role { return map[string]role{"scribbler": scribble} }

// scribbler is its part.
type scribbler struct {
	Dir     string
	Control string
	All     bool // of the file, not only its own cells
}

// Offsets in a cell of the control file, by LAYOUT.md.
const (
	cellBytes = 128
	inPins    = 16 // six
	inMode    = 64
	inPID     = 76
)

// kinds of garbage, for scribbledControl.
const (
	nothing  = "nothing"
	ownCells = "own cells"
	allCells = "the whole file"
	cutFile  = "cut"
)

func scribbledControl(ctx context.Context, t *trial) {
	frames, rounds := t.of(1000, 20_000), t.of(2, 20)
	_, _, alone := t.scribbled(ctx, nothing, frames)
	lossless, strokes, took := t.scribbled(ctx, ownCells, frames)
	if lossless.Error != "end" || lossless.First+lossless.Delivered != uint64(frames) {
		t.Errorf("%s: the lossless reader got %d frames from %d on, then %q", ownCells, lossless.Delivered, lossless.First, lossless.Error)
	}
	t.reached("%d strokes of garbage in 8 cells beside %d frames: 0 lost by the lossless reader, 0 torn; the writer took %v, without it %v",
		strokes, frames, took.Round(time.Millisecond), alone.Round(time.Millisecond))
	ends := map[string]int{}
	for range rounds {
		for _, what := range []string{allCells, cutFile} {
			r, n, _ := t.scribbled(ctx, what, 300)
			ends[what+": "+r.Error]++
			strokes += n
		}
	}
	t.also("garbage everywhere %d times, cut %d times: the writer lived each time, 0 torn, 0 lost in silence", rounds, rounds)
	t.note("%d strokes; the lossless reader beside garbage everywhere ended with %v", strokes, ends)
}

// scribbled streams so many frames beside a scribbler, to an honest reader of each
// mode, and returns what the lossless one got, and how long the writer took.
func (t *trial) scribbled(ctx context.Context, what string, frames int) (lossless report, strokes int, took time.Duration) {
	dir := t.dir()
	part := stream{
		Dir: dir, Sizes: []framebuf.Format{size(64, 36)}, Slots: 6, Frames: frames, Await: len(allModes), Every: time.Millisecond,
		Lossless: framebuf.LosslessEvict, Evict: 5 * time.Second,
	}
	if what == allCells || what == cutFile {
		part.Evict = 20 * time.Millisecond // garbage can look like a reader that wants every frame
	}
	w := t.start(ctx, "writer", part)
	w.event("ready")
	control := t.controlOf(dir, "cam0")
	var readers []*party
	for _, m := range allModes {
		part.Mode = m
		readers = append(readers, t.start(ctx, "reader", part))
	}
	for _, r := range readers {
		r.event("ready")
	}
	start := time.Now()
	var hostile *party
	switch what {
	case nothing:
	case cutFile:
		time.Sleep(rand.N(100 * time.Millisecond))
		require.NoError(t, os.Truncate(control, int64(rand.N(2))*page))
	default:
		hostile = t.start(ctx, "scribbler", scribbler{Dir: dir, Control: control, All: what == allCells})
		hostile.event("ready")
	}
	end := w.event("end")
	took = time.Since(start)
	if end.Error != "" || end.Delivered != uint64(frames) {
		t.Errorf("%s: the writer ended after %d frames with %q", what, end.Delivered, end.Error)
	}
	require.NoError(t, w.wait())
	for i, p := range readers {
		r := p.event("end")
		require.NoError(t, p.wait())
		r.check(t, what+": reader "+allModes[i].String())
		if allModes[i] == framebuf.Newest && r.Error != "end" {
			t.Errorf("%s: the copying reader ended with %q", what, r.Error)
		}
		if allModes[i] == framebuf.Lossless {
			lossless = r
			// A clean end is a promise that nothing is missing.
			if r.Error == "end" && r.First+r.Delivered != uint64(frames) {
				t.Errorf("%s: the lossless reader got %d frames from %d on and was told a clean end", what, r.Delivered, r.First)
			}
		}
	}
	if hostile != nil {
		hostile.tellToStop()
		var s struct{ Strokes int }
		require.NoError(t, hostile.hear(&s))
		require.NoError(t, hostile.wait())
		strokes = s.Strokes
	}
	// The control file of a writer that lost it may stay; nobody needs it.
	_, err := framebuf.GC(ctx, dir)
	require.NoError(t, err)
	return lossless, strokes, took
}

// scribble takes cells and fills them with garbage until it is told to stop.
func scribble(ctx context.Context, part []byte, tell func(any)) error {
	p, err := parse[scribbler](part)
	if err != nil {
		return err
	}
	for i := range 8 {
		mode := framebuf.Pinned
		if i == 0 && !p.All { // one is waited for, and says that it has let go of frames to come
			mode = framebuf.Lossless
		}
		r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: p.Dir, Mode: mode})
		if err != nil {
			return err
		}
		defer r.Close()
	}
	control, unmap, err := mapFile(p.Control, true)
	if err != nil {
		return err
	}
	defer unmap()
	data, unmapData, err := mapFile(filepath.Join(p.Dir, "cam0"), false)
	if err != nil {
		return err
	}
	defer unmapData()
	var own []int
	for at := cellBytes; at < len(control.b); at += cellBytes {
		if binary.LittleEndian.Uint32(control.b[at+inPID:]) == uint32(os.Getpid()) {
			own = append(own, at)
		}
	}
	tell(report{Event: "ready"})
	publish := data.word64(data.dynamic() + atPublish)
	strokes := 0
	for ctx.Err() == nil {
		newest := publish.Load() >> 16 // n+1
		v := []uint64{0, 1, 2, newest, newest + 1, newest - 1, newest - 2, newest - 3, newest + 1<<20, 1 << 47, 1 << 63, 1<<64 - 1, rand.Uint64()}[rand.N(13)]
		at := rand.N(len(control.b)/8) * 8
		if !p.All {
			// All but the mode: more that are waited for, and let nothing go, are A5.
			if at = own[rand.N(len(own))] + rand.N(cellBytes/8)*8; at%cellBytes == inMode {
				continue
			}
			if rand.N(2) == 0 { // all slots at once
				for j := range uint64(6) {
					control.word64(at&^(cellBytes-1) + inPins + int(j)*8).Store(newest - j)
				}
			}
		}
		control.word64(at).Store(v)
		if rand.N(4) == 0 { // and rings, as readers do when they let go
			control.word32(atRingEvent).Add(1)
		}
		if strokes++; strokes%16 == 0 {
			time.Sleep(50 * time.Microsecond)
		}
	}
	tell(map[string]int{"Strokes": strokes})
	return nil
}
