//go:build linux

// What others may do to the directory and to the files in it: a clear error, and
// nothing followed, made, removed or waited for.

package framebuf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/stamp"
)

// Twenty writers want one name at once, beside a cleaner that never rests: one of
// them gets it, and keeps it.
func TestManyCreatorsOneWinner(t *testing.T) {
	dir, ctx := testDir(t), within(t, 2*time.Minute)
	cleaning, stop := context.WithCancel(ctx)
	var cleaner sync.WaitGroup
	defer cleaner.Wait()
	defer stop()
	cleaner.Go(func() {
		for cleaning.Err() == nil {
			_, _ = GC(cleaning, dir)
		}
	})
	for round := range 10 {
		type result struct {
			w   *Writer
			err error
		}
		results := make(chan result)
		for range 20 {
			go func() {
				w, err := Create("cam0", small, &Options{Dir: dir, Linger: -1})
				results <- result{w, err}
			}()
		}
		var winner *Writer
		for range 20 {
			r := <-results
			if r.err != nil {
				require.ErrorIs(t, r.err, ErrBusy)
				continue
			}
			require.Nil(t, winner, "two writers of one name")
			winner = r.w
		}
		require.NotNil(t, winner)
		// It has both of its names, however often the cleaner looks.
		r := mustOpen(t, dir, ReaderOptions{Mode: Pinned})
		for range 20 {
			n := publishStamped(ctx, t, winner)
			f, err := r.Next(ctx)
			require.NoError(t, err)
			require.Equal(t, n, f.Number)
			require.NoError(t, f.Release())
			require.True(t, winner.dir.Is("cam0", winner.seg.file))
			require.True(t, winner.dir.Is(controlName("cam0", winner.ctl.id), winner.ctl.file))
		}
		require.NoError(t, r.Close())
		if round%2 == 0 {
			crash(t, winner) // the next round is over a dead segment, unless the cleaner has it
		} else {
			require.NoError(t, winner.Close())
		}
	}
	stop()
	cleaner.Wait()
	sweep(t, dir)
}

// The same without a cleaner: over a dead segment numbers go on.
func TestManyCreatorsOverADeadSegment(t *testing.T) {
	dir, ctx := testDir(t), within(t, time.Minute)
	defer sweep(t, dir)
	for round := range uint64(5) {
		var winner *Writer
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				w, err := Create("cam0", small, &Options{Dir: dir, Linger: -1})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && winner != nil:
					t.Error("two writers of one name")
				case err == nil:
					winner = w
				case !errors.Is(err, ErrBusy):
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.NotNil(t, winner)
		require.Equal(t, round, publishStamped(ctx, t, winner))
		require.Len(t, entries(t, dir), 2)
		crash(t, winner)
	}
}

// dead leaves a segment whose writer is gone, and says where.
func dead(t testing.TB, dir string) (path string) {
	t.Helper()
	w := mustCreate(t, dir, small, Options{})
	publishStamped(within(t, 20*time.Second), t, w)
	crash(t, w)
	return filepath.Join(dir, "cam0")
}

