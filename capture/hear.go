package capture

// From ffmpeg's pipe with the sound to where the sound goes. It is read apart
// from the picture, which must not wait for sound that begins late, or for whoever
// reads the sound.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/framebridge/framebridge/internal/ffproc"
	"github.com/framebridge/framebridge/internal/nut"
)

const (
	// soundGrace is how much later than the first picture the sound may begin before
	// it is announced.
	soundGrace = 500 * time.Millisecond
	// Sound is announced as this if nothing at all is known of it yet: what nearly all
	// of television has.
	likelyRate, likelyChannels = 48000, 2
)

// placement says where the sound of a session belongs: the picture does. Its
// methods are safe for concurrent use and wait for nothing.
type placement struct {
	mu     sync.Mutex
	known  bool
	offset ticks // is to be added to the source's own times
	first  ticks // the time of the session's first picture
}

// set is called with each picture. first is true for the first one of a session.
func (p *placement) set(offset, picture ticks) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if first = !p.known; first {
		p.known, p.first = true, picture
	}
	p.offset = offset
	return first
}

// clear is for a new session.
func (p *placement) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = false
}

func (p *placement) get() (offset ticks, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.offset, p.known
}

func (p *placement) picture() (first ticks, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first, p.known
}

// hear reads the sound of a session, if ffmpeg was asked for any. A failure stops
// the session. wait is for when the picture has ended: it returns when all of the
// sound was taken, or ctx and ffmpeg have ended. Every call gives the same error.
func (c *Capture) hear(ctx context.Context, s *session, child *ffproc.Process, stop context.CancelCauseFunc) (wait func() error) {
	if len(child.Extra) == 0 {
		return func() error { return nil }
	}
	var parts sync.WaitGroup
	var soundErr, announceErr error
	over := make(chan struct{})
	parts.Go(func() {
		if soundErr = c.pump.audio.listen(ctx, s, child.Extra[0], s.number == 0 && c.restarts()); soundErr != nil {
			stop(soundErr)
		}
	})
	parts.Go(func() {
		if announceErr = c.announce(ctx, s, over); announceErr != nil {
			stop(announceErr)
		}
	})
	return sync.OnceValue(func() error {
		close(over)
		parts.Wait()
		if soundErr != nil {
			return soundErr
		}
		return announceErr
	})
}

// listen reads ffmpeg's pipe to its end, or until the segment fails. What ends
// early is no error here: how the picture ends says what that means. With strict,
// sound that is not what it was announced to be is one: the next ffmpeg will be told
// to make it that. Else it is left out.
func (a *audioOut) listen(ctx context.Context, s *session, pipe io.Reader, strict bool) error {
	r := nut.NewReader(pipe, nil)
	sound, err := a.header(ctx, r, strict)
	for pcm := []byte(nil); err == nil; {
		var p nut.Packet
		if p, err = r.Next(); err != nil || p.Stream != sound {
			err = ofPipe(err)
			continue
		}
		if pcm, err = payload(r, p, pcm); err == nil {
			// A reader of the sound may be waited for, and ffmpeg then waits for us.
			s.watch.hold()
			err = a.take(ctx, p.PTS, pcm)
			s.watch.resume()
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return a.settle(ctx)
	}
	return err
}

// header finds the sound among the streams of ffmpeg's pipe; -1 if there is none.
func (a *audioOut) header(ctx context.Context, r *nut.Reader, strict bool) (sound int, err error) {
	streams, err := r.ReadHeader()
	if err != nil {
		return -1, ofPipe(err)
	}
	for i, st := range streams {
		if st.Class != nut.ClassAudio {
			continue
		}
		ok, err := a.start(st)
		if err == nil && strict && !ok {
			err = &pipeError{errors.New("its sound is not what it was taken for")}
		}
		return i, err
	}
	return -1, a.none(ctx)
}

// payload reads what is in a packet, into buf if that is large enough.
func payload(r *nut.Reader, p nut.Packet, buf []byte) ([]byte, error) {
	if p.Size > heldAudioBytes {
		return nil, &pipeError{fmt.Errorf("%d bytes of sound in one piece", p.Size)}
	}
	if int64(cap(buf)) < p.Size {
		buf = make([]byte, p.Size)
	}
	buf = buf[:p.Size]
	return buf, ofPipe(r.Payload(buf))
}

// ofPipe says that an error is one of ffmpeg's side, unless it is an end.
func ofPipe(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return &pipeError{err}
}

// announce says what the sound will be like, if it has not begun some time after
// the first picture. over is closed when the picture has ended.
func (c *Capture) announce(ctx context.Context, s *session, over <-chan struct{}) error {
	select {
	case <-s.placed:
	case <-over:
	case <-ctx.Done():
		return nil
	}
	s.watch.hold()
	err := c.pump.audio.settle(ctx)
	s.watch.resume()
	if err != nil {
		return err
	}
	grace := time.NewTimer(soundGrace)
	defer grace.Stop()
	select {
	case <-grace.C:
	case <-over:
		return nil
	case <-ctx.Done():
		return nil
	}
	said := c.Source()
	if c.unseen {
		said = s.lines.banner.said()
		if said.AudioCodec != "" && said.AudioRate == 0 {
			said.AudioRate, said.AudioChannels = likelyRate, likelyChannels
		}
	}
	return c.pump.audio.announce(ctx, said.AudioRate, said.AudioChannels)
}
