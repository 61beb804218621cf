package overlay_test

import (
	"context"
	"encoding/json"
	"image"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/overlay"
	"github.com/framebridge/framebridge/framebuf/results"
)

// open makes a writer of results and a layer of them.
func open(t testing.TB, o overlay.Options) (*results.Writer, *overlay.Layer) {
	t.Helper()
	o.Dir = segmentDir(t)
	w, err := results.Create("boxes", &results.Options{Dir: o.Dir, Linger: -1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	l, err := overlay.Open(within(t), "boxes", &o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return w, l
}

func put(t testing.TB, w *results.Writer, info framebuf.Info, v any) {
	t.Helper()
	require.NoError(t, w.Put(within(t), &info, v))
}

// Every frame of the video shows the newest record of it or of a frame before it.
func TestNewestForEachFrame(t *testing.T) {
	ctx := within(t)
	w, l := open(t, overlay.Options{})
	put(t, w, frame(6), found(6))
	put(t, w, frame(12), found(12))
	for n := range uint64(6) {
		_, visible := drawn(ctx, l, frame(n))
		require.False(t, visible, "frame %d is before the first one that was looked at", n)
	}
	for n := uint64(6); n < 18; n++ {
		img, _ := drawn(ctx, l, frame(n))
		want := blank(320, 180)
		overlay.New(nil).Draw(want, found(n/6*6), 1)
		require.Equal(t, want.Pix, img.Pix, "frame %d", n)
	}
	put(t, w, frame(18), results.Boxes{})
	_, visible := drawn(ctx, l, frame(18))
	require.False(t, visible, "a record without boxes clears what was there")
	require.Equal(t, overlay.Stats{Records: 3, Drawn: 12}, l.Stats())
}

func TestFramesOfAnotherGeneration(t *testing.T) {
	ctx := within(t)
	w, l := open(t, overlay.Options{})
	put(t, w, frame(6), found(6))
	_, visible := drawn(ctx, l, frame(7))
	require.True(t, visible)
	other := frame(8)
	other.Generation = framebuf.Generation{9}
	_, visible = drawn(ctx, l, other)
	require.False(t, visible)
}

func TestHold(t *testing.T) {
	ctx := within(t)
	untimed := func(n uint64) framebuf.Info {
		i := frame(n)
		i.PTS = framebuf.NoPTS
		return i
	}
	unrated := func(n uint64) framebuf.Info {
		i := untimed(n)
		i.Rate = framebuf.Rational{}
		return i
	}
	backwards := func(n uint64) framebuf.Info {
		i := frame(n)
		i.PTS = -i.PTS
		return i
	}
	for _, row := range []struct {
		name  string
		hold  overlay.Hold
		frame func(n uint64) framebuf.Info
		full  uint64 // the last frame that shows the box of frame 6 fully
		last  uint64 // that shows it at all
	}{
		{"default", overlay.Hold{}, frame, 6 + 29, 6 + 29}, // 30 frames are 1.001 s
		{"half a second", overlay.Hold{For: 500500 * time.Microsecond}, frame, 6 + 15, 6 + 15},
		{"shorter than a frame", overlay.Hold{For: 1}, frame, 6, 6},
		{"fading", overlay.Hold{For: 100100 * time.Microsecond, Fade: 100100 * time.Microsecond}, frame, 6 + 3, 6 + 5},
		{"until replaced", overlay.Hold{For: -1}, frame, 200, 200},
		{"no times", overlay.Hold{}, untimed, 6 + 29, 6 + 29},
		{"no times, no rate", overlay.Hold{}, unrated, 6 + 30, 6 + 30},
		{"times run backwards", overlay.Hold{}, backwards, 6 + 29, 6 + 29},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, l := open(t, overlay.Options{Hold: row.hold})
			put(t, w, row.frame(6), found(6))
			full := blank(320, 180)
			overlay.New(nil).Draw(full, found(6), 1)
			for n := range row.last + 3 {
				img, visible := drawn(ctx, l, row.frame(n))
				endless := row.hold.For < 0
				require.Equal(t, 6 <= n && (n <= row.last || endless), visible, "frame %d", n)
				if visible {
					require.Equal(t, n <= row.full || endless, string(full.Pix) == string(img.Pix), "frame %d", n)
				}
			}
		})
	}
}

func TestOpacity(t *testing.T) {
	h := overlay.Hold{For: time.Second, Fade: 2 * time.Second}
	for age, want := range map[time.Duration]float64{-1: 0, 0: 1, time.Second: 1, 2 * time.Second: 0.5, 3 * time.Second: 0, time.Hour: 0} {
		require.InDelta(t, want, h.Opacity(age), 1e-9, "%v", age)
	}
	require.InDelta(t, 1, overlay.Hold{}.Opacity(time.Second), 0)
	require.InDelta(t, 0, overlay.Hold{}.Opacity(time.Second+1), 0)
}

// A frame of pixel format bgra has the colours of the record, too.
func TestLayerOnBGRA(t *testing.T) {
	ctx := within(t)
	w, l := open(t, overlay.Options{})
	put(t, w, frame(0), found(0))
	info := frame(0)
	info.PixelFormat = framebuf.BGRA
	got, want := blank(320, 180), blank(320, 180)
	l.Frame(ctx, &info)(got)
	overlay.New(nil).DrawBGRA(want, found(0), 1)
	require.Equal(t, want.Pix, got.Pix)
	overlay.New(nil).Draw(want, found(0), 1)
	require.NotEqual(t, want.Pix, got.Pix)
}

// In whatever order records come and frames go, no frame shows one of a frame to come,
// and each shows the highest of those that had been published.
func TestNeverBeforeItsFrame(t *testing.T) {
	ctx := within(t)
	w, l := open(t, overlay.Options{Hold: overlay.Hold{For: 400 * time.Millisecond}})
	const held = 11 // frames in this time
	generation := byte(0)
	rapid.Check(t, func(rt *rapid.T) {
		generation++
		at := func(n uint64) framebuf.Info {
			i := frame(n)
			i.Generation[0] = generation
			return i
		}
		var published []uint64
		for n := range uint64(40) {
			for range rapid.IntRange(0, 2).Draw(rt, "records") {
				of := uint64(rapid.IntRange(0, 60).Draw(rt, "of"))
				if len(published) < 60 { // the ring has room for 64
					put(t, w, at(of), found(of))
					published = append(published, of)
				}
			}
			want, visible := uint64(0), false
			for _, of := range published {
				if of <= n && (!visible || of >= want) {
					want, visible = of, true
				}
			}
			visible = visible && n-want <= held
			img, got := drawn(ctx, l, at(n))
			require.Equal(rt, visible, got, "frame %d", n)
			if got {
				require.Equal(rt, want, showing(t, img), "frame %d", n)
			}
		}
	})
}

// What is not usable is left out, counted and said once; what was there stays.
func TestUnusableRecords(t *testing.T) {
	for _, row := range []struct{ name, record, note string }{
		{"not JSON", `{"boxes":[`, "not JSON"},
		{"no object", `17`, "boxes"},
		{"something else", `{"mean":3}`, "no boxes"},
		{"boxes of another type", `{"boxes":{"x":1}}`, "not usable"},
		{"negative size", `{"boxes":[{"x":1,"y":1,"w":-1,"h":1}]}`, "negative"},
		{"wrong colour", `{"boxes":[{"x":1,"y":1,"w":1,"h":1,"color":"red"}]}`, `color "red"`},
		{"huge number", `{"boxes":[{"x":1e300,"y":1,"w":1,"h":1}]}`, "x is 1e+300"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var notes []string
			ctx, dir := within(t), segmentDir(t)
			// A writer that knows nothing of the conventions.
			w, err := framebuf.Create("boxes", framebuf.Format{}, &framebuf.Options{Dir: dir, Linger: -1})
			require.NoError(t, err)
			defer w.Close()
			raw := func(n uint64, text []byte) {
				require.NoError(t, w.Publish(ctx, func(s *framebuf.Slot) error {
					s.Info.Reference = framebuf.Reference{Set: true, Frame: n, Generation: frame(n).Generation.Low(), PTS: frame(n).PTS}
					if err := s.SetLength(len(text)); err != nil {
						return err
					}
					copy(s.Bytes(), text)
					return nil
				}))
			}
			l, err := overlay.Open(ctx, "boxes", &overlay.Options{Dir: dir, OnNote: func(text string) { notes = append(notes, text) }})
			require.NoError(t, err)
			defer l.Close()
			for n := range uint64(9) {
				switch n {
				case 0, 8:
					good, err := json.Marshal(found(n))
					require.NoError(t, err)
					raw(n, good)
				case 3, 6:
					raw(n, []byte(row.record))
				}
				img, visible := drawn(ctx, l, frame(n))
				require.True(t, visible, "frame %d", n)
				require.Equal(t, n/8*8, showing(t, img), "frame %d", n)
			}
			require.Len(t, notes, 1)
			require.Contains(t, notes[0], row.note)
			require.Contains(t, notes[0], "frame 3")
			require.Equal(t, overlay.Stats{Records: 4, Skipped: 2, Drawn: 9}, l.Stats())
		})
	}
}