func TestHostileNames(t *testing.T) {
	asRoot := func(t testing.TB) {
		if os.Geteuid() != 0 {
			t.Skip("giving a file away needs root")
		}
	}
	for _, row := range []struct {
		name  string
		plant func(t testing.TB, dir, elsewhere string)
		want  error
	}{
		{"symbolic link to a segment", func(t testing.TB, dir, elsewhere string) {
			path := dead(t, dir)
			require.NoError(t, os.Rename(path, filepath.Join(elsewhere, "cam0")))
			require.NoError(t, os.Symlink(filepath.Join(elsewhere, "cam0"), path))
		}, ErrUntrusted},
		{"dangling symbolic link", func(t testing.TB, dir, elsewhere string) {
			require.NoError(t, os.Symlink(filepath.Join(elsewhere, "new"), filepath.Join(dir, "cam0")))
		}, ErrUntrusted},
		{"FIFO", func(t testing.TB, dir, _ string) {
			require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "cam0"), 0o600))
		}, ErrUntrusted},
		{"directory", func(t testing.TB, dir, _ string) {
			require.NoError(t, os.Mkdir(filepath.Join(dir, "cam0"), 0o700))
		}, ErrUntrusted},
		{"socket", func(t testing.TB, dir, _ string) {
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			require.NoError(t, err)
			defer func() { _ = syscall.Close(fd) }()
			require.NoError(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: filepath.Join(dir, "cam0")}))
		}, ErrUntrusted},
		{"hard link", func(t testing.TB, dir, elsewhere string) {
			require.NoError(t, os.Link(dead(t, dir), filepath.Join(elsewhere, "cam0")))
		}, ErrUntrusted},
		{"another user's", func(t testing.TB, dir, _ string) {
			asRoot(t)
			require.NoError(t, os.Chown(dead(t, dir), 65533, 65533))
		}, ErrUntrusted},
		{"writable for the group", func(t testing.TB, dir, _ string) {
			require.NoError(t, os.Chmod(dead(t, dir), 0o620))
		}, ErrUntrusted},
		{"writable for others", func(t testing.TB, dir, _ string) {
			require.NoError(t, os.Chmod(dead(t, dir), 0o602))
		}, ErrUntrusted},
		{"0 bytes", func(t testing.TB, dir, _ string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "cam0"), nil, 0o600))
		}, ErrDamaged},
		{"a page of zeros", func(t testing.TB, dir, _ string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "cam0"), make([]byte, 4096), 0o600))
		}, ErrDamaged},
		{"a sparse terabyte", func(t testing.TB, dir, _ string) {
			path := filepath.Join(dir, "cam0")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Truncate(path, 1<<40))
		}, ErrDamaged},
		{"a segment that was cut", func(t testing.TB, dir, _ string) {
			require.NoError(t, os.Truncate(dead(t, dir), 4096))
		}, ErrDamaged},
		{"a segment that was made longer", func(t testing.TB, dir, _ string) {
			path := dead(t, dir)
			fi, err := os.Stat(path)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, fi.Size()+1))
		}, ErrDamaged},
	} {
		t.Run(row.name, func(t *testing.T) {
			base, ctx := testDir(t), within(t, 20*time.Second)
			dir, elsewhere := filepath.Join(base, "segments"), filepath.Join(base, "elsewhere")
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.Mkdir(elsewhere, 0o700))
			t.Cleanup(func() {
				require.NoError(t, os.RemoveAll(dir))
				require.NoError(t, os.RemoveAll(elsewhere))
			})
			row.plant(t, dir, elsewhere)
			before := census(t, base)
			for _, mode := range []Mode{Newest, Pinned, Lossless} {
				_, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Mode: mode, Wait: true})
				require.ErrorIs(t, err, row.want, mode)
				require.Contains(t, err.Error(), "cam0")
			}
			_, err := Stat(dir, "cam0")
			require.ErrorIs(t, err, row.want)
			_, err = Create("cam0", small, &Options{Dir: dir, Linger: -1})
			require.ErrorIs(t, err, row.want)
			t.Log(err)
			require.ErrorIs(t, Remove(dir, "cam0"), row.want)
			require.Equal(t, before, census(t, base))
			_, err = GC(ctx, dir)
			require.NoError(t, err)
			after := census(t, base)
			for _, left := range before {
				if !strings.Contains(left, "/.") { // a control file that nobody needs may go
					require.Contains(t, after, left)
				}
			}
		})
	}
}

// census describes everything below a directory.
func census(t testing.TB, base string) (all []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == base {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		st := fi.Sys().(*syscall.Stat_t)
		all = append(all, fmt.Sprintf("%s %v uid %d inode %d", path, fi.Mode(), st.Uid, st.Ino))
		if fi.Mode().IsRegular() {
			all = append(all, fmt.Sprintf("%s has %d bytes, %d names, %d blocks, of %v", path, fi.Size(), st.Nlink, st.Blocks, fi.ModTime()))
		}
		return nil
	}))
	return all
}

func TestHostileDirectories(t *testing.T) {
	for _, row := range []struct {
		name  string
		plant func(t testing.TB, base string) (dir string)
		want  error
	}{
		{"symbolic link", func(t testing.TB, base string) string {
			require.NoError(t, os.Mkdir(filepath.Join(base, "real"), 0o700))
			require.NoError(t, os.Symlink("real", filepath.Join(base, "link")))
			return filepath.Join(base, "link")
		}, ErrUntrusted},
		{"file", func(t testing.TB, base string) string {
			require.NoError(t, os.WriteFile(filepath.Join(base, "file"), nil, 0o600))
			return filepath.Join(base, "file")
		}, ErrUntrusted},
		{"writable for all", func(t testing.TB, base string) string {
			dir := filepath.Join(base, "open")
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.Chmod(dir, 0o777))
			return dir
		}, ErrUntrusted},
		{"not in memory", func(t testing.TB, _ string) string {
			return "/proc"
		}, ErrNotMemory},
	} {
		t.Run(row.name, func(t *testing.T) {
			base := testDir(t)
			t.Cleanup(func() {
				for _, n := range entries(t, base) {
					require.NoError(t, os.RemoveAll(filepath.Join(base, n)))
				}
			})
			dir := row.plant(t, base)
			before := census(t, base)
			_, err := Create("cam0", small, &Options{Dir: dir, Linger: -1})
			require.ErrorIs(t, err, row.want)
			_, err = Open(within(t, 20*time.Second), "cam0", &ReaderOptions{Dir: dir})
			require.ErrorIs(t, err, row.want)
			require.Equal(t, before, census(t, base))
		})
	}
}

