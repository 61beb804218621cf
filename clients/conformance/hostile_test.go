//go:build linux

package conformance

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostileCase is a golden segment with something wrong.
type hostileCase struct {
	Name        string   `json:"name"`
	Base        string   `json:"base"` // the golden segment
	Edits       []edit   `json:"edits"`
	Unsigned    bool     `json:"unsigned"`     // leave the checksum of the static header as it was
	Size        *int64   `json:"size"`         // of the file: cut, or made longer
	ControlSize *int64   `json:"control_size"` // of the control file
	As          string   `json:"as"`           // what the file is instead of a file
	ControlAs   string   `json:"control_as"`
	By          []string `json:"by"`    // who must notice: describe, newest, lossless; default describe and newest
	Error       string   `json:"error"` // its class; empty: no error
}

// edit is a change of one field.
type edit struct {
	In  string  `json:"in"` // static (default), dynamic, slot N, control: where offsets count from, as in LAYOUT.md
	At  int     `json:"at"`
	Hex string  `json:"hex"`
	U16 *uint16 `json:"u16"`
	U32 *uint32 `json:"u32"`
	U64 *uint64 `json:"u64"`
}

// apply makes the change. places says where the tables are: an edit may break that.
func (e edit) apply(t testing.TB, places, data, control raw) {
	t.Helper()
	b, at := data, e.At
	switch part, number, _ := strings.Cut(e.In, " "); part {
	case "", "static":
	case "dynamic":
		at = places.dyn(e.At)
	case "slot":
		slot, err := strconv.Atoi(number)
		require.NoError(t, err)
		at = places.record(slot, e.At)
	case "control":
		b = control
	default:
		t.Fatalf("edit in %q", e.In)
	}
	switch {
	case e.U16 != nil:
		b.set16(at, *e.U16)
	case e.U32 != nil:
		b.set32(at, *e.U32)
	case e.U64 != nil:
		b.set64(at, *e.U64)
	default:
		bytes, err := hex.DecodeString(e.Hex)
		require.NoError(t, err)
		require.NotEmpty(t, bytes, "an edit without a value")
		copy(b[at:], bytes)
	}
}

func hostileCases(t testing.TB) (all []hostileCase) {
	t.Helper()
	text, err := os.ReadFile("hostile.json")
	require.NoError(t, err)
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&all))
	return all
}

// plant puts the segment into a directory.
func (h hostileCase) plant(t testing.TB, dir string) {
	t.Helper()
	data := raw(readHex(t, goldenPath(h.Base, "hex")))
	places, control := slices.Clone(data), controlFile(data)
	path, controlPath := filepath.Join(dir, h.Base), filepath.Join(dir, controlName(h.Base, data))
	for _, e := range h.Edits {
		e.apply(t, places, data, control)
	}
	if size := data.u32(12); !h.Unsigned && int(size) <= len(data) {
		data.sign()
	}
	put(t, path, data, h.As)
	put(t, controlPath, control, h.ControlAs)
	if h.Size != nil {
		require.NoError(t, os.Truncate(path, *h.Size))
	}
	if h.ControlSize != nil {
		require.NoError(t, os.Truncate(controlPath, *h.ControlSize))
	}
}

// stranger is a user that is neither this one nor root.
const stranger = 65533

func asRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("giving a file away needs root")
	}
}

// put makes a file, or what stands in its place, and takes it away with the test.
func put(t testing.TB, path string, b []byte, as string) {
	t.Helper()
	dir := filepath.Dir(path)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	file := func(path string) { require.NoError(t, os.WriteFile(path, b, 0o600)) }
	kind, mode, _ := strings.Cut(as, " ")
	switch kind {
	case "":
		file(path)
	case "mode":
		bits, err := strconv.ParseUint(mode, 8, 32)
		require.NoError(t, err)
		file(path)
		require.NoError(t, os.Chmod(path, os.FileMode(bits)))
	case "symlink":
		file(elsewhere)
		require.NoError(t, os.Symlink(elsewhere, path))
	case "dangling":
		require.NoError(t, os.Symlink(elsewhere, path))
	case "fifo":
		require.NoError(t, syscall.Mkfifo(path, 0o600))
	case "directory":
		require.NoError(t, os.Mkdir(path, 0o700))
	case "socket":
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer func() { _ = syscall.Close(fd) }()
		require.NoError(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}))
	case "hardlink":
		file(path)
		second := filepath.Join(dir, "second")
		require.NoError(t, os.Link(path, second))
		t.Cleanup(func() { _ = os.Remove(second) })
	case "stranger":
		asRoot(t)
		file(path)
		require.NoError(t, os.Chown(path, stranger, stranger))
	case "nothing":
	case "open":
		file(path)
		require.NoError(t, os.Chmod(dir, 0o777))
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	case "strange":
		asRoot(t)
		file(path)
		require.NoError(t, os.Chown(dir, stranger, stranger))
		t.Cleanup(func() { _ = os.Chown(dir, os.Geteuid(), os.Getegid()) })
	default:
		t.Fatalf("a file as %q", as)
	}
}

// Every client refuses what is no segment, or contradicts itself, with the error that
// says which; and it reads what only looks strange.
func TestHostile(t *testing.T) {
	cases := hostileCases(t)
	each(t, func(t *testing.T, c *client) {
		c.needs(t, "describe")
		s := newSession(t, c)
		defer s.close(t)
		for i, h := range cases {
			if h.By == nil {
				h.By = []string{"describe", "newest"}
			}
			t.Run(fmt.Sprintf("%d %s", i, h.Name), func(t *testing.T) {
				h.plant(t, s.dir)
				for _, by := range h.By {
					command := []string{"describe", h.Base}
					if by != "describe" {
						command = []string{"read", h.Base, "--mode", by, "--frames", "1"}
						if !c.canRead(by) {
							continue
						}
					}
					got := s.run(t, command...)
					if h.Error != "" {
						got.failed(t, h.Error)
					} else {
						require.Zero(t, got.code, "%s: %+v", got.who, got.last())
					}
				}
			})
		}
	})
}

func TestNames(t *testing.T) {
	each(t, func(t *testing.T, c *client) {
		c.needs(t, "describe")
		s := newSession(t, c)
		defer s.close(t)
		for _, row := range []struct{ name, segment, err string }{
			{"upper case", "Cam0", "name"},
			{"hidden", ".cam0", "name"},
			{"empty", "", "name"},
			{"path", "a/b", "name"},
			{"parent", "..", "name"},
			{"parent's", "../cam0", "name"},
			{"65 letters", strings.Repeat("a", 65), "name"},
			{"a line end", "cam0\n", "name"},
			{"no ASCII", "käm0", "name"},
			{"64 letters", strings.Repeat("a", 64), "not-found"},
			{"all that is allowed", "0a-b_c.d", "not-found"},
		} {
			t.Run(row.name, func(t *testing.T) {
				s.run(t, "describe", row.segment).failed(t, row.err)
			})
		}
	})
}
