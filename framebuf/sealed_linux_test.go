// Sealed segments: handed down, and out of everybody's reach.

package framebuf

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/internal/shm"
	"github.com/framebridge/framebridge/internal/stamp"
)

// handDown is the name under which this very process opens the segment.
func handDown(t testing.TB, w *Writer) (name string, data, control *os.File) {
	t.Helper()
	data, control, err := w.HandDown()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = data.Close(), control.Close() })
	return InheritedName(int(data.Fd()), int(control.Fd())), data, control
}

func openDescriptors(t testing.TB) int {
	t.Helper()
	return len(entries(t, "/proc/self/fd"))
}

func TestSealedEveryMode(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		t.Run(mode.String(), func(t *testing.T) {
			ctx, before := within(t, 20*time.Second), openDescriptors(t)
			w := mustCreate(t, "/nonexistent", small, Options{Sealed: true, Slots: 3, Linger: time.Hour})
			name, data, control := handDown(t, w)
			o := &ReaderOptions{Mode: mode, Sealed: true, Wait: true, Follow: true}
			r, err := Open(ctx, name, o)
			require.NoError(t, err)
			second, err := Open(ctx, name, o) // by the same descriptors: a registration of its own
			require.NoError(t, err)
			st, err := Stat("", name)
			require.NoError(t, err)
			require.True(t, st.Alive)
			require.True(t, st.Sealed)
			require.Len(t, st.Readers, 2)
			for range 50 {
				n := publishStamped(ctx, t, w)
				for _, r := range []*Reader{r, second} {
					f, err := r.Next(ctx)
					require.NoError(t, err)
					require.Equal(t, n, f.Number)
					require.True(t, stamp.Whole(f.Bytes(), n))
					require.NoError(t, f.Release())
				}
			}
			if mode == Newest { // longer than a name may be missing from a named segment
				silent, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
				defer cancel()
				_, err = r.Next(silent)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
			require.NoError(t, w.Close())
			_, err = r.Next(ctx)
			require.ErrorIs(t, err, io.EOF)
			// Who has the descriptors can still look.
			late, err := Open(ctx, name, o)
			require.NoError(t, err)
			f, err := late.Next(ctx)
			require.NoError(t, err)
			require.True(t, stamp.Whole(f.Bytes(), 49))
			require.NoError(t, f.Release())
			_, err = late.Next(ctx)
			require.ErrorIs(t, err, io.EOF)
			for _, c := range []io.Closer{r, second, late, data, control} {
				require.NoError(t, c.Close())
			}
			require.Equal(t, before, openDescriptors(t))
		})
	}
}

// Nobody can take the memory away or write it, not even root in the same process;
// the writer goes on.
func TestSealedIsOutOfReach(t *testing.T) {
	ctx := within(t, 20*time.Second)
	w := mustCreate(t, "", small, Options{Sealed: true})
	name, data, control := handDown(t, w)
	writable := func(f *os.File) *os.File {
		again, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), os.O_RDWR, 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = again.Close() })
		return again
	}
	for _, row := range []struct {
		name string
		try  func(f *os.File) error
		both bool // also denied for the control file
	}{
		{"shrink", func(f *os.File) error { return f.Truncate(0) }, true},
		{"grow", func(f *os.File) error { return f.Truncate(1 << 30) }, true},
		{"unseal", func(f *os.File) error {
			_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
			return err
		}, true},
		{"write", func(f *os.File) error { _, err := f.WriteAt(make([]byte, 8), 0); return err }, false},
		{"punch a hole", func(f *os.File) error {
			return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096)
		}, false},
		{"map to write", func(f *os.File) error {
			_, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			return err
		}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 100 {
				require.ErrorIs(t, row.try(writable(data)), unix.EPERM)
			}
			if row.both {
				require.ErrorIs(t, row.try(writable(control)), unix.EPERM)
			}
			_, err := unix.Mmap(int(data.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			require.ErrorIs(t, err, unix.EACCES, "handed down to be read")
		})
	}
	r, err := Open(ctx, name, &ReaderOptions{Mode: Lossless, Sealed: true})
	require.NoError(t, err)
	defer r.Close()
	for range 20 {
		n := publishStamped(ctx, t, w)
		f, err := r.Next(ctx)
		require.NoError(t, err)
		require.True(t, stamp.Whole(f.Bytes(), n))
		require.NoError(t, f.Release())
	}
}

