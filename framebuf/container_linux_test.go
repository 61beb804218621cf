// Containers: writers and readers in PID namespaces of their own that share one
// mounted directory, and PIDs that lie.

package framebuf

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// enterContainer gives this process, the first of its PID namespace, what a
// container has: its own /proc, and the shared directory under another path.
func (p *play) enterContainer() error {
	if os.Getpid() != 1 {
		return errors.New("not in a PID namespace of its own")
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount private", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return os.NewSyscallError("mount proc", err)
	}
	if err := unix.Mount(p.Dir, p.Mount, "", unix.MS_BIND, ""); err != nil {
		return os.NewSyscallError("mount the directory", err)
	}
	p.Dir = p.Mount
	return nil
}

// startContained starts a child as a container would.
func startContained(t testing.TB, role string, p play) *child {
	t.Helper()
	p.Mount = t.TempDir()
	told, err := json.Marshal(p)
	require.NoError(t, err)
	cmd := exec.CommandContext(within(t, time.Minute), "/proc/self/exe")
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_ROLE="+role, "FRAMEBRIDGE_PLAY="+string(told))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	if err := cmd.Start(); errors.Is(err, os.ErrPermission) {
		t.Skipf("not run: a PID namespace needs root and the right to make one: %v", err)
	} else {
		require.NoError(t, err)
	}
	c := &child{cmd, stdin, json.NewDecoder(out)}
	t.Cleanup(c.kill)
	return c
}

// readyAs1 waits for the child, which is process 1 where it lives.
func (c *child) readyAs1(t testing.TB) {
	t.Helper()
	var rep report
	require.NoError(t, c.out.Decode(&rep))
	if strings.HasPrefix(rep.Error, "mount") {
		t.Skipf("not run: the namespace may not mount: %s", rep.Error)
	}
	require.Equal(t, "ready", rep.Event, rep.Error)
	require.Equal(t, 1, rep.PID)
}

// Two namespaces, each with a process 1: both see the other alive while it lives,
// and dead when it was killed.
func TestContainersShareADirectory(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		t.Run(mode.String(), func(t *testing.T) {
			dir := testDir(t)
			defer sweep(t, dir)
			w := startContained(t, "writer", play{Dir: dir, Format: small, Slots: 4, Await: 1})
			w.readyAs1(t)
			// A second writer, in yet another namespace, is refused: same PID, and it lives.
			second := startContained(t, "writer", play{Dir: dir, Format: small})
			require.Contains(t, second.end(t).Error, ErrBusy.Error())
			r := startContained(t, "reader", play{Dir: dir, Format: small, Mode: mode})
			r.readyAs1(t)

			st, err := Stat(dir, "cam0")
			require.NoError(t, err)
			require.True(t, st.Alive)
			require.Equal(t, 1, st.WriterPID)
			require.Len(t, st.Readers, 1)
			require.Equal(t, 1, st.Readers[0].PID)
			removed, err := GC(t.Context(), dir)
			require.NoError(t, err)
			require.Empty(t, removed)
			eventually(t, 20*time.Second, "frames flow", func() bool { return published(t, dir) > 100 })

			// The writer dies. The reader, which cannot see the process, knows.
			w.kill()
			st, err = Stat(dir, "cam0")
			require.NoError(t, err)
			require.False(t, st.Alive)
			rep := r.end(t)
			require.Equal(t, "died", rep.Error)
			require.Zero(t, rep.Torn+rep.Unordered)
			if mode == Lossless {
				require.Zero(t, rep.Missed)
				require.Equal(t, st.Newest.Number, rep.Last, "all that was published was delivered")
			}
			// Its successor, with the same PID again, goes on.
			w = startContained(t, "writer", play{Dir: dir, Format: small, Frames: 1})
			w.readyAs1(t)
			require.Greater(t, w.end(t).First, st.Newest.Number)
		})
	}
}

// published is how many frames the segment has had.
func published(t testing.TB, dir string) uint64 {
	t.Helper()
	st, err := Stat(dir, "cam0")
	require.NoError(t, err)
	return st.Published
}

