// The layer: what belongs on each frame of a video.

package overlay

import (
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/results"
)

// Options of Open. The zero value, or nil, means the defaults.
type Options struct {
	// Dir is the directory of segments. Default: framebuf.DefaultDir.
	Dir string
	// TrustUID names users whose segments may be read, see framebuf.ReaderOptions.
	// Default: none.
	TrustUID []int
	// Style is what boxes look like. Default: that of Style.
	Style *Style
	// Hold is how long they stay. Default: 1 s.
	Hold Hold
	// Wait is how long Frame waits for a record of its frame or a later one: for a
	// video that can wait, such as a file, and a detector slower than its frames come.
	// A detector that is gone is not waited for, and after a wait in vain there is none
	// until it has been heard of again. The detector must get the pictures that it
	// looks at while a frame waits: if it takes every sixth one, the video's segment
	// needs more than six slots. Default: 0, no wait.
	Wait time.Duration
	// OnNote is called by Open and Frame with what the user should know, each thing once: no
	// results yet, a record that is not usable, and so on. Default: nil.
	OnNote func(text string)
}

// Stats is what a Layer has counted.
type Stats struct {
	Records uint64 // records that were taken for a frame
	Skipped uint64 // those of them that were not usable
	Drawn   uint64 // frames that there was something to draw on
	Waited  time.Duration
}

// Layer knows what a segment of results says of each frame of a video. It is for one
// goroutine at a time.
type Layer struct {
	name    string
	opts    Options
	painter *Painter

	reader *results.Reader // nil: not there
	closed bool
	looked time.Time       // when it was looked for last
	told   map[string]bool // what OnNote has been given

	seen  results.Record // taken last, usable or not; its Published tells it from others
	shown results.Record // taken last of those that are usable
	boxes results.Boxes  // of shown

	heard time.Duration // Published of the newest record at the last wait
	vain  bool          // nothing has been heard since a wait in vain

	stats Stats
}

// Open makes a layer of the results in the segment name. The segment need not be
// there: Frame looks for it again and again, and goes on with the next detector that
// writes under the name. nil options are the defaults.
//
// Errors match framebuf.ErrName and, for a segment that is there, results.ErrNotResults
// or the others of results.Open.
func Open(ctx context.Context, name string, o *Options) (*Layer, error) {
	l := &Layer{name: name, told: map[string]bool{}}
	if o != nil {
		l.opts = *o
	}
	l.painter = New(l.opts.Style)
	switch err := l.open(ctx, 0); {
	case errors.Is(err, framebuf.ErrNotFound):
		l.note("absent", "no results in %s yet: frames go on without boxes until there are", name)
	case err != nil:
		return nil, fmt.Errorf("overlay: %w", err)
	}
	return l, nil
}

// open looks for the segment, and waits for it to appear.
func (l *Layer) open(ctx context.Context, wait time.Duration) (err error) {
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	l.reader, err = results.Open(ctx, l.name, &results.ReaderOptions{
		Dir: l.opts.Dir, TrustUID: l.opts.TrustUID, Label: "overlay", Wait: wait > 0, Follow: true,
	})
	l.looked = time.Now()
	return err
}

// Frame says what is drawn on a frame: nil, nothing. It is an encode.Overlay; frames
// are asked for in their order. What it returns draws on a picture of the frame's
// size, in which red and blue are exchanged if the frame is bgra. It is good until the
// next call.
func (l *Layer) Frame(ctx context.Context, info *framebuf.Info) (draw func(picture *image.RGBA)) {
	if l.ready(ctx) {
		l.await(ctx, info)
		if err := l.look(ctx, info); err != nil {
			l.lost(ctx, err)
		}
	}
	ref := &l.shown.Reference
	if !ref.Set || ref.Generation != info.Generation.Low() || ref.Frame > info.Number || len(l.boxes.Boxes) == 0 {
		return nil
	}
	opacity := l.opts.Hold.Opacity(ageOf(&l.shown, info))
	if opacity <= 0 {
		return nil
	}
	l.stats.Drawn++
	exchange := info.PixelFormat == framebuf.BGRA
	return func(picture *image.RGBA) { l.painter.draw(picture, l.boxes, opacity, exchange) }
}

// look takes the record of a frame, if it is not the one at hand. One that is not
// usable leaves what was drawn before.
func (l *Layer) look(ctx context.Context, info *framebuf.Info) error {
	rec, ok, err := l.reader.For(ctx, info)
	if err != nil || !ok || rec.Published == l.seen.Published && rec.Number == l.seen.Number {
		return err
	}
	l.seen = rec
	l.stats.Records++
	boxes, err := rec.Boxes()
	if err != nil {
		l.stats.Skipped++
		l.note("unusable", "a record is left out: %v", err)
		return nil
	}
	l.shown, l.boxes = rec, boxes
	return nil
}

// lookEvery is how often a segment that is not there is looked for.
const lookEvery = 100 * time.Millisecond

// ready reports whether there is a segment to look into.
func (l *Layer) ready(ctx context.Context) bool {
	if l.reader != nil || l.closed {
		return !l.closed
	}
	wait := l.opts.Wait
	if l.vain {
		wait = 0
	}
	if wait <= 0 && time.Since(l.looked) < lookEvery {
		return false
	}
	began := time.Now()
	err := l.open(ctx, wait)
	if wait > 0 {
		l.stats.Waited += time.Since(began)
		l.vain = err != nil
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, framebuf.ErrNotFound) {
		l.note("opening", "%v; frames go on without boxes", err)
	}
	return err == nil
}

// lost notes an error of reading, after which the segment is looked for anew if it
// cannot be read any more.
func (l *Layer) lost(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, results.ErrGone):
		l.note("gone", "%v: the video is too far behind its results; more slots there keep them for longer", err)
	default:
		l.note("reading", "%v; frames go on without new boxes", err)
		_ = l.reader.Close()
		l.reader = nil
	}
}

// note tells the user something once.
func (l *Layer) note(what, format string, a ...any) {
	if l.opts.OnNote == nil || l.told[what] {
		return
	}
	l.told[what] = true
	l.opts.OnNote(fmt.Sprintf(format, a...))
}

// Stats is what has been counted so far.
func (l *Layer) Stats() Stats { return l.stats }

// Close leaves the segment. Frame then knows of nothing new. Idempotent.
func (l *Layer) Close() error {
	l.closed = true
	if l.reader == nil {
		return nil
	}
	return l.reader.Close()
}
