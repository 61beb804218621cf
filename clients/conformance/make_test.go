//go:build linux

package conformance

// Making golden segments: by framebuf, then made the same for every run, then edited
// where no writer of ours would go.

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// maker makes the data file of one golden segment.
type maker struct {
	t    testing.TB
	dir  string
	name string
	w    *framebuf.Writer
	file *os.File // the data file, open beyond its name
}

// create begins a segment. Three reader cells and 64 bytes of meta keep it small.
func (m *maker) create(f framebuf.Format, o framebuf.Options) {
	m.t.Helper()
	o.Dir, o.Cells, o.MetaCapacity, o.Linger = m.dir, 3, 64, -1
	var err error
	m.w, err = framebuf.Create(m.name, f, &o)
	require.NoError(m.t, err)
	m.open()
}

func (m *maker) open() {
	file, err := os.Open(filepath.Join(m.dir, m.name))
	require.NoError(m.t, err)
	m.t.Cleanup(func() { _ = file.Close() })
	m.file = file
}

func (m *maker) publish(fill func(*framebuf.Slot) error) {
	m.t.Helper()
	require.NoError(m.t, m.w.Publish(within(m.t, 20*time.Second), fill))
}

// stamped publishes n frames as conform write does.
func (m *maker) stamped(n int) {
	m.t.Helper()
	for range n {
		m.publish(Stamp)
	}
}

// bytes is the data file as it is now.
func (m *maker) bytes() raw {
	m.t.Helper()
	info, err := m.file.Stat()
	require.NoError(m.t, err)
	b := make([]byte, info.Size())
	_, err = m.file.ReadAt(b, 0)
	require.NoError(m.t, err)
	return b
}

// ended is the data file after an orderly end.
func (m *maker) ended() raw {
	m.t.Helper()
	require.NoError(m.t, m.w.Close())
	return m.bytes()
}

// left is the data file as a writer that is killed now would leave it.
func (m *maker) left() raw {
	m.t.Helper()
	b := m.bytes()
	require.NoError(m.t, m.w.Close())
	return b
}

// halfWritten begins a frame and does not publish it.
func (m *maker) halfWritten() {
	m.t.Helper()
	s, err := m.w.Begin(within(m.t, 20*time.Second))
	require.NoError(m.t, err)
	fill(s.Bytes()[:len(s.Bytes())/2], s.Info.Number, s.Info.Format)
	m.t.Cleanup(s.Abandon)
}

// settle replaces what differs from run to run: names drawn at random, times, counts
// of ticks.
func settle(b raw, name string) {
	sum := sha256.Sum256([]byte(name))
	copy(b[104:120], sum[:16])
	if b.u64(120) != 0 || b.u64(128) != 0 {
		copy(b[120:136], sum[16:])
	}
	b.set64(136, binary.LittleEndian.Uint64(sum[8:]))
	b.set64(152, 1_700_000_000_123_456_789)
	b.set64(160, 98_765_432_100)
	b.set32(168, 4242)
	b.set32(176, 37)
	clear(b[192:256])
	copy(b[192:256], name)
	b.sign()
	b.set32(b.dyn(384), uint32(b.u64(b.dyn(768)))+2) // event
	b.set64(b.dyn(512), 3)                           // heartbeat
	if d := b.dyn(648); b.u64(d) != 0 || b.u64(d+8) != 0 {
		copy(b[d:d+16], sum[16:])
	}
	for slot := range b.slots() {
		r := func(at int) int { return b.record(slot, at) }
		if b.u64(r(184)) == 0 { // never stored
			continue
		}
		n := b.u64(r(128)) % 1000
		b.set64(r(184), (100+n)*1_000_000_000)
		b.set64(r(192), 1_700_000_000_000_000_000+n*33_366_667)
		b.set64(r(200), (100+n)*1_000_000_000+250_000)
		b.set32(r(208), 37)
	}
}

// renumber adds to every frame number in a segment.
func renumber(b raw, add uint64) {
	b.set64(144, b.u64(144)+add)
	b.sign()
	b.set64(b.dyn(128), b.u64(b.dyn(128))+add<<16)
	b.set64(b.dyn(256), b.u64(b.dyn(256))+add<<16)
	b.set64(b.dyn(640), b.u64(b.dyn(640))+add)
	for slot := range b.slots() {
		if b.sequence(slot) != 0 {
			b.set64(b.record(slot, 0), b.sequence(slot)+2*add)
			b.set64(b.record(slot, 128), b.u64(b.record(slot, 128))+add)
		}
	}
}

