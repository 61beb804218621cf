//go:build linux

// What a frame costs: publishing it, looking at it in place, copying it.

package framebuf

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/shm"
	"github.com/framebridge/framebridge/internal/stamp"
)

var benchmarked = []struct {
	name   string
	format Format
}{
	{"320x180", Format{RGBA, 320, 180}},
	{"1080p", Format{RGBA, 1920, 1080}},
	{"4K", Format{RGBA, 3840, 2160}},
}

// BenchmarkPublish is begin and publish without a byte of payload, and without a
// reader: what the protocol costs.
func BenchmarkPublish(b *testing.B) {
	for _, row := range benchmarked {
		b.Run(row.name, func(b *testing.B) {
			w := mustCreate(b, testDir(b), row.format, Options{})
			for b.Loop() {
				s, err := w.Begin(b.Context())
				if err == nil {
					err = s.Publish()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, w.Close())
		})
	}
}

// readAll measures a reader that gets a new frame each time, publishing included.
func readAll(b *testing.B, f Format, mode Mode, look func(*Frame)) {
	dir := testDir(b)
	w := mustCreate(b, dir, f, Options{})
	r := mustOpen(b, dir, ReaderOptions{Mode: mode})
	for b.Loop() {
		s, err := w.Begin(b.Context())
		if err == nil {
			err = s.Publish()
		}
		if err != nil {
			b.Fatal(err)
		}
		fr, err := r.Next(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if look != nil {
			look(fr)
		}
		if err := fr.Release(); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, r.Close())
	require.NoError(b, w.Close())
}

// BenchmarkPinned publishes a frame, pins it, looks at one byte and lets it go.
func BenchmarkPinned(b *testing.B) {
	for _, row := range benchmarked {
		b.Run(row.name, func(b *testing.B) {
			sum := 0
			readAll(b, row.format, Pinned, func(f *Frame) { sum += int(f.Bytes()[0]) })
		})
	}
}

// BenchmarkCopyRead publishes a frame and reads a private copy of it.
func BenchmarkCopyRead(b *testing.B) {
	for _, row := range benchmarked {
		b.Run(row.name, func(b *testing.B) {
			b.SetBytes(int64(row.format.Size()))
			readAll(b, row.format, Newest, nil)
		})
	}
}

// BenchmarkCopy compares the two ways to copy a frame of 1080p out of a ring of
// four in shared memory.
func BenchmarkCopy(b *testing.B) {
	size := Format{RGBA, 1920, 1080}.Size()
	for _, row := range []struct {
		name string
		copy func(dst, src []byte) int
	}{
		{"in pieces", shm.Copy},
		{"at once", func(dst, src []byte) int { return copy(dst, src) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			w := mustCreate(b, testDir(b), Format{RGBA, 1920, 1080}, Options{})
			for i := range w.seg.st.slots {
				stamp.Fill(w.seg.payload(i), uint64(i))
			}
			dst := make([]byte, size)
			b.SetBytes(int64(size))
			i := 0
			for b.Loop() {
				i = (i + 1) % w.seg.st.slots
				row.copy(dst, w.seg.payload(i))
			}
			require.NoError(b, w.Close())
		})
	}
}

// BenchmarkUpdate replaces a value: two small files, a rename.
func BenchmarkUpdate(b *testing.B) {
	dir := testDir(b)
	for b.Loop() {
		if _, err := Update(b.Context(), "count", &Options{Dir: dir}, func(_ *Frame, s *Slot) error { return s.SetLength(100) }); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, Remove(dir, "count"))
}

// BenchmarkRecent looks at the newest of 64 frames, as who needs a value does.
func BenchmarkRecent(b *testing.B) {
	dir := testDir(b)
	w := mustCreate(b, dir, Format{}, Options{})
	for range 100 {
		require.NoError(b, w.Publish(b.Context(), func(s *Slot) error { return s.SetLength(100) }))
	}
	r := mustOpen(b, dir, ReaderOptions{ReadOnly: true})
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range r.Recent(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			break
		}
	}
}
