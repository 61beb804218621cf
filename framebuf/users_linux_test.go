// Other users: what the kernel keeps them from, and what a group may do. The test
// binary runs as them, which takes root.

package framebuf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/internal/stamp"
)

// Two users and a group that need not be in any file.
const (
	alice    = 61234
	stranger = 65534
	crew     = 64321
)

// credential is a user with one group of its own and more.
func credential(uid int, groups ...uint32) *syscall.Credential {
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid), Groups: groups}
}

// startAs starts a child as another user, which inherits the files.
func startAs(t testing.TB, who *syscall.Credential, role string, p play, inherits ...*os.File) *child {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not run: to become another user needs root")
	}
	told, err := json.Marshal(p)
	require.NoError(t, err)
	// Not by its path, which another user may not be able to walk.
	cmd := exec.CommandContext(within(t, time.Minute), "/proc/self/exe")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_ROLE="+role, "FRAMEBRIDGE_PLAY="+string(told))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	cmd.ExtraFiles = inherits
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &child{cmd, stdin, json.NewDecoder(out)}
	t.Cleanup(c.kill)
	return c
}

// attempts is what an intruder tells: how often each attempt was made, and how
// often it succeeded. Seen is what the package itself said.
type attempts struct {
	Tried, Done map[string]int
	Seen        map[string]string
}

const intrusions = 100

// intrude tries what a user could try on the segment cam0.
func (p play) intrude(tell *json.Encoder) error {
	data := filepath.Join(p.Dir, "cam0")
	hidden, _ := filepath.Glob(filepath.Join(p.Dir, ".cam0.*")) // if the directory may be listed
	control := strings.Join(hidden, "")
	open := func(path string, flags int, then func(fd int) error) error {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		return then(fd)
	}
	fine := func(int) error { return nil }
	lock := func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 0, Len: 1})
	}
	tries := map[string]func() error{
		"list": func() error { _, err := os.ReadDir(p.Dir); return err },
		"read": func() error {
			return open(data, unix.O_RDONLY, func(fd int) error { _, err := unix.Pread(fd, make([]byte, 8), 0); return err })
		},
		"write":    func() error { return open(data, unix.O_WRONLY, fine) },
		"truncate": func() error { return os.Truncate(data, 0) },
		"empty":    func() error { return open(data, unix.O_RDWR|unix.O_TRUNC, fine) },
		"unlink":   func() error { return os.Remove(data) },
		"rename":   func() error { return os.Rename(data, data+"2") },
		"link":     func() error { return os.Link(data, data+"2") },
		"chmod":    func() error { return os.Chmod(data, 0o666) },
		"plant":    func() error { return os.WriteFile(filepath.Join(p.Dir, "cam1"), nil, 0o600) },
		"lock":     func() error { return open(data, unix.O_RDONLY, lock) },
		"reopen": func() error {
			return open(data, unix.O_RDONLY, func(fd int) error { return open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDWR, fine) })
		},
		"map to write": func() error {
			return open(data, unix.O_RDONLY, func(fd int) error {
				b, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
				if err == nil {
					_ = unix.Munmap(b)
				}
				return err
			})
		},
		"write control":  func() error { return open(control, unix.O_RDWR, fine) },
		"unlink control": func() error { return os.Remove(control) },
		"lock control":   func() error { return open(control, unix.O_RDWR, lock) }, // byte 0 is the writer's
	}
	told := attempts{map[string]int{}, map[string]int{}, map[string]string{}}
	for range intrusions {
		for name, try := range tries {
			told.Tried[name]++
			if try() == nil {
				told.Done[name]++
			}
		}
	}
	see := func(name string, err error) { told.Seen[name] = fmt.Sprint(err) }
	_, err := Stat(p.Dir, "cam0")
	see("stat", err)
	_, err = Open(context.Background(), "cam0", &ReaderOptions{Dir: p.Dir})
	see("open", err)
	see("remove", Remove(p.Dir, "cam0"))
	_, err = Create("cam0", small, &Options{Dir: p.Dir})
	see("create", err)
	removed, _ := GC(context.Background(), p.Dir)
	told.Done["gc"] = len(removed)
	return tell.Encode(told)
}

// sweep is gc as its own user.
func (p play) sweep(tell *json.Encoder) error {
	removed, err := GC(context.Background(), p.Dir)
	return errors.Join(err, tell.Encode(attempts{Done: map[string]int{"gc": len(removed)}, Seen: map[string]string{"gc": fmt.Sprint(err)}}))
}