// relay lays a segment out as a later minor version may: everything is longer,
// elsewhere, and there are bytes of unknown meaning between the known ones.
func relay(old raw) raw {
	up := func(n, to int) int { return (n + to - 1) / to * to }
	const headerSize, dynOffset, dynSize, tableRecord, alignment, tail = 384, 512, 1536, 136, 64, 128
	table := dynOffset + dynSize + 8
	slotTable := up(table+(int(old.u32(48))+1)*tableRecord, 128)
	slotRecord := int(old.u32(56)) + 128
	slots := up(slotTable+old.slots()*slotRecord, alignment)
	stride := up(int(old.u64(80))+tail, alignment)
	size := slots + old.slots()*stride + 40
	b := raw(make([]byte, size))
	for i := range b {
		b[i] = 0xEE
	}
	for slot := range old.slots() { // as zeros: nobody reads them, and they cost no space
		clear(b[slots+slot*stride:][:stride])
	}
	copy(b, old[:256])
	b.set16(10, 7)
	b.set32(12, headerSize)
	b.set64(24, uint64(size))
	b.set32(32, dynOffset)
	b.set32(36, dynSize)
	b.set32(40, uint32(table))
	b.set32(44, tableRecord)
	b.set32(52, uint32(slotTable))
	b.set32(56, uint32(slotRecord))
	b.set64(64, uint64(slots))
	b.set64(72, uint64(stride))
	b.set32(88, alignment)
	b.set32(92, tail)
	b.set32(180, b.u32(180)|0xFFFF_FF00) // flags of tomorrow
	b.set32(188, 0xEEEE_EEEE)
	b.sign()
	copy(b[dynOffset:], old[old.dyn(0):old.dyn(1280)])
	unknown := func(at, size int) {
		for i := range size {
			b[at+i] = 0xEE
		}
	}
	for _, gap := range [][2]int{{4, 124}, {136, 120}, {264, 120}, {388, 124}, {528, 112}, {664, 104}, {872, 24}, {924, 100}} {
		unknown(dynOffset+gap[0], gap[1])
	}
	for slot := range old.slots() {
		copy(b[b.record(slot, 0):], old[old.record(slot, 0):old.record(slot+1, 0)])
		for _, gap := range [][2]int{{16, 112}, {286, 2}, {384, 32}, {436, 4}, {444, 68}} {
			unknown(b.record(slot, gap[0]), gap[1])
		}
		b.set64(b.record(slot, 216), b.u64(b.record(slot, 216))|0xFFFF_0000)
		copy(b[b.payload(slot):], old[old.payload(slot):][:old.u64(80)])
	}
	return b
}

// unevenly moves the planes of every frame apart and gives their rows room, which
// a writer may, whose pictures come from elsewhere.
func unevenly(b raw, bytesPerPixel ...int) {
	const lead, gap, pad = 24, 40, 11
	for slot := range b.slots() {
		if b.sequence(slot) == 0 {
			continue
		}
		r, begin := b.record(slot, 0), b.payload(slot)
		packed := append([]byte(nil), b[begin:begin+int(b.u64(r+224))]...)
		for i := range packed {
			b[begin+i] = 0xA5
		}
		at := lead
		for p, size := range bytesPerPixel {
			f := r + 288 + 16*p
			from, stride, rows := int(b.u64(f)), int(b.u32(f+8)), int(b.u32(f+12))
			wide := stride + pad*size
			b.set64(f, uint64(at))
			b.set32(f+8, uint32(wide))
			b.set32(f+12, uint32(rows+1))
			for y := range rows {
				copy(b[begin+at+y*wide:], packed[from+y*stride:][:stride])
			}
			at += wide*(rows+1) + gap
		}
		b.set64(r+224, uint64(at))
		if uint64(at) > b.u64(80) {
			panic("the planes do not fit")
		}
	}
}

// within is a context that ends long after every healthy test has.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	return testbed.Within(t, d)
}

// testDir is an empty directory of segments in memory. It must hold nothing at the
// end: what is left is a leak.
func testDir(t testing.TB) string {
	t.Helper()
	return testbed.Dir(t)
}
