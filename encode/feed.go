// The feed: frames and sound become one NUT stream.

package encode

import (
	"fmt"
	"image"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
	"github.com/framebridge/framebridge/internal/pcm"
)

// The streams of the NUT.
const (
	pictureStream = 0
	soundStream   = 1
)

// feed is for one goroutine.
type feed struct {
	out   sink
	nut   *nut.Writer
	clock *clock
	fit   *fitter
	sound *sound // nil: none
	drawn canvas // of frames with an overlay

	packet int // bytes of a picture in the stream

	merged uint64
}

// newFeed writes the headers of the stream. q and format may be nil: no sound.
func newFeed(out sink, first *framebuf.Info, c *clock, q *pcm.Queue, format *pcm.Format) (*feed, error) {
	fit, err := newFitter(first)
	if err != nil {
		return nil, err
	}
	form := out.form(first.Format)
	tag, ok := nut.PixelFormatTag(first.PixelFormat.String())
	if !ok {
		return nil, fmt.Errorf("%w: ffmpeg's NUT has no %v", framebuf.ErrFormat, first.PixelFormat)
	}
	streams := []nut.Stream{{
		Class: nut.ClassVideo, Tag: tag, TimeBase: c.base, FrameRate: nominalRate(first),
		Width: form.Width, Height: form.Height, SampleAspect: aspectOf(first),
	}}
	if q != nil {
		tag, _ := nut.PCMTag("pcm_s16le")
		rate := int64(format.Rate)
		streams = append(streams, nut.Stream{
			Class: nut.ClassAudio, Tag: tag, TimeBase: nut.Rational{Num: 1, Den: rate},
			SampleRate: nut.Rational{Num: rate, Den: 1}, Channels: format.Channels,
		})
	}
	f := &feed{out: out, clock: c, fit: fit, packet: form.Size()}
	if f.nut, err = nut.NewWriter(out, streams, nil); err != nil {
		return nil, err
	}
	if q != nil {
		f.sound = newSound(q, *format, c, func(sample int64, data []byte) error {
			return f.nut.WriteFrame(soundStream, sample, data)
		})
	}
	return f, nil
}

func aspectOf(i *framebuf.Info) nut.Rational {
	if i.Aspect.Num < 1 || i.Aspect.Den < 1 {
		return nut.Rational{}
	}
	return rational(i.Aspect)
}

// place is the time of the next frame, in ticks of the clock. ok is false if the
// frame is to be left out.
func (f *feed) place(i *framebuf.Info) (at int64, ok bool, err error) {
	again := f.clock.again
	at, ok, err = f.clock.place(i)
	if err == nil && !ok && f.clock.again == again {
		f.merged++
	}
	return at, ok, err
}

// send sends the sound that comes before a frame, and the frame with what draw
// draws on it, and releases it. draw may be nil.
func (f *feed) send(fr *framebuf.Frame, at int64, draw func(*image.RGBA)) error {
	if f.sound != nil {
		if err := f.sound.upTo(at); err != nil {
			_ = fr.Release()
			return err
		}
	}
	return f.picture(fr, at, draw)
}

func (f *feed) picture(fr *framebuf.Frame, at int64, draw func(*image.RGBA)) error {
	if draw == nil && f.fit.fits(&fr.Info) {
		picture := fr.Bytes()[:f.fit.want.Size()]
		if err := f.header(at); err != nil {
			_ = fr.Release()
			return err
		}
		return f.out.send(fr, picture)
	}
	var picture []byte
	err := fr.Guard(func() (err error) {
		// A frame of another pixel format is refused by fit.
		if draw != nil && fr.PixelFormat == f.fit.want.PixelFormat {
			return f.drawn.take(&fr.Info, fr.Bytes())
		}
		picture, err = f.fit.fit(&fr.Info, fr.Bytes())
		return err
	})
	if held := fr.Release(); held != nil {
		return fmt.Errorf("%w: %w", errTorn, held)
	}
	if err == nil && picture == nil {
		// On the frame as it is, before it is scaled: what is drawn belongs there.
		f.drawn.draw(draw)
		picture, err = f.fit.fit(&f.drawn.info, f.drawn.pix)
	}
	if err == nil {
		err = f.header(at)
	}
	if err == nil {
		err = f.out.sendCopy(&f.fit.want, picture)
	}
	return err
}

func (f *feed) header(at int64) error {
	h, err := f.nut.FrameHeader(pictureStream, at, int64(f.packet))
	if err == nil {
		_, err = f.out.Write(h)
	}
	return err
}
