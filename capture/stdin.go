package capture

// Standard input: what it is must be known before ffmpeg gets it, and it cannot
// be read twice. Both formats begin with a header that says everything.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

const (
	y4mMagic       = "YUV4MPEG2"
	y4mHeaderBytes = 4096
	nutMagic       = "nut/multimedia container\x00"
)

// stream is standard input with its header put back.
type stream struct {
	io.Reader
	source SourceInfo
	base   nut.Rational // time base of the picture
}

// sniffWithin is sniff until ctx ends. A read that waits then is left behind: it
// ends with its input.
func sniffWithin(ctx context.Context, r io.Reader) (*stream, error) {
	var s *stream
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, err = sniff(r)
	}()
	select {
	case <-done:
		return s, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// sniff reads the header of NUT or YUV4MPEG2. It waits for it as long as r does.
func sniff(r io.Reader) (*stream, error) {
	var head bytes.Buffer
	magic := make([]byte, len(y4mMagic))
	if _, err := io.ReadFull(io.TeeReader(r, &head), magic); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: standard input ended after %d bytes", ErrNotMedia, head.Len())
		}
		return nil, fmt.Errorf("%w: standard input: %w", ErrUnreadable, err)
	}
	var s *stream
	var err error
	switch {
	case string(magic) == y4mMagic:
		s, err = sniffY4M(r, &head)
	case strings.HasPrefix(nutMagic, string(magic)):
		s, err = sniffNUT(r, &head)
	default:
		return nil, fmt.Errorf("%w: standard input is neither NUT nor YUV4MPEG2", ErrNotMedia)
	}
	if err != nil {
		return nil, err
	}
	s.Reader = io.MultiReader(&head, r)
	return s, nil
}

// sniffY4M reads the rest of a line like
//
//	YUV4MPEG2 W640 H360 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL
func sniffY4M(r io.Reader, head *bytes.Buffer) (*stream, error) {
	var b [1]byte
	for b[0] != '\n' {
		if head.Len() >= y4mHeaderBytes {
			return nil, fmt.Errorf("%w: standard input: a YUV4MPEG2 header of over %d bytes", ErrNotMedia, y4mHeaderBytes)
		}
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, fmt.Errorf("%w: standard input ended in its YUV4MPEG2 header", ErrNotMedia)
		}
		head.WriteByte(b[0])
	}
	s := &stream{base: nut.Rational{Num: 1, Den: 25}}
	s.source = SourceInfo{
		Container: "yuv4mpegpipe", Codec: "rawvideo", FieldOrder: framebuf.Progressive,
		Color: framebuf.Color{Matrix: framebuf.MatrixUnknown}, PixelFormat: "yuv420p",
	}
	for _, word := range strings.Fields(head.String())[1:] {
		key, value := word[0], word[1:]
		switch key {
		case 'W':
			_, _ = fmt.Sscanf(value, "%d", &s.source.Width)
		case 'H':
			_, _ = fmt.Sscanf(value, "%d", &s.source.Height)
		case 'F':
			if rate := parseRational(value, ':'); rate.Num > 0 {
				s.source.Rate = rate
				s.base = nut.Rational{Num: int64(rate.Den), Den: int64(rate.Num)}
			}
		case 'A':
			s.source.Aspect = parseRational(value, ':')
		case 'I':
			s.source.FieldOrder = map[string]framebuf.FieldOrder{
				"p": framebuf.Progressive, "t": framebuf.TopFirst, "b": framebuf.BottomFirst,
			}[value]
		case 'C':
			switch {
			case strings.HasPrefix(value, "mono"):
				s.source.PixelFormat = "gray"
			case value == "444alpha":
				s.source.PixelFormat = "yuva444p"
			default:
				s.source.PixelFormat = "yuv" + value
			}
		case 'X':
			switch value {
			case "COLORRANGE=FULL":
				s.source.Color.Range = framebuf.RangeFull
			case "COLORRANGE=LIMITED":
				s.source.Color.Range = framebuf.RangeLimited
			}
		}
	}
	if s.source.Width < 1 || s.source.Height < 1 {
		return nil, fmt.Errorf("%w: standard input: a YUV4MPEG2 header without a size", ErrNotMedia)
	}
	return s, nil
}

func sniffNUT(r io.Reader, head *bytes.Buffer) (*stream, error) {
	begun := bytes.NewReader(bytes.Clone(head.Bytes()))
	streams, err := nut.NewReader(io.MultiReader(begun, io.TeeReader(r, head)), nil).ReadHeader()
	if err != nil {
		return nil, fmt.Errorf("%w: standard input: %w", ErrNotMedia, err)
	}
	s := &stream{source: SourceInfo{Container: "nut", Color: framebuf.Color{Matrix: framebuf.MatrixUnknown}}}
	found := false
	for _, one := range streams {
		switch {
		case one.Class == nut.ClassVideo && !found:
			found = true
			s.base = one.TimeBase
			s.source.Codec, s.source.Width, s.source.Height = "nut:"+one.Tag, one.Width, one.Height
			s.source.Aspect, s.source.Rate = narrow(one.SampleAspect), narrow(one.FrameRate)
			if name, ok := nut.PixelFormat(one.Tag); ok {
				s.source.Codec, s.source.PixelFormat = "rawvideo", name
			}
		case one.Class == nut.ClassAudio && s.source.AudioRate == 0 && one.SampleRate.Den > 0:
			s.source.AudioRate, s.source.AudioChannels = int(one.SampleRate.Num/one.SampleRate.Den), one.Channels
			s.source.AudioCodec, _ = nut.PCMCodec(one.Tag)
		}
	}
	if !found {
		return nil, fmt.Errorf("%w: standard input", ErrNoPicture)
	}
	return s, nil
}
