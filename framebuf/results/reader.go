// The reader: its life, and the record of a frame. next.go follows all records.

package results

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// ReaderOptions of Open. The zero value, or nil, means the defaults.
type ReaderOptions struct {
	// Dir is the directory of segments. Default: framebuf.DefaultDir.
	Dir string
	// TrustUID names users whose segments may be read, beside this user and root.
	// Default: none.
	TrustUID []int
	// Label is what the reader calls itself, for people: 24 bytes of ASCII. Default:
	// results.
	Label string
	// Wait makes Open wait for the segment to appear until its context ends.
	// Default: false.
	Wait bool
	// Follow goes on with the next analyzer that writes under the name, after an end
	// or a death. For notices within a tenth of a second that there is one.
	// Default: false.
	Follow bool
}

// Reader reads records. For, Newest, Next and Records are for one goroutine at a time;
// Close may be called at any time.
type Reader struct {
	name string
	opts ReaderOptions
	done chan struct{} // closed by Close

	mu     sync.Mutex       // of seg and closed
	seg    *framebuf.Reader // of the generation at hand
	closed bool

	// Of the goroutine that calls For and Next.
	ring   ring
	tried  framebuf.Generation // that Follow went to last
	looked time.Time           // when For looked for a new generation
}

// Open opens the records of the segment name; nil options are the defaults. ctx bounds
// the waiting of ReaderOptions.Wait. Errors match ErrNotResults, or are those of
// framebuf.Open.
func Open(ctx context.Context, name string, o *ReaderOptions) (*Reader, error) {
	r := &Reader{name: name, done: make(chan struct{})}
	if o != nil {
		r.opts = *o
	}
	if r.opts.Label == "" {
		r.opts.Label = "results"
	}
	seg, err := framebuf.Open(ctx, name, r.segmentOptions(r.opts.Wait))
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	r.seg, r.ring.slots = seg, defaultSlots
	st, err := r.stat()
	if err == nil && st != nil {
		r.ring.slots = st.Slots
	}
	if err != nil {
		_ = seg.Close()
		return nil, fmt.Errorf("results: open %s: %w", name, err)
	}
	return r, nil
}

func (r *Reader) segmentOptions(wait bool) *framebuf.ReaderOptions {
	return &framebuf.ReaderOptions{Dir: r.opts.Dir, TrustUID: r.opts.TrustUID, Label: r.opts.Label, Wait: wait}
}

// stat looks at what has the name now: nil if nothing has. It refuses what cannot hold
// records.
func (r *Reader) stat() (*framebuf.Status, error) {
	st, err := framebuf.Stat(r.opts.Dir, r.name, r.opts.TrustUID...)
	switch {
	case errors.Is(err, framebuf.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case st.Kind != framebuf.DataSegment:
		return nil, fmt.Errorf("%w: it holds %v", ErrNotResults, st.Kind)
	}
	return st, nil
}

// Name is the segment's name.
func (r *Reader) Name() string { return r.name }

// Source is the state of what feeds the segment, and its last error: after io.EOF it
// tells how the analyzer's own source ended. Safe for concurrent use.
func (r *Reader) Source() (s framebuf.SourceState, lastError string) {
	return r.segment().Source()
}

func (r *Reader) segment() *framebuf.Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seg
}

// For is what is known of a frame, as a reader of pictures got it: of the records that
// speak of this frame, or of one before it in the same generation, the one of the
// highest frame, and of several for that the newest. ok is false if there is none yet.
// It does not wait, and is fast enough to be asked for every frame of video.
//
// What is known are the records in the ring, as many as the segment has slots. If it
// only speaks of later frames by now, the error matches ErrGone and says of which. The
// end or the death of the analyzer is no error here: what it found holds.
//
// Other errors match framebuf.ErrClosed, framebuf.ErrDamaged, ErrNotResults, or that of
// ctx.
func (r *Reader) For(ctx context.Context, about *framebuf.Info) (rec Record, ok bool, err error) {
	if err := r.refresh(ctx); err != nil {
		return Record{}, false, r.wrap(err)
	}
	rec, ok, still := r.ring.find(about.Generation.Low(), about.Number)
	if !ok && still.any && r.ring.left {
		return Record{}, false, r.wrap(fmt.Errorf("frame %d: %w: those that are still there speak of frames %d to %d", about.Number, ErrGone, still.low, still.high))
	}
	return rec, ok, nil
}

// Newest is the record published last. ok is false if there is none. It does not wait.
// Errors as For, without ErrGone.
func (r *Reader) Newest(ctx context.Context) (rec Record, ok bool, err error) {
	if err := r.refresh(ctx); err != nil {
		return Record{}, false, r.wrap(err)
	}
	if n := len(r.ring.records); n > 0 {
		return r.ring.records[n-1], true, nil
	}
	return Record{}, false, nil
}

// lookEvery is how often a silent analyzer makes For look whether another one has come.
const lookEvery = 100 * time.Millisecond

// refresh takes in what is new, without waiting.
func (r *Reader) refresh(ctx context.Context) error {
	found, err := r.collect(ctx)
	if err != nil || found || !r.opts.Follow || time.Since(r.looked) < lookEvery {
		return err
	}
	r.looked = time.Now()
	if went, err := r.advance(ctx); err != nil || !went {
		return err
	}
	_, err = r.collect(ctx)
	return err
}

// collect takes in the records that the segment at hand has beyond those known.
func (r *Reader) collect(ctx context.Context) (found bool, err error) {
	var fresh []Record // newest first
	var generation framebuf.Generation
	for f, err := range r.segment().Recent(ctx) {
		if err != nil {
			return false, err
		}
		if r.ring.knows(&f.Info) {
			break
		}
		if err := isRecord(f); err != nil {
			return false, err
		}
		generation = f.Generation
		fresh = append(fresh, recordOf(r.name, f))
	}
	for _, rec := range slices.Backward(fresh) {
		r.ring.add(rec, generation)
	}
	return len(fresh) > 0, nil
}

// isRecord refuses a frame of pictures or sound, which another writer may have begun to
// publish under the name.
func isRecord(f *framebuf.Frame) error {
	if f.PixelFormat != framebuf.Data || f.Audio.Format != framebuf.NoSamples {
		return fmt.Errorf("%w: frame %d holds %v", ErrNotResults, f.Number, f.Format)
	}
	return nil
}

// Close leaves the segment. A Next that waits returns framebuf.ErrClosed. Idempotent.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.done)
	}
	return r.seg.Close()
}