// A reader that asks for a sealed segment takes nothing less.
func TestReaderWantsSealed(t *testing.T) {
	ctx, dir := within(t, 20*time.Second), testDir(t)
	w := mustCreate(t, dir, small, Options{})
	publishStamped(ctx, t, w)
	_, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Sealed: true})
	require.ErrorIs(t, err, ErrNotSealed)
	st, err := Stat(dir, "cam0")
	require.NoError(t, err)
	require.False(t, st.Sealed)
	_, _, err = w.HandDown()
	require.ErrorIs(t, err, ErrNotSealed)

	// The same bytes, sealed less than they should be.
	bytesOf := func(f *shm.File) []byte {
		st, err := f.Stat()
		require.NoError(t, err)
		b := make([]byte, st.Size)
		_, err = f.ReadAt(b, 0)
		require.NoError(t, err)
		return b
	}
	none, size, all := 0, unix.F_SEAL_SHRINK, unix.F_SEAL_SHRINK|unix.F_SEAL_FUTURE_WRITE
	copied := func(b []byte, seals int) *os.File {
		fd, err := unix.MemfdCreate("copy", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
		require.NoError(t, err)
		f := os.NewFile(uintptr(fd), "copy")
		t.Cleanup(func() { _ = f.Close() })
		require.NoError(t, f.Chmod(0o600))
		_, err = f.Write(b)
		require.NoError(t, err)
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals)
		require.NoError(t, err)
		return f
	}
	for _, row := range []struct {
		name          string
		data, control int
		mode          Mode
		want          error
	}{
		{"nothing is sealed", none, none, Newest, ErrNotSealed},
		{"others may write the data", size, size, Newest, ErrNotSealed},
		{"data may shrink", unix.F_SEAL_FUTURE_WRITE, size, Newest, ErrNotSealed},
		{"control may shrink", all, none, Lossless, ErrNotSealed},
		{"control may shrink, and is not needed", all, none, Newest, nil},
		{"enough", all, size, Lossless, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			data, control := copied(bytesOf(w.seg.file), row.data), copied(bytesOf(w.ctl.file), row.control)
			name := InheritedName(int(data.Fd()), int(control.Fd()))
			r, err := Open(ctx, name, &ReaderOptions{Mode: row.mode, Sealed: true})
			require.ErrorIs(t, err, row.want)
			if err == nil {
				require.NoError(t, r.Close())
			}
			r, err = Open(ctx, name, &ReaderOptions{Mode: row.mode})
			require.NoError(t, err, "unless it asks")
			require.NoError(t, r.Close())
		})
	}
}

func TestSealedCannotMove(t *testing.T) {
	ctx := within(t, 20*time.Second)
	w := mustCreate(t, "", small, Options{Sealed: true, Capacity: 2 * small.Size()})
	name, _, _ := handDown(t, w)
	r, err := Open(ctx, name, &ReaderOptions{Mode: Lossless})
	require.NoError(t, err)
	defer r.Close()
	wide, tooWide := small, small
	wide.Width, tooWide.Width = 2*small.Width, 3*small.Width
	gen := w.Generation()
	for _, f := range []Format{small, wide, tooWide, small} {
		err := w.SetFormat(ctx, f)
		if f == tooWide {
			require.ErrorIs(t, err, ErrTooLarge)
			require.ErrorContains(t, err, "Options.Capacity")
			require.Equal(t, wide, w.Format(), "the old one goes on")
			continue
		}
		require.NoError(t, err)
		n := publishStamped(ctx, t, w)
		got, err := r.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, f, got.Format)
		require.True(t, stamp.Whole(got.Bytes(), n))
		require.NoError(t, got.Release())
	}
	require.Equal(t, gen, w.Generation())
}

func TestInheritedNames(t *testing.T) {
	ctx := within(t, 20*time.Second)
	for _, name := range []string{"fd:", "fd:3", "fd:3,", "fd:,4", "fd:a,b", "fd:-1,2", "fd:3,4,5", "fd: 3,4", "fd:3;4", "fd:99999999999999999999,4"} {
		_, err := Open(ctx, name, nil)
		require.ErrorIs(t, err, ErrName, name)
		_, err = Stat("", name)
		require.ErrorIs(t, err, ErrName, name)
		require.ErrorIs(t, CheckSource(name), ErrName, name)
	}
	_, err := Create(InheritedName(3, 4), small, nil)
	require.ErrorIs(t, err, ErrName, "only to read")
	require.ErrorIs(t, Remove("", InheritedName(3, 4)), ErrName)

	_, err = Open(ctx, InheritedName(1<<30, 1<<30), &ReaderOptions{Wait: true})
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, "not handed down")

	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	dir, err := os.Open("/")
	require.NoError(t, err)
	defer dir.Close()
	for _, f := range []*os.File{f, dir} {
		_, err = Open(ctx, InheritedName(int(f.Fd()), int(f.Fd())), nil)
		require.ErrorIs(t, err, ErrUntrusted)
	}

	w := mustCreate(t, "", small, Options{Sealed: true})
	n := publishStamped(ctx, t, w)
	_, data, control := handDown(t, w)
	_, err = Open(ctx, InheritedName(int(control.Fd()), int(data.Fd())), nil)
	require.ErrorIs(t, err, ErrDamaged, "the wrong way round")
	noControl := InheritedName(int(data.Fd()), 1<<30)
	_, err = Open(ctx, noControl, &ReaderOptions{Mode: Lossless})
	require.ErrorIs(t, err, ErrReadOnly)
	r, err := Open(ctx, noControl, nil)
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, r.View(ctx, func(f *Frame) error {
		require.Equal(t, n, f.Number)
		return nil
	}))
	require.NoError(t, w.Close())
	_, _, err = w.HandDown()
	require.ErrorIs(t, err, ErrClosed)
}

