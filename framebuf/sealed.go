// Sealed segments: the same bytes without a name, handed down as descriptors.

package framebuf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/framebridge/framebridge/internal/shm"
)

// inherited are the descriptors of a segment that was handed down.
type inherited struct{ data, control int }

const inheritedPrefix = "fd:"

// InheritedName is the name under which a child process opens a segment that was
// handed down to it (see Writer.HandDown), by the numbers that the descriptors have
// in the child: fd:3,4. Open and Stat take such a name in place of a segment's.
func InheritedName(data, control int) string {
	return inheritedPrefix + strconv.Itoa(data) + "," + strconv.Itoa(control)
}

// CheckSource reports whether a segment to read may have this name: one that
// CheckName accepts, or one of InheritedName. The error matches ErrName.
func CheckSource(name string) error {
	if _, ok := parseInherited(name); ok {
		return nil
	}
	if strings.HasPrefix(name, inheritedPrefix) {
		return fmt.Errorf("%w: %q; inherited segments are called fd:DATA,CONTROL, with the numbers of two descriptors", ErrName, name)
	}
	return CheckName(name)
}

// parseInherited reads what InheritedName writes.
func parseInherited(name string) (in inherited, ok bool) {
	rest, ok := strings.CutPrefix(name, inheritedPrefix)
	if !ok {
		return in, false
	}
	a, b, _ := strings.Cut(rest, ",")
	data, err := strconv.ParseUint(a, 10, 31)
	control, cerr := strconv.ParseUint(b, 10, 31)
	return inherited{int(data), int(control)}, err == nil && cerr == nil
}

// openData opens and checks the data file. Whatever is wrong with it, the
// descriptors will not become others: no error is worth waiting for.
func (in inherited) openData(trustUIDs []int) (*segment, error) {
	file, fst, err := shm.OpenInherited(in.data, false, false, trustUIDs)
	if err != nil {
		return nil, notFound(err)
	}
	return takeData(file, fst, false)
}

// openControl opens the control file that belongs to a data file.
func (in inherited) openControl(st *static, writable bool, trustUIDs []int) (*control, error) {
	file, fst, err := shm.OpenInherited(in.control, writable, true, trustUIDs)
	if err != nil {
		return nil, err
	}
	return takeControl(file, fst, st, writable)
}

// sealed reports whether nobody can take the memory of s away or write it, other
// than its writer.
func (s *segment) sealed() bool {
	size, writes := s.file.Sealed()
	return size && writes
}

// HandDown opens both files of a sealed segment anew for one child process, which
// opens InheritedName with the numbers that it gets them under. They belong to the
// caller, who closes them when the child has started. The data file is open for
// reading only, and no lock of the writer lies on them: a child that keeps them
// keeps nobody alive. Errors match ErrNotSealed and ErrClosed.
//
// With os/exec: cmd.ExtraFiles = []*os.File{data, control} makes them 3 and 4.
func (w *Writer) HandDown() (data, control *os.File, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		err = ErrClosed
	case !w.opts.Sealed:
		err = ErrNotSealed
	default:
		if data, err = w.seg.file.Reopen(false); err == nil {
			if control, err = w.ctl.file.Reopen(true); err != nil {
				_ = data.Close()
			}
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("framebuf: hand down %s: %w", w.name, err)
	}
	return data, control, nil
}

// openSource opens the data file of the reader's segment: the inherited one, or
// the one that has the name now.
func (r *Reader) openSource() (*segment, error) {
	var s *segment
	var err error
	if r.in != nil {
		s, err = r.in.openData(r.opts.TrustUID)
	} else {
		s, err = openData(r.dir, r.name, false, false)
	}
	if err == nil && r.opts.Sealed && !s.sealed() {
		_ = s.release()
		return nil, ErrNotSealed
	}
	return s, err
}

// openCells opens the control file for the reader to register in.
func (r *Reader) openCells() (*control, error) {
	if r.in == nil {
		return openControl(r.dir, r.name, &r.seg.st, true)
	}
	c, err := r.in.openControl(&r.seg.st, true, r.opts.TrustUID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrReadOnly, err) // the data was handed down without it
	}
	if err != nil {
		return nil, err
	}
	if size, _ := c.file.Sealed(); r.opts.Sealed && !size {
		_ = c.release()
		return nil, fmt.Errorf("the control file: %w", ErrNotSealed)
	}
	return c, nil
}
