// A mapped control file: one cell for each reader, which only that reader writes.

package framebuf

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/framebridge/framebridge/internal/futex"
	"github.com/framebridge/framebridge/internal/shm"
)

// control is a mapped control file. A reader maps it read-write, the writer
// read-only: it never writes there.
type control struct {
	file  *shm.File
	m     *shm.Mapping
	cells int
	id    uint64
	refs  atomic.Int32 // the holder and each call that sleeps; unmapped at 0
}

func newControl(file *shm.File, m *shm.Mapping, st *static) *control {
	c := &control{file: file, m: m, cells: st.cells, id: st.controlID}
	c.refs.Store(1)
	return c
}

// acquire keeps the mapping for one more user.
func (c *control) acquire() { c.refs.Add(1) }

func controlSize(cells int) int64 { return int64(cells+1) * cellSize }

// encodeControl is the header of a new control file.
func encodeControl(cells int, id uint64) []byte {
	b := make([]byte, ctID+8)
	copy(b[ctMagic:], controlMagic)
	le.PutUint16(b[ctMajor:], layoutMajor)
	le.PutUint16(b[ctMinor:], layoutMinor)
	le.PutUint32(b[ctCells:], uint32(cells))
	le.PutUint64(b[ctID:], id)
	return b
}

// openControl opens the control file that a data file names.
func openControl(d *shm.Dir, name string, st *static, writable bool) (*control, error) {
	file, fst, err := d.Open(controlName(name, st.controlID), writable, true)
	if err != nil {
		return nil, err
	}
	return takeControl(file, fst, st, writable)
}

// takeControl checks an open control file and takes it over; it closes one that is
// not what it should be.
func takeControl(file *shm.File, fst shm.Stat, st *static, writable bool) (*control, error) {
	c, err := mapControl(file, fst, st, writable)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", file.Path(), err)
	}
	return c, nil
}

func mapControl(file *shm.File, fst shm.Stat, st *static, writable bool) (*control, error) {
	var h [ctID + 8]byte
	if n, err := file.ReadAt(h[:], 0); err != nil {
		return nil, err
	} else if n < len(h) || !bytes.Equal(h[:8], []byte(controlMagic)) {
		return nil, fmt.Errorf("%w: this is not a control file (no magic)", ErrDamaged)
	}
	if v := le.Uint16(h[ctMajor:]); v != layoutMajor {
		return nil, fmt.Errorf("%w: the control file has %d.%d", ErrVersion, v, le.Uint16(h[ctMinor:]))
	}
	if id, cells := le.Uint64(h[ctID:]), le.Uint32(h[ctCells:]); id != st.controlID || int64(cells) != int64(st.cells) || fst.Size < controlSize(st.cells) {
		return nil, fmt.Errorf("%w: the control file does not belong to the data file", ErrDamaged)
	}
	m, err := file.Map(controlSize(st.cells), writable)
	if err != nil {
		return nil, err
	}
	return newControl(file, m, st), nil
}

// release lets go; the last one unmaps and closes, which drops the locks.
func (c *control) release() error {
	if c == nil || c.refs.Add(-1) != 0 {
		return nil
	}
	err := c.m.Close()
	if cerr := c.file.Close(); err == nil {
		err = cerr
	}
	return err
}

func (c *control) event() *atomic.Uint32 { return word32(c.m.Bytes(), ctEvent) }

func (c *control) cell64(k, off int) *atomic.Uint64 { return word64(c.m.Bytes(), k*cellSize+off) }
func (c *control) cell32(k, off int) *atomic.Uint32 { return word32(c.m.Bytes(), k*cellSize+off) }

func (c *control) pin(k, j int) *atomic.Uint64 { return c.cell64(k, clPins+8*j) }

// label is the text that a reader gave itself, for people: only printable ASCII
// comes through.
func (c *control) label(k int) string {
	var b [labelSize]byte
	copy(b[:], c.m.Bytes()[k*cellSize+clLabel:])
	text, _, _ := bytes.Cut(b[:], []byte{0})
	return printable(text)
}

// ring adds 1 to the cursor event and wakes the writer if it waits.
func (c *control) ring() {
	ev := c.event()
	ev.Add(1)
	_ = futex.WakeAll(ev)
}

// printableText replaces control characters, which could hurt a terminal.
func printableText(b []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(string(b), "?"))
}

// printable replaces all but printable ASCII.
func printable(b []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, b))
}
