//go:build linux

// D1, D6: what others plant under a name, and names that are none.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
)

func hostileRows() []row {
	return []row{
		{
			id: "D1", fault: "links, FIFOs, devices, strangers' files and others planted as data and as control file", headline: 8,
			must: "each its own error; nothing followed, truncated, made, removed or waited for",
			run:  plantedFiles,
		},
		{
			id: "D6", fault: "names with slashes, dots, NULs, newlines and what else is no segment name",
			must: "refused by every call, nothing touched",
			run:  trickyNames,
		},
	}
}

func hostileRoles() map[string]role { return map[string]role{"visitor": visit} }

// plant is a thing that stands where a file of a segment should.
type plant struct {
	name   string
	needs  bool // root
	asData bool // only there: as control file it is allowed, or cannot be
	// put puts it at path; before, a file of a segment is there, as it should be.
	put func(path, elsewhere string) error
}

// instead puts something else in the place of the file, which goes elsewhere.
func instead(path, elsewhere string, put func() error) error {
	if err := os.Rename(path, filepath.Join(elsewhere, "real")); err != nil {
		return err
	}
	return put()
}

func plants() []plant {
	file := func(bytes, length int64) func(path, elsewhere string) error {
		return func(path, elsewhere string) error {
			return instead(path, elsewhere, func() error {
				if err := os.WriteFile(path, make([]byte, bytes), 0o600); err != nil {
					return err
				}
				return os.Truncate(path, length)
			})
		}
	}
	mode := func(m os.FileMode) func(path, elsewhere string) error {
		return func(path, _ string) error { return os.Chmod(path, m) }
	}
	return []plant{
		{name: "symbolic link", put: func(path, elsewhere string) error {
			return instead(path, elsewhere, func() error { return os.Symlink(filepath.Join(elsewhere, "real"), path) })
		}},
		{name: "dangling link", put: func(path, elsewhere string) error {
			return instead(path, elsewhere, func() error { return os.Symlink(filepath.Join(elsewhere, "absent"), path) })
		}},
		{name: "FIFO", put: func(path, elsewhere string) error {
			return instead(path, elsewhere, func() error { return syscall.Mkfifo(path, 0o600) })
		}},
		{name: "directory", put: func(path, elsewhere string) error {
			return instead(path, elsewhere, func() error { return os.Mkdir(path, 0o700) })
		}},
		{name: "socket", put: func(path, elsewhere string) error {
			return instead(path, elsewhere, func() error {
				fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
				if err != nil {
					return err
				}
				defer func() { _ = syscall.Close(fd) }()
				return syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
			})
		}},
		{name: "device", needs: true, put: func(path, elsewhere string) error {
			return instead(path, elsewhere, func() error { return unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) })
		}},
		{name: "hard link", put: func(path, elsewhere string) error { return os.Link(path, filepath.Join(elsewhere, "second")) }},
		{name: "another user's", needs: true, put: func(path, _ string) error { return os.Chown(path, 65533, 65533) }},
		{name: "writable for the group", asData: true, put: mode(0o620)},
		{name: "writable for others", put: mode(0o602)},
		{name: "0 bytes", put: file(0, 0)},
		{name: "a page", put: file(4096, 4096)},
		{name: "a sparse terabyte", put: file(0, 1<<40)},
	}
}

// visitor is the part of a process that calls everything on one directory.
type visitor struct{ Dir string }

// visited is what came of one call.
type visited struct {
	Call  string
	Error string
	Kind  string // untrusted, damaged, busy, absent
	Took  time.Duration
}

func visit(ctx context.Context, part []byte, tell func(any)) error {
	v, err := parse[visitor](part)
	if err != nil {
		return err
	}
	for _, c := range v.calls(ctx) {
		start := time.Now()
		err := c.do()
		seen := visited{Call: c.name, Took: time.Since(start)}
		if err != nil {
			seen.Error = strings.ReplaceAll(err.Error(), v.Dir, "DIR")
		}
		for kind, is := range map[string]error{
			"untrusted": framebuf.ErrUntrusted, "damaged": framebuf.ErrDamaged, "busy": framebuf.ErrBusy, "absent": framebuf.ErrNotFound,
		} {
			if errors.Is(err, is) {
				seen.Kind = kind
			}
		}
		tell(seen)
	}
	return nil
}

type call struct {
	name string
	do   func() error
}

