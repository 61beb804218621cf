// The byte layout of a segment: every offset and size, once. LAYOUT.md says the
// same in words for other languages, and a test compares the two.

package framebuf

// A segment is two files: the data file, which only the writer writes, and the
// control file, in which each reader owns one cell. All numbers are little-endian
// and naturally aligned. All bytes that no field covers are zero.
const (
	dataMagic    = "FBRIDGE\n" // first 8 bytes of the data file
	controlMagic = "FBCELLS\n" // first 8 bytes of the control file

	// Layout version. Another major is refused; a minor is a promise that
	// everything of lower minors is still where it was. 0.x is not frozen yet.
	layoutMajor = 1
	layoutMinor = 0
)

// LayoutVersion is the version of LAYOUT.md that this package reads and writes.
const LayoutVersion = "1.0"

// Static header: written before the file has a name, never again. Offsets from
// the start of the data file.
const (
	stMagic        = 0   // 8 bytes
	stMajor        = 8   // u16
	stMinor        = 10  // u16
	stHeaderSize   = 12  // u32 bytes of the static header that the CRC covers
	stMust         = 16  // u32 bits a reader must understand or refuse
	stCRC          = 20  // u32 CRC-32C of the static header, this field zero
	stFileSize     = 24  // u64 bytes
	stDynOffset    = 32  // u32 dynamic header
	stDynSize      = 36  // u32 bytes
	stTableOffset  = 40  // u32 reader table; record 0 is unused
	stTableRecord  = 44  // u32 bytes of one record
	stCells        = 48  // u32 readers at most: cells 1 to this number
	stSlotTable    = 52  // u32 slot table
	stSlotRecord   = 56  // u32 bytes of one slot record, meta included
	stSlots        = 60  // u32 number of slots
	stSlotsOffset  = 64  // u64 payload of slot 0
	stSlotStride   = 72  // u64 bytes from one payload to the next
	stCapacity     = 80  // u64 bytes a payload may have
	stAlignment    = 88  // u32 alignment of payloads, a power of two
	stTail         = 92  // u32 zero bytes after each capacity
	stMetaCapacity = 96  // u32 bytes of meta a frame may have
	stKind         = 100 // u32 1 video, 2 audio, 3 data
	stGeneration   = 104 // 16 bytes, random
	stPrevious     = 120 // 16 bytes, generation before this one, or zero
	stControlID    = 136 // u64 names the control file
	stFirstFrame   = 144 // u64 number of the first frame of this generation
	stCreatedWall  = 152 // i64 CLOCK_REALTIME ns, for people
	stCreatedMono  = 160 // i64 CLOCK_MONOTONIC ns, for people
	stWriterPID    = 168 // u32 for people, never for a decision
	stBacking      = 172 // u32 1 tmpfs, 2 memfd, 3 hugetlb
	stTAIOffset    = 176 // i32 TAI minus UTC, s; 0 unknown
	stFlags        = 180 // u32 see flag*
	stLossless     = 184 // u32 what lossless readers get: 0 writer waits, 1 waits, then evicts, 2 refused
	stReserved     = 188 // u32
	stName         = 192 // 64 bytes, the segment's name, zero-padded, for people
	staticSize     = 256
)

// Bits of stMust.
const (
	mustHandles    = 1 << 0 // payloads may lie outside the file
	mustBigAlign   = 1 << 1 // alignment above 64 KiB
	mustProgress   = 1 << 2 // the progress word is in use
	mustUnderstand = mustBigAlign
)

// Bits of stFlags.
const (
	flagLive     = 1 << 0 // the source cannot wait (a camera, a network stream)
	flagNoTick   = 1 << 1 // joins are answered at the next frame only
	flagTookOver = 1 << 2 // this chain of generations took the name over from a dead writer
	flagKept     = 1 << 3 // its end leaves it under its name
)