// Frames go on while there are no results, and show them once there are.
func TestResultsComeLate(t *testing.T) {
	ctx, dir := within(t), segmentDir(t)
	var notes []string
	l, err := overlay.Open(ctx, "boxes", &overlay.Options{Dir: dir, OnNote: func(text string) { notes = append(notes, text) }})
	require.NoError(t, err)
	defer l.Close()
	_, visible := drawn(ctx, l, frame(0))
	require.False(t, visible)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "boxes")
	w, err := results.Create("boxes", &results.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer w.Close()
	put(t, w, frame(0), found(0))
	require.Eventually(t, func() bool { _, visible := drawn(ctx, l, frame(1)); return visible }, time.Minute, 10*time.Millisecond)
	require.Len(t, notes, 1)
}

// A detector that is killed, or ends, takes nothing with it, and the next one goes on.
func TestTheNextDetector(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(t *testing.T, d *detector)
	}{
		{"killed", func(_ *testing.T, d *detector) { d.kill() }},
		{"ended", func(t *testing.T, d *detector) { require.NoError(t, d.in.Close()); require.NoError(t, d.cmd.Wait()) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, dir := within(t), segmentDir(t, "boxes")
			l, err := overlay.Open(ctx, "boxes", &overlay.Options{Dir: dir, Hold: overlay.Hold{For: -1}})
			require.NoError(t, err)
			defer l.Close()
			for n := uint64(0); n < 3*6; n += 6 {
				d := startDetector(t, dir, "", "")
				d.put(t, frame(n))
				require.Eventually(t, func() bool {
					img, visible := drawn(ctx, l, frame(n))
					return visible && showing(t, img) == n
				}, time.Minute, 10*time.Millisecond)
				row.end(t, d)
				img, _ := drawn(ctx, l, frame(n+5))
				require.Equal(t, n, showing(t, img))
			}
		})
	}
}

