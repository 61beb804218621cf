//go:build linux

// What holds for every header, however hostile: it is refused, or nothing made of
// it reaches outside of its file.

package framebuf

import (
	"errors"
	"hash/crc32"
	"image/color"
	"image/draw"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/shm"
)

// seal writes the right checksum into a static header, as a hostile writer would.
func seal(b []byte) []byte {
	if len(b) < staticSize {
		return b
	}
	size := min(max(int(le.Uint32(b[stHeaderSize:])), staticSize), len(b))
	le.PutUint32(b[stCRC:], 0)
	le.PutUint32(b[stCRC:], crc32.Checksum(b[:size], castagnoli))
	return b
}

// touchable is the largest file that touchAll makes.
const touchable = 1 << 21

// touchAll looks at everything that a static header speaks of, in ordinary memory
// of the file's size, where reaching outside is a panic.
func touchAll(t require.TestingT, st static) {
	require.NotZero(t, st.slots)
	require.GreaterOrEqual(t, st.dynOffset, staticSize)
	last := st.slotsOffset + int64(st.slots)*st.slotStride
	require.LessOrEqual(t, last, st.fileSize)
	require.LessOrEqual(t, int64(st.slotTable)+int64(st.slots)*int64(st.slotRecord), st.slotsOffset)
	require.LessOrEqual(t, st.tableOffset+(st.cells+1)*st.tableRecord, st.slotTable)
	require.Zero(t, st.dynOffset%8|st.tableOffset%8|st.tableRecord%8|st.slotTable%8|st.slotRecord%8, "words are aligned")
	if st.fileSize > touchable {
		return
	}
	s := newSegment(st, nil, shm.OfBytes(make([]byte, st.fileSize)))
	s.dyn32(dyState).Store(uint32(Live))
	s.dyn64(dyDrops + 8*(dropReasons-1)).Store(1)
	s.storeError("some text")
	require.Equal(t, "some text", s.loadError())
	for k := range st.cells + 1 {
		s.table64(k, rtDetail).Store(1)
	}
	for i := range st.slots {
		s.sequence(i).Store(uint64(i))
		require.GreaterOrEqual(t, len(s.record(i)), srMeta+st.metaCapacity)
		p := s.payload(i)
		require.Len(t, p, int(st.capacity))
		p[0], p[len(p)-1] = 1, 1
	}
	s.lastNumber()
	s.find(1)
	s.describe(&Status{})
}

