package conformance

// A third reading of LAYOUT.md, from bytes at rest and nothing else: it makes the
// expected descriptions, so that no client is measured by itself.

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strconv"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// raw is a data file as bytes. Offsets are those of LAYOUT.md.
type raw []byte

func (b raw) u8(at int) any     { return b[at] }
func (b raw) u16(at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
func (b raw) u32(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
func (b raw) u64(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
func (b raw) i32(at int) int32  { return int32(b.u32(at)) }
func (b raw) i64(at int) int64  { return int64(b.u64(at)) }

func (b raw) set16(at int, v uint16) { binary.LittleEndian.PutUint16(b[at:], v) }
func (b raw) set32(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
func (b raw) set64(at int, v uint64) { binary.LittleEndian.PutUint64(b[at:], v) }

// Where the parts of a data file begin.
func (b raw) dyn(at int) int             { return int(b.u32(32)) + at }
func (b raw) slots() int                 { return int(b.u32(60)) }
func (b raw) record(slot, at int) int    { return int(b.u32(52)) + slot*int(b.u32(56)) + at }
func (b raw) payload(slot int) int       { return int(b.u64(64)) + slot*int(b.u64(72)) }
func (b raw) sequence(slot int) uint64   { return b.u64(b.record(slot, 0)) }
func (b raw) name(at, size int) string   { return string(bytes.TrimRight(b[at:at+size], "\x00")) }
func (b raw) digits(at, size int) string { return hex.EncodeToString(b[at : at+size]) }

// sign redoes the checksum of the static header.
func (b raw) sign() {
	b.set32(20, 0)
	b.set32(20, crc32.Checksum(b[:b.u32(12)], castagnoli))
}

// describe is the object that conform describe has to print.
func (b raw) describe(alive bool) map[string]any {
	d := b.dyn
	drops := []uint64{}
	for i := range 8 {
		drops = append(drops, b.u64(d(808+8*i)))
	}
	flags := b.u32(180)
	return map[string]any{
		"major": b.u16(8), "minor": b.u16(10), "must": b.u32(16), "bytes": b.u64(24), "cells": b.u32(48), "slots": b.u32(60),
		"capacity": b.u64(80), "alignment": b.u32(88), "meta_capacity": b.u32(96), "kind": nameOf(b.u32(100), "", "video", "audio", "data"),
		"generation": b.digits(104, 16), "previous": unless(b.digits(120, 16) == hex.EncodeToString(make([]byte, 16)), b.digits(120, 16)),
		"control_id": fmt.Sprintf("%016x", b.u64(136)), "first_frame": b.u64(144), "created": b.i64(152), "created_mono": b.i64(160),
		"writer_pid": b.u32(168), "live": flags&1 != 0, "joins_at_frames": flags&2 != 0, "took_over": flags&4 != 0, "kept": flags&8 != 0,
		"lossless": nameOf(b.u32(184), "wait", "evict", "refuse"), "name": b.name(192, 64), "alive": alive,
		"state": nameOf(b.u32(d(0)), "", "live", "draining", "ended", "moved", "dead"),
		"final": unless(b.u64(d(640)) == 0, b.u64(d(640))-1), "published": b.u64(d(768)), "abandoned": b.u64(d(776)),
		"pins_broken": b.u64(d(784)), "evicted": b.u64(d(792)), "blocked": b.u64(d(800)), "drops": drops,
		"source":   nameOf(b.u32(d(896)), "none", "connecting", "live", "stalled", "reconnecting", "failed", "ended"),
		"restarts": b.u64(d(904)), "stalls": b.u64(d(912)), "error": string(b[d(1024) : d(1024)+int(b.u32(d(920)))]),
		"frames": b.frames(),
	}
}

// frames are the frames that can still be read, newest first.
func (b raw) frames() []map[string]any {
	newest := b.u64(b.dyn(128)) >> 16
	var there []int
	for slot := range b.slots() {
		if seq := b.sequence(slot); seq != 0 && seq%2 == 0 && seq/2 <= newest {
			there = append(there, slot)
		}
	}
	slices.SortFunc(there, func(x, y int) int { return int(int64(b.sequence(y)) - int64(b.sequence(x))) })
	frames := []map[string]any{}
	for _, slot := range there {
		frames = append(frames, b[b.record(slot, 0):b.record(slot+1, 0)].frame(b[b.payload(slot):]))
	}
	return frames
}

// frame describes the frame of a slot record.
func (b raw) frame(payload []byte) map[string]any {
	flags, length, meta := b.u64(216), b.u64(224), int(b.u32(232))
	planes := []map[string]any{}
	for i := range int(b.u32(264)) {
		at := 288 + 16*i
		planes = append(planes, map[string]any{"offset": b.u64(at), "stride": b.u32(at + 8), "rows": b.u32(at + 12)})
	}
	var reference, audio any
	if n := b.u64(136); n != 0 {
		reference = map[string]any{"frame": n - 1, "generation": b.digits(144, 8), "pts": unless(b.i64(152) == math.MinInt64, b.i64(152))}
	}
	if f := b.u16(422); f != 0 {
		audio = map[string]any{
			"rate": b.u32(416), "channels": b.u16(420), "format": nameOf(uint32(f), "", "s16", "f32"), "layout": b.u64(424), "samples": b.u32(432),
		}
	}
	code := func(at int) any { return unless(b[at] == 0 || b[at] == 2, b[at]) }
	ratio := func(at int) any { return unless(b.i32(at) == 0 || b.i32(at+4) == 0, []int32{b.i32(at), b.i32(at + 4)}) }
	return map[string]any{
		"number": b.u64(128), "pts": unless(b.i64(160) == math.MinInt64, b.i64(160)), "duration": unless(b.i64(168) == 0, b.i64(168)),
		"time_base": ratio(176), "captured": b.i64(184), "captured_wall": b.i64(192), "published": b.i64(200),
		"tai_offset": unless(b.i32(208) == 0, b.i32(208)), "key": flags&1 != 0, "discontinuity": flags&2 != 0, "placeholder": flags&8 != 0,
		"length": length, "crc": fmt.Sprintf("%08x", crc32.Checksum(payload[:length], castagnoli)),
		"stored_crc": unless(flags&4 == 0, fmt.Sprintf("%08x", b.u32(236))), "source_seq": b.u64(240), "timecode": unless(b.u64(248) == 0, b.u64(248)),
		"width": b.u32(256), "height": b.u32(260), "planes": planes, "fourcc": b.name(272, 4), "bits": b.u8(276),
		"format": nameOf(b.u32(268), "data", "rgba", "bgra", "rgb24", "bgr24", "gray8", "yuv420p", "nv12"),
		"range":  unless(b[277] == 0, nameOf(uint32(b[277]), "", "limited", "full")), "matrix": unless(b[278] == 0, int(b[278])-1),
		"primaries": code(279), "transfer": code(280), "chroma": unless(b[281] == 0, int(b[281])-1),
		"alpha":       nameOf(uint32(b[282]), "none", "straight", "premultiplied"),
		"field_order": unless(b[283] == 0, nameOf(uint32(b[283]), "", "progressive", "top", "bottom")), "rotation": b.u16(284),
		"aspect": ratio(352), "crop": []uint32{b.u32(360), b.u32(364), b.u32(368), b.u32(372)}, "rate": ratio(376),
		"reference": reference, "audio": audio, "meta": b.digits(512, meta),
	}
}

func unless(unknown bool, v any) any {
	if unknown {
		return nil
	}
	return v
}

// nameOf is the name of a number, or the number as text if it has none.
func nameOf(n uint32, names ...string) string {
	if int(n) < len(names) && names[n] != "" {
		return names[n]
	}
	return strconv.FormatUint(uint64(n), 10)
}
