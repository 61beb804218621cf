package hostile

// Files that are small and claim, or become, something large.

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"slices"
	"strings"
)

// Bomb is a file that asks for much more memory or time than its size.
type Bomb struct {
	File
	// Harmless is set on what ffmpeg makes small pictures of, though very many: it may be played.
	Harmless bool
}

// Bombs makes them.
func Bombs() []Bomb {
	refused := []File{
		{"36-megapixels.png", png(6000, 6000)},
		{"256-megapixels.png", pngHeader(16000, 16000)},
		{"claims.png", pngHeader(0x7fffffff, 0x7fffffff)},
		{"claims.gif", gif(16000, 16000, 1, 1, 3)},
		{"claims.jpg", jpeg(16000, 16000, 200)},
		{"claims.bmp", bmp(16000, 16000)},
		{"claims.webp", webp()},
		{"claims.ivf", ivf(16383, 16383)},
		{"claims.mov", movie("raw ", 16000, 16000, 1, 768, here(), make([]byte, 768))},
		{"tables.mp4", tables()},
		{"samples.mov", movie("raw ", 4000, 4000, 0x7ffffff0, 0x7ffffff0, here(), nil)},
		{"claims.mkv", mkvClaims(16000, 16000, nil)},
		{"unpacks.mkv", mkvClaims(16, 16, squeezed(64<<20))},
		{"tracks.mkv", mkvTracks(900)},
		{"sound.wav", wav(65535, 0x7fffffff)},
		{"sound.mkv", mkvSound()},
		{"claims.psd", slices.Concat([]byte("8BPS\x00\x01"), make([]byte, 6), be16(4), be32(16000), be32(16000), be16(8), be16(3), make([]byte, 12), be16(1), make([]byte, 4096))},
		{"claims.y4m", []byte("YUV4MPEG2 W16000 H16000 F25:1 C444\nFRAME\n")},
	}
	var all []Bomb
	for _, f := range refused {
		all = append(all, Bomb{File: f})
	}
	return append(all,
		Bomb{File: File{"beyond-the-screen.gif", gif(1, 1, 16000, 16000, 1)}, Harmless: true},
		Bomb{File: File{"100000-pictures.gif", gif(1, 1, 1, 1, 100_000)}, Harmless: true},
	)
}

// squeezed is n zero bytes, compressed by zlib.
func squeezed(n int64) []byte {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, zlib.BestSpeed) // the level is one that there is
	_, _ = io.CopyN(w, zeros{}, n)
	_ = w.Close()
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// png is a black picture, whole.
func png(width, height int) []byte {
	return slices.Concat(pngStart(width, height), pngChunk("IDAT", squeezed(int64(height)*int64(1+3*width))), pngChunk("IEND", nil))
}

// pngHeader has no data.
func pngHeader(width, height int) []byte {
	return slices.Concat(pngStart(width, height), pngChunk("IDAT", squeezed(1000)), pngChunk("IEND", nil))
}

func pngStart(width, height int) []byte {
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", slices.Concat(be32(width), be32(height), []byte{8, 2, 0, 0, 0})))
}

// gif has n pictures of width x height on a screen of another size.
func gif(screenWidth, screenHeight, width, height, n int) []byte {
	out := slices.Concat([]byte("GIF89a"), le16(screenWidth), le16(screenHeight), []byte{0x80, 0, 0, 0, 0, 0, 255, 255, 255})
	one := slices.Concat([]byte{0x21, 0xf9, 4, 0, 2, 0, 0, 0, 0x2c, 0, 0, 0, 0}, le16(width), le16(height), []byte{0, 2, 2, 0x44, 1, 0})
	return append(append(out, bytes.Repeat(one, n)...), 0x3b)
}

// jpeg is a progressive picture with many empty scans: each would touch all of it.
func jpeg(width, height, scans int) []byte {
	segment := func(mark byte, body []byte) []byte { return slices.Concat([]byte{0xff, mark}, be16(2+len(body)), body) }
	quant := append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)
	huffman := slices.Concat([]byte{0}, []byte{1}, make([]byte, 15), []byte{0})
	out := slices.Concat([]byte{0xff, 0xd8}, segment(0xdb, quant), segment(0xc2, slices.Concat([]byte{8}, be16(height), be16(width), []byte{1, 1, 0x11, 0})), segment(0xc4, huffman))
	for range scans {
		out = slices.Concat(out, segment(0xda, []byte{1, 1, 0, 0, 0, 0}), []byte{0x7f})
	}
	return append(out, 0xff, 0xd9)
}

func bmp(width, height int) []byte {
	rle := bytes.Repeat([]byte{255, 0}, 2000)
	return slices.Concat([]byte("BM"), le32(54+1024+len(rle)), le32(0), le32(54+1024), le32(40), le32(width), le32(height), le16(1), le16(8), le32(1), le32(len(rle)), make([]byte, 16), make([]byte, 1024), rle)
}

