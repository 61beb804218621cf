// What travels with each frame, and how it lies in a slot record.

package framebuf

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"time"
)

// NoPTS is the PTS of a frame whose time is unknown.
const NoPTS = math.MinInt64

// Generation names one life of a segment: random, never used twice. Frame
// numbers are unique within a generation.
type Generation [16]byte

// String is 32 hexadecimal digits.
func (g Generation) String() string { return hex.EncodeToString(g[:]) }

// IsZero reports whether there is no generation.
func (g Generation) IsZero() bool { return g == Generation{} }

// Low is the low half as a number, for fields that hold only that.
func (g Generation) Low() uint64 { return binary.LittleEndian.Uint64(g[:8]) }

// Flags of a frame.
type Flags uint64

// The flags.
const (
	FlagKey           Flags = 1 << 0 // the source coded it as a key frame
	FlagDiscontinuity Flags = 1 << 1 // time or content jumps before it
	FlagCRC           Flags = 1 << 2 // Info.CRC is set
	FlagPlaceholder   Flags = 1 << 3 // not from the source, which is away: it fills the gap
)

// ColorRange of a frame.
type ColorRange uint8

// The ranges.
const (
	RangeUnknown ColorRange = 0
	RangeLimited ColorRange = 1 // 16 to 235, "tv"
	RangeFull    ColorRange = 2 // 0 to 255, "pc"
)

// Alpha says what the alpha component means.
type Alpha uint8

// The kinds of alpha. ffmpeg's rgba is straight, which is Go's image.NRGBA;
// image.RGBA is premultiplied. For opaque frames the bytes are the same.
const (
	AlphaNone          Alpha = 0 // none, or 255 everywhere
	AlphaStraight      Alpha = 1
	AlphaPremultiplied Alpha = 2
)

// FieldOrder of a frame.
type FieldOrder uint8

// The field orders.
const (
	FieldUnknown FieldOrder = 0
	Progressive  FieldOrder = 1
	TopFirst     FieldOrder = 2
	BottomFirst  FieldOrder = 3
)

// Color says how components make light. Matrix, Primaries and Transfer are code
// points of ISO/IEC 23091-2 (ITU-T H.273), the numbers that ffmpeg shows as well.
type Color struct {
	Range     ColorRange
	Matrix    uint8 // 0 RGB, 1 BT.709, 6 BT.601; 2 unknown, which is also stored for it
	Primaries uint8 // 0 and 2 unknown
	Transfer  uint8 // 0 and 2 unknown
	Chroma    uint8 // chroma sample location type + 1, 0 unknown
}

// MatrixUnknown is the Matrix of a frame whose source did not say.
const MatrixUnknown = 2

// Crop is what to cut from each side, in pixels.
type Crop struct{ Left, Top, Right, Bottom uint32 }

// Audio describes the sound of a frame of an audio segment.
type Audio struct {
	Rate     uint32 // samples a second
	Channels uint16
	Format   SampleFormat
	Layout   uint64 // channel mask as in WAVE_FORMAT_EXTENSIBLE
	Samples  uint32 // samples a channel in this frame
}

// SampleFormat of audio frames, interleaved.
type SampleFormat uint16

// The sample formats.
const (
	NoSamples SampleFormat = 0
	S16LE     SampleFormat = 1
	F32LE     SampleFormat = 2
)

// Reference is the frame of another segment that a frame speaks of: a result of
// its picture.
type Reference struct {
	Set        bool
	Frame      uint64
	Generation uint64 // low half, see Generation.Low
	PTS        int64  // that frame's PTS; NoPTS unknown
}

// Info is what travels with a frame beside its bytes. Unknown is said, never
// guessed.
type Info struct {
	Number     uint64     // set by the writer; consecutive within a generation
	Generation Generation // set by the reader

	Format
	PlaneCount int
	Plane      [maxPlanes]Plane

	PTS      int64    // in TimeBase units; NoPTS unknown
	Duration int64    // in TimeBase units; 0 unknown
	TimeBase Rational // seconds in one unit
	Rate     Rational // nominal frames a second; 0/1 unknown

	Captured     time.Duration // CLOCK_MONOTONIC when the frame came in
	CapturedWall time.Time     // the same instant on the wall clock
	Published    time.Duration // CLOCK_MONOTONIC at publication
	TAIOffset    int32         // TAI minus UTC in seconds; 0 unknown

	Flags       Flags
	CRC         uint32 // CRC-32C of the payload, if FlagCRC
	SourceSeq   uint64 // the source's own count
	Timecode    uint64 // SMPTE 12M; 0 none
	Color       Color
	Alpha       Alpha
	FieldOrder  FieldOrder
	Rotation    uint16   // degrees clockwise still to be applied
	Aspect      Rational // sample (pixel) aspect ratio; 0/1 unknown
	Crop        Crop
	Audio       Audio
	Reference   Reference
	PayloadSize int // bytes
}

