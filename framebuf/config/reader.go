// Reading: the present version, and every change.

package config

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/framebridge/framebridge/framebuf"
)

// ReaderOptions of Open. The zero value, or nil, means the defaults.
type ReaderOptions struct {
	// Dir is the directory of segments. Default: framebuf.DefaultDir.
	Dir string
	// TrustUID names users whose configurations may be read, beside this user and
	// root, as in framebuf.ReaderOptions. Default: none.
	TrustUID []int
}

// Reader reads one configuration. It is safe for concurrent use.
type Reader struct {
	name string
	opts ReaderOptions
	life context.Context //nolint:containedctx // it ends with Close
	end  context.CancelCauseFunc

	mu     sync.Mutex
	source *framebuf.Reader // nil: there was no such segment when last looked
	seen   version
}

// version is what the newest frame held.
type version struct {
	generation framebuf.Generation
	number     uint64   // n+1 of the frame; 0 none yet
	snapshot   Snapshot // of an earlier frame if err is not nil
	err        error
}

// Open begins to read the configuration name. It need not exist yet: until it does
// it is empty and its version is 0. nil options are the defaults. Close gives
// everything back.
//
// Errors match those of framebuf.Open, but for ErrNotFound; ErrNotConfig if the
// segment holds something else.
func Open(ctx context.Context, name string, o *ReaderOptions) (*Reader, error) {
	if err := framebuf.CheckName(name); err != nil {
		return nil, fmt.Errorf("config: open %s: %w", name, err)
	}
	r := &Reader{name: name}
	if o != nil {
		r.opts = *o
	}
	r.seen.snapshot.segment = name
	r.life, r.end = context.WithCancelCause(context.Background())
	if _, err := r.Current(ctx); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// Name is the segment's name.
func (r *Reader) Name() string { return r.name }

// Current is the newest version: what any Update that returned before has written.
// It does not wait, and is cheap enough to be asked once a frame: if nothing
// changed, two system calls and no decoding.
//
// With an error comes the last good version, so that a program can say what is wrong
// and go on. Errors match ErrNotConfig, framebuf.ErrClosed, those of framebuf.Open,
// or that of ctx.
func (r *Reader) Current(ctx context.Context) (Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.Err() != nil {
		return r.seen.snapshot, r.wrap(framebuf.ErrClosed)
	}
	if r.source == nil {
		source, err := r.open(ctx, false)
		if errors.Is(err, framebuf.ErrNotFound) {
			return r.seen.snapshot, nil
		}
		if err != nil {
			return r.seen.snapshot, err
		}
		r.source = source
	}
	for f, err := range r.source.Recent(ctx) {
		if err != nil {
			_ = r.source.Close() // what is wrong with this file need not be with the next one
			r.source = nil
			return r.seen.snapshot, err
		}
		r.seen.take(f)
		break
	}
	return r.seen.snapshot, r.wrap(r.seen.err)
}

// Changes ranges over the versions: the present one at once, then each time that
// there is a newer one, which it waits for in the kernel. Versions that come faster
// than the body takes them are skipped, but for the newest. A version that is no
// configuration is an error that matches ErrNotConfig, and the iteration goes on;
// after any other error it ends. It ends with the error of ctx, or
// framebuf.ErrClosed.
func (r *Reader) Changes(ctx context.Context) iter.Seq2[Snapshot, error] {
	return func(yield func(Snapshot, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(r.life, func() { cancel(framebuf.ErrClosed) })()
		var seen version
		seen.snapshot.segment = r.name
		source, err := r.open(ctx, false)
		if errors.Is(err, framebuf.ErrNotFound) {
			if !yield(seen.snapshot, nil) {
				return
			}
			source, err = r.open(ctx, true)
		}
		if err != nil {
			yield(seen.snapshot, err)
			return
		}
		defer source.Close()
		for {
			f, err := source.Next(ctx)
			switch {
			case errors.Is(err, framebuf.ErrOverrun):
				continue
			case err != nil:
				yield(seen.snapshot, err)
				return
			}
			seen.take(f)
			_ = f.Release()
			if !yield(seen.snapshot, r.wrap(seen.err)) {
				return
			}
		}
	}
}

// Close ends reading: Current and Changes return framebuf.ErrClosed. Idempotent.
func (r *Reader) Close() error {
	r.end(framebuf.ErrClosed)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source == nil {
		return nil
	}
	err := r.source.Close()
	r.source = nil
	return err
}

// open opens the segment, invisibly: an update makes a new one, and to register
// there each time would serve nobody.
func (r *Reader) open(ctx context.Context, wait bool) (*framebuf.Reader, error) {
	return framebuf.Open(ctx, r.name, &framebuf.ReaderOptions{
		Dir: r.opts.Dir, TrustUID: r.opts.TrustUID, ReadOnly: true, Follow: true, Wait: wait,
	})
}

// take looks at a frame, unless it is the one that was seen last.
func (v *version) take(f *framebuf.Frame) {
	if v.generation == f.Generation && v.number == f.Number+1 {
		return
	}
	v.generation, v.number = f.Generation, f.Number+1
	var values Values
	if values, v.err = valuesOf(f); v.err != nil {
		return
	}
	var text []byte
	if text, v.err = encode(values); v.err != nil {
		return
	}
	v.snapshot = Snapshot{Version: v.number, segment: v.snapshot.segment, content: &content{json: text, values: values}}
}

// valuesOf decodes a frame. The error matches ErrNotConfig.
func valuesOf(f *framebuf.Frame) (Values, error) {
	if f.PixelFormat != framebuf.Data {
		return nil, fmt.Errorf("%w: it holds pictures", ErrNotConfig)
	}
	values, err := parse(f.Bytes())
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", f.Number+1, err)
	}
	return values, nil
}

func (r *Reader) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("config: read %s: %w", r.name, err)
}
