package encode

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A disk that is full at the very last write is not passed over, though ffmpeg
// ends with 0 and says nothing.
func TestFullDiskAtTheLastWrite(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	file := filepath.Join(dir, "out.ts")
	require.NoError(t, os.WriteFile(file, make([]byte, 8<<10), 0o600))
	require.False(t, full(file))
	require.Error(t, os.WriteFile(file, make([]byte, 64<<10), 0o600))
	require.True(t, full(file))
	s := &attempt{session: &session{Encode: &Encode{}}}
	s.output.Path = file
	require.ErrorIs(t, s.judgeSpace(), ErrOutput)
	require.ErrorIs(t, s.judge(ending{read: context.Canceled}), ErrOutput)
}
