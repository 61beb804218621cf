// conform write: publishes frames whose every byte can be checked.

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/framebridge/framebridge/clients/conformance"
	"github.com/framebridge/framebridge/framebuf"
)

// resize is one element of --resize: before the frame that is the after-th of this
// run, counted from 0, the picture gets this size.
type resize struct {
	after, width, height int
}

type writePlan struct {
	format  framebuf.Format
	options framebuf.Options
	frames  int
	fps     float64
	await   int
	resizes []resize
}

func parseWrite(args []string) (*writePlan, error) {
	var p writePlan
	flags := flag.NewFlagSet("write", flag.ContinueOnError)
	pix := flags.String("format", "rgba", "pixel format, or data")
	flags.IntVar(&p.format.Width, "width", 16, "pixels")
	flags.IntVar(&p.format.Height, "height", 8, "pixels")
	flags.IntVar(&p.options.Slots, "slots", 4, "number of slots")
	flags.IntVar(&p.options.Capacity, "capacity", 0, "bytes of a payload; 0: those of the format")
	flags.IntVar(&p.frames, "frames", 0, "frames to publish; 0: until told to stop")
	flags.Float64Var(&p.fps, "fps", 0, "frames a second; 0: as fast as readers allow")
	lossless := flags.String("lossless", "wait", "wait, evict or refuse")
	evictAfter := flags.Float64("evict-after", 5, "seconds")
	linger := flags.Float64("linger", 5, "seconds that an ended segment stays for late readers")
	flags.IntVar(&p.await, "await", 0, "readers to wait for before the first frame")
	flags.BoolVar(&p.options.Keep, "keep", false, "keep the segment after its end")
	resizes := flags.String("resize", "", "K:WxH,...: from the K-th frame on another size")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return nil, fmt.Errorf("%w: write: %v", errUsage, args)
	}
	if *pix == "data" {
		p.format = framebuf.Format{}
	} else {
		var err error
		if p.format.PixelFormat, err = framebuf.ParsePixelFormat(*pix); err != nil {
			return nil, err
		}
	}
	policies := map[string]framebuf.LosslessPolicy{
		"wait": framebuf.LosslessWait, "evict": framebuf.LosslessEvict, "refuse": framebuf.LosslessRefuse,
	}
	policy, ok := policies[*lossless]
	if !ok {
		return nil, fmt.Errorf("%w: --lossless %s", errUsage, *lossless)
	}
	p.options.Lossless = policy
	p.options.EvictAfter, p.options.Linger = seconds(*evictAfter), seconds(*linger)
	if p.options.Linger == 0 {
		p.options.Linger = -1
	}
	var err error
	p.resizes, err = parseResizes(*resizes)
	return &p, err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func parseResizes(text string) (all []resize, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		at, size, ok := strings.Cut(part, ":")
		width, height, ok2 := strings.Cut(size, "x")
		var r resize
		var errs [3]error
		r.after, errs[0] = strconv.Atoi(at)
		r.width, errs[1] = strconv.Atoi(width)
		r.height, errs[2] = strconv.Atoi(height)
		if !ok || !ok2 || errors.Join(errs[:]...) != nil {
			return nil, fmt.Errorf("%w: --resize %s", errUsage, part)
		}
		all = append(all, r)
	}
	return all, nil
}

func write(ctx context.Context, name string, args []string) error {
	p, err := parseWrite(args)
	if err != nil {
		return err
	}
	w, err := framebuf.Create(name, p.format, &p.options)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := tell(map[string]any{"ready": true, "generation": w.Generation().String()}); err != nil {
		return err
	}
	end, err := p.publish(ctx, w)
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return tell(map[string]any{"end": end})
}

// publish publishes all frames. Being told to stop is an end as good as any.
func (p *writePlan) publish(ctx context.Context, w *framebuf.Writer) (end string, err error) {
	err = w.AwaitReaders(ctx, p.await)
	next := time.Now()
	for i := 0; err == nil && (p.frames == 0 || i < p.frames); i++ {
		for _, r := range p.resizes {
			if r.after == i && err == nil {
				err = w.SetFormat(ctx, framebuf.Format{PixelFormat: p.format.PixelFormat, Width: r.width, Height: r.height})
			}
		}
		if p.fps > 0 && err == nil {
			err = sleepUntil(ctx, next)
			next = next.Add(seconds(1 / p.fps))
		}
		if err == nil {
			err = publishOne(ctx, w)
		}
	}
	switch {
	case errors.Is(err, errTold):
		return "told", nil
	case err != nil:
		return "", err
	}
	return "done", nil
}

func sleepUntil(ctx context.Context, t time.Time) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Until(t)):
		return nil
	}
}

func publishOne(ctx context.Context, w *framebuf.Writer) error {
	var told struct {
		Published  uint64 `json:"published"`
		Generation string `json:"generation"`
		PTS        int64  `json:"pts"`
		Format     string `json:"format"`
		Width      int    `json:"width"`
		Height     int    `json:"height"`
		Length     int    `json:"length"`
	}
	err := w.Publish(ctx, func(s *framebuf.Slot) error {
		err := conformance.Stamp(s)
		i := &s.Info
		told.Published, told.Generation, told.PTS = i.Number, i.Generation.String(), i.PTS
		told.Format, told.Width, told.Height, told.Length = i.PixelFormat.String(), i.Width, i.Height, len(s.Bytes())
		return err
	})
	if err != nil {
		return err
	}
	return tell(told)
}
