//go:build linux

// Fuzz targets for what is read from files that somebody else wrote. Their first
// inputs are in testdata/fuzz.

package framebuf

import "testing"

func FuzzDecodeStatic(f *testing.F) {
	small := newStatic(2, 1000, dataAlign, 0, 1)
	f.Add(small.encode(), small.fileSize)
	f.Fuzz(func(t *testing.T, b []byte, fileSize int64) {
		if st, err := decodeStatic(b, fileSize); err == nil {
			touchAll(t, st)
		}
		// Past the checksum, which a hostile writer gets right.
		if st, err := decodeStatic(seal(append([]byte(nil), b...)), fileSize); err == nil {
			touchAll(t, st)
		}
	})
}

func FuzzInfoLoad(f *testing.F) {
	i := Info{Format: Format{NV12, 5, 3}}
	i.Plane, i.PlaneCount = i.Format.planes()
	i.PayloadSize = i.Size()
	b := make([]byte, srMeta)
	i.store(b, 3)
	f.Add(b, uint32(i.PayloadSize), uint32(16))
	f.Fuzz(func(t *testing.T, b []byte, capacity, metaCapacity uint32) {
		if len(b) < srMeta {
			return // the caller's buffer is always of a record's size
		}
		checkLoaded(t, b, int(capacity%(1<<20)), int(metaCapacity%maxMeta))
	})
}
