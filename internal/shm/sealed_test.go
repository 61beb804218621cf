//go:build linux

package shm

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func newSealable(t testing.TB, size int64) *File {
	t.Helper()
	f, err := CreateSealable("test", size, Access{Mode: 0o600, GID: NoGroup})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func TestSeal(t *testing.T) {
	f := newSealable(t, 8192)
	st, err := f.Stat()
	require.NoError(t, err)
	require.Equal(t, int64(8192), st.Size)
	require.Zero(t, st.Links)
	require.Equal(t, uint32(0o600), st.Mode)
	m, err := f.Map(8192, true)
	require.NoError(t, err)
	defer m.Close()
	size, writes := f.Sealed()
	require.False(t, size)
	require.False(t, writes)
	require.NoError(t, f.Seal(false))
	size, writes = f.Sealed()
	require.True(t, size)
	require.False(t, writes)
	require.ErrorIs(t, f.Seal(true), unix.EPERM, "nothing can be added")

	f = newSealable(t, 8192)
	m, err = f.Map(8192, true)
	require.NoError(t, err)
	defer m.Close()
	require.NoError(t, f.Seal(true))
	size, writes = f.Sealed()
	require.True(t, size)
	require.True(t, writes)
	m.Bytes()[8191] = 7 // who had it mapped goes on
	_, err = f.Map(8192, true)
	require.ErrorIs(t, err, unix.EPERM)

	d := testDir(t)
	named, _ := newFile(t, d, "a", 4096)
	size, writes = named.Sealed()
	require.False(t, size)
	require.False(t, writes)
	require.Error(t, named.Seal(true), "a file in a directory cannot be sealed")
}

// What is handed down has no part in the locks of whoever handed it down, and who
// inherits has none in those of the descriptor.
func TestHandedDownIsItsOwnDescription(t *testing.T) {
	f := newSealable(t, 4096)
	taken, err := f.Lock(0)
	require.NoError(t, err)
	require.True(t, taken)
	down, err := f.Reopen(true)
	require.NoError(t, err)
	defer down.Close()
	got, _, err := OpenInherited(int(down.Fd()), true, false, nil)
	require.NoError(t, err)
	defer got.Close()
	again, _, err := OpenInherited(int(down.Fd()), false, false, nil)
	require.NoError(t, err)
	defer again.Close()
	locked := func(f *File, off int64) bool {
		t.Helper()
		l, err := f.Locked(off)
		require.NoError(t, err)
		return l
	}
	require.True(t, locked(got, 0))
	require.True(t, locked(again, 0))
	taken, err = got.Lock(1)
	require.NoError(t, err)
	require.True(t, taken)
	require.True(t, locked(again, 1), "two openings of one descriptor are strangers")
	require.True(t, locked(f, 1))
	require.NoError(t, got.Close())
	require.False(t, locked(f, 1), "the inherited descriptor keeps no lock")
	require.NoError(t, f.Close())
	require.False(t, locked(again, 0), "nor that of its maker")
}

func TestOpenInheritedRefuses(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, _, err = OpenInherited(int(r.Fd()), false, false, nil)
	require.ErrorIs(t, err, ErrUntrusted, "a pipe")
	_, _, err = OpenInherited(1<<30, false, false, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)

	f := newSealable(t, 4096)
	require.NoError(t, unix.Fchmod(f.fd, 0o666))
	_, _, err = OpenInherited(f.fd, false, false, nil)
	require.ErrorIs(t, err, ErrUntrusted)
	require.NoError(t, unix.Fchmod(f.fd, 0o600))
	if os.Geteuid() == 0 {
		require.NoError(t, unix.Fchown(f.fd, 65533, -1))
		_, _, err = OpenInherited(f.fd, false, false, nil)
		var owner *OwnerError
		require.ErrorAs(t, err, &owner)
		require.Equal(t, 65533, owner.UID)
		got, _, err := OpenInherited(f.fd, false, false, []int{65533})
		require.NoError(t, err)
		require.NoError(t, got.Close())
	}
}