// Time is the PTS as a duration since 0. ok is false if the time is unknown.
func (i *Info) Time() (t time.Duration, ok bool) {
	if i.PTS == NoPTS || i.TimeBase.Den == 0 {
		return 0, false
	}
	s := float64(i.PTS) * float64(i.TimeBase.Num) / float64(i.TimeBase.Den)
	return time.Duration(math.Round(s * 1e9)), true
}

var le = binary.LittleEndian

// store writes the header of a frame into its slot record. metaLength and crc
// belong to the payload and are given apart.
func (i *Info) store(b []byte, metaLength int) {
	put32 := func(off int, v uint32) { le.PutUint32(b[off:], v) }
	put64 := func(off int, v uint64) { le.PutUint64(b[off:], v) }
	clear(b[srNumber:srMeta])
	put64(srNumber, i.Number)
	if i.Reference.Set {
		put64(srRefFrame, i.Reference.Frame+1)
		put64(srRefGeneration, i.Reference.Generation)
		put64(srRefPTS, uint64(i.Reference.PTS))
	}
	put64(srPTS, uint64(i.PTS))
	put64(srDuration, uint64(i.Duration))
	put32(srTimeBaseNum, uint32(i.TimeBase.Num))
	put32(srTimeBaseDen, uint32(i.TimeBase.Den))
	put64(srCaptureMono, uint64(i.Captured))
	if !i.CapturedWall.IsZero() {
		put64(srCaptureWall, uint64(i.CapturedWall.UnixNano()))
	}
	put64(srPublishMono, uint64(i.Published))
	put32(srTAIOffset, uint32(i.TAIOffset))
	put64(srFlags, uint64(i.Flags))
	put64(srLength, uint64(i.PayloadSize))
	put32(srMetaLength, uint32(metaLength))
	put32(srCRC, i.CRC)
	put64(srSourceSeq, i.SourceSeq)
	put64(srTimecode, i.Timecode)
	put32(srWidth, uint32(i.Width))
	put32(srHeight, uint32(i.Height))
	put32(srPlanes, uint32(i.PlaneCount))
	put32(srPixelFormat, uint32(i.PixelFormat))
	if int(i.PixelFormat) < len(pixelFormats) {
		copy(b[srFourCC:srFourCC+4], pixelFormats[i.PixelFormat].fourCC)
	}
	b[srBits] = 8
	b[srRange] = byte(i.Color.Range)
	if i.Color.Matrix != MatrixUnknown {
		b[srMatrix] = i.Color.Matrix + 1
	}
	b[srPrimaries] = i.Color.Primaries
	b[srTransfer] = i.Color.Transfer
	b[srChroma] = i.Color.Chroma
	b[srAlpha] = byte(i.Alpha)
	b[srFieldOrder] = byte(i.FieldOrder)
	le.PutUint16(b[srRotation:], i.Rotation)
	for k, p := range i.Plane[:i.PlaneCount] {
		o := srPlane + k*planeSize
		put64(o, p.Offset)
		put32(o+8, p.Stride)
		put32(o+12, p.Rows)
	}
	put32(srAspectNum, uint32(i.Aspect.Num))
	put32(srAspectDen, uint32(max(i.Aspect.Den, 1)))
	put32(srCropLeft, i.Crop.Left)
	put32(srCropTop, i.Crop.Top)
	put32(srCropRight, i.Crop.Right)
	put32(srCropBottom, i.Crop.Bottom)
	put32(srRateNum, uint32(i.Rate.Num))
	put32(srRateDen, uint32(max(i.Rate.Den, 1)))
	put32(srAudioRate, i.Audio.Rate)
	le.PutUint16(b[srAudioChannels:], i.Audio.Channels)
	le.PutUint16(b[srAudioFormat:], uint16(i.Audio.Format))
	put64(srAudioLayout, i.Audio.Layout)
	put32(srAudioSamples, i.Audio.Samples)
}

