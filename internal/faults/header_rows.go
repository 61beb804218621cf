//go:build linux

// D2: damaged headers.

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/stamp"
)

func headerRows() []row {
	return []row{
		{
			id: "D2", fault: "every byte of the headers changed, one at a time, with and without a right checksum", headline: 8,
			must: "an error or correct operation; never a crash, never a hang",
			run:  mutatedHeaders,
		},
	}
}

func headerRoles() map[string]role {
	return map[string]role{"mutant": mutate}
}

// Offsets in the static header, by LAYOUT.md.
const (
	atMajor      = 8
	atMinor      = 10
	atHeaderSize = 12
	atMust       = 16
	atCRC        = 20
	atSlotTable  = 52
	atSlotRecord = 56
	atTable      = 40
	atFlags      = 180
	staticBytes  = 256
	recordHead   = 512 // of a slot record, before meta
)

// seal makes the checksum of a static header right.
func seal(b []byte) {
	n := int(binary.LittleEndian.Uint32(b[atHeaderSize:]))
	if n < staticBytes || n > len(b) {
		return
	}
	binary.LittleEndian.PutUint32(b[atCRC:], 0)
	binary.LittleEndian.PutUint32(b[atCRC:], crc32.Checksum(b[:n], crc32.MakeTable(crc32.Castagnoli)))
}

// killedWriter leaves a segment with frame 0 whose writer got SIGKILL.
func (t *trial) killedWriter(ctx context.Context, dir string) {
	w := t.start(ctx, "writer", stream{Dir: dir, Sizes: []framebuf.Format{size(64, 36)}, Slots: 2, TellEvery: 1, Every: 10 * time.Millisecond})
	w.event("progress")
	w.kill()
}

// pristine are the files of a directory, to be put back.
type pristine map[string][]byte

func keep(dir string) (pristine, error) {
	p := pristine{}
	for _, name := range listed(dir) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		p[name] = b
	}
	return p, nil
}

// putBack makes the directory what it was, with another data file if data is not nil.
func (p pristine) putBack(dir string, data []byte) error {
	for _, name := range listed(dir) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for name, b := range p {
		if name == "cam0" && data != nil {
			b = data
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func empty(dir string) error { return pristine{}.putBack(dir, nil) }

// mutation is the part of a mutant.
type mutation struct {
	Dir  string
	Step int // of the positions, one is tried
}

// mutated is what came of it.
type mutated struct {
	Position  int // of the one that is tried now: the last word of a process that dies
	Mutations int
	Calls     int
	Refused   int // calls with an error
	Longest   time.Duration
	Wrong     []string

	dir string
}

func mutatedHeaders(ctx context.Context, t *trial) {
	dir := t.dir()
	t.killedWriter(ctx, dir)
	p := t.start(ctx, "mutant", mutation{Dir: dir, Step: t.of(7, 1)})
	var m mutated
	for p.hear(&m) == nil {
	}
	if err := p.wait(); err != nil {
		t.Errorf("a crash at byte %d: %v", m.Position, err)
	}
	for _, wrong := range m.Wrong {
		t.Errorf("%s", wrong)
	}
	if m.Longest > time.Second {
		t.late("a call took %v", m.Longest)
	}
	require.NoError(t, empty(dir))
	t.reached("%d changed bytes, %d calls to open and read, look, and take over: %d refused, the others right; 0 crashes, 0 hangs, longest %v",
		m.Mutations, m.Calls, m.Refused, m.Longest.Round(time.Millisecond))
}

// values are what a byte is changed into.
func values(b byte) []byte { return []byte{b ^ 1, b ^ 0x80, b ^ 0xff, b + 1, b - 1, 0, 0x7f, 0xff} }

// positions are the bytes of all headers: the first page, and the record of each
// slot up to its meta.
func positions(whole []byte, step int) (all []int) {
	table, record := int(binary.LittleEndian.Uint32(whole[atSlotTable:])), int(binary.LittleEndian.Uint32(whole[atSlotRecord:]))
	for at := 0; at < 4096; at += step {
		all = append(all, at)
	}
	for slot := range 2 {
		for at := 0; at < recordHead; at += step {
			all = append(all, table+slot*record+at)
		}
	}
	return all
}

func mutate(ctx context.Context, part []byte, tell func(any)) error {
	p, err := parse[mutation](part)
	if err != nil {
		return err
	}
	kept, err := keep(p.Dir)
	if err != nil {
		return err
	}
	m, whole := &mutated{dir: p.Dir}, kept["cam0"]
	if err := m.readAll(ctx, whole, positions(whole, p.Step), tell); err != nil {
		return err
	}
	for _, at := range positions(whole, p.Step) {
		m.Position = at
		tell(m)
		changed := append([]byte(nil), whole...)
		changed[at] ^= 0xff
		seal(changed)
		if err := kept.putBack(p.Dir, changed); err != nil {
			return err
		}
		m.Mutations++
		m.try(fmt.Sprintf("byte %d, taking over", at), func() error {
			w, err := framebuf.Create("cam0", size(64, 36), &framebuf.Options{Dir: p.Dir, Linger: -1})
			if err != nil {
				return err
			}
			return errors.Join(publish(ctx, w), w.Close())
		})
	}
	tell(m)
	return nil
}

// readAll changes one byte after the other, in place, and reads.
func (m *mutated) readAll(ctx context.Context, whole []byte, at []int, tell func(any)) error {
	f, err := os.OpenFile(filepath.Join(m.dir, "cam0"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	put := func(b []byte, at int) { _, err = f.WriteAt(b, int64(at)) }
	for _, at := range at {
		m.Position = at
		tell(m)
		for _, v := range values(whole[at]) {
			put([]byte{v}, at)
			m.read(ctx, fmt.Sprintf("byte %d is %#x", at, v), true)
			if at < staticBytes {
				head := append([]byte(nil), whole[:staticBytes]...)
				head[at] = v
				seal(head)
				put(head, 0)
				// What a right checksum vouches for is the writer's word: other places, other bytes.
				m.read(ctx, fmt.Sprintf("byte %d is %#x, sealed", at, v), false)
			}
		}
		put(whole[:staticBytes], 0)
		put(whole[at:at+1], at)
		if err != nil {
			return err
		}
	}
	return nil
}

// read opens and reads in every way. Frames must be whole if so asked.
func (m *mutated) read(ctx context.Context, what string, whole bool) {
	m.Mutations++
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, mode := range allModes {
		m.try(what+", "+mode.String(), func() error {
			r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: m.dir, Mode: mode})
			if err != nil {
				return err
			}
			defer r.Close()
			return r.View(ctx, func(f *framebuf.Frame) error {
				if whole && !stamp.Whole(f.Bytes(), f.Number) {
					m.Wrong = append(m.Wrong, what+": a frame is torn")
				}
				_, err := f.Image() // of whatever shape it claims to have
				return err
			})
		})
	}
	m.try(what+", stat", func() error { _, err := framebuf.Stat(m.dir, "cam0"); return err })
}

func (m *mutated) try(what string, do func() error) {
	start := time.Now()
	err := do()
	took := time.Since(start)
	m.Calls++
	if err != nil {
		m.Refused++
	}
	if m.Longest = max(m.Longest, took); took > time.Second {
		m.Wrong = append(m.Wrong, fmt.Sprintf("%s took %v: %v", what, took, err))
	}
}
