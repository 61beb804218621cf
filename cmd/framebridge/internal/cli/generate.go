package cli

// framebridge generate: frames without a source.

import (
	"context"
	"errors"
	"image"
	"image/draw"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/generator"
	"github.com/framebridge/framebridge/internal/generator/generators"
)

type generateOptions struct {
	segment  string
	pattern  string
	frames   uint64
	duration timeValue
	size     sizeValue
	fps      rateValue
	pace     choice
	pixFmt   string
	write    writeFlags
}

func newGenerateCmd(s *session) *cobra.Command {
	o := &generateOptions{
		size: sizeValue{1280, 720}, fps: rateValue{framebuf.Rational{Num: 30, Den: 1}},
		pace: choice{"source", []string{"source", "fast"}},
	}
	cmd := &cobra.Command{
		Use:     "generate SEGMENT",
		Short:   "Draw frames into SEGMENT (30 fps, paced)",
		Example: "  framebridge generate cam0\n  framebridge generate cam0 --pattern bars --frames 100 --pace fast",
		Args:    exactly(1, 1, false),
		RunE: s.command(func(ctx context.Context, args []string) error {
			o.segment = args[0]
			return generateRun(ctx, s, o)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.pattern, "pattern", generators.Names()[0], strings.Join(generators.Names(), ", "))
	f.Uint64Var(&o.frames, "frames", 0, "how many frames (default: without end)")
	f.VarP(&o.duration, "duration", "t", "how long (default: without end)")
	f.VarP(&o.size, "size", "s", "size of the frames")
	f.VarP(&o.fps, "fps", "r", "frames a second")
	f.Var(&o.pace, "pace", "at the speed of the frames' own times, or as fast as readers take them")
	f.StringVar(&o.pixFmt, "pix-fmt", "rgba", "pixel format: rgba, bgra, rgb24, bgr24, gray8")
	o.write.register(f)
	return cmd
}

func generateRun(ctx context.Context, s *session, o *generateOptions) (err error) {
	g, err := generators.New(o.pattern)
	if err != nil {
		return err
	}
	pixels, err := framebuf.ParsePixelFormat(o.pixFmt)
	if err != nil {
		return err
	}
	if err := errors.Join(o.write.check(), framebuf.CheckName(o.segment)); err != nil {
		return err
	}
	finite := o.frames > 0 || o.duration.Duration > 0
	w, err := framebuf.Create(o.segment, framebuf.Format{PixelFormat: pixels, Width: o.size.width, Height: o.size.height}, o.segmentOptions(s, finite))
	if err != nil {
		return segmentError(err)
	}
	defer func() { err = errors.Join(err, closeWriter(w, err)) }()
	readers := 0
	if finite {
		readers = 1
	}
	if err := s.awaitReaders(ctx, w, o.write.readers(readers), o.write.wait); err != nil {
		return err
	}
	if !finite {
		s.next("analyze %s%s", o.segment, s.dirFlag())
	}
	return o.draw(ctx, s, w, g)
}

func (o *generateOptions) segmentOptions(s *session, finite bool) *framebuf.Options {
	policy, after := o.write.policy(false)
	out := &framebuf.Options{
		Dir: s.dir, Group: o.write.group, Slots: o.write.slots, Lossless: policy, EvictAfter: after, OnWait: s.onWait(o.segment),
		Template: framebuf.Info{
			TimeBase: framebuf.Rational{Num: o.fps.Den, Den: o.fps.Num}, Rate: o.fps.Rational, Duration: 1,
			Color: framebuf.Color{Range: framebuf.RangeFull}, FieldOrder: framebuf.Progressive,
			Aspect: framebuf.Rational{Num: 1, Den: 1}, Flags: framebuf.FlagKey,
		},
	}
	if !finite {
		out.Linger = -1 // nobody comes late to something without end
	}
	return out
}

// draw publishes frames until there are enough, or ctx ends.
func (o *generateOptions) draw(ctx context.Context, s *session, w *framebuf.Writer, g generator.Generator) error {
	var m meter
	defer s.showProgress(m.sample)()
	began := time.Now()
	var scratch *image.RGBA
	for n := uint64(0); o.frames == 0 || n < o.frames; n++ {
		at := o.time(n)
		if o.duration.Duration > 0 && at >= o.duration.Duration {
			break
		}
		if o.pace.value == "source" {
			if err := sleepUntil(ctx, began.Add(at)); err != nil {
				return err
			}
		}
		var info framebuf.Info
		err := w.Publish(ctx, func(slot *framebuf.Slot) (err error) {
			slot.Info.PTS = int64(n)
			info = slot.Info
			scratch, err = drawSlot(g, slot, at, scratch)
			return err
		})
		if err != nil {
			return err
		}
		m.frame(&info)
	}
	return nil
}

// time is when frame n is shown.
func (o *generateOptions) time(n uint64) time.Duration {
	whole, rest := n/uint64(o.fps.Num), n%uint64(o.fps.Num)
	den := time.Duration(o.fps.Den) * time.Second
	return time.Duration(whole)*den + time.Duration(rest)*den/time.Duration(o.fps.Num)
}

// drawSlot draws one frame into its slot, by way of scratch where the pixel format is another one than the generator's.
func drawSlot(g generator.Generator, slot *framebuf.Slot, at time.Duration, scratch *image.RGBA) (*image.RGBA, error) {
	if slot.Info.PixelFormat == framebuf.RGBA {
		img, err := slot.RGBA()
		if err != nil {
			return scratch, err
		}
		return scratch, g.Draw(img, slot.Info.Number, at)
	}
	dst, err := slot.Image()
	if err != nil {
		return scratch, err
	}
	if scratch == nil {
		scratch = image.NewRGBA(dst.Bounds())
	}
	if err := g.Draw(scratch, slot.Info.Number, at); err != nil {
		return scratch, err
	}
	draw.Draw(dst, dst.Bounds(), scratch, image.Point{}, draw.Src)
	return scratch, nil
}

func sleepUntil(ctx context.Context, at time.Time) error {
	wait := time.Until(at)
	if wait <= 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
