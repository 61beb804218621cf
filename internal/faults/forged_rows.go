//go:build linux

// D3, D8: headers that change while they are read, and those of other versions.

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

func forgedRows() []row {
	return []row{
		{
			id: "D3", fault: "headers that change while they are checked and used",
			must: "every value is read once, checked and used: never a crash, never a hang",
			run:  changingHeaders,
		},
		{
			id: "D8", fault: "other versions, unknown flags, a longer header",
			must: "another major and an unknown must-understand bit are refused and left alone; a higher minor, a longer header and other flags are read",
			run:  versionMatrix,
		},
	}
}

func forgedRoles() map[string]role { return map[string]role{"flipper": flip, "opener": openAgain} }

// opening is the part of processes of D3.
type opening struct {
	Dir   string
	Count int // opens and reads
}

// opened is what an opener found.
type opened struct {
	Opens, Reads, Refused, Failed int
	Longest                       time.Duration
	Wrong                         string
}

func changingHeaders(ctx context.Context, t *trial) {
	dir := t.dir()
	writer := t.start(ctx, "writer", stream{
		Dir: dir, Sizes: []framebuf.Format{size(32, 18)},
		Lossless: framebuf.LosslessEvict, Evict: 10 * time.Millisecond,
	})
	writer.event("ready")
	const openers = 2
	count := t.of(40_000, 10_000_000) / openers
	flipper := t.start(ctx, "flipper", opening{Dir: dir})
	var all []*party
	for range openers {
		all = append(all, t.start(ctx, "opener", opening{Dir: dir, Count: count}))
	}
	var sum opened
	for i, p := range all {
		var o opened
		var err error
		for err == nil {
			err = p.hear(&o)
		}
		if err := p.wait(); err != nil {
			t.Errorf("opener %d: %v", i, err)
		}
		if o.Wrong != "" {
			t.Errorf("opener %d: %s", i, o.Wrong)
		}
		sum.Opens += o.Opens
		sum.Reads += o.Reads
		sum.Refused += o.Refused
		sum.Failed += o.Failed
		sum.Longest = max(sum.Longest, o.Longest)
	}
	var flips struct{ Flips int }
	flipper.tellToStop()
	require.NoError(t, flipper.hear(&flips))
	require.NoError(t, flipper.wait())
	w := writer.finish()
	if w.Error != "told to stop" && w.Error != "" {
		t.Errorf("the writer ended with %q", w.Error)
	}
	t.reached("%d opens (%d refused) and %d reads (%d failed) beside %d changes of every field: 0 crashes, 0 hangs, longest %v; the writer published %d frames",
		sum.Opens, sum.Refused, sum.Reads, sum.Failed, flips.Flips, sum.Longest.Round(time.Millisecond), w.Delivered)
}

// flip changes fields of the headers for moments, until it is told to stop.
func flip(ctx context.Context, part []byte, tell func(any)) error {
	p, err := parse[opening](part)
	if err != nil {
		return err
	}
	m, unmap, err := mapFile(filepath.Join(p.Dir, "cam0"), true)
	if err != nil {
		return err
	}
	defer unmap()
	edges := []uint64{0, 1, 2, 0xffff, 1 << 16, 1 << 31, 1<<32 - 1, 1 << 40, 1 << 47, 1 << 48, 1 << 63, 1<<64 - 1, 1<<64 - 64}
	table := int(binary.LittleEndian.Uint32(m.b[atSlotTable:]))
	record := int(binary.LittleEndian.Uint32(m.b[atSlotRecord:]))
	flips := 0
	for ctx.Err() == nil {
		var at int
		switch rand.N(8) {
		case 0: // seldom: most changes there refuse the opening, and no more is tried
			at = rand.N(staticBytes/8) * 8
		case 1, 2, 3:
			at = staticBytes + rand.N((4096-staticBytes)/8)*8
		default:
			at = table + rand.N(4)*record + rand.N(recordHead/8)*8
		}
		word, v := m.word64(at), edges[rand.N(len(edges))]
		if rand.N(2) == 0 {
			v = rand.Uint64()
		}
		old := word.Swap(v)
		sum := m.word64(atCRC &^ 7)
		before := sum.Load()
		if at < staticBytes && rand.N(2) == 0 { // with a right checksum
			head := append([]byte(nil), m.b[:staticBytes]...)
			seal(head)
			sum.Store(binary.LittleEndian.Uint64(head[atCRC&^7:]))
		}
		for range rand.N(20_000) { // shorter than any sleep
			_ = word.Load()
		}
		if at < staticBytes {
			sum.Store(before)
		}
		word.Store(old)
		flips++
	}
	tell(map[string]int{"Flips": flips})
	return nil
}

