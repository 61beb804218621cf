// Closing a writer while another goroutine works with it.

package framebuf

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

// A writer that waits for a lossless reader must get ErrClosed, not a mapping
// that is gone.
func TestCloseWhileBeginWaits(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	for range 20 {
		w := mustCreate(t, dir, small, Options{Slots: 2})
		r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
		publishStamped(ctx, t, w)
		publishStamped(ctx, t, w)
		got := make(chan error, 1)
		go func() {
			_, err := w.Begin(ctx)
			got <- err
		}()
		eventually(t, 5*time.Second, "the writer waits", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.cells[1].blocked != 0
		})
		require.NoError(t, w.Close())
		require.ErrorIs(t, <-got, ErrClosed)
		require.NoError(t, r.Close())
	}
}

// Whoever fills a slot while the writer is closed keeps valid memory until the
// slot is published (ErrClosed) or abandoned.
func TestCloseWhileSlotIsOpen(t *testing.T) {
	for _, checksum := range []bool{false, true} {
		dir, ctx := testDir(t), within(t, 20*time.Second)
		w := mustCreate(t, dir, small, Options{Checksum: checksum})
		s, err := w.Begin(ctx)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, s.Guard(func() error { stamp.Fill(s.Bytes(), 7); return s.SetMeta([]byte("late")) }))
		require.ErrorIs(t, s.Publish(), ErrClosed)
	}
}

func TestCloseWhileAwaitingReaders(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	for range 20 {
		w := mustCreate(t, dir, small, Options{Cells: 1})
		r := mustOpen(t, dir, ReaderOptions{})
		require.NoError(t, w.AwaitReaders(ctx, 1))
		const waiters = 8
		got := make(chan error, waiters)
		for range waiters {
			go func() { got <- w.AwaitReaders(ctx, 2) }()
		}
		require.NoError(t, w.Close())
		for range waiters {
			require.ErrorIs(t, <-got, ErrClosed)
		}
		require.NoError(t, r.Close())
	}
}

// A second move waits for lossless readers; closing must end that as well.
func TestCloseWhileSetFormatWaits(t *testing.T) {
	dir, ctx := testDir(t), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{EvictAfter: 100 * time.Millisecond})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	defer r.Close()
	publishStamped(ctx, t, w)
	require.NoError(t, w.SetFormat(ctx, Format{RGBA, 128, 72}))
	publishStamped(ctx, t, w)
	got := make(chan error, 1)
	go func() { got <- w.SetFormat(ctx, Format{RGBA, 256, 144}) }()
	eventually(t, 5*time.Second, "the writer waits", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.cells[1].blocked != 0
	})
	require.NoError(t, w.Close())
	require.ErrorIs(t, <-got, ErrClosed)
	// The reader is still in the first generation: the ended segment keeps its name
	// for it, and nothing is lost however late it comes.
	var numbers []uint64
	for f, err := range r.Frames(ctx) {
		require.NoError(t, err)
		numbers = append(numbers, f.Number)
	}
	require.Equal(t, []uint64{0, 1}, numbers)
	removed, err := GC(ctx, dir)
	require.NoError(t, err)
	require.Contains(t, removed, "cam0")
}

// A panic of the caller's OnWait comes out of Begin and leaves the writer usable.
func TestPanicInOnWait(t *testing.T) {
	if testing.Short() {
		t.Skip("waits 5 s for OnWait")
	}
	t.Parallel()
	dir, ctx := testDir(t), within(t, 30*time.Second)
	w := mustCreate(t, dir, small, Options{Slots: 2, OnWait: func(Waiting) { panic("mine") }})
	r := mustOpen(t, dir, ReaderOptions{Mode: Lossless})
	defer r.Close()
	publishStamped(ctx, t, w)
	publishStamped(ctx, t, w)
	require.PanicsWithValue(t, "mine", func() { _, _ = w.Begin(ctx) })
	require.NoError(t, r.Close())
	_ = w.Publish(context.Background(), func(*Slot) error { return nil })
}