// parent writes a sealed segment and hands it down to a reader of its own, which
// tells what it saw on the same stdout.
func (p play) parent(ctx context.Context, tell *json.Encoder) error {
	w, err := Create("cam0", p.Format, &Options{Sealed: true, Group: p.Group, Slots: p.Slots})
	if err != nil {
		return err
	}
	defer w.Close()
	data, control, err := w.HandDown()
	if err != nil {
		return err
	}
	told, err := json.Marshal(play{Format: p.Format, Mode: p.Mode, Hold: p.Hold, KeepFrames: p.KeepFrames, Name: InheritedName(3, 4)})
	if err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_ROLE=reader", "FRAMEBRIDGE_PLAY="+string(told))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{data, control}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := errors.Join(data.Close(), control.Close()); err != nil {
		return err
	}
	defer func() { _ = cmd.Wait() }()
	if err := tell.Encode(report{Event: "started", PID: cmd.Process.Pid}); err != nil {
		return err
	}
	if err := w.AwaitReaders(ctx, 1); err != nil {
		return err
	}
	for n := uint64(0); ; {
		err := w.Publish(ctx, func(s *Slot) error {
			n = s.Info.Number
			s.Info.PTS = int64(n)
			stamp.Fill(s.Bytes(), n)
			return nil
		})
		if err != nil {
			return err
		}
		if n%100 == 99 {
			if err := tell.Encode(report{Event: "published", Last: n}); err != nil {
				return err
			}
		}
	}
}

// The parent is killed: its child, which still holds the descriptors that it
// inherited, knows it at once, has every frame, and keeps nobody alive.
func TestSealedParentDies(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		t.Run(mode.String(), func(t *testing.T) {
			p := start(t, "parent", play{Format: small, Mode: mode, Slots: 4})
			p.event(t, "published")
			require.NoError(t, p.cmd.Process.Kill())
			rep := p.event(t, "end") // the reader's: the parent says nothing any more
			require.Equal(t, "died", rep.Error)
			require.Zero(t, rep.Torn+rep.Unordered)
			require.Positive(t, rep.Delivered)
			if mode == Lossless {
				require.Zero(t, rep.Missed)
			}
		})
	}
}

// The child is killed while the parent waits for it: the parent goes on.
func TestSealedChildDies(t *testing.T) {
	p := start(t, "parent", play{Format: small, Mode: Lossless, Slots: 4, Hold: 3, KeepFrames: true})
	reader := p.event(t, "started").PID
	p.event(t, "holding")
	require.NoError(t, syscall.Kill(reader, syscall.SIGKILL))
	p.event(t, "published")
	require.Equal(t, "told to stop", p.stop(t).Error)
}

// Another user cannot open what it inherited, unless the segment is its group's too.
func TestSealedForOtherUsers(t *testing.T) {
	for _, row := range []struct {
		name  string
		group string
		who   *syscall.Credential
		want  string
	}{
		{"private", "", credential(stranger, crew), "permission denied"},
		{"of the group", strconv.Itoa(crew), credential(stranger, crew), "end"},
		{"not of the group", strconv.Itoa(crew), credential(stranger), "permission denied"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			if os.Geteuid() != 0 {
				t.Skip("not run: to become another user needs root")
			}
			w := mustCreate(t, "", small, Options{Sealed: true, Group: row.group})
			_, data, control := handDown(t, w)
			r := startAs(t, row.who, "reader", play{Format: small, Mode: Lossless, Name: InheritedName(3, 4)}, data, control)
			if row.want == "end" {
				r.event(t, "ready")
				publishStamped(ctx, t, w)
				require.NoError(t, w.Close())
			}
			rep := r.end(t)
			require.Contains(t, rep.Error, row.want)
			if row.want == "end" {
				require.Equal(t, uint64(1), rep.Delivered)
			}
		})
	}
}