// A lossless reader that holds every slot dies in its namespace: the writer, in
// another one, goes on.
func TestContainerReaderDies(t *testing.T) {
	dir := testDir(t)
	defer sweep(t, dir)
	w := startContained(t, "writer", play{Dir: dir, Format: small, Slots: 4, Await: 1})
	w.readyAs1(t)
	r := startContained(t, "reader", play{Dir: dir, Format: small, Mode: Lossless, Hold: 3, KeepFrames: true})
	r.readyAs1(t)
	r.event(t, "holding")
	before := published(t, dir)
	eventually(t, 20*time.Second, "the writer waits for it", func() bool {
		old := before
		before = published(t, dir)
		time.Sleep(20 * time.Millisecond)
		return old == before && published(t, dir) == before
	})
	st, err := Stat(dir, "cam0")
	require.NoError(t, err)
	require.Len(t, st.Readers, 1, "it lives")
	r.kill()
	st, err = Stat(dir, "cam0")
	require.NoError(t, err)
	require.Empty(t, st.Readers)
	eventually(t, 20*time.Second, "the writer goes on", func() bool { return published(t, dir) > before+1000 })
	require.Equal(t, "told to stop", w.stop(t).Error)
}

// forgePID rewrites the writer's PID in the static header, checksum and all.
func forgePID(t testing.TB, dir string, pid int) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "cam0"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	h := make([]byte, staticSize)
	_, err = f.ReadAt(h, 0)
	require.NoError(t, err)
	le.PutUint32(h[stWriterPID:], uint32(pid))
	le.PutUint32(h[stCRC:], 0)
	le.PutUint32(h[stCRC:], crc32.Checksum(h, castagnoli))
	_, err = f.WriteAt(h, 0)
	require.NoError(t, err)
}

// PIDs in the header and in the cells are for people: whatever they say, nobody is
// judged by them.
func TestForgedPIDs(t *testing.T) {
	dir, ctx := testDir(t), within(t, 5*time.Minute)
	defer sweep(t, dir)
	gone := exec.Command("true") // a PID that was somebody's
	require.NoError(t, gone.Run())
	lies := []int{0, 1, os.Getpid(), os.Getppid(), gone.Process.Pid, 1 << 22, 1<<32 - 1}
	rounds := 12
	if os.Getenv("FAULTS") == "night" {
		rounds = 125 // 1,000 verdicts
	}
	for range rounds {
		w, err := Create("cam0", small, &Options{Dir: dir, Linger: -1})
		require.NoError(t, err)
		publishStamped(ctx, t, w)
		r, watcher := mustOpen(t, dir, ReaderOptions{Mode: Pinned}), mustOpen(t, dir, ReaderOptions{ReadOnly: true})
		lie := lies[rand.IntN(len(lies))]
		forgePID(t, dir, lie)
		r.ctl.cell32(r.cell, clPID).Store(uint32(lies[rand.IntN(len(lies))]))
		readers := func() int {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.look()
			w.bury()
			return w.registered()
		}

		// Alive: four verdicts.
		st, err := Stat(dir, "cam0")
		require.NoError(t, err)
		require.Equal(t, uint32(lie), uint32(st.WriterPID), "forged")
		require.True(t, st.Alive)
		require.Len(t, st.Readers, 1)
		require.Equal(t, 1, readers())
		_, err = Create("cam0", small, &Options{Dir: dir})
		require.ErrorIs(t, err, ErrBusy)

		// Dead: four more. The reader first, then the writer.
		kill(t, r)
		require.Zero(t, readers())
		st, err = Stat(dir, "cam0")
		require.NoError(t, err)
		require.Empty(t, st.Readers)
		crash(t, w)
		st, err = Stat(dir, "cam0")
		require.NoError(t, err)
		require.False(t, st.Alive)
		f, err := watcher.Next(ctx)
		require.NoError(t, err)
		require.NoError(t, f.Release())
		_, err = watcher.Next(ctx)
		require.ErrorIs(t, err, ErrWriterDied)
	}
}
