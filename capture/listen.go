package capture

// Sound of which a look does not say what it is like, because it begins too late:
// in MPEG-TS only the sound itself says that.

import (
	"bytes"
	"context"
	"time"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/nut"
)

const (
	// listenTime bounds the search for the first sound in a file. Reading alone is
	// fast: a gigabyte of pictures takes about a second.
	listenTime = 10 * time.Second
	// listenBytes bounds one block of sound.
	listenBytes = 1 << 20
)

// listenAhead finds out what the sound of a file is like, if a look has not, by
// decoding the first of it. Where that fails, the source counts as one without
// sound: nothing of it can be decoded. The error is that of ctx.
func (c *Capture) listenAhead(ctx context.Context) error {
	s := &c.source
	if !c.wantsSound() || s.AudioCodec == "" || s.AudioRate > 0 || c.input.Kind != ffargs.File {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	request := ffargs.Listen{Input: c.input, InputArgs: c.o.InputArgs}
	out, err := ffproc.Output(within, c.ffmpeg, request.Args(), listenBytes, &ffproc.Options{Confine: true})
	if err != nil {
		return ctx.Err()
	}
	streams, err := nut.NewReader(bytes.NewReader(out), nil).ReadHeader()
	if err == nil && len(streams) > 0 && streams[0].SampleRate.Den > 0 {
		s.AudioRate, s.AudioChannels = int(streams[0].SampleRate.Num/streams[0].SampleRate.Den), streams[0].Channels
	}
	return nil
}