func TestNotResults(t *testing.T) {
	ctx, dir := within(t), segmentDir(t)
	w, err := framebuf.Create("cam0", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 4, Height: 4}, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer w.Close()
	_, err = overlay.Open(ctx, "cam0", &overlay.Options{Dir: dir})
	require.ErrorIs(t, err, results.ErrNotResults)
	require.ErrorContains(t, err, "cam0")
	_, err = overlay.Open(ctx, "No Name", &overlay.Options{Dir: dir})
	require.ErrorIs(t, err, framebuf.ErrName)

	// One that comes later is said, and the frames go on.
	var notes []string
	l, err := overlay.Open(ctx, "late", &overlay.Options{Dir: dir, OnNote: func(text string) { notes = append(notes, text) }})
	require.NoError(t, err)
	defer l.Close()
	late, err := framebuf.Create("late", framebuf.Format{PixelFormat: framebuf.RGBA, Width: 4, Height: 4}, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer late.Close()
	require.Eventually(t, func() bool { drawn(ctx, l, frame(0)); return len(notes) > 1 }, time.Minute, 10*time.Millisecond)
	require.Contains(t, notes[1], results.ErrNotResults.Error())
}

// What was drawn stays for its time when the segment is spoilt, or left.
func TestSpoiltSegment(t *testing.T) {
	ctx, dir := within(t), segmentDir(t, "boxes")
	var notes []string
	w, err := results.Create("boxes", &results.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer w.Close()
	l, err := overlay.Open(ctx, "boxes", &overlay.Options{Dir: dir, OnNote: func(text string) { notes = append(notes, text) }})
	require.NoError(t, err)
	put(t, w, frame(0), found(0))
	_, visible := drawn(ctx, l, frame(0))
	require.True(t, visible)
	require.NoError(t, os.Truncate(filepath.Join(dir, "boxes"), 0))
	for n := range uint64(20) {
		img, _ := drawn(ctx, l, frame(n))
		require.Zero(t, showing(t, img))
	}
	require.NotEmpty(t, notes)
	require.LessOrEqual(t, len(notes), 2, "%v", notes)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	_, visible = drawn(ctx, l, frame(20))
	require.True(t, visible)
	_, visible = drawn(ctx, l, frame(40))
	require.False(t, visible)
}

// A record that left the ring before the video came to its frame is said, once.
func TestTheVideoIsTooFarBehind(t *testing.T) {
	ctx := within(t)
	var notes []string
	w, l := open(t, overlay.Options{OnNote: func(text string) { notes = append(notes, text) }})
	for n := range uint64(100) {
		put(t, w, frame(n), found(n))
	}
	for n := range uint64(100) {
		_, visible := drawn(ctx, l, frame(n))
		require.Equal(t, n >= 36, visible, "frame %d", n)
	}
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "left the ring")
}

// Frames wait for their record, within the bound, and not for a detector that is gone
// or silent.
func TestWait(t *testing.T) {
	const long = 10 * time.Minute // longer than the test may take
	late := func(do func()) { time.AfterFunc(50*time.Millisecond, do) }
	t.Run("for the record", func(t *testing.T) {
		w, l := open(t, overlay.Options{Wait: long})
		late(func() { put(t, w, frame(6), found(6)) })
		img, _ := drawn(within(t), l, frame(6))
		require.EqualValues(t, 6, showing(t, img))
	})
	t.Run("for a later one", func(t *testing.T) {
		w, l := open(t, overlay.Options{Wait: long})
		put(t, w, frame(0), found(0))
		late(func() { put(t, w, frame(6), found(6)) })
		img, _ := drawn(within(t), l, frame(5))
		require.Zero(t, showing(t, img))
		img, _ = drawn(within(t), l, frame(6))
		require.EqualValues(t, 6, showing(t, img))
	})
	t.Run("for the segment", func(t *testing.T) {
		dir := segmentDir(t)
		l, err := overlay.Open(within(t), "boxes", &overlay.Options{Dir: dir, Wait: long})
		require.NoError(t, err)
		defer l.Close()
		there := make(chan *results.Writer)
		late(func() {
			w, err := results.Create("boxes", &results.Options{Dir: dir, Linger: -1})
			if err == nil {
				put(t, w, frame(6), found(6))
			}
			there <- w
		})
		img, visible := drawn(within(t), l, frame(6))
		require.NoError(t, (<-there).Close())
		require.True(t, visible)
		require.EqualValues(t, 6, showing(t, img))
	})
	t.Run("not for one that is gone", func(t *testing.T) {
		dir := segmentDir(t, "boxes")
		d := startDetector(t, dir, "", "")
		d.put(t, frame(0))
		l, err := overlay.Open(within(t), "boxes", &overlay.Options{Dir: dir, Wait: long})
		require.NoError(t, err)
		defer l.Close()
		drawn(within(t), l, frame(0))
		d.kill()
		img, _ := drawn(within(t), l, frame(1))
		require.Zero(t, showing(t, img))
	})
	t.Run("in vain only once", func(t *testing.T) {
		w, l := open(t, overlay.Options{Wait: time.Second})
		put(t, w, frame(0), found(0))
		for n := uint64(1); n < 1000; n++ { // a quarter of an hour, if each of them waited
			drawn(within(t), l, frame(n))
		}
		once := l.Stats().Waited
		require.GreaterOrEqual(t, once, time.Second)
		put(t, w, frame(3), found(3))
		drawn(within(t), l, frame(2000))
		require.Greater(t, l.Stats().Waited, once+time.Second-1, "it has been heard of again")
	})
	t.Run("not beyond the context", func(t *testing.T) {
		_, l := open(t, overlay.Options{Wait: long})
		ctx, cancel := context.WithCancel(within(t))
		time.AfterFunc(20*time.Millisecond, cancel)
		_, visible := drawn(ctx, l, frame(0))
		require.False(t, visible)
	})
}

// The layer costs little beside the drawing.
func BenchmarkFrame(b *testing.B) {
	w, l := open(b, overlay.Options{Hold: overlay.Hold{For: -1}})
	put(b, w, frame(0), found(0))
	ctx, info, img := within(b), frame(0), image.NewRGBA(image.Rect(0, 0, 16, 16))
	for b.Loop() {
		info.Number++
		l.Frame(ctx, &info)(img)
	}
}