// The data file is cut under those who use it: an error, and the process lives.
func TestTruncatedDataFile(t *testing.T) {
	for _, size := range []int64{0, 4096} { // all of it; all but the headers
		for _, mode := range []Mode{Newest, Pinned, Lossless} {
			t.Run(fmt.Sprintf("%v reader, to %d bytes", mode, size), func(t *testing.T) {
				dir, ctx := testDir(t), within(t, 20*time.Second)
				w := mustCreate(t, dir, small, Options{})
				r := mustOpen(t, dir, ReaderOptions{Mode: mode, Hold: 1})
				publishStamped(ctx, t, w)
				held, err := r.Next(ctx)
				require.NoError(t, err)
				publishStamped(ctx, t, w) // one that was not read yet
				require.NoError(t, os.Truncate(filepath.Join(dir, "cam0"), size))
				err = held.Guard(func() error {
					if !stamp.Whole(held.Bytes(), 0) {
						return errors.New("something else is there")
					}
					return nil
				})
				if mode == Newest {
					require.NoError(t, err, "a private copy")
				} else {
					require.ErrorIs(t, err, ErrDamaged)
				}
				_ = held.Release()
				err = r.View(ctx, func(f *Frame) error {
					stamp.Whole(f.Bytes(), f.Number)
					return nil
				})
				require.ErrorIs(t, err, ErrDamaged)
				require.NotPanics(t, func() { r.Source(); r.Stats() })
				_, err = Stat(dir, "cam0")
				require.ErrorIs(t, err, ErrDamaged)
				require.NoError(t, r.Close())
				_ = w.Close()
			})
		}
		t.Run(fmt.Sprintf("writer, to %d bytes", size), func(t *testing.T) {
			dir, ctx := testDir(t), within(t, 20*time.Second)
			w := mustCreate(t, dir, small, Options{Slots: 2, Checksum: true})
			publishStamped(ctx, t, w)
			s, err := w.Begin(ctx)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(filepath.Join(dir, "cam0"), size))
			require.ErrorIs(t, s.Guard(func() error { stamp.Fill(s.Bytes(), 1); return nil }), ErrDamaged)
			require.ErrorIs(t, s.Publish(), ErrDamaged)
			err = w.Publish(ctx, func(s *Slot) error { stamp.Fill(s.Bytes(), 2); return nil })
			require.ErrorIs(t, err, ErrDamaged)
			require.NotPanics(t, func() {
				w.SetSource(SourceLive)
				w.SetError("gone")
				w.CountDrops(DropLate, 1)
			})
			_ = w.Close()
		})
	}
}

// A reader that sleeps when it happens finds out as well.
func TestTruncatedWhileReadersSleep(t *testing.T) {
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		dir, ctx := testDir(t), within(t, 20*time.Second)
		w := mustCreate(t, dir, small, Options{})
		r := mustOpen(t, dir, ReaderOptions{Mode: mode})
		got := make(chan error, 1)
		go func() {
			_, err := r.Next(ctx)
			got <- err
		}()
		w.mu.Lock() // no tick: nobody wakes it
		require.NoError(t, os.Truncate(filepath.Join(dir, "cam0"), 0))
		err := <-got
		w.mu.Unlock()
		require.ErrorIs(t, err, ErrDamaged, mode)
		require.NoError(t, r.Close())
		_ = w.Close()
	}
}

// withoutStdio is the part of a process that has no descriptors 0, 1 and 2 when it
// begins to work with segments: whatever is printed must not land in one.
func withoutStdio(dir string) error {
	for fd := range 3 {
		if err := syscall.Close(fd); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w, err := Create("cam0", small, &Options{Dir: dir, Linger: -1})
	if err != nil {
		return err
	}
	defer w.Close()
	for _, mode := range []Mode{Newest, Pinned, Lossless} {
		r, err := Open(ctx, "cam0", &ReaderOptions{Dir: dir, Mode: mode})
		if err != nil {
			return err
		}
		defer r.Close()
	}
	if err := w.SetFormat(ctx, larger); err != nil {
		return err
	}
	if _, err := List(dir); err != nil {
		return err
	}
	found := 0
	for fd := range 64 {
		to, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if !strings.HasPrefix(to, dir) {
			continue
		}
		if found++; fd < 3 {
			return fmt.Errorf("descriptor %d is %s", fd, to)
		}
	}
	if found < 8 { // directories, data and control files of four
		return fmt.Errorf("only %d descriptors found", found)
	}
	return nil
}

func TestDescriptorsAreAboveStdio(t *testing.T) {
	dir := testDir(t)
	out, in, err := os.Pipe()
	require.NoError(t, err)
	defer out.Close()
	cmd := exec.CommandContext(within(t, time.Minute), os.Args[0])
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_ROLE=closed", "FRAMEBRIDGE_PLAY="+dir)
	cmd.ExtraFiles = []*os.File{in}
	require.NoError(t, cmd.Start())
	require.NoError(t, in.Close())
	var r report
	require.NoError(t, json.NewDecoder(out).Decode(&r))
	require.NoError(t, cmd.Wait())
	require.Empty(t, r.Error)
}