// Dynamic header, offsets from stDynOffset. Each word that others wait for has
// 128 bytes to itself: two cache lines that are prefetched together, or one line
// of some arm64 cores.
const (
	dyState       = 0    // u32 see State
	dyPublish     = 128  // u64 publish word: (n+1)<<16 | slot, 0 none
	dyBack        = 256  // u64 back word, same packing: the slot that is claimed
	dyEvent       = 384  // u32 futex, +1 at each change
	dyHeartbeat   = 512  // u64 +1 at each tick of the writer
	dyLastFrame   = 520  // u64 +1 at each frame
	dyFinal       = 640  // u64 n+1 of the last frame; stored before ended and moved
	dyNext        = 648  // 16 bytes, generation that follows a moved one
	dyPublished   = 768  // u64 frames published in this generation
	dyAbandoned   = 776  // u64 frames begun and not published (short reads)
	dyBroken      = 784  // u64 pins broken
	dyEvicted     = 792  // u64 lossless readers evicted
	dyBlocked     = 800  // u64 ns the writer waited for lossless readers
	dyDrops       = 808  // 8 × u64 frames lost before the segment, by DropReason
	dySource      = 896  // u32 see SourceState
	dyErrorSeq    = 900  // u32 odd while the error text is written
	dyRestarts    = 904  // u64 restarts of the source
	dyStalls      = 912  // u64 stalls of the source
	dyErrorLength = 920  // u32 bytes of the error text
	dyError       = 1024 // 256 bytes, last error, UTF-8, redacted
	dynamicSize   = 1280
	errorCapacity = 256
)

// Reader table, offsets in one record. The writer's answers.
const (
	rtToken     = 0  // u64 token answered, stored last
	rtState     = 8  // u32 see answer*
	rtReason    = 12 // u32 why refused: see refused*
	rtFirst     = 16 // u64 n+1 of the first frame guaranteed
	rtEvictedAt = 24 // u64 n+1 of the last frame believed done
	rtBroken    = 32 // u64 pins of this registration broken
	rtDetail    = 40 // u64 refusedHold: slots needed
	tableRecord = 128
)

// Values of rtState and rtReason.
const (
	answerNone    = 0
	answerJoined  = 1
	answerEvicted = 2
	answerRefused = 3

	refusedPolicy = 1 // the writer takes no lossless readers
	refusedHold   = 2 // hold is too large for the number of slots
)

// Slot record. The sequence has a line of its own, the header follows, then meta.
const (
	srSequence      = 0   // u64 2n+1 writing, 2n+2 complete, 0 never used
	srProgress      = 8   // u64 bytes valid so far; only with mustProgress
	srNumber        = 128 // u64
	srRefFrame      = 136 // u64 n+1 of the frame this one speaks of, 0 none
	srRefGeneration = 144 // u64 low half of that frame's generation
	srRefPTS        = 152 // i64 that frame's PTS
	srPTS           = 160 // i64 in time base units; -2^63 unknown
	srDuration      = 168 // i64 in time base units; 0 unknown
	srTimeBaseNum   = 176 // i32
	srTimeBaseDen   = 180 // i32
	srCaptureMono   = 184 // i64 CLOCK_MONOTONIC ns
	srCaptureWall   = 192 // i64 CLOCK_REALTIME ns
	srPublishMono   = 200 // i64 CLOCK_MONOTONIC ns
	srTAIOffset     = 208 // i32 s; 0 unknown
	srClockFlags    = 212 // u32 reserved
	srFlags         = 216 // u64 see Flags
	srLength        = 224 // u64 payload bytes
	srMetaLength    = 232 // u32
	srCRC           = 236 // u32 CRC-32C of the payload, if FlagCRC
	srSourceSeq     = 240 // u64 the source's own count
	srTimecode      = 248 // u64 SMPTE 12M, packed as in the standard; 0 none
	srWidth         = 256 // u32 pixels
	srHeight        = 260 // u32 pixels
	srPlanes        = 264 // u32 planes in use
	srPixelFormat   = 268 // u32 see PixelFormat
	srFourCC        = 272 // 4 bytes, V4L2's name of the pixel format
	srBits          = 276 // u8 bits a component
	srRange         = 277 // u8 0 unknown, 1 limited, 2 full
	srMatrix        = 278 // u8 ISO/IEC 23091-2 matrix coefficients + 1, 0 unknown
	srPrimaries     = 279 // u8 ISO/IEC 23091-2 colour primaries, 0 and 2 unknown
	srTransfer      = 280 // u8 ISO/IEC 23091-2 transfer characteristics, 0 and 2 unknown
	srChroma        = 281 // u8 H.273 chroma sample location type + 1, 0 unknown
	srAlpha         = 282 // u8 0 none, 1 straight, 2 premultiplied
	srFieldOrder    = 283 // u8 0 unknown, 1 progressive, 2 top first, 3 bottom first
	srRotation      = 284 // u16 degrees clockwise still to be applied
	srPlane         = 288 // 4 × {offset u64, stride u32, rows u32}
	srAspectNum     = 352 // u32 sample aspect ratio; 0/1 unknown
	srAspectDen     = 356 // u32
	srCropLeft      = 360 // u32 pixels
	srCropTop       = 364 // u32
	srCropRight     = 368 // u32
	srCropBottom    = 372 // u32
	srRateNum       = 376 // u32 nominal frames a second; 0/1 unknown
	srRateDen       = 380 // u32
	srMastering     = 384 // 24 bytes, SMPTE ST 2086 as in HEVC's SEI, reserved
	srContentLight  = 408 // 2 × u16, MaxCLL and MaxFALL, reserved
	srAudioRate     = 416 // u32 samples a second
	srAudioChannels = 420 // u16
	srAudioFormat   = 422 // u16 see SampleFormat
	srAudioLayout   = 424 // u64 channel mask, as in WAVE_FORMAT_EXTENSIBLE
	srAudioSamples  = 432 // u32 samples a channel
	srLocation      = 440 // u32 0 inline, 1 handle (mustHandles)
	srHandle        = 448 // u64 reserved
	srModifier      = 456 // u64 reserved
	srFence         = 464 // u64 reserved
	srMeta          = 512 // meta bytes
	maxPlanes       = 4
	planeSize       = 16
)

