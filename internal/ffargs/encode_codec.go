package ffargs

// Encoders: which one, and how each is told what all of them must know.

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// codecNames maps the name of a format to encoders, best first.
var codecNames = map[string][]string{
	"h264":   {"libx264", "libopenh264"},
	"h265":   {"libx265"},
	"hevc":   {"libx265"},
	"vp8":    {"libvpx"},
	"vp9":    {"libvpx-vp9"},
	"av1":    {"libsvtav1", "libaom-av1", "librav1e"},
	"prores": {"prores_ks", "prores"},
	"gif":    {"gif"},
	"raw":    {"rawvideo"},
}

// defaultCodec is the format of the picture in each container.
func (b *encoding) defaultCodec() string {
	switch b.Output.Format {
	case "webm":
		return "vp9"
	case "gif":
		return "gif"
	case "nut":
		return "raw"
	case "null":
		return "wrapped_avframe"
	case "mov":
		if b.Video.Alpha != AlphaNone {
			return "prores"
		}
	}
	return "h264"
}

func (b *encoding) chooseCodec() error {
	want := orDefault(b.Codec, b.defaultCodec())
	candidates, ok := codecNames[want]
	if !ok {
		candidates = []string{want}
	}
	for _, c := range candidates {
		if b.Abilities.hasEncoder(c) {
			b.codec = c
			return b.checkCodecOptions()
		}
	}
	return fmt.Errorf("%w: %s (ffmpeg %s); ffmpeg -encoders lists what there is", ErrNoEncoder, strings.Join(candidates, ", "), b.Abilities.Version)
}

var (
	hasPreset = []string{"libx264", "libx264rgb", "libx265", "libsvtav1", "h264_nvenc", "hevc_nvenc", "av1_nvenc", "h264_qsv", "hevc_qsv", "av1_qsv"}
	hasCRF    = []string{"libx264", "libx264rgb", "libx265", "libsvtav1", "libaom-av1", "libvpx", "libvpx-vp9"}
	hasTune   = []string{"libx264", "libx264rgb", "libx265", "libaom-av1", "h264_nvenc", "hevc_nvenc", "av1_nvenc"}
)

func (b *encoding) checkCodecOptions() error {
	for _, o := range []struct {
		name, value string
		encoders    []string
	}{{"preset", b.Preset, hasPreset}, {"crf", b.CRF, hasCRF}, {"tune", b.Tune, hasTune}} {
		neutral := o.name == "tune" && (o.value == "low-latency" || o.value == "quality")
		if o.value != "" && !neutral && !slices.Contains(o.encoders, b.codec) {
			return fmt.Errorf("%w: %s has no %s; give its own options instead (--output-args)", ErrRequest, b.codec, o.name)
		}
	}
	return nil
}

// lowLatency tells whether the encoder shall hold no frames back.
func (b *encoding) lowLatency() bool {
	return b.Tune == "low-latency" || b.live && b.Tune == ""
}

// codecOptions give the encoder its quality and the nominal rate. The rate goes in by the encoder's own
// option: -r would double and drop frames in older ffmpegs, and is refused beside passthrough by newer ones.
func (b *encoding) codecOptions() opts {
	o := opts{}
	rate := b.rate.String()
	switch b.codec {
	case "libx264", "libx264rgb":
		o["x264-params"] = "fps=" + rate
		switch {
		case !b.interlaced():
		case b.Video.Height%4 == 0:
			o["x264-params"] += map[FieldOrder]string{TopFirst: ":tff=1", BottomFirst: ":bff=1"}[b.sent.FieldOrder] // or the file says that it is progressive
		default:
			b.warn("%s codes interlaced frames only of heights that 4 divides, not %d: the output does not say that they are", b.codec, b.Video.Height)
		}
	case "libx265":
		o["x265-params"] = "log-level=warning:fps=" + rate
		if b.Output.Format == "mp4" || b.Output.Format == "mov" {
			o["tag:v"] = "hvc1" // the other tag is not played by Apple's players
		}
	case "libvpx", "libvpx-vp9":
		o["row-mt"] = "1"
		if b.codec == "libvpx" {
			delete(o, "row-mt")
		}
		if b.CRF != "" || b.codec == "libvpx" {
			o["crf"], o["b:v"] = orDefault(b.CRF, "10"), "0"
			if b.codec == "libvpx" {
				o["b:v"] = "4M" // libvpx's VP8 takes it for the upper bound
			}
		}
		if b.keepAlpha {
			o["auto-alt-ref"] = "0"
		}
		if b.lowLatency() {
			o["deadline"], o["cpu-used"], o["lag-in-frames"] = "realtime", "8", "0"
		}
	case "prores_ks":
		if b.keepAlpha {
			o["profile:v"] = "4444"
		}
	}
	if b.CRF != "" {
		o["crf"] = b.CRF
	}
	if b.Preset != "" {
		o["preset"] = b.Preset
	}
	if b.Tune != "" && b.Tune != "quality" && b.Tune != "low-latency" {
		o["tune"] = b.Tune
	}
	if b.lowLatency() && (strings.HasPrefix(b.codec, "libx264") || b.codec == "libx265") {
		o["tune"] = "zerolatency"
	}
	if b.live {
		b.liveOptions(o)
	}
	return o
}

// keyFrameSeconds is how often a live stream can be joined.
const keyFrameSeconds = 2

func (b *encoding) liveOptions(o opts) {
	if slices.Contains([]string{"libx264", "libx264rgb", "libx265"}, b.codec) {
		o.add(opts{"preset": "veryfast"})
	}
	if b.Output.Format != "gif" && b.codec != "rawvideo" && b.codec != "wrapped_avframe" {
		o["g"] = strconv.Itoa(max(1, int(math.Round(b.rate.Float()*keyFrameSeconds))))
		o["force_key_frames"] = fmt.Sprintf("expr:gte(t,n_forced*%d)", keyFrameSeconds)
	}
}

func (b *encoding) audioCodec() string {
	switch b.Output.Format {
	case "webm":
		return "libopus"
	case "nut", "null":
		return "pcm_s16le"
	}
	return "aac"
}