func (v visitor) calls(ctx context.Context) (all []call) {
	for _, m := range allModes {
		all = append(all, call{"open " + m.String(), func() error {
			r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: v.Dir, Mode: m, Wait: true})
			if err != nil {
				return err
			}
			return errors.Join(r.View(ctx, intact), r.Close())
		}})
	}
	return append(
		all,
		call{"stat", func() error { _, err := framebuf.Stat(v.Dir, "cam0"); return err }},
		call{"list", func() error { _, err := framebuf.List(v.Dir); return err }},
		call{"create", func() error {
			w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: v.Dir, Linger: -1})
			if err == nil {
				_ = w.Close()
			}
			return err
		}},
		call{"remove", func() error { return framebuf.Remove(v.Dir, "cam0") }},
		call{"gc", func() error { _, err := framebuf.GC(ctx, v.Dir); return err }},
	)
}

func plantedFiles(ctx context.Context, t *trial) {
	rounds, calls, took, texts := t.of(1, 50), 0, &spans{}, map[string]string{}
	places := 0
	for round := range rounds {
		for _, p := range plants() {
			if p.needs && os.Geteuid() != 0 {
				t.note("%s: not run, needs root", p.name)
				continue
			}
			for _, control := range []bool{false, true} {
				if control && p.asData {
					continue
				}
				places++
				for _, v := range t.visitPlanted(ctx, p, control) {
					calls++
					took.add(v.Took)
					if v.Call == "open newest" && !control && round == 0 {
						texts[p.name] = v.Error
					}
				}
			}
		}
	}
	if took.max() > time.Second {
		t.late("a call took %v", took.max())
	}
	// A link is a link, dangling or not: nobody looks where it leads. And zeros are
	// zeros, however many.
	said := map[string]bool{}
	for name, text := range texts {
		t.note("%s: %s", name, text)
		said[text] = true
	}
	if len(said) < len(texts)-2 {
		t.Errorf("only %d different errors for %d kinds", len(said), len(texts))
	}
	t.reached("%d kinds, %d times in the place of a data or control file, %d calls: 0 followed, changed, made, removed or waited for; p99 %v, max %v",
		len(texts), places, calls, took.at(0.99), took.max())
}

// visitPlanted puts a plant in the place of a file of a segment and lets a process
// of its own call everything.
func (t *trial) visitPlanted(ctx context.Context, p plant, control bool) (all []visited) {
	dir, elsewhere := t.dir(), t.dir()
	what := p.name + " as data file"
	path := filepath.Join(dir, "cam0")
	w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: dir, Linger: -1, Lossless: framebuf.LosslessEvict, EvictAfter: time.Millisecond})
	require.NoError(t, err)
	require.NoError(t, publish(ctx, w))
	if control {
		what, path = p.name+" as control file", t.controlOf(dir, "cam0")
	} else {
		// Of a segment whose writer is gone, without its control file.
		require.NoError(t, os.Rename(path, path+".kept"))
		require.NoError(t, w.Close())
		require.NoError(t, os.Rename(path+".kept", path))
	}
	require.NoError(t, p.put(path, elsewhere))
	before := t.census(dir, elsewhere)
	visiting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	process := t.start(visiting, "visitor", visitor{Dir: dir})
	for range (visitor{}).calls(ctx) {
		var v visited
		if err := process.hear(&v); err != nil {
			t.Errorf("%s: the visitor hangs or died: %v", what, process.wait())
			break
		}
		all = append(all, v)
		if wrong := v.wrong(control); wrong != "" {
			t.Errorf("%s: %s %s: %q", what, v.Call, wrong, v.Error)
		}
	}
	require.NoError(t, process.wait())
	if after := t.census(dir, elsewhere); !slices.Equal(before, after) {
		t.Errorf("%s: was %v, is %v", what, before, after)
	}
	if control {
		require.NoError(t, w.Close())
	}
	for _, d := range []string{dir, elsewhere} {
		for _, name := range listed(d) {
			require.NoError(t, os.RemoveAll(filepath.Join(d, name)))
		}
	}
	return all
}

