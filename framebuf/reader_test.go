// The reader beside other goroutines, and what it keeps.

package framebuf

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Frames may be released from any goroutine. Says something with -race only.
func TestReleaseElsewhere(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		t.Run(mode.String(), func(t *testing.T) {
			dir, ctx := testDir(t), within(t, 20*time.Second)
			w := mustCreate(t, dir, small, Options{Slots: 2 + int(mode)})
			r := mustOpen(t, dir, ReaderOptions{Mode: mode, Hold: 2})
			frames := make(chan *Frame)
			var done sync.WaitGroup
			done.Go(func() {
				for f := range frames {
					_ = f.Release()
				}
			})
			for range 200 {
				publishStamped(ctx, t, w)
				f, err := r.Next(ctx)
				if err != nil {
					continue
				}
				for range 4 * int(Lossless-mode) { // pins break
					publishStamped(ctx, t, w)
				}
				frames <- f
			}
			close(frames)
			done.Wait()
			require.NoError(t, r.Close())
		})
	}
}

// A copy that its owner forgets to release is garbage like any other slice.
func TestForgottenCopyIsCollected(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	r := mustOpen(t, dir, ReaderOptions{})
	collected := make(chan struct{})
	func() {
		publishStamped(ctx, t, w)
		f, err := r.Next(ctx)
		require.NoError(t, err)
		runtime.AddCleanup(f, func(c chan struct{}) { close(c) }, collected)
	}()
	eventually(t, 5*time.Second, "the frame is collected", func() bool {
		runtime.GC()
		select {
		case <-collected:
			return true
		default:
			return false
		}
	})
	require.NoError(t, r.Close())
}
