// Which raw formats stand behind which codec tags.

package nut

// format is a codec tag and ffmpeg's name of what it stands for.
type format struct {
	tag, name string
	// sampleBytes is the size of one sample of one channel, PCM only.
	sampleBytes int
}

// pixelFormats was asked from ffmpeg 5.1.9 and is asked again by the tests: what
// its muxer writes for the name, and what its demuxer takes the tag for. A tag
// like Y3\x0b\x0a reads: three planes of YUV, chroma shifts 1 and 1, 10 bits.
//
// Formats that ffmpeg's NUT cannot carry are absent on purpose: for p010le,
// p016le and grayf32le it writes, without a word, the tag of rgb555le.
// yuvj420p is written as I420 and comes back as yuv420p.
func pixelFormats() []format {
	return []format{
		{tag: "RGBA", name: "rgba"},
		{tag: "BGRA", name: "bgra"},
		{tag: "RGB\x18", name: "rgb24"},
		{tag: "BGR\x18", name: "bgr24"},
		{tag: "Y800", name: "gray"},
		{tag: "I420", name: "yuv420p"},
		{tag: "NV12", name: "nv12"},
		{tag: "ARGB", name: "argb"},
		{tag: "ABGR", name: "abgr"},
		{tag: "RGB\x00", name: "rgb0"},
		{tag: "BGR\x00", name: "bgr0"},
		{tag: "NV21", name: "nv21"},
		{tag: "Y42B", name: "yuv422p"},
		{tag: "444P", name: "yuv444p"},
		{tag: "YUY2", name: "yuyv422"},
		{tag: "UYVY", name: "uyvy422"},
		{tag: "Y4\x0b\x08", name: "yuva420p"},
		{tag: "G3\x00\x08", name: "gbrp"},
		{tag: "Y1\x00\x0a", name: "gray10le"},
		{tag: "Y1\x00\x10", name: "gray16le"},
		{tag: "RGB0", name: "rgb48le"},
		{tag: "RBA@", name: "rgba64le"},
		{tag: "Y3\x0b\x0a", name: "yuv420p10le"},
		{tag: "Y3\x0a\x0a", name: "yuv422p10le"},
		{tag: "Y3\x00\x0a", name: "yuv444p10le"},
	}
}

// pcmCodecs, likewise.
func pcmCodecs() []format {
	return []format{
		{tag: "PSD\x10", name: "pcm_s16le", sampleBytes: 2},
		{tag: "PFD\x20", name: "pcm_f32le", sampleBytes: 4},
		{tag: "PUD\x08", name: "pcm_u8", sampleBytes: 1},
		{tag: "PSD\x18", name: "pcm_s24le", sampleBytes: 3},
		{tag: "PSD\x20", name: "pcm_s32le", sampleBytes: 4},
		{tag: "PFD\x40", name: "pcm_f64le", sampleBytes: 8},
		{tag: "\x10DSP", name: "pcm_s16be", sampleBytes: 2},
	}
}

// PixelFormat returns ffmpeg's name of the pixel format that a video tag stands
// for: "rgba" for "RGBA". 8-bit grey is "gray". Safe for concurrent use.
func PixelFormat(tag string) (name string, ok bool) {
	f, ok := byTag(pixelFormats(), tag)
	return f.name, ok
}

// PixelFormatTag is the reverse of PixelFormat. It also takes "gray8", another
// name that ffmpeg has for "gray". A format that is not known to survive
// ffmpeg's NUT in both directions, such as p010le, gives false.
func PixelFormatTag(name string) (tag string, ok bool) {
	if name == "gray8" {
		name = "gray"
	}
	return tagByName(pixelFormats(), name)
}

// PCMCodec returns ffmpeg's name of the codec that an audio tag stands for:
// "pcm_s16le" for "PSD\x10". Safe for concurrent use.
func PCMCodec(tag string) (name string, ok bool) {
	f, ok := byTag(pcmCodecs(), tag)
	return f.name, ok
}

// PCMTag is the reverse of PCMCodec.
func PCMTag(name string) (tag string, ok bool) {
	return tagByName(pcmCodecs(), name)
}

func byTag(list []format, tag string) (format, bool) {
	for _, f := range list {
		if f.tag == tag {
			return f, true
		}
	}
	return format{}, false
}

func tagByName(list []format, name string) (tag string, ok bool) {
	for _, f := range list {
		if f.name == name {
			return f.tag, true
		}
	}
	return "", false
}
