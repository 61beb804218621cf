// Waiting for results, for a video that can wait.

package overlay

import (
	"context"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// waitTick is how often it is looked whether a detector that is waited for still lives.
const waitTick = 100 * time.Millisecond

// await waits, within Options.Wait, until a record speaks of the frame or a later one.
func (l *Layer) await(ctx context.Context, info *framebuf.Info) {
	if l.opts.Wait <= 0 {
		return
	}
	began := time.Now()
	defer func() { l.stats.Waited += time.Since(began) }()
	for {
		newest, ok, err := l.reader.Newest(ctx)
		if err != nil {
			return // look meets it too, and says so
		}
		if ok && newest.Published != l.heard {
			l.heard, l.vain = newest.Published, false
		}
		if ref := &newest.Reference; ok && ref.Set && ref.Generation == info.Generation.Low() && ref.Frame >= info.Number {
			return
		}
		left := l.opts.Wait - time.Since(began)
		switch {
		case l.vain, ctx.Err() != nil, !l.alive():
			return
		case left <= 0:
			l.vain = true
			return
		}
		tick, cancel := context.WithTimeout(ctx, min(left, waitTick))
		_, err = l.reader.Next(tick) // a record comes to those that the reader knows
		over := tick.Err() != nil
		cancel()
		if err != nil && !over {
			return // as above
		}
	}
}

// alive reports whether there is somebody to wait for.
func (l *Layer) alive() bool {
	st, err := framebuf.Stat(l.opts.Dir, l.name, l.opts.TrustUID...)
	return err == nil && st.Alive
}