// load reads a header from a private copy of a slot record and returns how much
// meta follows. It believes nothing: lengths are clamped to the capacities. One above
// them, planes that reach beyond the payload, and a payload elsewhere make ok false.
func (i *Info) load(b []byte, capacity, metaCapacity int) (metaLength int, ok bool) {
	get32 := func(off int) uint32 { return le.Uint32(b[off:]) }
	get64 := func(off int) uint64 { return le.Uint64(b[off:]) }
	i.Number = get64(srNumber)
	i.Reference = Reference{}
	if f := get64(srRefFrame); f != 0 {
		i.Reference = Reference{Set: true, Frame: f - 1, Generation: get64(srRefGeneration), PTS: int64(get64(srRefPTS))}
	}
	i.PTS = int64(get64(srPTS))
	i.Duration = int64(get64(srDuration))
	i.TimeBase = Rational{int32(get32(srTimeBaseNum)), int32(get32(srTimeBaseDen))}
	i.Captured = time.Duration(get64(srCaptureMono))
	i.CapturedWall = time.Time{}
	if w := int64(get64(srCaptureWall)); w != 0 {
		i.CapturedWall = time.Unix(0, w)
	}
	i.Published = time.Duration(get64(srPublishMono))
	i.TAIOffset = int32(get32(srTAIOffset))
	i.Flags = Flags(get64(srFlags))
	i.PayloadSize = int(min(get64(srLength), uint64(capacity)))
	i.CRC = get32(srCRC)
	i.SourceSeq = get64(srSourceSeq)
	i.Timecode = get64(srTimecode)
	i.Width = int(min(get32(srWidth), maxDimension))
	i.Height = int(min(get32(srHeight), maxDimension))
	i.PixelFormat = PixelFormat(get32(srPixelFormat))
	i.Color = Color{Range: ColorRange(b[srRange]), Matrix: b[srMatrix] - 1, Primaries: b[srPrimaries], Transfer: b[srTransfer], Chroma: b[srChroma]}
	if b[srMatrix] == 0 {
		i.Color.Matrix = MatrixUnknown
	}
	i.Alpha = Alpha(b[srAlpha])
	i.FieldOrder = FieldOrder(b[srFieldOrder])
	i.Rotation = le.Uint16(b[srRotation:])
	i.PlaneCount = int(min(get32(srPlanes), maxPlanes))
	i.Plane = [maxPlanes]Plane{}
	ok = get64(srLength) <= uint64(capacity) && get32(srMetaLength) <= uint32(metaCapacity) && get32(srPlanes) <= maxPlanes && get32(srLocation) == 0
	for k := range i.Plane[:i.PlaneCount] {
		o := srPlane + k*planeSize
		p := Plane{Offset: get64(o), Stride: get32(o + 8), Rows: get32(o + 12)}
		size := uint64(p.Stride) * uint64(p.Rows) // cannot overflow: 32 bits each
		if p.Offset > uint64(i.PayloadSize) || size > uint64(i.PayloadSize)-p.Offset {
			p, ok = Plane{}, false
		}
		i.Plane[k] = p
	}
	if !i.shaped() {
		ok = false
	}
	i.Aspect = Rational{int32(get32(srAspectNum)), int32(get32(srAspectDen))}
	i.Crop = Crop{get32(srCropLeft), get32(srCropTop), get32(srCropRight), get32(srCropBottom)}
	i.Rate = Rational{int32(get32(srRateNum)), int32(get32(srRateDen))}
	i.Audio = Audio{
		Rate: get32(srAudioRate), Channels: le.Uint16(b[srAudioChannels:]),
		Format: SampleFormat(le.Uint16(b[srAudioFormat:])), Layout: get64(srAudioLayout), Samples: get32(srAudioSamples),
	}
	return int(min(get32(srMetaLength), uint32(metaCapacity))), ok
}

// shaped reports whether the planes can hold the picture that width, height and
// pixel format speak of, so that pictures made of them never reach outside.
func (i *Info) shaped() bool {
	want, n := i.Format.planes()
	if i.PixelFormat == Data || int(i.PixelFormat) >= len(pixelFormats) {
		return true // bytes; a later layout may have more formats than this build knows
	}
	if n == 0 || i.PlaneCount < n {
		return false
	}
	for k := range n {
		if i.Plane[k].Stride < want[k].Stride || i.Plane[k].Rows < want[k].Rows {
			return false
		}
	}
	return true
}