func webp() []byte {
	vp8x := chunk("VP8X", []byte{0x02, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	lossless := chunk("VP8L", []byte{0x2f, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0})
	return chunk("RIFF", []byte("WEBP"), vp8x, lossless)
}

// ivf is a VP8 key frame that claims its size and has no data.
func ivf(width, height int) []byte {
	frame := slices.Concat([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a}, le16(width), le16(height), make([]byte, 64))
	return slices.Concat([]byte("DKIF"), le16(0), le16(32), []byte("VP80"), le16(64), le16(48), le32(25), le32(1), le32(1), le32(0), le32(len(frame)), make([]byte, 8), frame)
}

// tables is a movie whose tables claim four thousand million entries each.
func tables() []byte {
	m := movie("raw ", 64, 48, 1, 768, here(), make([]byte, 768))
	for _, table := range []string{"stts", "stsc", "stco", "stsz"} {
		at := bytes.Index(m, []byte(table)) + 8
		if table == "stsz" {
			binary.BigEndian.PutUint32(m[at:], 0)
			at += 4
		}
		binary.BigEndian.PutUint32(m[at:], 0xfffffff0)
	}
	return m
}

func mkvHead(docType string) []byte {
	return element(0x1A45DFA3, element(0x4282, []byte(docType)), element(0x4287, []byte{4}), element(0x4285, []byte{2}))
}

func mkvNumber(id, n int) []byte { return element(id, be32(n)) }

// mkvClaims is raw video. With a block, that is the only one, and is said to be compressed.
func mkvClaims(width, height int, block []byte) []byte {
	var packing []byte
	if block != nil {
		packing = element(0x6D80, element(0x6240, element(0x5034, element(0x4254, []byte{0}))))
	} else {
		block = make([]byte, 768)
	}
	return slices.Concat(mkvHead("matroska"), element(0x18538067,
		element(0x1549A966, mkvNumber(0x2AD7B1, 1000000), element(0x4D80, []byte("x")), element(0x5741, []byte("x"))),
		element(0x1654AE6B, element(0xAE, mkvNumber(0xD7, 1), mkvNumber(0x73C5, 1), mkvNumber(0x83, 1), element(0x86, []byte("V_UNCOMPRESSED")),
			element(0xE0, mkvNumber(0xB0, width), mkvNumber(0xBA, height), element(0x2EB524, []byte("RGB\x18"))), packing)),
		element(0x1F43B675, mkvNumber(0xE7, 0), element(0xA3, []byte{0x81, 0, 0, 0x80}, block)),
	))
}

// mkvTracks has so many tracks, each with a long name.
func mkvTracks(n int) []byte {
	var tracks []byte
	name := strings.Repeat("name ", 100)
	for i := range n {
		tracks = append(tracks, element(0xAE, mkvNumber(0xD7, i+1), mkvNumber(0x73C5, i+1), mkvNumber(0x83, 1), element(0x86, []byte("V_UNCOMPRESSED")), element(0x536E, []byte(name)),
			element(0xE0, mkvNumber(0xB0, 16), mkvNumber(0xBA, 16), element(0x2EB524, []byte("RGB\x18"))))...)
	}
	return slices.Concat(mkvHead("matroska"), element(0x18538067, element(0x1654AE6B, tracks), element(0x1F43B675, mkvNumber(0xE7, 0), element(0xA3, []byte{0x81, 0, 0, 0x80}, make([]byte, 768)))))
}

// mkvSound is sound of very many channels beside a picture.
func mkvSound() []byte {
	rate := binary.BigEndian.AppendUint64(nil, 0x41DFFFFFFFC00000) // 2147483647.0
	return slices.Concat(mkvHead("matroska"), element(0x18538067,
		element(0x1549A966, mkvNumber(0x2AD7B1, 1000000), element(0x4D80, []byte("x")), element(0x5741, []byte("x"))),
		element(0x1654AE6B,
			element(0xAE, mkvNumber(0xD7, 1), mkvNumber(0x73C5, 1), mkvNumber(0x83, 1), element(0x86, []byte("V_UNCOMPRESSED")), element(0xE0, mkvNumber(0xB0, 16), mkvNumber(0xBA, 16), element(0x2EB524, []byte("RGB\x18")))),
			element(0xAE, mkvNumber(0xD7, 2), mkvNumber(0x73C5, 2), mkvNumber(0x83, 2), element(0x86, []byte("A_PCM/INT/LIT")), element(0xE1, element(0xB5, rate), mkvNumber(0x9F, 60000), mkvNumber(0x6264, 16)))),
		element(0x1F43B675, mkvNumber(0xE7, 0), element(0xA3, []byte{0x82, 0, 0, 0x80}, make([]byte, 120000)), element(0xA3, []byte{0x81, 0, 0, 0x80}, make([]byte, 768))),
	))
}

func wav(channels, rate int) []byte {
	return chunk("RIFF", []byte("WAVE"), chunk("fmt ", le16(1), le16(channels), le32(rate), le32(rate), le16(channels*2&0xffff), le16(16)), chunk("data", make([]byte, 4096)))
}