// shareDir is a directory of segments of a user.
func shareDir(t testing.TB, uid, gid int, mode os.FileMode) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not run: to become another user needs root")
	}
	dir := testDir(t)
	require.NoError(t, os.Chown(dir, uid, gid))
	require.NoError(t, os.Chmod(dir, mode))
	return dir
}

// withUmask runs what with a umask, which must not matter.
func withUmask(mask int, what func()) {
	old := unix.Umask(mask)
	defer unix.Umask(old)
	what()
}

// requireAccess looks at the mode and group of a file.
func requireAccess(t testing.TB, path string, mode uint32, gid int) {
	t.Helper()
	var st unix.Stat_t
	require.NoError(t, unix.Lstat(path, &st))
	require.Equal(t, fmt.Sprintf("%04o", mode), fmt.Sprintf("%04o", st.Mode&0o7777), path)
	if gid >= 0 {
		require.Equal(t, gid, int(st.Gid), path)
	}
}

// What another user is denied, by the kernel and by this package: the segment is
// of alice.
func TestOtherUsersAreDenied(t *testing.T) {
	for _, row := range []struct {
		name    string
		group   string // of the segment
		dirMode os.FileMode
		umask   int
		who     *syscall.Credential
		can     []string
		said    string
	}{
		{"stranger", "", 0o700, 0, credential(stranger), nil, "permission denied"},
		{"stranger, directory open", "", 0o755, 0, credential(stranger), []string{"list"}, "it belongs to user 61234"},
		{"stranger, directory sticky", "", 0o777 | os.ModeSticky, 0, credential(stranger), []string{"list", "plant"}, "it belongs to user 61234"},
		{"not of the group", fmt.Sprint(crew), 0o750, 0, credential(stranger), nil, "permission denied"},
		{"not of the group, directory open", fmt.Sprint(crew), 0o755, 0, credential(stranger), []string{"list"}, "it belongs to user 61234"},
		{"of the group", fmt.Sprint(crew), 0o750, 0o077, credential(stranger, crew), []string{"list", "read", "write control"}, "it belongs to user 61234"},
		{"of the group, segment private", "", 0o750, 0, credential(stranger, crew), []string{"list"}, "it belongs to user 61234"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, dir := within(t, time.Minute), shareDir(t, alice, crew, row.dirMode)
			var w *child
			withUmask(row.umask, func() {
				w = startAs(t, credential(alice, crew), "writer", play{Dir: dir, Format: small, Group: row.group, Await: 1, Frames: 20})
			})
			w.event(t, "ready")
			var told attempts
			intruder := startAs(t, row.who, "intruder", play{Dir: dir})
			require.NoError(t, intruder.out.Decode(&told))
			require.Empty(t, intruder.end(t).Error)
			require.Len(t, told.Tried, 16)
			can := map[string]int{}
			for _, name := range row.can {
				can[name] = intrusions
			}
			for name, tried := range told.Tried {
				require.Equal(t, intrusions, tried, name)
				require.Equal(t, can[name], told.Done[name], "%s: successes", name)
			}
			for name, said := range told.Seen {
				require.Contains(t, said, row.said, name)
			}
			require.Zero(t, told.Done["gc"])
			_ = os.Remove(filepath.Join(dir, "cam1")) // planted where anybody may

			// Nothing of it touched the segment. Root needs to be told as well.
			_, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir})
			require.ErrorIs(t, err, ErrUntrusted)
			var owner *OwnerError
			require.ErrorAs(t, err, &owner)
			require.Equal(t, OwnerError{Path: dir, UID: alice}, *owner)
			require.ErrorContains(t, err, "ReaderOptions.TrustUID")
			r, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Mode: Lossless, TrustUID: []int{alice}})
			require.NoError(t, err)
			defer r.Close()
			n := uint64(0)
			for f, err := range r.Frames(ctx) {
				require.NoError(t, err)
				require.Equal(t, n, f.Number)
				require.True(t, stamp.Whole(f.Bytes(), n))
				n++
			}
			require.Equal(t, uint64(20), n)
			require.Empty(t, w.end(t).Error)
		})
	}
}