// Control file: cell 0 is its header, reader k owns the 128 bytes at 128·k and
// byte k as its lock.
const (
	ctMagic   = 0  // 8 bytes
	ctMajor   = 8  // u16
	ctMinor   = 10 // u16
	ctCells   = 12 // u32
	ctID      = 16 // u64
	ctEvent   = 64 // u32 futex, +1 when a reader lets a frame go
	cellSize  = 128
	clToken   = 0 // u64 random; 0 no reader
	clCursor  = 8 // u64 n+1 of the last frame let go
	clPins    = 16
	clMode    = 64 // u32 see Mode
	clWishes  = 68 // u32 see wish*
	clHold    = 72 // u32 frames kept while waiting for the next
	clPID     = 76 // u32 for people
	clMissed  = 80 // u64 frames missed, for people
	clMaxLag  = 88 // u64 ns, reserved
	clSeenGen = 96 // u64 low half of the generation that the reader has mapped
	clLabel   = 104
	labelSize = 24 // bytes, UTF-8, for people
	pins      = 6
)

// Bits of clWishes.
const wishSpliced = 1 << 0 // pages may sit in a pipe: stay owed 1 s after death

// Limits. Everything read from a file is held against them before use.
const (
	maxFrame      = 1 << 47 // numbers above are refused: words have 48 bits for n+1
	maxSlots      = 65535
	defaultSlots  = 4
	maxCells      = 1023
	defaultCells  = 63
	slotTail      = 64
	videoAlign    = 64 << 10
	dataAlign     = 4 << 10
	maxDimension  = 16384
	maxMeta       = 1 << 20
	defaultMeta   = 1536
	maxSegment    = 4 << 30 // bytes of one segment, unless Options.MaxBytes says more
	maxFileSize   = 1 << 40
	dataSlots     = 64       // default of data segments
	dataCapacity  = 16 << 10 // default of data segments
	maxStaticSize = 4096     // a later minor may have a longer static header
)

// pack makes a publish or back word. Frame n is held as n+1, so 0 means none.
func pack(n uint64, slot int) uint64 { return (n+1)<<16 | uint64(slot) }

// unpack splits a publish or back word. ok is false for none.
func unpack(w uint64) (n uint64, slot int, ok bool) {
	return w>>16 - 1, int(w & 0xffff), w>>16 != 0
}

// alignUp rounds n up to a multiple of a, a power of two.
func alignUp(n, a int64) int64 { return (n + a - 1) &^ (a - 1) }
