//go:build linux

package conformance

// Writers beside a reader that goes one step at a time, and errs where no real one
// would.

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// peer is a reader of cam0 that does as a test says, and looks at everything.
type peer struct {
	t       testing.TB
	w       *process
	data    *os.File
	control *os.File // holds the lock of the cell
	cell    int
	token   uint64
}

// newPeer opens what a writer has made.
func newPeer(t testing.TB, dir string, w *process) *peer {
	t.Helper()
	p := &peer{t: t, w: w, data: openFile(t, filepath.Join(dir, "cam0")), cell: 2}
	p.control = openFile(t, filepath.Join(dir, controlName("cam0", p.look())))
	return p
}

// look is the data file as it is now.
func (p *peer) look() raw {
	p.t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(p.data, 0, 1<<30))
	require.NoError(p.t, err)
	return b
}

// newest is n+1 of the published frame.
func (p *peer) newest() uint64 {
	b := p.look()
	return b.u64(b.dyn(128)) >> 16
}

func (p *peer) store(at int, v uint64) {
	p.t.Helper()
	_, err := p.control.WriteAt(binary.LittleEndian.AppendUint64(nil, v), int64(128*p.cell+at))
	require.NoError(p.t, err)
}

// register takes the lock of a cell and stores a token.
func (p *peer) register(mode, wishes, hold uint32) {
	p.t.Helper()
	lockByte(p.t, p.control, int64(p.cell))
	p.store(8, 0)
	p.store(64, uint64(mode)|uint64(wishes)<<32)
	p.store(72, uint64(hold))
	b := p.look()
	p.store(96, b.u64(104))
	var token [8]byte
	_, _ = rand.Read(token[:])
	p.token = binary.LittleEndian.Uint64(token[:]) | 1
	p.store(0, p.token)
	p.ring()
}

func (p *peer) ring() {
	word := make(raw, 4)
	_, err := p.control.ReadAt(word, 64)
	require.NoError(p.t, err)
	word.set32(0, word.u32(0)+1)
	_, err = p.control.WriteAt(word, 64)
	require.NoError(p.t, err)
}

// letGo moves the cursor: frame n is the last one that is no longer needed.
func (p *peer) letGo(n uint64) {
	p.store(8, n+1)
	p.ring()
}

// die is what the kernel does for a reader that is killed.
func (p *peer) die() { require.NoError(p.t, p.control.Close()) }

// answered waits for the writer's answer.
func (p *peer) answered() (state, reason uint32, first, detail uint64) {
	p.t.Helper()
	var b raw
	at := 0
	eventually(p.t, p.w.who+": the writer answers", func() bool {
		b = p.look()
		at = int(b.u32(40)) + p.cell*int(b.u32(44))
		return b.u64(at) == p.token
	})
	return b.u32(at + 8), b.u32(at + 12), b.u64(at+16) - 1, b.u64(at + 40)
}

// goesOn waits until the writer has published n more frames.
func (p *peer) goesOn(n uint64) {
	p.t.Helper()
	until := p.newest() + n
	eventually(p.t, p.w.who+": the writer goes on", func() bool { return p.newest() >= until })
}

// waitsAt sees that the writer has come to a frame and waits there.
func (p *peer) waitsAt(n uint64) {
	p.t.Helper()
	eventually(p.t, p.w.who+": the writer comes to where it has to wait", func() bool { return p.newest() >= n+1 })
	time.Sleep(250 * time.Millisecond)
	require.Equal(p.t, n+1, p.newest(), "%s: n+1 of the newest frame, while frames are owed", p.w.who)
}

// has reports whether the segment holds this frame, whole.
func (p *peer) has(n uint64) bool {
	b := p.look()
	for slot := range b.slots() {
		if b.sequence(slot) == 2*n+2 {
			return true
		}
	}
	return false
}