// wrong says what should have come of a call, if something else did.
func (v *visited) wrong(control bool) string {
	is := func(kinds ...string) bool { return slices.Contains(kinds, v.Kind) }
	switch {
	case v.Call == "list" || v.Call == "gc":
		if v.Error != "" {
			return "fails"
		}
	case control && (v.Call == "open newest" || v.Call == "stat"):
		if v.Error != "" {
			return "needs no control file"
		}
	case control && (v.Call == "create" || v.Call == "remove"):
		if !is("busy") {
			return "is not told that it is busy"
		}
	default:
		if !is("untrusted", "damaged") || !strings.Contains(v.Error, "cam0") {
			return "is not refused"
		}
	}
	return ""
}

// census describes all that lies in directories: what it is, whose, and when it
// was last changed.
func (t *trial) census(dirs ...string) (all []string) {
	for _, dir := range dirs {
		for _, name := range listed(dir) {
			var st unix.Stat_t
			require.NoError(t, unix.Lstat(filepath.Join(dir, name), &st))
			all = append(all, fmt.Sprintf("%s inode %d mode %o uid %d names %d size %d blocks %d changed %d.%09d", name, st.Ino, st.Mode, st.Uid,
				st.Nlink, st.Size, st.Blocks, st.Mtim.Sec, st.Mtim.Nsec))
		}
	}
	return all
}

// badNames are names that no segment may have.
func badNames() (all []string) {
	all = []string{
		"", ".", "..", "...", "/", "//", "./cam0", "../cam0", "cam0/", "cam0/..", "/cam0", "/dev/shm/cam0", "a/b", "a//b", "..cam0", ".cam0", "-", "-cam0", "--help", "_", "_cam0",
		".cam0.0123456789abcdef", "cam0\x00", "\x00", "cam0\x00.txt", "cam0\n", "\ncam0", "cam 0", " cam0", "cam0 ", "\t", "Cam0", "CAM0", "cAm0", "cam%", "%s", "%n%n", "%2e%2e", "cam%00",
		"cam\\0", `..\cam0`, `C:\cam0`, "cam:0", "cam*", "cam?", "cam[0]", "{cam0}", "$(id)", "`id`", "$HOME", "~", "~root", "cam;rm", "cam|ls", "cam&", "cam>x", "cam<x", "cam'0", `cam"0`,
		"cam#0", "cam!", "cam@0", "cam=0", "cam,0", "cam+0", "cam(0)", "cam^0", "kamera-ü", "ｃａｍ0", "cam０", "сam0", "cam\u202e0", "cam\u200b0", "\ufeffcam0", "cam\u00000", "\xff\xfe", "cam\x80", "\xc0\xae\xc0\xae",
		"cam\x7f", "cam\x1b[31m", "\u2024\u2024", "cam\u2215b", "a\u0308", "ﬁ", "İ", "ß", "🎥",
		strings.Repeat("a", 65), strings.Repeat("a", 128), strings.Repeat("a", 255), strings.Repeat("a", 256), strings.Repeat("a", 4096), strings.Repeat("../", 64), strings.Repeat("a/", 64),
	}
	for c := range 256 { // every byte that is not allowed, inside of a name
		b := byte(c)
		if b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '.' || b == '_' || b == '-' {
			continue
		}
		all = append(all, "cam"+string([]byte{b})+"0")
	}
	return all
}

func trickyNames(ctx context.Context, t *trial) {
	base := t.dir()
	dir := filepath.Join(base, "segments")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(base, "cam0"), []byte("outside"), 0o600))
	before := t.census(base, dir)
	names := badNames()
	for _, name := range names {
		for _, c := range []call{
			{"create", func() error {
				_, err := framebuf.Create(name, size(64, 36), &framebuf.Options{Dir: dir})
				return err
			}},
			{"open", func() error {
				_, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{Dir: dir, Wait: true})
				return err
			}},
			{"stat", func() error { _, err := framebuf.Stat(dir, name); return err }},
			{"remove", func() error { return framebuf.Remove(dir, name) }},
			{"check", func() error { return framebuf.CheckName(name) }},
		} {
			if err := c.do(); !errors.Is(err, framebuf.ErrName) {
				t.Errorf("%s %q: %v", c.name, name, err)
			}
		}
	}
	for _, name := range []string{"a", "0", "cam0", "a.b_c-d", "a..", "0-", strings.Repeat("a", 64)} {
		if err := framebuf.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if after := t.census(base, dir); !slices.Equal(before, after) {
		t.Errorf("was %v, is %v", before, after)
	}
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.Remove(filepath.Join(base, "cam0")))
	t.reached("%d names × create, open, stat, remove: all refused, nothing touched", len(names))
}