// A member of the group reads in every mode what another user writes.
func TestGroupReads(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		t.Run(mode.String(), func(t *testing.T) {
			dir := shareDir(t, alice, crew, 0o750|os.ModeSetgid)
			const frames = 300
			w := startAs(t, credential(alice, crew), "writer", play{Dir: dir, Format: small, Slots: 4, Group: fmt.Sprint(crew), Await: 1, Frames: frames})
			w.event(t, "ready")
			r := startAs(t, credential(stranger, crew), "reader", play{Dir: dir, Format: small, Mode: mode, Trust: []int{alice}})
			r.event(t, "ready")
			require.Empty(t, w.end(t).Error)
			rep := r.end(t)
			require.Equal(t, "end", rep.Error)
			require.Zero(t, rep.Torn+rep.Unordered)
			require.Equal(t, uint64(frames), rep.Delivered+rep.Broken+rep.Missed+rep.First)
			if mode == Lossless {
				require.Equal(t, uint64(frames), rep.Delivered)
			}
		})
	}
}

// The directory that Create makes, or the user's own, is opened to the group and
// to nobody else; any other is left as it is.
func TestGroupDirectory(t *testing.T) {
	crewText := fmt.Sprint(crew)
	for _, umask := range []int{0, 0o077} {
		t.Run(fmt.Sprintf("made, umask %04o", umask), func(t *testing.T) {
			outer := shareDir(t, 0, 0, 0o700)
			dir := filepath.Join(outer, "inner")
			withUmask(umask, func() {
				w := mustCreate(t, dir, small, Options{Group: crewText})
				requireAccess(t, dir, 0o2750, crew)
				requireAccess(t, filepath.Join(dir, "cam0"), 0o640, crew)
				requireAccess(t, filepath.Join(dir, controlName("cam0", w.ctl.id)), 0o660, crew)
				require.NoError(t, w.Close())
				w = mustCreate(t, dir, small, Options{})
				requireAccess(t, filepath.Join(dir, "cam0"), 0o600, -1)
				requireAccess(t, filepath.Join(dir, controlName("cam0", w.ctl.id)), 0o600, -1)
				require.NoError(t, w.Close())
			})
			require.NoError(t, os.Remove(dir))
		})
	}
	t.Run("the user's own", func(t *testing.T) {
		own := "/dev/shm/framebridge-" + strconv.Itoa(alice)
		require.NoDirExists(t, own, "this test needs the name")
		t.Setenv(DirEnv, "")
		private := startAs(t, credential(alice, crew), "writer", play{Format: small, Await: 1})
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(own)) })
		private.event(t, "ready")
		requireAccess(t, own, 0o700, alice)
		private.stop(t)
		w := startAs(t, credential(alice, crew), "writer", play{Format: small, Await: 1, Group: crewText})
		w.event(t, "ready")
		requireAccess(t, own, 0o2750, crew)
		requireAccess(t, filepath.Join(own, "cam0"), 0o640, crew)
		w.stop(t)
	})
	for _, row := range []struct {
		name    string
		dirMode os.FileMode
		gid     int
		group   string
		want    error
		text    string
	}{
		{"private, not made by Create", 0o700, 0, crewText, ErrGroup, "chmod 2750"},
		{"of another group", 0o750, stranger, crewText, ErrGroup, "chgrp 64321"},
		{"group may replace files", 0o770, crew, crewText, ErrGroup, "chmod +t"},
		{"group may add files", 0o770 | os.ModeSticky, crew, crewText, nil, ""},
		{"open to all", 0o755, 0, crewText, nil, ""},
		{"no such group", 0o700, 0, "no-such-group", ErrGroup, "no such group"},
		{"no number of a group", 0o700, 0, "-1", ErrGroup, "no such group"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := shareDir(t, 0, row.gid, row.dirMode)
			before, err := os.Stat(dir)
			require.NoError(t, err)
			w, err := Create("cam0", small, &Options{Dir: dir, Group: row.group, Linger: -1})
			if row.want != nil {
				require.ErrorIs(t, err, row.want)
				require.ErrorContains(t, err, row.text)
			} else {
				require.NoError(t, err)
				requireAccess(t, filepath.Join(dir, "cam0"), 0o640, crew)
				require.NoError(t, w.Close())
			}
			after, err := os.Stat(dir)
			require.NoError(t, err)
			require.Equal(t, before.Mode(), after.Mode())
			require.Equal(t, before.Sys().(*syscall.Stat_t).Gid, after.Sys().(*syscall.Stat_t).Gid)
		})
	}
	t.Run("not a member", func(t *testing.T) {
		dir := shareDir(t, alice, crew, 0o750)
		w := startAs(t, credential(alice), "writer", play{Dir: dir, Format: small, Group: crewText})
		require.Contains(t, w.end(t).Error, ErrGroup.Error())
	})
}