// Each row begins with a writer of four slots that publishes as fast as it may.
func TestWriteSteps(t *testing.T) {
	skipShort(t)
	type flags []string
	rows := []struct {
		name  string
		flags flags
		run   func(*peer)
	}{
		{"owed frames stay, and the writer goes on with the cursor", nil, func(p *peer) {
			p.register(2, 0, 0)
			state, _, first, _ := p.answered()
			require.Equal(p.t, uint32(1), state)
			p.waitsAt(first + 3)
			for n := first; n <= first+3; n++ {
				require.True(p.t, p.has(n), "frame %d is owed", n)
			}
			p.letGo(first)
			p.waitsAt(first + 4)
			p.letGo(first + 2)
			p.waitsAt(first + 6)
		}},
		{"a cursor never falls", nil, func(p *peer) {
			p.register(2, 0, 0)
			_, _, first, _ := p.answered()
			p.letGo(first + 1)
			p.waitsAt(first + 5)
			p.store(8, 0)
			p.ring()
			p.waitsAt(first + 5)
			p.letGo(first + 2)
			p.waitsAt(first + 6)
		}},
		{"a cursor above everything holds nobody back", nil, func(p *peer) {
			p.register(2, 0, 0)
			p.answered()
			p.store(8, 1<<63)
			p.ring()
			p.goesOn(100)
		}},
		{"a reader that dies is owed nothing", nil, func(p *peer) {
			p.register(2, 0, 0)
			_, _, first, _ := p.answered()
			p.waitsAt(first + 3)
			p.die()
			p.goesOn(100)
		}},
		{"a reader that dies with frames in a pipe is owed them for a second", nil, func(p *peer) {
			p.register(2, 1, 0)
			_, _, first, _ := p.answered()
			p.waitsAt(first + 3)
			died := time.Now()
			p.die()
			time.Sleep(500 * time.Millisecond)
			if n := p.newest(); time.Since(died) < time.Second { // else this test was held up, and says nothing
				require.Equal(p.t, first+4, n, "%s: n+1 of the newest frame", p.w.who)
			}
			p.goesOn(100)
		}},
		{"a reader that leaves is owed nothing", nil, func(p *peer) {
			p.register(2, 0, 0)
			_, _, first, _ := p.answered()
			p.waitsAt(first + 3)
			p.store(0, 0)
			p.ring()
			p.goesOn(100)
		}},
		{"a token without a lock is nobody", nil, func(p *peer) {
			p.register(2, 0, 0)
			p.answered()
			p.store(0, 0)
			p.ring()
			unlock(p.t, p.control, int64(p.cell))
			p.store(0, 77)
			p.ring()
			p.goesOn(100)
			b := p.look()
			require.NotEqual(p.t, uint64(77), b.u64(int(b.u32(40))+p.cell*int(b.u32(44))))
		}},
		{"a hold that fits", nil, func(p *peer) {
			p.register(2, 0, 3)
			state, _, _, _ := p.answered()
			require.Equal(p.t, uint32(1), state)
		}},
		{"a hold that does not fit", nil, func(p *peer) {
			p.register(2, 0, 4)
			state, reason, _, slots := p.answered()
			require.Equal(p.t, []uint32{3, 2}, []uint32{state, reason})
			require.Equal(p.t, uint64(5), slots)
			p.goesOn(100)
		}},
		{"no lossless readers", flags{"--lossless", "refuse"}, func(p *peer) {
			p.register(2, 0, 0)
			state, reason, _, _ := p.answered()
			require.Equal(p.t, []uint32{3, 1}, []uint32{state, reason})
			p.goesOn(100)
		}},
		{"evicted", flags{"--lossless", "evict", "--evict-after", "1"}, func(p *peer) {
			p.register(2, 0, 0)
			_, _, first, _ := p.answered()
			p.letGo(first)
			eventually(p.t, p.w.who+": the reader is evicted", func() bool {
				b := p.look()
				return b.u32(int(b.u32(40))+p.cell*int(b.u32(44))+8) == 2
			})
			b := p.look()
			require.Equal(p.t, first+1, b.u64(int(b.u32(40))+p.cell*int(b.u32(44))+24), "EvictedAt")
			require.Equal(p.t, uint64(1), b.u64(b.dyn(792)), "Evicted")
			p.goesOn(100)
		}},
		{"answered also when there are no frames", flags{"--await", "2"}, func(p *peer) {
			p.register(2, 0, 0)
			state, _, first, _ := p.answered()
			require.Equal(p.t, uint32(1), state)
			require.Zero(p.t, first)
			b := p.look()
			before := b.u64(b.dyn(512))
			eventually(p.t, p.w.who+": the heart beats", func() bool { b := p.look(); return b.u64(b.dyn(512)) >= before+3 })
		}},
		{"a pinned frame is left alone", flags{"--fps", "500"}, func(p *peer) {
			n := p.pin()
			p.goesOn(50)
			require.True(p.t, p.has(n), "frame %d is pinned", n)
			p.store(16, 0)
			eventually(p.t, p.w.who+": the slot is used again", func() bool { return !p.has(n) })
		}},
		{"a pin does not stop the writer", flags{"--slots", "2", "--fps", "500"}, func(p *peer) {
			p.pin()
			p.goesOn(50)
			b := p.look()
			require.NotZero(p.t, b.u64(b.dyn(784)), "pins broken")
		}},
		{"a control file full of rubbish", nil, func(p *peer) {
			rubbish := make([]byte, 128*3)
			for i := range rubbish {
				rubbish[i] = 0xFF
			}
			_, err := p.control.WriteAt(rubbish, 128)
			require.NoError(p.t, err)
			p.goesOn(100)
		}},
	}
	each(t, func(t *testing.T, c *client) {
		c.needs(t, "write")
		t.Parallel()
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				dir := testDir(t)
				// What is told of the frames is of no use here, and there are many.
				w := startWatched(t, c, dir, func(line) {}, append([]string{"write", "cam0", "--format", "gray8", "--linger", "0"}, row.flags...)...)
				w.ready(t)
				p := newPeer(t, dir, w)
				row.run(p)
				_ = p.control.Close()
				w.stop(t)
				b := p.look()
				require.Equal(t, uint32(3), b.u32(b.dyn(0)), "State at the end")
				require.Equal(t, b.u64(b.dyn(128))>>16, b.u64(b.dyn(640)), "Final")
				require.Equal(t, b.u64(b.dyn(128))>>16, b.u64(b.dyn(768)), "Published")
			})
		}
	})
}

// pin registers and pins the newest frame.
func (p *peer) pin() (n uint64) {
	p.t.Helper()
	p.register(1, 0, 0)
	p.answered()
	eventually(p.t, "a frame can be pinned", func() bool {
		b := p.look()
		w := b.u64(b.dyn(128))
		n = w>>16 - 1
		p.store(16, n+1)
		b = p.look()
		back := b.u64(b.dyn(256))
		slot := int(w & 0xFFFF)
		return w != 0 && (int(back&0xFFFF) != slot || back>>16 == n+1) && b.sequence(slot) == 2*n+2
	})
	return n
}

func unlock(t testing.TB, f *os.File, at int64) {
	t.Helper()
	lock := unix.Flock_t{Type: unix.F_UNLCK, Start: at, Len: 1}
	require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock))
}
