//go:build linux

package conformance

// A writer that goes through the protocol one step at a time, and stops or errs where
// no real one would: by pwrite into the files, which the maps of others see.

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
)

// script is such a writer, of pictures gray8 16x8 in segment cam0.
type script struct {
	t       testing.TB
	dir     string
	b       raw // what this writer has written: the truth about the data file
	data    *os.File
	control *os.File
}

func scriptFormat() framebuf.Format {
	return framebuf.Format{PixelFormat: framebuf.Gray8, Width: 16, Height: 8}
}

// newScript makes an empty segment with a living writer. It is "empty" of the golden
// ones with 3 slots and 3 cells.
func newScript(t testing.TB) *script {
	t.Helper()
	s := &script{t: t, dir: testDir(t), b: readGolden(t, "empty").b}
	path := filepath.Join(s.dir, "cam0")
	put(t, path, s.b, "")
	put(t, filepath.Join(s.dir, controlName("cam0", s.b)), controlFile(s.b), "")
	s.data = hold(t, path)
	s.control = openFile(t, filepath.Join(s.dir, controlName("cam0", s.b)))
	return s
}

func openFile(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// lockByte takes the lock of one byte, as its owner has it.
func lockByte(t testing.TB, f *os.File, at int64) {
	t.Helper()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
	require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock))
}

// hold opens a data file and takes its writer's lock.
func hold(t testing.TB, path string) *os.File {
	t.Helper()
	f := openFile(t, path)
	lockByte(t, f, 0)
	return f
}

// die is what the kernel does for a writer that is killed.
func (s *script) die() { require.NoError(s.t, s.data.Close()) }

// store writes a part of the truth into the file.
func (s *script) store(at, size int) {
	s.t.Helper()
	_, err := s.data.WriteAt(s.b[at:at+size], int64(at))
	require.NoError(s.t, err)
}

func (s *script) set32(at int, v uint32) { s.b.set32(at, v); s.store(at, 4) }
func (s *script) set64(at int, v uint64) { s.b.set64(at, v); s.store(at, 8) }

func (s *script) ring()              { s.set32(s.b.dyn(384), s.b.u32(s.b.dyn(384))+1) }
func (s *script) state(state uint32) { s.set32(s.b.dyn(0), state) }
func (s *script) final(n uint64)     { s.set64(s.b.dyn(640), n+1) }

// slot is where frame n lies.
func (s *script) slot(n uint64) int { return int(n) % s.b.slots() }

func (s *script) sequence(n, value uint64) { s.set64(s.b.record(s.slot(n), 0), value) }

// complete writes frame n; nobody is told yet.
func (s *script) complete(n uint64) {
	s.t.Helper()
	s.sequence(n, 2*n+1)
	stampRaw(s.b, s.slot(n), n)
	s.store(s.b.record(s.slot(n), 128), int(s.b.u32(56))-128)
	s.store(s.b.payload(s.slot(n)), length(n, scriptFormat()))
	s.sequence(n, 2*n+2)
}

// announce stores the publish word.
func (s *script) announce(n uint64) { s.set64(s.b.dyn(128), (n+1)<<16|uint64(s.slot(n))) }

func (s *script) publish(n uint64) {
	s.complete(n)
	s.announce(n)
	s.ring()
}

// stampRaw makes the record and the payload of frame n as Stamp does.
func stampRaw(b raw, slot int, n uint64) {
	f := scriptFormat()
	r := func(at int) int { return b.record(slot, at) }
	for _, v := range []struct {
		at int
		v  uint64
	}{{128, n}, {160, n * tick}, {168, tick}, {224, uint64(f.Size())}} {
		b.set64(r(v.at), v.v)
	}
	m := meta(n)
	for _, v := range []struct{ at, v int }{
		{176, 1},
		{180, 90000},
		{232, len(m)},
		{256, f.Width},
		{260, f.Height},
		{264, 1},
		{268, int(f.PixelFormat)},
		{296, f.Width},
		{300, f.Height},
		{356, 1},
		{380, 1},
	} {
		b.set32(r(v.at), uint32(v.v))
	}
	copy(b[r(512):], m)
	fill(b[b.payload(slot):][:f.Size()], n, f)
}

// joining waits for a reader that has stored a token, and says which cell and token.
func (s *script) joining() (cell int, token uint64) {
	s.t.Helper()
	eventually(s.t, "a reader registers", func() bool {
		for k := 1; k <= int(s.b.u32(48)); k++ {
			if token = s.cell(k, 0); token != 0 {
				cell = k
				return true
			}
		}
		return false
	})
	return cell, token
}

// cell is a word of reader k's cell.
func (s *script) cell(k, at int) uint64 {
	s.t.Helper()
	w := make(raw, 8)
	_, err := s.control.ReadAt(w, int64(128*k+at))
	require.NoError(s.t, err)
	return w.u64(0)
}

// answer is the writer's answer to reader k.
func (s *script) answer(k int, token uint64, state, reason uint32, first uint64) {
	at := int(s.b.u32(40)) + k*int(s.b.u32(44))
	s.set64(at+16, first+1)
	s.set32(at+12, reason)
	s.set32(at+8, state)
	s.set64(at, token)
	s.ring()
}

// move puts the next generation in place: empty, from frame first on, with the same
// control file unless edited.
func (s *script) move(first uint64, edit func(raw)) {
	s.t.Helper()
	next := raw(append([]byte(nil), readGolden(s.t, "empty").b...))
	next[104] ^= 0xFF
	copy(next[120:136], s.b[104:120])
	next.set64(144, first)
	copy(next[next.u32(40):next.u32(52)], s.b[s.b.u32(40):s.b.u32(52)]) // the answers to readers
	if edit != nil {
		edit(next)
	}
	next.sign()
	staged := filepath.Join(s.dir, "staged")
	require.NoError(s.t, os.WriteFile(staged, next, 0o600))
	old := *s
	s.data, s.b = hold(s.t, staged), next
	require.NoError(s.t, os.Rename(staged, filepath.Join(s.dir, "cam0")))
	old.final(first - 1)
	old.state(4)
	old.ring()
}

// eventually waits for something that must come.
func eventually(t testing.TB, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !there(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came: %s", what)
		}
	}
}
