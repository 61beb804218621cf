// The static header: written once, read with pread, believed only after checks.

package framebuf

import (
	"bytes"
	"fmt"
	"hash/crc32"
)

// Kind of a segment.
type Kind uint32

// The kinds.
const (
	Video       Kind = 1
	AudioKind   Kind = 2
	DataSegment Kind = 3
)

// String is video, audio or data.
func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case AudioKind:
		return "audio"
	case DataSegment:
		return "data"
	}
	return fmt.Sprintf("kind(%d)", uint32(k))
}

// static is a private copy of the static header. Every offset, size and count
// that is used with the mapping comes from here, never from the mapping itself.
type static struct {
	fileSize                          int64
	must, flags                       uint32
	dynOffset, dynSize                int
	tableOffset, tableRecord, cells   int
	slotTable, slotRecord, slots      int
	slotsOffset, slotStride, capacity int64
	alignment, tail, metaCapacity     int
	kind                              Kind
	generation, previous              Generation
	controlID, firstFrame             uint64
	createdWall, createdMono          int64
	writerPID, backing                uint32
	taiOffset                         int32
	lossless                          LosslessPolicy
	name                              string
	major, minor                      uint16
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newStatic computes where everything lies for so many slots of such capacity.
func newStatic(slots int, capacity int64, alignment, metaCapacity, cells int) static {
	s := static{
		major: layoutMajor, minor: layoutMinor,
		dynOffset: staticSize, dynSize: dynamicSize,
		tableRecord: tableRecord, cells: cells,
		slots: slots, capacity: capacity, alignment: alignment, tail: slotTail, metaCapacity: metaCapacity,
	}
	s.tableOffset = s.dynOffset + s.dynSize
	s.slotTable = s.tableOffset + (cells+1)*tableRecord
	s.slotRecord = int(alignUp(int64(srMeta+metaCapacity), 128))
	s.slotsOffset = alignUp(int64(s.slotTable)+int64(slots)*int64(s.slotRecord), int64(alignment))
	s.slotStride = alignUp(capacity+slotTail, int64(alignment))
	s.fileSize = s.slotsOffset + int64(slots)*s.slotStride
	if alignment > videoAlign {
		s.must |= mustBigAlign
	}
	return s
}

// encode is the static header as bytes, CRC included.
func (s *static) encode() []byte {
	b := make([]byte, staticSize)
	put32 := func(off int, v int) { le.PutUint32(b[off:], uint32(v)) }
	copy(b[stMagic:], dataMagic)
	le.PutUint16(b[stMajor:], s.major)
	le.PutUint16(b[stMinor:], s.minor)
	put32(stHeaderSize, staticSize)
	le.PutUint32(b[stMust:], s.must)
	le.PutUint64(b[stFileSize:], uint64(s.fileSize))
	put32(stDynOffset, s.dynOffset)
	put32(stDynSize, s.dynSize)
	put32(stTableOffset, s.tableOffset)
	put32(stTableRecord, s.tableRecord)
	put32(stCells, s.cells)
	put32(stSlotTable, s.slotTable)
	put32(stSlotRecord, s.slotRecord)
	put32(stSlots, s.slots)
	le.PutUint64(b[stSlotsOffset:], uint64(s.slotsOffset))
	le.PutUint64(b[stSlotStride:], uint64(s.slotStride))
	le.PutUint64(b[stCapacity:], uint64(s.capacity))
	put32(stAlignment, s.alignment)
	put32(stTail, s.tail)
	put32(stMetaCapacity, s.metaCapacity)
	put32(stKind, int(s.kind))
	copy(b[stGeneration:], s.generation[:])
	copy(b[stPrevious:], s.previous[:])
	le.PutUint64(b[stControlID:], s.controlID)
	le.PutUint64(b[stFirstFrame:], s.firstFrame)
	le.PutUint64(b[stCreatedWall:], uint64(s.createdWall))
	le.PutUint64(b[stCreatedMono:], uint64(s.createdMono))
	le.PutUint32(b[stWriterPID:], s.writerPID)
	le.PutUint32(b[stBacking:], s.backing)
	le.PutUint32(b[stTAIOffset:], uint32(s.taiOffset))
	le.PutUint32(b[stFlags:], s.flags)
	le.PutUint32(b[stLossless:], uint32(s.lossless))
	copy(b[stName:stName+64], s.name)
	le.PutUint32(b[stCRC:], crc32.Checksum(b, castagnoli))
	return b
}

// decodeStatic checks a static header, read into private memory, of a file of
// fileSize bytes. The error matches ErrDamaged or ErrVersion.
func decodeStatic(b []byte, fileSize int64) (static, error) {
	var s static
	damaged := func(format string, a ...any) (static, error) {
		return static{}, fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, a...))
	}
	if len(b) < staticSize {
		return damaged("this is not a segment (%d bytes)", fileSize)
	}
	if !bytes.Equal(b[:8], []byte(dataMagic)) {
		return damaged("this is not a segment (no magic)")
	}
	s.major, s.minor = le.Uint16(b[stMajor:]), le.Uint16(b[stMinor:])
	if s.major != layoutMajor {
		return static{}, fmt.Errorf("%w: the segment has %d.%d, this build reads %d.x", ErrVersion, s.major, s.minor, layoutMajor)
	}
	size := le.Uint32(b[stHeaderSize:])
	if size < staticSize || size > maxStaticSize || int(size) > len(b) {
		return damaged("static header of %d bytes", size)
	}
	sum := append([]byte(nil), b[:size]...)
	le.PutUint32(sum[stCRC:], 0)
	if got, want := crc32.Checksum(sum, castagnoli), le.Uint32(b[stCRC:]); got != want {
		return damaged("static header has checksum %08x, not %08x", got, want)
	}
	s.must = le.Uint32(b[stMust:])
	if unknown := s.must &^ mustUnderstand; unknown != 0 {
		return static{}, fmt.Errorf("%w: it needs abilities %#x that this build lacks", ErrVersion, unknown)
	}
	// 64-bit values throughout, so that no sum below can overflow: each operand is
	// held against a cap first.
	u32 := func(off int) int64 { return int64(le.Uint32(b[off:])) }
	u64 := func(off int) int64 { return int64(min(le.Uint64(b[off:]), maxFileSize+1)) }
	size64, dyn, dynSize := u64(stFileSize), u32(stDynOffset), u32(stDynSize)
	table, tableRec, cells := u32(stTableOffset), u32(stTableRecord), u32(stCells)
	slotTab, slotRec, slots := u32(stSlotTable), u32(stSlotRecord), u32(stSlots)
	first, stride, capacity := u64(stSlotsOffset), u64(stSlotStride), u64(stCapacity)
	align, tail, meta := u32(stAlignment), u32(stTail), u32(stMetaCapacity)
	switch {
	case size64 != fileSize || size64 > maxFileSize:
		return damaged("the header speaks of %d bytes, the file has %d", size64, fileSize)
	case slots < 2 || slots > maxSlots:
		return damaged("%d slots", slots)
	case cells < 1 || cells > maxCells:
		return damaged("%d reader cells", cells)
	case align < 64 || align&(align-1) != 0 || align > 1<<30:
		return damaged("slot alignment %d", align)
	case meta > maxMeta || slotRec < srMeta+meta || slotRec%128 != 0 || slotRec > 2*maxMeta:
		return damaged("slot record of %d bytes for %d bytes of meta", slotRec, meta)
	case tableRec < tableRecord || tableRec%8 != 0 || tableRec > 4096:
		return damaged("reader table record of %d bytes", tableRec)
	case dyn%128 != 0 || dyn < int64(size) || dynSize < dynamicSize || dyn+dynSize > table:
		return damaged("dynamic header at %d, %d bytes", dyn, dynSize)
	case table%8 != 0 || table+(cells+1)*tableRec > slotTab:
		return damaged("reader table at %d", table)
	case slotTab%128 != 0 || slotTab+slots*slotRec > first:
		return damaged("slot table at %d", slotTab)
	case capacity < 1 || capacity > maxFileSize || tail > 1<<20 || stride < capacity+tail || stride > maxFileSize:
		return damaged("slots of %d bytes every %d bytes", capacity, stride)
	case first%align != 0 || stride%align != 0 || first+slots*stride > size64:
		return damaged("%d slots of %d bytes from %d do not fit into %d", slots, stride, first, size64)
	case le.Uint64(b[stFirstFrame:]) >= maxFrame:
		return damaged("first frame %d", le.Uint64(b[stFirstFrame:]))
	}
	s.fileSize, s.dynOffset, s.dynSize = size64, int(dyn), int(dynSize)
	s.tableOffset, s.tableRecord, s.cells = int(table), int(tableRec), int(cells)
	s.slotTable, s.slotRecord, s.slots = int(slotTab), int(slotRec), int(slots)
	s.slotsOffset, s.slotStride, s.capacity = first, stride, capacity
	s.alignment, s.tail, s.metaCapacity = int(align), int(tail), int(meta)
	s.kind = Kind(le.Uint32(b[stKind:]))
	copy(s.generation[:], b[stGeneration:])
	copy(s.previous[:], b[stPrevious:])
	s.controlID, s.firstFrame = le.Uint64(b[stControlID:]), le.Uint64(b[stFirstFrame:])
	s.createdWall, s.createdMono = int64(le.Uint64(b[stCreatedWall:])), int64(le.Uint64(b[stCreatedMono:]))
	s.writerPID, s.backing = le.Uint32(b[stWriterPID:]), le.Uint32(b[stBacking:])
	s.taiOffset, s.flags = int32(le.Uint32(b[stTAIOffset:])), le.Uint32(b[stFlags:])
	s.lossless = LosslessPolicy(le.Uint32(b[stLossless:]))
	s.name = string(bytes.TrimRight(b[stName:stName+64], "\x00"))
	return s, nil
}
