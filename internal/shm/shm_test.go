//go:build linux

package shm

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func testDir(t testing.TB) *Dir {
	t.Helper()
	path, err := os.MkdirTemp("/dev/shm", "framebridge-shm-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(path)) })
	d, err := OpenDir(path, DirOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// newFile is a file of some pages under a name, mapped.
func newFile(t testing.TB, d *Dir, name string, size int64) (*File, *Mapping) {
	t.Helper()
	f, err := d.CreateUnnamed(size, Access{Mode: 0o600, GID: NoGroup})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	require.NoError(t, d.Link(f, name))
	m, err := f.Map(size, true)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return f, m
}

func TestCreateLinkOpen(t *testing.T) {
	d := testDir(t)
	f, m := newFile(t, d, "a", 8192)
	m.Bytes()[8191] = 7
	again, st, err := d.Open("a", false, false)
	require.NoError(t, err)
	defer again.Close()
	require.Equal(t, int64(8192), st.Size)
	require.Equal(t, 1, st.Links)
	require.Equal(t, uint32(0o600), st.Mode)
	b := make([]byte, 1)
	_, err = again.ReadAt(b, 8191)
	require.NoError(t, err)
	require.Equal(t, byte(7), b[0])
	require.True(t, d.Is("a", f))
	require.True(t, d.Is("a", again))
	require.ErrorIs(t, d.Link(f, "a"), fs.ErrExist)
	other, _ := newFile(t, d, "b", 4096)
	require.NoError(t, d.Rename("b", "a"))
	require.True(t, d.Is("a", other))
	require.False(t, d.Is("a", f))
	require.False(t, d.Is("b", other))
	names, err := d.Names()
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names)
	require.NoError(t, d.Unlink("a"))
	_, _, err = d.Open("a", false, false)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Without a name a file leaves nothing.
func TestUnnamedLeavesNothing(t *testing.T) {
	d := testDir(t)
	before := d.Free()
	f, err := d.CreateUnnamed(1<<20, Access{Mode: 0o640, GID: NoGroup})
	require.NoError(t, err)
	st, err := f.Stat()
	require.NoError(t, err)
	require.Zero(t, st.Links)
	require.Equal(t, uint32(0o640), st.Mode)
	names, err := d.Names()
	require.NoError(t, err)
	require.Empty(t, names)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close(), "idempotent")
	require.NotZero(t, before)
}

func TestGuardTurnsFaultsIntoErrors(t *testing.T) {
	d := testDir(t)
	const size = 16 * 4096
	for _, keep := range []int64{0, 4096, 5 * 4096} {
		f, m := newFile(t, d, "a", size)
		_, other := newFile(t, d, "b", 4096)
		require.NoError(t, Guard(func() error { m.Bytes()[size-1] = 1; return nil }, m))
		require.NoError(t, os.Truncate(f.Path(), keep))
		for _, off := range []int64{keep, keep + 4097, size - 1} {
			err := Guard(func() error { m.Bytes()[off]++; return nil }, nil, other, m)
			var fault *FaultError
			require.ErrorAs(t, err, &fault)
			require.ErrorIs(t, err, ErrFault)
			require.Equal(t, off, fault.Offset)
		}
		// A copy stops at the first page that is gone.
		err := Guard(func() error { copy(make([]byte, size), m.Bytes()); return nil }, m)
		var fault *FaultError
		require.ErrorAs(t, err, &fault)
		require.GreaterOrEqual(t, fault.Offset, keep)
		require.NoError(t, Guard(func() error { other.Bytes()[0] = 1; return nil }, m, other), "what is there goes on")
		require.NoError(t, d.Unlink("a"))
		require.NoError(t, d.Unlink("b"))
	}
}

func TestGuardLetsEverythingElsePass(t *testing.T) {
	d := testDir(t)
	f, m := newFile(t, d, "a", 4096)
	mine := errors.New("mine")
	require.ErrorIs(t, Guard(func() error { return mine }, m), mine)
	require.PanicsWithValue(t, "mine", func() { _ = Guard(func() error { panic("mine") }, m) })
	var none []byte
	require.Panics(t, func() { _ = Guard(func() error { none[len(m.Bytes())] = 1; return nil }, m) }, "an index")
	var null *int
	require.Panics(t, func() { _ = Guard(func() error { *null = 1; return nil }, m) }, "a nil pointer")
	require.NoError(t, os.Truncate(f.Path(), 0))
	require.Panics(t, func() { _ = Guard(func() error { m.Bytes()[0] = 1; return nil }) }, "a mapping that is not in the list")
	require.ErrorIs(t, Guard(func() error { return Guard(func() error { m.Bytes()[0] = 1; return nil }, m) }), ErrFault, "nested")
}

func TestCopyIsCopy(t *testing.T) {
	src := make([]byte, 3*chunk+100)
	for i := range src {
		src[i] = byte(rand.Uint32())
	}
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 2*chunk + 7, 3 * chunk, len(src)} {
		for _, more := range []int{0, 5} { // the destination is longer, or the source
			dst, want := make([]byte, n+more), make([]byte, n+more)
			require.Equal(t, copy(want, src[:n]), Copy(dst, src[:n]))
			require.True(t, bytes.Equal(want, dst), n)
			require.Equal(t, n, Copy(make([]byte, n), src[:min(n+more, len(src))]))
		}
	}
}

func TestLocks(t *testing.T) {
	d := testDir(t)
	owner, mapping := newFile(t, d, "a", 4096)
	open := func(write bool) *File {
		t.Helper()
		f, _, err := d.Open("a", write, false)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	second, reader := open(true), open(false)
	locked := func(f *File, off int64) bool {
		t.Helper()
		l, err := f.Locked(off)
		require.NoError(t, err)
		return l
	}
	require.False(t, locked(reader, 0))
	taken, err := owner.Lock(0)
	require.NoError(t, err)
	require.True(t, taken)
	require.True(t, locked(reader, 0), "seen without the right to write")
	require.True(t, locked(second, 0))
	require.False(t, locked(owner, 0), "never its own")
	require.False(t, locked(reader, 1), "one byte only")
	taken, err = second.Lock(0)
	require.NoError(t, err)
	require.False(t, taken)
	taken, err = second.Lock(1)
	require.NoError(t, err)
	require.True(t, taken)
	require.True(t, locked(owner, 1))
	_, err = reader.Lock(2)
	require.Error(t, err, "who may only read cannot pretend to be a writer")
	require.NoError(t, second.Unlock(1))
	require.False(t, locked(owner, 1))
	// A read lock, which anybody may take, counts for nothing.
	lk := unix.Flock_t{Type: unix.F_RDLCK, Start: 5, Len: 1}
	require.NoError(t, unix.FcntlFlock(uintptr(reader.fd), unix.F_OFD_SETLK, &lk))
	require.False(t, locked(second, 5))
	// Another descriptor of the same file that is closed takes no lock away.
	require.NoError(t, open(true).Close())
	require.True(t, locked(reader, 0))
	// A mapping keeps the description, and with it the lock: unmapping comes first.
	require.NoError(t, owner.Close())
	require.True(t, locked(reader, 0))
	require.NoError(t, mapping.Close())
	require.False(t, locked(reader, 0), "the lock goes with its owner")
}

func TestOpenRefusesStrangers(t *testing.T) {
	d := testDir(t)
	at := func(name string) string { return filepath.Join(d.Path(), name) }
	plain := func(name string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(at(name), []byte("x"), 0o600))
		require.NoError(t, os.Chmod(at(name), mode))
	}
	plain("fine", 0o644)
	plain("others write", 0o646)
	plain("group writes", 0o664)
	plain("linked", 0o600)
	require.NoError(t, os.Link(at("linked"), at("second name")))
	require.NoError(t, os.Symlink("fine", at("symbolic link")))
	require.NoError(t, os.Symlink("nothing", at("dangling")))
	require.NoError(t, syscall.Mkfifo(at("fifo"), 0o600))
	require.NoError(t, os.Mkdir(at("directory"), 0o700))
	for _, write := range []bool{false, true} {
		for _, name := range []string{"others write", "group writes", "linked", "second name", "symbolic link", "dangling", "fifo", "directory"} {
			_, _, err := d.Open(name, write, false)
			require.ErrorIs(t, err, ErrUntrusted, name)
			require.Contains(t, err.Error(), at(name))
		}
		for _, row := range []struct {
			name       string
			groupWrite bool
		}{{"fine", false}, {"group writes", true}} {
			f, _, err := d.Open(row.name, write, row.groupWrite)
			require.NoError(t, err, row.name)
			require.NoError(t, f.Close())
		}
	}
	require.NoFileExists(t, at("nothing"))
	if os.Geteuid() == 0 {
		plain("foreign", 0o600)
		require.NoError(t, os.Chown(at("foreign"), 65533, 65533))
		_, _, err := d.Open("foreign", false, false)
		require.ErrorIs(t, err, ErrUntrusted)
		require.EqualError(t, err, at("foreign")+": not trusted: it belongs to user 65533")
		trusting, err := OpenDir(d.Path(), DirOptions{TrustUIDs: []int{65533}})
		require.NoError(t, err)
		defer trusting.Close()
		f, st, err := trusting.Open("foreign", false, false)
		require.NoError(t, err)
		require.Equal(t, 65533, st.UID)
		require.NoError(t, f.Close())
	}
}

func TestOpenDirRefusesStrangers(t *testing.T) {
	d := testDir(t)
	at := func(name string) string { return filepath.Join(d.Path(), name) }
	require.NoError(t, os.Mkdir(at("real"), 0o700))
	require.NoError(t, os.Mkdir(at("open"), 0o700))
	require.NoError(t, os.Chmod(at("open"), 0o777))
	require.NoError(t, os.Mkdir(at("sticky"), 0o700))
	require.NoError(t, os.Chmod(at("sticky"), 0o777|os.ModeSticky))
	require.NoError(t, os.Symlink("real", at("link")))
	require.NoError(t, os.WriteFile(at("file"), nil, 0o600))
	for _, name := range []string{"open", "link", "file"} {
		_, err := OpenDir(at(name), DirOptions{Create: true})
		require.ErrorIs(t, err, ErrUntrusted, name)
	}
	_, err := OpenDir(at("absent"), DirOptions{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = OpenDir(at("absent/deep"), DirOptions{Create: true})
	require.ErrorIs(t, err, fs.ErrNotExist, "only the last element is made")
	_, err = OpenDir("/proc", DirOptions{})
	require.ErrorIs(t, err, ErrNotMemory)
	for _, name := range []string{"real", "sticky", "made"} {
		ok, err := OpenDir(at(name), DirOptions{Create: true})
		require.NoError(t, err, name)
		require.NoError(t, ok.Close())
		require.NoError(t, ok.Close(), "idempotent")
	}
	fi, err := os.Stat(at("made"))
	require.NoError(t, err)
	require.Equal(t, os.ModeDir|0o700, fi.Mode())
}

func TestSpaceError(t *testing.T) {
	path := t.TempDir()
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, "mode=0700,size=256k"); err != nil {
		t.Skipf("mounting a small tmpfs needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(path, 0)) })
	d, err := OpenDir(path, DirOptions{})
	require.NoError(t, err)
	defer d.Close()
	free := d.Free()
	require.Positive(t, free)
	_, err = d.CreateUnnamed(1<<20, Access{Mode: 0o600, GID: NoGroup})
	var space *SpaceError
	require.ErrorAs(t, err, &space)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, SpaceError{Path: path, Needed: 1 << 20, Free: free, err: space.err}, *space)
	require.Equal(t, free, d.Free(), "a reservation that failed keeps nothing")
	f, err := d.CreateUnnamed(free, Access{Mode: 0o600, GID: NoGroup})
	require.NoError(t, err)
	require.Zero(t, d.Free())
	require.NoError(t, f.Close())
	require.Equal(t, free, d.Free())
}

func TestMapRefusesSizes(t *testing.T) {
	f, _ := newFile(t, testDir(t), "a", 4096)
	for _, size := range []int64{0, -1} {
		_, err := f.Map(size, false)
		require.Error(t, err)
	}
	var none *Mapping
	require.Nil(t, none.Bytes())
	require.NoError(t, none.Close())
}
