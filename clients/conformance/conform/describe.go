// conform describe: everything that can be seen of a segment, as one object.

package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/framebridge/framebridge/framebuf"
)

// object is a JSON object in the making. Unknown is null.
type object map[string]any

func describe(ctx context.Context, name string, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: describe: %v", errUsage, args)
	}
	st, err := framebuf.Stat("", name)
	if err != nil {
		return err
	}
	r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer r.Close()
	out := segmentObject(st)
	frames := []object{}
	for f, err := range r.Recent(ctx) {
		if err != nil {
			return err
		}
		frames = append(frames, frameObject(f))
	}
	out["frames"] = frames
	return tell(out)
}

func segmentObject(st *framebuf.Status) object {
	drops := make([]uint64, len(st.Drops))
	copy(drops, st.Drops[:])
	return object{
		"major": st.LayoutMajor, "minor": st.LayoutMinor,
		"kind":  named(uint32(st.Kind), "", "video", "audio", "data"),
		"state": named(uint32(st.State), "", "live", "draining", "ended", "moved", "dead"),
		"alive": st.Alive, "live": st.Live, "kept": st.Kept,
		"lossless": named(uint32(st.Lossless), "wait", "evict", "refuse"),
		"source":   named(uint32(st.Source), "none", "connecting", "live", "stalled", "reconnecting", "failed", "ended"),
		"error":    st.LastError, "bytes": st.Bytes, "slots": st.Slots, "capacity": st.Capacity,
		"generation": st.Generation.String(), "previous": known(!st.Previous.IsZero(), st.Previous.String()),
		"first_frame": st.FirstFrame, "created": st.Created.UnixNano(), "writer_pid": st.WriterPID,
		"published": st.Published, "abandoned": st.Abandoned, "pins_broken": st.Broken, "evicted": st.Evicted,
		"blocked": st.Blocked.Nanoseconds(), "restarts": st.Restarts, "stalls": st.Stalls, "drops": drops,
	}
}

func frameObject(f *framebuf.Frame) object {
	planes := []object{}
	for _, p := range f.Plane[:f.PlaneCount] {
		planes = append(planes, object{"offset": p.Offset, "stride": p.Stride, "rows": p.Rows})
	}
	var reference, audio any
	if r := f.Reference; r.Set {
		reference = object{
			"frame": r.Frame, "generation": hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, r.Generation)),
			"pts": known(r.PTS != framebuf.NoPTS, r.PTS),
		}
	}
	if a := f.Audio; a.Format != framebuf.NoSamples {
		audio = object{
			"rate": a.Rate, "channels": a.Channels, "format": named(uint32(a.Format), "", "s16", "f32"),
			"layout": a.Layout, "samples": a.Samples,
		}
	}
	return object{
		"number": f.Number, "pts": known(f.PTS != framebuf.NoPTS, f.PTS), "duration": known(f.Duration != 0, f.Duration),
		"time_base": ratio(f.TimeBase), "rate": ratio(f.Rate), "aspect": ratio(f.Aspect),
		"captured": f.Captured.Nanoseconds(), "captured_wall": f.CapturedWall.UnixNano(), "published": f.Published.Nanoseconds(),
		"tai_offset": known(f.TAIOffset != 0, f.TAIOffset),
		"format":     formatName(f.PixelFormat), "width": f.Width, "height": f.Height, "planes": planes,
		"length": f.PayloadSize, "crc": checksum(f.Bytes()), "meta": hex.EncodeToString(f.Meta()),
		"stored_crc": known(f.Flags&framebuf.FlagCRC != 0, fmt.Sprintf("%08x", f.CRC)),
		"key":        f.Flags&framebuf.FlagKey != 0, "discontinuity": f.Flags&framebuf.FlagDiscontinuity != 0,
		"placeholder": f.Flags&framebuf.FlagPlaceholder != 0,
		"range":       known(f.Color.Range != 0, named(uint32(f.Color.Range), "", "limited", "full")),
		"matrix":      known(f.Color.Matrix != framebuf.MatrixUnknown, f.Color.Matrix),
		"primaries":   coded(f.Color.Primaries), "transfer": coded(f.Color.Transfer),
		"chroma":      known(f.Color.Chroma != 0, int(f.Color.Chroma)-1),
		"alpha":       named(uint32(f.Alpha), "none", "straight", "premultiplied"),
		"field_order": known(f.FieldOrder != 0, named(uint32(f.FieldOrder), "", "progressive", "top", "bottom")),
		"rotation":    f.Rotation, "crop": []uint32{f.Crop.Left, f.Crop.Top, f.Crop.Right, f.Crop.Bottom},
		"source_seq": f.SourceSeq, "timecode": known(f.Timecode != 0, f.Timecode),
		"reference": reference, "audio": audio,
	}
}

// named is the name of a number, or the number as text if it has none here.
func named(n uint32, names ...string) string {
	if int(n) < len(names) && names[n] != "" {
		return names[n]
	}
	return strconv.FormatUint(uint64(n), 10)
}

func formatName(p framebuf.PixelFormat) string {
	return named(uint32(p), append([]string{"data"}, framebuf.PixelFormats()...)...)
}

func known(ok bool, v any) any {
	if !ok {
		return nil
	}
	return v
}

// coded is a code point of ISO/IEC 23091-2, where 2 is "unspecified".
func coded(v uint8) any { return known(v != 0 && v != framebuf.MatrixUnknown, v) }

func ratio(r framebuf.Rational) any { return known(r.Num != 0 && r.Den != 0, []int32{r.Num, r.Den}) }

func checksum(b []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}
