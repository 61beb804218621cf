package hostile

// Building containers by hand: what no muxer would write.

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

func be16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
func be32(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
func le16(v int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }
func le32(v int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

// box is an atom of mov and mp4.
func box(kind string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return slices.Concat(be32(8+len(body)), []byte(kind), body)
}

// chunk is a part of a RIFF file.
func chunk(kind string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	if len(body)%2 == 1 {
		body = append(body, 0)
	}
	return slices.Concat([]byte(kind), le32(len(body)), body)
}

// pngChunk is a part of a PNG file.
func pngChunk(kind string, body []byte) []byte {
	sum := crc32.NewIEEE()
	sum.Write([]byte(kind))
	sum.Write(body)
	return slices.Concat(be32(len(body)), []byte(kind), body, be32(int(sum.Sum32())))
}

// element is an element of Matroska, with an eight-byte size.
func element(id int, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	head := be32(id)
	for head[0] == 0 {
		head = head[1:]
	}
	size := binary.BigEndian.AppendUint64(nil, uint64(len(body)))
	size[0] = 1
	return slices.Concat(head, size, body)
}

// movie is a mov file of one video track with n samples of size bytes each, whose data dref says is elsewhere.
func movie(codec string, width, height, n, size int, dref []byte, media []byte) []byte {
	matrix := slices.Concat(be32(1<<16), make([]byte, 12), be32(1<<16), make([]byte, 12), be32(1<<30))
	ftyp := box("ftyp", []byte("qt  "), be32(0), []byte("qt  "))
	entry := box(codec, make([]byte, 6), be16(1), make([]byte, 16), be16(width&0xffff), be16(height&0xffff), be32(72<<16), be32(72<<16), be32(0), be16(1), make([]byte, 32), be16(24), be16(0xffff))
	build := func(offset int) []byte {
		return box("moov",
			box("mvhd", make([]byte, 12), be32(25), be32(n), be32(1<<16), be16(256), make([]byte, 10), matrix, make([]byte, 24), be32(2)),
			box("trak",
				box("tkhd", be32(7), make([]byte, 8), be32(1), make([]byte, 4), be32(n), make([]byte, 16), matrix, be32(width<<16), be32(height<<16)),
				box("mdia",
					box("mdhd", make([]byte, 12), be32(25), be32(n), be32(0)),
					box("hdlr", make([]byte, 4), []byte("mhlrvide"), make([]byte, 13)),
					box("minf",
						box("vmhd", be32(1), make([]byte, 8)),
						box("dinf", box("dref", be32(0), be32(1), dref)),
						box("stbl",
							box("stsd", be32(0), be32(1), entry),
							box("stts", be32(0), be32(1), be32(n), be32(1)),
							box("stsc", be32(0), be32(1), be32(1), be32(n), be32(1)),
							box("stsz", be32(0), be32(size), be32(n)),
							box("stco", be32(0), be32(1), be32(offset)),
						),
					),
				),
			),
		)
	}
	moov := build(0)
	return slices.Concat(ftyp, build(len(ftyp)+len(moov)+8), box("mdat", media))
}

// here is a dref that says: in this file.
func here() []byte { return box("url ", be32(1)) }

// alias is a dref that says: in the file at path, an old Macintosh alias record.
func alias(path string, up, down int) []byte {
	volume := append([]byte{7}, "canary\x00"...)
	volume = append(volume, make([]byte, 28-len(volume))...)
	name := append([]byte{byte(min(len(path), 63))}, path[max(0, len(path)-63):]...)
	name = append(name, make([]byte, 64-len(name))...)
	body := slices.Concat(make([]byte, 4), // version and flags of the box
		make([]byte, 10), volume, make([]byte, 12), name, make([]byte, 16), be16(up), be16(down), make([]byte, 16))
	for _, kind := range []int{2, 18} { // the path on the volume, and on the system
		p := []byte(path)
		body = slices.Concat(body, be16(kind), be16(len(p)), p)
		if len(p)%2 == 1 {
			body = append(body, 0)
		}
	}
	return box("alis", body, be16(0xffff), be16(0))
}

// avi is an AVI file of one uncompressed picture, and a stream of text that holds a file of its own.
func avi(inner []byte) []byte {
	const w, h = 16, 16
	picture := make([]byte, w*h*3)
	strh := func(kind, handler string, suggested int) []byte {
		return chunk("strh", []byte(kind), []byte(handler), make([]byte, 12), le32(1), le32(25), le32(0), le32(1), le32(suggested), make([]byte, 16))
	}
	format := chunk("strf", le32(40), le32(w), le32(h), le16(1), le16(24), le32(0), le32(len(picture)), make([]byte, 16))
	gab2 := slices.Concat([]byte("GAB2\x00"), le16(2), le32(2), []byte("x\x00"), le16(4), le32(len(inner)), inner)
	list := func(kind string, parts ...[]byte) []byte {
		return chunk("LIST", append([][]byte{[]byte(kind)}, parts...)...)
	}
	return chunk("RIFF", []byte("AVI "),
		list("hdrl",
			chunk("avih", le32(40000), make([]byte, 8), le32(0), le32(1), le32(0), le32(2), le32(len(picture)), le32(w), le32(h), make([]byte, 16)),
			list("strl", strh("vids", "DIB ", len(picture)), format),
			list("strl", strh("txts", "\x00\x00\x00\x00", len(gab2)), chunk("strf")),
		),
		list("movi", chunk("01tx", gab2), chunk("00db", picture)),
	)
}

// matroska is a file of one picture, which names its neighbours, with further tracks.
func matroska(next string, tracks ...[]byte) []byte {
	return slices.Concat(
		element(0x1A45DFA3, element(0x4282, []byte("matroska")), element(0x4287, []byte{4}), element(0x4285, []byte{2})),
		element(0x18538067,
			element(0x1549A966, element(0x7384, []byte("x.mkv")), element(0x3E83BB, []byte(next)), element(0x3C83AB, []byte(next)), element(0x4D80, []byte("x")), element(0x5741, []byte("x"))),
			element(0x1654AE6B, append([][]byte{element(0xAE, element(0xD7, []byte{1}), element(0x73C5, []byte{1}), element(0x83, []byte{1}), element(0x86, []byte("V_UNCOMPRESSED")),
				element(0xE0, element(0xB0, []byte{16}), element(0xBA, []byte{16}), element(0x2EB524, []byte("RGB\x18"))))}, tracks...)...),
			element(0x1F43B675, element(0xE7, []byte{0}), element(0xA3, []byte{0x81, 0, 0, 0x80}, make([]byte, 16*16*3))),
		),
	)
}

// forgedTrack is a track whose codec's name has lines of a log in it: ffmpeg prints the name.
func forgedTrack(codec string) []byte {
	return element(0xAE, element(0xD7, []byte{2}), element(0x73C5, []byte{2}), element(0x83, []byte{1}), element(0x86, []byte(codec)), element(0xE0, element(0xB0, []byte{16}), element(0xBA, []byte{16})))
}