// A move and a take-over keep the group and the modes, and a member of the group
// reads across the move.
func TestGroupOutlivesAMoveAndADeath(t *testing.T) {
	ctx, dir := within(t, time.Minute), shareDir(t, 0, crew, 0o750|os.ModeSetgid)
	look := func(w *Writer) {
		t.Helper()
		requireAccess(t, filepath.Join(dir, "cam0"), 0o640, crew)
		requireAccess(t, filepath.Join(dir, controlName("cam0", w.ctl.id)), 0o660, crew)
	}
	o := Options{Group: strconv.Itoa(crew), Slots: 4}
	w := mustCreate(t, dir, small, o)
	look(w)
	publishStamped(ctx, t, w)
	crash(t, w)
	w = mustCreate(t, dir, small, o)
	look(w)
	r := startAs(t, credential(stranger, crew), "reader", play{Dir: dir, Mode: Lossless})
	r.event(t, "ready")
	first, last := publishStamped(ctx, t, w), uint64(0)
	for range 3 {
		f := w.Format()
		f.Width *= 2
		require.NoError(t, w.SetFormat(ctx, f))
		look(w)
		for range 10 {
			last = publishStamped(ctx, t, w)
		}
	}
	require.NoError(t, w.Close())
	rep := r.end(t)
	require.Equal(t, "end", rep.Error)
	require.Zero(t, rep.Torn+rep.Unordered+rep.Missed)
	require.Equal(t, []uint64{first, last, last - first + 1}, []uint64{rep.First, rep.Last, rep.Delivered})
	// Who may read is what the next writer says.
	w = mustCreate(t, dir, small, o)
	crash(t, w)
	w = mustCreate(t, dir, small, Options{})
	requireAccess(t, filepath.Join(dir, "cam0"), 0o600, -1)
	require.NoError(t, w.Close())
}

// gc and rm in a directory of several users leave alone what is another user's,
// dead or alive.
func TestSweepLeavesOtherUsersAlone(t *testing.T) {
	dir := shareDir(t, 0, crew, 0o777|os.ModeSticky)
	w := startAs(t, credential(alice, crew), "writer", play{Dir: dir, Format: small, Group: strconv.Itoa(crew), Await: 1})
	w.event(t, "ready")
	w.kill() // dead, and still not ours
	before := entries(t, dir)
	require.Len(t, before, 2)
	removed, err := GC(t.Context(), dir)
	require.NoError(t, err)
	require.Empty(t, removed)
	require.ErrorIs(t, Remove(dir, "cam0"), ErrUntrusted)
	_, err = Create("cam0", small, &Options{Dir: dir})
	require.ErrorIs(t, err, ErrUntrusted)
	require.ErrorContains(t, err, "user 61234")
	require.Equal(t, before, entries(t, dir))
	// The owner takes it away.
	var told attempts
	own := startAs(t, credential(alice), "sweeper", play{Dir: dir})
	require.NoError(t, own.out.Decode(&told))
	require.Equal(t, 1, told.Done["gc"], told.Seen) // and the control file with it
	require.Empty(t, own.end(t).Error)
	require.Empty(t, entries(t, dir))
}

// With fs.protected_regular even root may not open a user's file with O_CREAT in
// a sticky directory: opening never uses it.
func TestRootReadsUnderProtectedRegular(t *testing.T) {
	const knob = "/proc/sys/fs/protected_regular"
	old, err := os.ReadFile(knob)
	require.NoError(t, err)
	if strings.TrimSpace(string(old)) != "2" {
		if os.Getenv("FRAMEBRIDGE_SYSCTL") == "" {
			t.Skipf("not run: fs.protected_regular is %s; with FRAMEBRIDGE_SYSCTL=1, as root, the test sets it to 2 for a moment", strings.TrimSpace(string(old)))
		}
		require.NoError(t, os.WriteFile(knob, []byte("2"), 0o644))
		t.Cleanup(func() { require.NoError(t, os.WriteFile(knob, old, 0o644)) })
	}
	ctx, dir := within(t, time.Minute), shareDir(t, 0, 0, 0o777|os.ModeSticky)
	w := startAs(t, credential(alice), "writer", play{Dir: dir, Format: small, Await: 1})
	w.event(t, "ready")
	// The setting is in force: this is what it forbids.
	_, err = os.OpenFile(filepath.Join(dir, "cam0"), os.O_RDWR|os.O_CREATE, 0o600)
	require.ErrorIs(t, err, os.ErrPermission)
	for i := range 102 {
		r, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Mode: Mode(i % 3), TrustUID: []int{alice}})
		require.NoError(t, err)
		require.NoError(t, r.Close())
		_, err = Stat(dir, "cam0", alice)
		require.NoError(t, err)
	}
	w.stop(t)
}
