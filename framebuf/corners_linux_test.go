//go:build linux

// A start that finds too little room.

package framebuf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A start that could not fit even without the dead segment leaves it alone, so
// that numbers go on rising with the next start that fits.
func TestStartThatCannotFitKeepsTheDeadSegment(t *testing.T) {
	dir, ctx := tinyDir(t, "size=2m"), within(t, 20*time.Second)
	w := mustCreate(t, dir, small, Options{})
	for range 3 {
		publishStamped(ctx, t, w)
	}
	crash(t, w)
	_, err := Create("cam0", Format{RGBA, 1920, 1080}, &Options{Dir: dir, Linger: -1})
	require.ErrorIs(t, err, ErrNoSpace)
	w = mustCreate(t, dir, small, Options{})
	require.Equal(t, uint64(3), publishStamped(ctx, t, w))
	require.NoError(t, w.Close())
}