// openAgain opens and reads so many times.
func openAgain(ctx context.Context, part []byte, tell func(any)) error {
	p, err := parse[opening](part)
	if err != nil {
		return err
	}
	var o opened
	timed := func(what string, do func() error) error {
		start := time.Now()
		err := do()
		took := time.Since(start)
		if o.Longest = max(o.Longest, took); took > time.Second {
			o.Wrong = fmt.Sprintf("%s took %v: %v", what, took, err)
		}
		return err
	}
	for i := 0; o.Opens+o.Reads < p.Count && ctx.Err() == nil; i++ {
		mode := allModes[i%3]
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		var r *framebuf.Reader
		o.Opens++
		if err := timed("open "+mode.String(), func() (err error) {
			r, err = framebuf.Open(short, "cam0", &framebuf.ReaderOptions{Dir: p.Dir, Mode: mode})
			return err
		}); err != nil {
			o.Refused++
			cancel()
			continue
		}
		for range 20 {
			o.Reads++
			if err := timed("read "+mode.String(), func() error {
				return r.View(short, func(f *framebuf.Frame) error {
					_, err := f.Image()
					return err
				})
			}); err != nil {
				o.Failed++
				break
			}
		}
		if err := r.Close(); err != nil {
			o.Wrong = err.Error()
		}
		cancel()
		if i%10_000 == 0 {
			tell(o)
		}
	}
	tell(o)
	return nil
}

// version is a forged header.
type version struct {
	major, minor, header int
	must, flags          uint32
}

func (v version) String() string {
	return fmt.Sprintf("layout %d.%d, header of %d bytes, must %#x, flags %#x", v.major, v.minor, v.header, v.must, v.flags)
}

// knownMust are the must-understand bits that may be set: alignment above 64 KiB.
const knownMust = 1 << 1

// readable reports whether this build must read it.
func (v version) readable() bool { return v.major == 1 && v.must&^knownMust == 0 }

// of forges a data file. A longer static header pushes all up to the slot table
// away; there is room before the slots.
func (v version) of(whole []byte) []byte {
	b := append([]byte(nil), whole...)
	if by := v.header - staticBytes; by > 0 {
		table, record := int(binary.LittleEndian.Uint32(b[atSlotTable:])), int(binary.LittleEndian.Uint32(b[atSlotRecord:]))
		end := table + 2*record
		copy(b[staticBytes+by:], whole[staticBytes:end])
		for i := range by {
			b[staticBytes+i] = byte(i) | 1 // what a later version may have there
		}
		for _, at := range []int{atDynamic, atTable, atSlotTable} {
			binary.LittleEndian.PutUint32(b[at:], binary.LittleEndian.Uint32(b[at:])+uint32(by))
		}
	}
	binary.LittleEndian.PutUint16(b[atMajor:], uint16(v.major))
	binary.LittleEndian.PutUint16(b[atMinor:], uint16(v.minor))
	binary.LittleEndian.PutUint32(b[atHeaderSize:], uint32(v.header))
	binary.LittleEndian.PutUint32(b[atMust:], v.must)
	binary.LittleEndian.PutUint32(b[atFlags:], v.flags)
	seal(b)
	return b
}

func versions() (all []version) {
	var bits []uint32
	for bit := range 32 {
		bits = append(bits, 1<<bit)
	}
	for _, major := range []int{0, 1, 2, 255, 65535} {
		for _, minor := range []int{0, 1, 2, 7, 255, 65535} {
			for _, header := range []int{256, 384, 512, 4096} {
				all = append(all, version{major: major, minor: minor, header: header})
			}
		}
	}
	for _, bit := range append(bits, 1<<32-1) {
		all = append(all,
			version{major: 1, minor: 1, header: 256, must: bit}, version{major: 1, minor: 2, header: 512, must: bit},
			version{major: 1, minor: 1, header: 256, flags: bit}, version{major: 2, header: 256, must: bit, flags: bit})
	}
	return all
}

func versionMatrix(ctx context.Context, t *trial) {
	dir := t.dir()
	t.killedWriter(ctx, dir)
	kept, err := keep(dir)
	require.NoError(t, err)
	accepted, refused := 0, 0
	for _, v := range versions() {
		forged := v.of(kept["cam0"])
		require.NoError(t, kept.putBack(dir, forged))
		if v.readable() {
			accepted++
			for _, m := range allModes {
				if err := readOne(ctx, dir, m); err != nil {
					t.Errorf("%v: %v: %v", v, m, err)
				}
			}
			continue
		}
		refused++
		says := fmt.Sprintf("the segment has %d.%d, this build reads 1.x", v.major, v.minor)
		if v.major == 1 {
			says = fmt.Sprintf("%#x", v.must&^knownMust)
		}
		calls := (visitor{Dir: dir}).calls(ctx)
		for _, c := range calls {
			err := c.do()
			switch {
			case c.name == "list" || c.name == "gc":
				if err != nil {
					t.Errorf("%v: %s: %v", v, c.name, err)
				}
			case !errors.Is(err, framebuf.ErrVersion) || !strings.Contains(err.Error(), says):
				t.Errorf("%v: %s: %v", v, c.name, err)
			}
		}
		now, err := os.ReadFile(filepath.Join(dir, "cam0"))
		if err != nil || !slices.Equal(now, forged) {
			t.Errorf("%v: it was touched: %v", v, err)
		}
	}
	t.reached("%d of %d forged headers read, %d of %d refused with the version or the bits named, and left alone", accepted, accepted, refused, refused)
	require.NoError(t, empty(dir))
}

// readOne reads the one frame of a dead segment.
func readOne(ctx context.Context, dir string, m framebuf.Mode) error {
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: m})
	if err != nil {
		return err
	}
	return errors.Join(r.View(ctx, intact), r.Close())
}
