// Names: of segments, of their files, of the directory they lie in.

package framebuf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/framebridge/framebridge/internal/futex"
	"github.com/framebridge/framebridge/internal/shm"
)

// DirEnv is the environment variable that DefaultDir looks at.
const DirEnv = "FRAMEBRIDGE_DIR"

// DefaultDir is where segments lie when no directory is given: $FRAMEBRIDGE_DIR,
// or /dev/shm/framebridge-<uid>. Two containers share segments by mounting one
// directory.
func DefaultDir() string {
	if d := os.Getenv(DirEnv); d != "" {
		return d
	}
	return ownDir()
}

// ownDir is this user's own directory.
func ownDir() string { return "/dev/shm/framebridge-" + strconv.Itoa(os.Geteuid()) }

// CheckName reports whether a segment may have this name: one to 64 of a-z, 0-9,
// dot, underscore and hyphen, the first a letter or digit. The error matches
// ErrName.
func CheckName(name string) error {
	ok := name != "" && len(name) <= 64
	for i := range len(name) {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		ok = ok && (alnum || i > 0 && (c == '.' || c == '_' || c == '-'))
	}
	if !ok {
		return fmt.Errorf("%w: %q; use 1 to 64 of a-z 0-9 . _ -, a letter or digit first", ErrName, name)
	}
	return nil
}

// Hidden files beside segments begin with a dot, which no segment name does.
func controlName(segment string, id uint64) string {
	return fmt.Sprintf(".%s.%016x", segment, id)
}

func stagingName(segment string, g Generation) string {
	return "." + segment + "." + g.String() + ".new"
}

// parseHidden takes a hidden name apart: the segment it belongs to, and the
// control id or that it is a staged data file.
func parseHidden(name string) (segment string, id uint64, staged, ok bool) {
	rest, hidden := strings.CutPrefix(name, ".")
	if !hidden {
		return "", 0, false, false
	}
	rest, staged = strings.CutSuffix(rest, ".new")
	dot := strings.LastIndexByte(rest, '.')
	if dot < 1 || CheckName(rest[:dot]) != nil {
		return "", 0, false, false
	}
	tag := rest[dot+1:]
	switch {
	case strings.ToLower(tag) != tag:
	case staged && len(tag) == 32:
		return rest[:dot], 0, true, true
	case !staged && len(tag) == 16:
		id, err := strconv.ParseUint(tag, 16, 64)
		return rest[:dot], id, false, err == nil
	}
	return "", 0, false, false
}

// openDir opens the directory of segments; empty means DefaultDir.
func openDir(path string, o shm.DirOptions) (*shm.Dir, error) {
	if path == "" {
		path = DefaultDir()
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return shm.OpenDir(abs, o)
}

// notFound turns a missing file into ErrNotFound.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", ErrNotFound, err)
	}
	return err
}

// openData opens and checks a data file. The mapping is read-only unless
// writable; the file is opened for writing if lockable, to take the lock.
func openData(d *shm.Dir, name string, lockable, writable bool) (*segment, error) {
	file, fst, err := d.Open(name, lockable || writable, false)
	if err != nil {
		return nil, notFound(err)
	}
	return takeData(file, fst, writable)
}

// takeData checks an open data file and takes it over; it closes one that is not
// what it should be.
func takeData(file *shm.File, fst shm.Stat, writable bool) (*segment, error) {
	s, err := mapData(file, fst, writable)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", file.Path(), err)
	}
	return s, nil
}

func mapData(file *shm.File, fst shm.Stat, writable bool) (*segment, error) {
	h := make([]byte, maxStaticSize)
	n, err := file.ReadAt(h, 0)
	if err != nil {
		return nil, err
	}
	st, err := decodeStatic(h[:n], fst.Size)
	if err != nil {
		return nil, err
	}
	m, err := file.Map(st.fileSize, writable)
	if err != nil {
		return nil, err
	}
	s := newSegment(st, file, m)
	s.waitKey = futex.Key{Dev: fst.Dev, Inode: fst.Inode, Offset: int64(st.dynOffset + dyEvent)}
	return s, nil
}
