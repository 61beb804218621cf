package capture

// Frames for readers while the source is away.

import (
	"context"
	"image"
	"image/color"
	"time"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/picture"
	"github.com/framebridge/framebridge/internal/shm"
)

// Placeholder says what readers get while a source is stalled or reconnecting.
// Placeholders have the size, format and colours of the source's last frame,
// times that go on with the clock, and framebuf.FlagPlaceholder. There are at most
// five a second, and none before the first frame of the source. Where a lossless
// reader holds the writer back, they are left out.
type Placeholder int

// The placeholders.
const (
	PlaceholderNone  Placeholder = 0 // nothing: they wait
	PlaceholderHold  Placeholder = 1 // the last frame, again and again
	PlaceholderBlack Placeholder = 2
	PlaceholderCard  Placeholder = 3 // "no signal" and the segment's name
)

// placeholderEvery is the distance of placeholders in time, if the source's
// frames are not even further apart.
const placeholderEvery = 200 * time.Millisecond

// filler publishes placeholders. Its methods are for one goroutine.
type filler struct {
	kind  Placeholder
	dir   string
	p     *pump
	state *announcer
	every time.Duration

	content []byte // of the present outage; nil if none is
}

// startFilling begins to publish placeholders whenever the source is away. stop
// ends it and waits for that.
func (c *Capture) startFilling(ctx context.Context) (stop func()) {
	if c.o.Placeholder == PlaceholderNone {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &filler{kind: c.o.Placeholder, dir: c.o.Dir, p: c.pump, state: c.state, every: c.placeholderEvery}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (f *filler) run(ctx context.Context) {
	t := time.NewTicker(f.every)
	defer t.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			switch {
			case !f.away():
				f.content = nil
			case now.Sub(last) >= f.distance():
				f.publish(ctx)
				last = now
			}
		}
	}
}

func (f *filler) away() bool {
	s := f.state.is()
	return s == framebuf.SourceStalled || s == framebuf.SourceReconnecting
}

// distance is a little less than that of the source's frames, as a ticker is not
// exact; with more than five a second there is nothing to wait for.
func (f *filler) distance() time.Duration {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	if rate := f.p.newest.Rate.Float(); rate > 0 {
		return time.Duration(float64(time.Second)/rate) - f.every/2
	}
	return 0
}

// publish publishes one placeholder, unless a frame of the source is being made.
// Errors are not its own: the loop meets them as well.
func (f *filler) publish(ctx context.Context) {
	p := f.p
	if !p.mu.TryLock() {
		return
	}
	defer p.mu.Unlock()
	if p.out.Load() == 0 || !f.away() || p.line.last == framebuf.NoPTS {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, f.every)
	defer cancel()
	if f.content == nil {
		f.content = f.draw(ctx)
	}
	pts := p.line.now(time.Now())
	err := p.w.Publish(ctx, func(s *framebuf.Slot) error {
		shm.Copy(s.Bytes(), f.content)
		i, n := &s.Info, &p.newest
		i.PTS, i.TimeBase, i.Flags = pts, n.TimeBase, framebuf.FlagPlaceholder
		if !p.line.filled {
			i.Flags |= framebuf.FlagDiscontinuity
		}
		i.SourceSeq, i.Color, i.Alpha, i.FieldOrder, i.Aspect = n.SourceSeq, n.Color, n.Alpha, n.FieldOrder, n.Aspect
		return nil
	})
	if err == nil {
		p.placeholders.Add(1)
		p.line.fill(pts)
		p.gap = true
	}
}

// draw makes the bytes of a placeholder: black where the last frame cannot be had,
// as in a segment without a name.
func (f *filler) draw(ctx context.Context) []byte {
	format := f.p.newest.Format
	switch f.kind {
	case PlaceholderHold:
		if b := f.lastFrame(ctx); b != nil {
			return b
		}
	case PlaceholderCard:
		return shade(card(format.Width, format.Height, f.p.w.Name()), &f.p.newest)
	}
	return shade(image.NewGray(image.Rect(0, 0, format.Width, format.Height)), &f.p.newest)
}

// lastFrame is a copy of the newest frame in the segment: that costs nothing as
// long as the source is there.
func (f *filler) lastFrame(ctx context.Context) []byte {
	r, err := framebuf.Open(ctx, f.p.w.Name(), &framebuf.ReaderOptions{Dir: f.dir, ReadOnly: true})
	if err != nil {
		return nil
	}
	defer r.Close()
	frame, err := r.Next(ctx)
	if err != nil || len(frame.Bytes()) != f.p.newest.Format.Size() {
		return nil
	}
	return frame.Bytes()
}

// card is a picture that says that there is none.
func card(width, height int, name string) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, width, height))
	picture.Fill(img, img.Bounds(), color.RGBA{R: 0x30, G: 0x30, B: 0x30, A: 0xff})
	line := func(text string, height, top int) {
		face := picture.NewFace(height)
		for face.Width(text) > width*9/10 && height > 8 {
			height--
			face = picture.NewFace(height)
		}
		at := image.Pt((width-face.Width(text))/2, top)
		face.Text(img, at, text, color.RGBA{R: 0xe0, G: 0xe0, B: 0xe0, A: 0xff})
	}
	size := max(min(width/12, height/6), 8)
	line("no signal", size, height/2-size)
	line(name, max(size/2, 8), height/2+size/4)
	return img
}

// shade gives a grey picture the format and range of a frame.
func shade(grey *image.Gray, like *framebuf.Info) []byte {
	out := make([]byte, like.Format.Size())
	switch like.PixelFormat {
	case framebuf.RGBA, framebuf.BGRA:
		for k, v := range grey.Pix {
			out[4*k], out[4*k+1], out[4*k+2], out[4*k+3] = v, v, v, 0xff
		}
	case framebuf.RGB24, framebuf.BGR24:
		for k, v := range grey.Pix {
			out[3*k], out[3*k+1], out[3*k+2] = v, v, v
		}
	default: // luma first, then chroma
		limited := like.Color.Range == framebuf.RangeLimited || like.Color.Range == framebuf.RangeUnknown && like.PixelFormat != framebuf.Gray8
		for k, v := range grey.Pix {
			if limited {
				v = byte(16 + int(v)*219/255)
			}
			out[k] = v
		}
		for k := len(grey.Pix); k < len(out); k++ {
			out[k] = 0x80
		}
	}
	return out
}
