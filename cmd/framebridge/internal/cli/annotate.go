package cli

// One frame through an analyzer: the result as a line, and the frame with the result drawn in.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/draw"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/analyzer"
	"github.com/framebridge/framebridge/internal/picture"
)

// annotator analyzes the frames of one reader.
type annotator struct {
	analysis analyzer.Analyzer
	settings *liveSettings // nil: they do not change
	results  *bufio.Writer
	publish  *annotatedSegment // nil: results only
	records  *recordSegment    // nil: results are printed only
	scratch  *image.RGBA       // for frames that are not RGBA
}

// next analyzes one frame. Nothing is printed or published before the view is known to have held.
func (a *annotator) next(ctx context.Context, r *framebuf.Reader) (info framebuf.Info, err error) {
	var line []byte
	var slot *framebuf.Slot
	err = r.View(ctx, func(f *framebuf.Frame) error {
		info = f.Info
		img, err := a.rgba(f)
		if err != nil {
			return err
		}
		a.settings.refresh(ctx) // after the frame was published: what was set before that counts for it
		result, err := a.analysis.Analyze(analyzer.Frame{Image: img, Number: f.Number, PTS: pts(&f.Info)})
		if err != nil {
			return err
		}
		line, err = json.Marshal(analyzer.Line{
			Generation: f.Generation.String(), Frame: f.Number, PTS: pts(&f.Info), Analyzer: a.analysis.Name(), Result: result,
		})
		if err != nil || a.publish == nil {
			return err
		}
		slot, err = a.publish.fill(ctx, &f.Info, img, result, line)
		return err
	})
	if slot != nil {
		if err == nil {
			err = slot.Publish()
		} else {
			slot.Abandon()
		}
	}
	if err != nil {
		return info, err
	}
	_, _ = a.results.Write(line) // Flush has the error
	_ = a.results.WriteByte('\n')
	return info, errors.Join(a.results.Flush(), a.records.put(ctx, &info, line))
}

// close ends what is published, both at once, as each waits for late readers.
func (a *annotator) close(err error) error {
	records := make(chan error, 1)
	go func() { records <- a.records.close(err) }()
	return errors.Join(a.publish.close(err), <-records)
}

func pts(info *framebuf.Info) time.Duration {
	if t, ok := info.Time(); ok {
		return t
	}
	return analyzer.NoPTS
}

// rgba is the frame as analyzers want it: in place where it is RGBA, else converted.
func (a *annotator) rgba(f *framebuf.Frame) (*image.RGBA, error) {
	if f.PixelFormat == framebuf.RGBA {
		return f.RGBA()
	}
	img, err := f.Image()
	if err != nil {
		return nil, err
	}
	if a.scratch == nil || a.scratch.Rect != img.Bounds() {
		a.scratch = image.NewRGBA(img.Bounds())
	}
	draw.Draw(a.scratch, a.scratch.Rect, img, img.Bounds().Min, draw.Src)
	return a.scratch, nil
}

// annotatedSegment is OUT_SEGMENT. It is made with the first frame, whose format it needs.
type annotatedSegment struct {
	s    *session
	o    *analyzeOptions
	live bool

	w    *framebuf.Writer
	face *picture.Face
	told bool // that a result was too large for the meta
}

const metaBytes = 16 << 10 // a result with some hundred boxes

// fill makes a slot of the frame with its result drawn in. It is the caller's to publish.
func (a *annotatedSegment) fill(ctx context.Context, info *framebuf.Info, img *image.RGBA, result analyzer.Result, line []byte) (*framebuf.Slot, error) {
	if err := a.ready(ctx, info); err != nil {
		return nil, err
	}
	slot, err := a.w.Begin(ctx)
	if err != nil {
		return nil, err
	}
	err = slot.Guard(func() error {
		dst, err := slot.RGBA()
		if err != nil {
			return err
		}
		picture.CopyRows(dst, img)
		result.Draw(dst, a.face)
		return nil
	})
	if err == nil {
		err = a.describe(slot, info, line)
	}
	if err != nil {
		slot.Abandon()
		return nil, err
	}
	return slot, nil
}

// describe gives the slot what travels with the frame.
func (a *annotatedSegment) describe(slot *framebuf.Slot, info *framebuf.Info, line []byte) error {
	own := slot.Info
	slot.Info = *info
	slot.Info.Number, slot.Info.Generation, slot.Info.Format = own.Number, own.Generation, own.Format
	slot.Info.PlaneCount, slot.Info.Plane, slot.Info.PayloadSize = own.PlaneCount, own.Plane, own.PayloadSize
	slot.Info.Flags &^= framebuf.FlagCRC
	slot.Info.Reference = framebuf.Reference{Set: true, Frame: info.Number, Generation: info.Generation.Low(), PTS: info.PTS}
	err := slot.SetMeta(line)
	if !errors.Is(err, framebuf.ErrTooLarge) {
		return err
	}
	if !a.told {
		a.s.note("frame %d: a result of %d bytes does not fit into the meta of a frame; it is printed only", info.Number, len(line))
		a.told = true
	}
	return nil
}

// ready makes the segment, or changes its format to that of the frame.
func (a *annotatedSegment) ready(ctx context.Context, info *framebuf.Info) error {
	format := framebuf.Format{PixelFormat: framebuf.RGBA, Width: info.Width, Height: info.Height}
	switch {
	case a.w != nil && a.w.Format() == format:
		return nil
	case a.w != nil:
		a.face = picture.NewFace(picture.HeightFor(image.Pt(info.Width, info.Height)))
		return a.w.SetFormat(ctx, format)
	}
	policy, after := a.o.write.policy(a.live)
	if a.live && policy == framebuf.LosslessRefuse {
		policy, after = framebuf.LosslessEvict, defaultEvict
	}
	var w *framebuf.Writer
	err := a.s.withFewerSlots(a.o.write.slots, func(slots int) (err error) {
		w, err = framebuf.Create(a.o.out, format, &framebuf.Options{
			Dir: a.s.dir, Group: a.o.write.group, Slots: slots, MetaCapacity: metaBytes, Lossless: policy, EvictAfter: after, Live: a.live,
			OnWait: a.s.onWait(a.o.out), Template: framebuf.Info{TimeBase: info.TimeBase, Rate: info.Rate},
		})
		return err
	})
	if err != nil {
		return segmentError(err)
	}
	a.w = w
	a.face = picture.NewFace(picture.HeightFor(image.Pt(info.Width, info.Height)))
	return a.s.awaitReaders(ctx, w, a.o.write.readers(0), a.o.write.wait)
}

// close ends the segment. A bad end of the source is passed on to its readers.
func (a *annotatedSegment) close(err error) error {
	if a == nil || a.w == nil {
		return nil
	}
	return endWriter(a.w, err)
}

// endWriter ends a segment and passes a bad end of its source on to its readers.
func endWriter(w *framebuf.Writer, err error) error {
	var interrupted *interruptError
	if exitCode(err) != codeDone && !errors.As(err, &interrupted) {
		w.SetError(message(err))
		w.SetSource(framebuf.SourceFailed)
	}
	return closeWriter(w, err)
}
