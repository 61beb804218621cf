package ffargs

// From the frames' pixels to the encoder's: alpha, even sizes, matrix and range, palette.

import (
	"strconv"
	"strings"

	ff "github.com/u2takey/ffmpeg-go"

	"github.com/framebridge/framebridge/internal/plugin"
)

// isRGB tells whether a pixel format is RGB, to which matrix and range of YUV do not apply.
func isRGB(pixFmt string) bool {
	for _, p := range []string{"rgb", "bgr", "argb", "abgr", "gbr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8"} {
		if strings.HasPrefix(pixFmt, p) {
			return true
		}
	}
	return false
}

func isGray(pixFmt string) bool {
	return strings.HasPrefix(pixFmt, "gray") || strings.HasPrefix(pixFmt, "ya")
}

// subsampling is how many columns and rows of luma share one chroma value.
func subsampling(pixFmt string) (columns, rows int) {
	switch {
	case strings.Contains(pixFmt, "420"), strings.HasPrefix(pixFmt, "nv12"), strings.HasPrefix(pixFmt, "nv21"), strings.HasPrefix(pixFmt, "p01"):
		return 2, 2
	case strings.Contains(pixFmt, "422"), strings.HasPrefix(pixFmt, "nv16"):
		return 2, 1
	case strings.Contains(pixFmt, "411"):
		return 4, 1
	}
	return 1, 1
}

// choosePixels decides on the pixel format of the file and whether alpha stays.
func (b *encoding) choosePixels() {
	wantsAlpha := b.Video.Alpha != AlphaNone
	opaque := map[string]string{
		"prores_ks": "yuv422p10le", "prores": "yuv422p10le", "qtrle": "rgb24", "png": "rgb24", "libx264rgb": "bgr0", "rawvideo": b.Video.PixelFormat, "wrapped_avframe": b.Video.PixelFormat,
		"gif": "", "ffv1": b.Video.PixelFormat, "mjpeg": "yuvj420p",
	}
	withAlpha := map[string]string{
		"prores_ks": "yuva444p10le", "qtrle": "argb", "png": "rgba", "libvpx": "yuva420p", "libvpx-vp9": "yuva420p", "gif": "",
		"rawvideo": b.Video.PixelFormat, "wrapped_avframe": b.Video.PixelFormat, "ffv1": b.Video.PixelFormat,
	}
	format, ok := opaque[b.codec]
	if !ok {
		format = "yuv420p"
	}
	if wantsAlpha {
		if kept, can := withAlpha[b.codec]; can {
			format, b.keepAlpha = kept, true
		} else {
			b.warn("%s in %s cannot hold transparency: it is left out (webm, mov and gif keep it)", b.codec, b.Output.Format)
		}
	}
	b.pixFmt = orDefault(b.PixFmt, format)
	if b.PixFmt != "" && wantsAlpha {
		b.keepAlpha = strings.Contains(b.PixFmt, "a") && b.PixFmt != "gray"
	}
}

// hdLines is the height from which a picture is taken for BT.709 if nothing else is known.
const hdLines = 720

// fileColor is how the file's numbers are meant: as the frames say, otherwise by size.
func fileColor(v Video, pixFmt string) Color {
	c := v.Color
	if isRGB(pixFmt) || pixFmt == "" {
		return Color{}
	}
	if isGray(v.PixelFormat) && c.Range == "" {
		c.Range = "pc" // what ffmpeg takes gray for
	}
	if isRGB(v.PixelFormat) || isGray(v.PixelFormat) {
		c.Range = "tv"
	}
	if c.Matrix == "" || c.Matrix == "gbr" || c.Matrix == "rgb" {
		c.Matrix = "smpte170m"
		if v.Height >= hdLines {
			c.Matrix = "bt709"
		}
	}
	if c.Range == "" {
		c.Range = "tv"
	}
	if strings.HasPrefix(pixFmt, "yuvj") {
		c.Range = "pc"
	}
	primaries, transfer := c.Matrix, c.Matrix
	switch c.Matrix {
	case "bt470bg":
		transfer = "smpte170m" // the same curve as BT.601's
	case "bt2020nc", "bt2020c":
		primaries, transfer = "bt2020", "bt2020-10"
	case "bt709", "smpte170m", "smpte240m":
	default:
		primaries, transfer = "", ""
	}
	c.Primaries = orDefault(c.Primaries, primaries)
	c.Transfer = orDefault(c.Transfer, transfer)
	return c
}

// colorTags are the options that write the meaning into the file.
func (b *encoding) colorTags() opts {
	o := opts{}
	for option, value := range map[string]string{
		"color_range": b.color.Range, "colorspace": b.color.Matrix, "color_primaries": b.color.Primaries, "color_trc": b.color.Transfer,
	} {
		if value != "" {
			o[option] = value
		}
	}
	return o
}