func anyStatic(t *rapid.T) static {
	st := newStatic(
		rapid.IntRange(2, 40).Draw(t, "slots"),
		rapid.Int64Range(1, 1<<22).Draw(t, "capacity"),
		1<<rapid.IntRange(6, 20).Draw(t, "alignment"),
		rapid.IntRange(0, 5000).Draw(t, "meta"),
		rapid.IntRange(1, maxCells).Draw(t, "cells"),
	)
	st.name = rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,63}`).Draw(t, "name")
	st.kind = Kind(rapid.Uint32Range(1, 3).Draw(t, "kind"))
	st.lossless = LosslessPolicy(rapid.Uint32Range(0, 2).Draw(t, "lossless"))
	copy(st.generation[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "generation"))
	copy(st.previous[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "previous"))
	st.controlID = rapid.Uint64().Draw(t, "control")
	st.firstFrame = rapid.Uint64Range(0, maxFrame-1).Draw(t, "first")
	st.createdWall, st.createdMono = rapid.Int64().Draw(t, "wall"), rapid.Int64().Draw(t, "mono")
	st.writerPID, st.backing = rapid.Uint32().Draw(t, "pid"), rapid.Uint32().Draw(t, "backing")
	st.taiOffset, st.flags = rapid.Int32().Draw(t, "tai"), rapid.Uint32().Draw(t, "flags")
	return st
}

func TestStaticHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := anyStatic(t)
		got, err := decodeStatic(st.encode(), st.fileSize)
		require.NoError(t, err)
		require.Equal(t, st, got)
		touchAll(t, got)
		_, err = decodeStatic(st.encode(), st.fileSize+rapid.SampledFrom([]int64{-1, 1, -4096, 4096}).Draw(t, "grown"))
		require.ErrorIs(t, err, ErrDamaged, "a file of another size")
	})
}

// Every byte of the static header is changed, in ten ways. Without the right
// checksum it is refused; with it, it is refused or harmless.
func TestEveryByteOfTheStaticHeader(t *testing.T) {
	st := newStatic(3, 5000, videoAlign, 100, 5)
	st.name, st.kind = "cam0", Video
	accepted := 0
	for off := range staticSize {
		old := st.encode()[off]
		for _, v := range []byte{0, 0xff, old ^ 1, old ^ 2, old ^ 4, old ^ 8, old ^ 16, old ^ 32, old ^ 64, old ^ 128} {
			if v == old {
				continue
			}
			b := st.encode()
			b[off] = v
			_, err := decodeStatic(b, st.fileSize)
			require.True(t, errors.Is(err, ErrDamaged) || errors.Is(err, ErrVersion), "byte %d = %#x: %v", off, v, err)
			if off >= stCRC && off < stCRC+4 {
				continue
			}
			got, err := decodeStatic(seal(b), st.fileSize)
			if err != nil {
				require.True(t, errors.Is(err, ErrDamaged) || errors.Is(err, ErrVersion), "byte %d = %#x: %v", off, v, err)
				continue
			}
			accepted++
			touchAll(t, got)
		}
	}
	require.Greater(t, accepted, 500, "else nothing was touched") // generation, times, name and so on
}

func TestPackedWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, slot := rapid.Uint64Range(0, maxFrame-1).Draw(t, "n"), rapid.IntRange(0, maxSlots).Draw(t, "slot")
		gotN, gotSlot, ok := unpack(pack(n, slot))
		require.True(t, ok)
		require.Equal(t, n, gotN)
		require.Equal(t, slot, gotSlot)
		_, _, ok = unpack(uint64(slot))
		require.False(t, ok, "no frame")
	})
}

func anyFormat(t *rapid.T) Format {
	f := Format{PixelFormat: PixelFormat(rapid.Uint32Range(0, uint32(len(pixelFormats)-1)).Draw(t, "pixel format"))}
	if f.PixelFormat != Data {
		f.Width, f.Height = rapid.IntRange(1, 70).Draw(t, "width"), rapid.IntRange(1, 70).Draw(t, "height")
	}
	return f
}

func anyRational(t *rapid.T, name string) Rational {
	return Rational{rapid.Int32().Draw(t, name), rapid.Int32Range(1, 1<<31-1).Draw(t, name+" den")}
}

func anyInfo(t *rapid.T) Info {
	i := Info{
		Number: rapid.Uint64().Draw(t, "number"), Format: anyFormat(t),
		PTS: rapid.Int64().Draw(t, "pts"), Duration: rapid.Int64().Draw(t, "duration"),
		TimeBase: anyRational(t, "time base"), Rate: anyRational(t, "rate"), Aspect: anyRational(t, "aspect"),
		Captured:  time.Duration(rapid.Int64().Draw(t, "captured")),
		Published: time.Duration(rapid.Int64().Draw(t, "published")),
		TAIOffset: rapid.Int32().Draw(t, "tai"), Flags: Flags(rapid.Uint64().Draw(t, "flags")),
		CRC: rapid.Uint32().Draw(t, "crc"), SourceSeq: rapid.Uint64().Draw(t, "seq"), Timecode: rapid.Uint64().Draw(t, "timecode"),
		Color: Color{
			Range: ColorRange(rapid.Byte().Draw(t, "range")), Matrix: rapid.Uint8Range(0, 254).Draw(t, "matrix"),
			Primaries: rapid.Byte().Draw(t, "primaries"), Transfer: rapid.Byte().Draw(t, "transfer"), Chroma: rapid.Byte().Draw(t, "chroma"),
		},
		Alpha: Alpha(rapid.Byte().Draw(t, "alpha")), FieldOrder: FieldOrder(rapid.Byte().Draw(t, "fields")), Rotation: rapid.Uint16().Draw(t, "rotation"),
		Crop: Crop{rapid.Uint32().Draw(t, "left"), rapid.Uint32().Draw(t, "top"), rapid.Uint32().Draw(t, "right"), rapid.Uint32().Draw(t, "bottom")},
		Audio: Audio{
			Rate: rapid.Uint32().Draw(t, "audio rate"), Channels: rapid.Uint16().Draw(t, "channels"), Format: SampleFormat(rapid.Uint16().Draw(t, "samples are")),
			Layout: rapid.Uint64().Draw(t, "channel layout"), Samples: rapid.Uint32().Draw(t, "samples"),
		},
	}
	if w := rapid.Int64().Draw(t, "wall"); w != 0 {
		i.CapturedWall = time.Unix(0, w)
	}
	if rapid.Bool().Draw(t, "refers") {
		i.Reference = Reference{
			Set: true, Frame: rapid.Uint64Range(0, maxFrame).Draw(t, "ref"),
			Generation: rapid.Uint64().Draw(t, "ref generation"), PTS: rapid.Int64().Draw(t, "ref pts"),
		}
	}
	i.Plane, i.PlaneCount = i.Format.planes()
	i.PayloadSize = i.Size()
	return i
}

func TestInfoRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const metaCapacity = 1000
		i, meta := anyInfo(t), rapid.IntRange(0, metaCapacity).Draw(t, "meta")
		b := rapid.SliceOfN(rapid.Byte(), srMeta, srMeta).Draw(t, "what was there before")
		sequence := le.Uint64(b)
		i.store(b, meta)
		require.Equal(t, sequence, le.Uint64(b), "the sequence is not the header's")
		var got Info
		gotMeta, ok := got.load(b, i.PayloadSize, metaCapacity)
		require.True(t, ok)
		require.Equal(t, meta, gotMeta)
		require.Equal(t, i, got)
		checkLoaded(t, b, i.PayloadSize, metaCapacity)
		if i.PayloadSize > 0 {
			_, ok = got.load(b, i.PayloadSize-1, metaCapacity)
			require.False(t, ok, "a picture that does not fit")
		}
	})
}

// checkLoaded loads a record of unknown origin and looks at every corner of the
// picture that it speaks of. capacity is bounded by the caller.
func checkLoaded(t require.TestingT, record []byte, capacity, metaCapacity int) (accepted bool) {
	var i Info
	meta, ok := i.load(record, capacity, metaCapacity)
	require.GreaterOrEqual(t, meta, 0)
	require.LessOrEqual(t, meta, metaCapacity)
	require.GreaterOrEqual(t, i.PayloadSize, 0)
	require.LessOrEqual(t, i.PayloadSize, capacity)
	require.LessOrEqual(t, i.PlaneCount, maxPlanes)
	payload := make([]byte, i.PayloadSize)
	for k := range i.PlaneCount {
		require.LessOrEqual(t, len(i.plane(payload, k)), len(payload))
	}
	_, _ = i.Time()
	if !ok {
		return false
	}
	img, err := asImage(&i, payload)
	if err != nil {
		require.ErrorIs(t, err, ErrFormat)
		return true
	}
	r := img.Bounds()
	for _, y := range []int{-1, 0, r.Dy() / 2, r.Dy() - 1, r.Dy()} {
		for _, x := range []int{-1, 0, 1, r.Dx() / 2, r.Dx() - 1, r.Dx()} {
			img.At(x, y)
			if d, ok := img.(draw.Image); ok {
				d.Set(x, y, color.White)
			}
		}
	}
	return true
}

// A good record in which a few bytes are somebody else's.
func TestHostileInfo(t *testing.T) {
	accepted, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		i, b := anyInfo(t), make([]byte, srMeta)
		i.store(b, rapid.IntRange(0, 1<<20).Draw(t, "meta"))
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			off := rapid.IntRange(srNumber, srMeta-1).Draw(t, "offset")
			b[off] = rapid.SampledFrom([]byte{0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff}).Draw(t, "byte")
		}
		capacity := rapid.SampledFrom([]int{i.PayloadSize, i.PayloadSize + 1, max(i.PayloadSize-1, 0), 1, 1 << 16}).Draw(t, "capacity")
		if checkLoaded(t, b, capacity, 1536) {
			accepted++
		} else {
			refused++
		}
	})
	require.NotZero(t, accepted)
	require.NotZero(t, refused)
}

// Every byte of the fields that say where the pixels are.
func TestEveryByteOfTheShape(t *testing.T) {
	for p := range pixelFormats {
		f := Format{PixelFormat(p), 33, 17}
		if f.PixelFormat == Data {
			f = Format{}
		}
		i := Info{Format: f, PayloadSize: f.Size()}
		i.Plane, i.PlaneCount = f.planes()
		for off := srNumber; off < srMeta; off++ {
			for _, v := range []byte{0, 1, 2, 3, 16, 17, 18, 33, 34, 0x7f, 0x80, 0xff} {
				b := make([]byte, srMeta)
				i.store(b, 0)
				b[off] = v
				checkLoaded(t, b, f.Size(), 0)
			}
		}
	}
}
