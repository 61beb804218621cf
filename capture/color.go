package capture

// ffmpeg's names of colours and formats, as the numbers that travel with a
// frame. The numbers are those of ISO/IEC 23091-2 (ITU-T H.273), which ffmpeg's
// own enumerations follow.

import (
	"regexp"

	"github.com/framebridge/framebridge/framebuf"
)

// unknownCode is the code point "unspecified" of all three tables.
const unknownCode = framebuf.MatrixUnknown

var matrices = map[string]uint8{
	"gbr": 0, "rgb": 0, "bt709": 1, "fcc": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "ycgco": 8, "ycocg": 8,
	"bt2020nc": 9, "bt2020c": 10, "smpte2085": 11, "chroma-derived-nc": 12, "chroma-derived-c": 13, "ictcp": 14,
}

var primaries = map[string]uint8{
	"bt709": 1, "bt470m": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "film": 8, "bt2020": 9, "smpte428": 10,
	"smpte431": 11, "smpte432": 12, "ebu3213": 22, "jedec-p22": 22,
}

var transfers = map[string]uint8{
	"bt709": 1, "bt470m": 4, "gamma22": 4, "bt470bg": 5, "gamma28": 5, "smpte170m": 6, "smpte240m": 7, "linear": 8,
	"log100": 9, "log": 9, "log316": 10, "log_sqrt": 10, "iec61966-2-4": 11, "bt1361e": 12, "iec61966-2-1": 13,
	"bt2020-10": 14, "bt2020-12": 15, "smpte2084": 16, "smpte428": 17, "arib-std-b67": 18,
}

func codePoint(table map[string]uint8, name string) uint8 {
	if n, ok := table[name]; ok {
		return n
	}
	return unknownCode
}

func parseRange(name string) framebuf.ColorRange {
	switch name {
	case "tv":
		return framebuf.RangeLimited
	case "pc":
		return framebuf.RangeFull
	}
	return framebuf.RangeUnknown
}

// fieldOrders are showinfo's letters.
var fieldOrders = map[string]framebuf.FieldOrder{
	"P": framebuf.Progressive, "T": framebuf.TopFirst, "B": framebuf.BottomFirst,
}

// Formats with alpha: rgba, argb, bgra, abgr and gbra of any depth, yuva, gray
// with alpha (ya8), vuya, and a palette, whose entries have alpha. Those with a
// 0 or an x in its place (rgb0, vuyx) have none.
var alphaFormat = regexp.MustCompile(`^(rgba|argb|bgra|abgr|gbrap|yuva|ya8|ya16|vuya|ayuv|pal8)`)

func hasAlpha(pixelFormat string) bool { return alphaFormat.MatchString(pixelFormat) }