// draw makes whole pictures of the small ones in the pipe, if the pixels come by a lane: blank ones, which the plug-in draws over.
func (b *encoding) draw(s *ff.Stream) *ff.Stream {
	if b.Lane == 0 {
		return s
	}
	s = filter(s, "pad", opts{"w": strconv.Itoa(b.sent.Width), "h": strconv.Itoa(b.sent.Height), "x": "0", "y": "0"})
	return filter(s, "frei0r", opts{"filter_name": plugin.Lane, "filter_params": strconv.Itoa(-b.Lane)})
}

// chain is the filters between the frames and the encoder.
func (b *encoding) chain(s *ff.Stream) *ff.Stream {
	v := b.Video
	now := v.PixelFormat
	s = b.turn(s)
	if b.keepAlpha && v.Alpha == AlphaPremultiplied {
		s = filter(filter(s, "format", opts{"pix_fmts": "gbrap"}), "unpremultiply", opts{"inplace": "1"})
		now = "gbrap"
	}
	s, now = b.padOdd(s, now)
	if b.codec == "gif" {
		return b.palette(b.aspect(s))
	}
	if b.pixFmt != "" && b.pixFmt != now {
		s = filter(s, "scale", b.conversion(now))
		s = filter(s, "format", opts{"pix_fmts": b.pixFmt})
	}
	if b.color != (Color{}) {
		o := opts{}
		for option, value := range map[string]string{
			"range": b.color.Range, "colorspace": b.color.Matrix, "color_primaries": b.color.Primaries, "color_trc": b.color.Transfer,
		} {
			if value != "" {
				o[option] = value
			}
		}
		s = filter(s, "setparams", o)
	}
	return b.aspect(s)
}

func (b *encoding) aspect(s *ff.Stream) *ff.Stream {
	if a := b.Video.SampleAspect; a.Known() {
		s = filter(s, "setsar", opts{"sar": a.String()})
	}
	return s
}

// conversion is one scaling without a change of size. Frames of YUV keep their matrix: they are meant as the file will say.
func (b *encoding) conversion(from string) opts {
	o := opts{"flags": "bicubic"}
	if b.interlaced() {
		o["interl"] = "1"
	}
	if isRGB(b.pixFmt) {
		if !isRGB(from) && b.Video.Color.Matrix != "" {
			o["in_color_matrix"] = b.Video.Color.Matrix
		}
		return o
	}
	o["out_color_matrix"], o["out_range"] = b.color.Matrix, b.color.Range
	if !isRGB(from) && !isGray(from) {
		o["in_color_matrix"] = b.color.Matrix
		o["in_range"] = orDefault(b.Video.Color.Range, "tv")
	}
	return o
}

// padOdd repeats the last column and row where the encoder's chroma needs even sizes; ffmpeg would cut them off.
// The filters want separate planes without shared chroma.
func (b *encoding) padOdd(s *ff.Stream, now string) (*ff.Stream, string) {
	columns, rows := subsampling(b.pixFmt)
	right, bottom := -b.Video.Width&(columns-1), -b.Video.Height&(rows-1)
	if right == 0 && bottom == 0 {
		return s, now
	}
	b.warn("%dx%d becomes %dx%d: %s needs even sizes, the last column or row is repeated",
		b.Video.Width, b.Video.Height, b.Video.Width+right, b.Video.Height+bottom, b.pixFmt)
	planar := "gbrp"
	switch {
	case isGray(now):
		planar = "gray"
	case !isRGB(now):
		planar = "yuv444p"
	}
	if b.keepAlpha {
		planar = map[string]string{"gbrp": "gbrap", "gray": "yuva444p", "yuv444p": "yuva444p"}[planar]
	}
	s = filter(s, "format", opts{"pix_fmts": planar})
	s = filter(s, "pad", opts{"w": strconv.Itoa(b.Video.Width + right), "h": strconv.Itoa(b.Video.Height + bottom), "x": "0", "y": "0"})
	s = filter(s, "fillborders", opts{"right": strconv.Itoa(right), "bottom": strconv.Itoa(bottom), "mode": "smear"})
	return s, planar
}

// palette makes 256 colours for each frame by itself: one palette for all would keep every frame in memory until the end.
func (b *encoding) palette(s *ff.Stream) *ff.Stream {
	o := opts{"flags": "bicubic"}
	if m := b.Video.Color.Matrix; m != "" && !isRGB(b.Video.PixelFormat) {
		o["in_color_matrix"] = m
	}
	format := "rgb24"
	if b.keepAlpha {
		format = "rgba"
	}
	s = filter(filter(s, "scale", o), "format", opts{"pix_fmts": format})
	both := s.Split()
	colors := filter(both.Get("0"), "palettegen", opts{"stats_mode": "single"})
	return ff.Filter([]*ff.Stream{both.Get("1"), colors}, "paletteuse", nil, opts{"new": "1", "dither": "bayer"}.kwargs())
}
