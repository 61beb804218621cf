package ffargs

// The command line of the ffmpeg that decodes: raw frames in NUT on standard output; the sound beside them is in capture_sound.go.

import (
	"fmt"
	"math"
	"strconv"
	"time"

	ff "github.com/u2takey/ffmpeg-go"

	"github.com/framebridge/framebridge/internal/plugin"
)

// Capture is a request for the arguments of the decoding ffmpeg. Input and PixelFormat are needed.
//
// The child writes raw video in NUT to standard output, and with Audio the sound in NUT to descriptor 3. For each
// frame it writes one "showinfo" line to standard error before the frame leaves. If Input.Kind is Stdin, the bytes must be
// given to the child as its standard input.
type Capture struct {
	Input Input

	// InputArgs are the user's own, put right before -i, where they win over ours. Default: none.
	InputArgs []string

	// Picture is the stream to decode, as an ffmpeg stream specifier. Default: "V:0", the first
	// that is not cover art. Use StreamIndex for what a probe has found.
	Picture string

	// Audio takes the first sound stream along, if there is one.
	Audio bool

	// AudioFormat is what the sound is made to be all the time, whatever it is in the input. Default: as it comes.
	AudioFormat AudioFormat

	// HWAccel is ffmpeg's -hwaccel: auto, vaapi, cuda and so on. Default: none.
	HWAccel string

	// RTSPTransport is tcp, udp, http or https. Default: tcp.
	RTSPTransport string

	// Seek starts there (-ss before -i). Default: the beginning.
	Seek time.Duration

	// Duration ends the input after that much of it. Default: all.
	Duration time.Duration

	// Loop repeats a file so many times more; -1 without end. Default: 0.
	Loop int

	// Realtime reads a file no faster than it plays (-re).
	Realtime bool

	// Filter is the user's own graph, as for ffmpeg's -vf: one input, one output. It is trusted. Default: none.
	Filter string

	// Rate makes the frame rate constant. Default: each frame with its own time.
	Rate Ratio

	// Width and Height scale. Default: as they come, also if they change in mid-stream.
	Width, Height int

	// ScaleFlags is how to scale and convert. Default: bicubic.
	ScaleFlags string

	// PixelFormat is ffmpeg's name of the pixel format of the frames: rgba, yuv420p and so on.
	PixelFormat string

	// ColorMatrix says how the source's YUV is meant (bt709, smpte170m), over what the source says. Default: as the source
	// says, and BT.601 if it says nothing.
	ColorMatrix string

	// TimeBase is the unit of the times in NUT; ChooseTimeBase finds it. Default: 1/1000000.
	TimeBase Ratio

	// Lane is the descriptor of the socket over which the plug-in framebridge_lane hands over the frames; nothing is written to
	// standard output then. The child must be able to load the plug-in (package plugin). PixelFormat must be one that CanLane
	// accepts. Default: 0, frames go through the pipe.
	Lane int

	// MaxPixels refuses larger pictures before their memory is reserved. Default: 8192 x 4320.
	MaxPixels int64

	// FFmpeg is the version that will run. Default: a recent one.
	FFmpeg Version
}

// DefaultMaxPixels bounds a picture if nobody says otherwise: a file of some bytes can claim any size. Video is not larger.
const DefaultMaxPixels = 8192 * 4320

// maxAlloc bounds one piece of ffmpeg's memory, in bytes: a picture of the largest size with eight bytes a pixel, and what a
// demuxer may need. ffmpeg's own bound is 2 GiB less a byte.
func maxAlloc(pixels int64) string {
	const others = 64 << 20
	return strconv.FormatInt(min(8*pixels+others, math.MaxInt32), 10)
}

// microseconds is the time base if nothing better is known.
var microseconds = Ratio{1, 1000000}

// interleaveMicros bounds how long raw frames could wait in ffmpeg for another stream of their output. ffmpeg's own 10 s would be
// gigabytes of frames.
const interleaveMicros = 100000

// StreamIndex is the stream specifier of the stream with that index in the input.
func StreamIndex(i int) string { return strconv.Itoa(i) }

// ChooseTimeBase returns the time base in which all times of the output are exact: source (the picture stream's own, from a
// probe) if nothing in the graph changes times, the duration of a frame with a constant rate, otherwise, or if source is
// unknown, one microsecond.
func (c *Capture) ChooseTimeBase(source Ratio) Ratio {
	switch {
	case c.Rate.Known():
		return c.Rate.Inverse()
	case c.Filter != "" || !source.Known():
		return microseconds
	}
	return source
}

// Args builds the argument list, without the program's name. The error is ErrRequest.
func (c *Capture) Args() ([]string, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("ffargs: capture: %w", err)
	}
	p := plan{
		global:    []string{"-hide_banner", "-nostdin", "-loglevel", "level+info", "-nostats", "-max_alloc", maxAlloc(c.largestPicture())},
		inputs:    1,
		mainInput: c.Input.Name,
		inputArgs: c.InputArgs,
		graph:     c.Filter,
	}
	args, err := p.build(func() *ff.Stream {
		in := ff.Input(c.Input.Name, c.inputOptions().kwargs())
		return ff.Output([]*ff.Stream{c.chain(in.Get(orDefault(c.Picture, "V:0")))}, "pipe:1", c.outputOptions().kwargs())
	})
	if err != nil || !c.Audio {
		return args, err
	}
	return append(args, c.AudioFormat.args()...), nil
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (c *Capture) check() error {
	switch {
	case c.Input.Name == "":
		return fmt.Errorf("%w: no input", ErrRequest)
	case c.PixelFormat == "":
		return fmt.Errorf("%w: no pixel format", ErrRequest)
	case c.Lane != 0 && (c.Lane <= 2 || !CanLane(c.PixelFormat)):
		return fmt.Errorf("%w: %s through the plug-in, by descriptor %d", ErrRequest, c.PixelFormat, c.Lane)
	case c.PixelFormat == "p010le" || c.PixelFormat == "p010be":
		return fmt.Errorf("%w: NUT cannot carry %s (it comes back as another format); use yuv420p10le", ErrRequest, c.PixelFormat)
	case (c.Width > 0) != (c.Height > 0) || c.Width < 0 || c.Height < 0:
		return fmt.Errorf("%w: the size is %dx%d", ErrRequest, c.Width, c.Height)
	case c.Seek < 0 || c.Duration < 0:
		return fmt.Errorf("%w: a negative time", ErrRequest)
	case c.Loop != 0 && (c.Input.Live || c.Input.Kind == Stdin):
		return fmt.Errorf("%w: only a file can be repeated, not %s", ErrRequest, c.Input)
	case c.Seek != 0 && c.Input.Live:
		return fmt.Errorf("%w: a live source has no place to start from; leave out the start time", ErrRequest)
	}
	return nil
}

func (c *Capture) maxPixels() int64 {
	if c.MaxPixels > 0 {
		return c.MaxPixels
	}
	return DefaultMaxPixels
}

// largestPicture is the size in pixels of the largest picture that ffmpeg may have in hand, as decoded or scaled.
func (c *Capture) largestPicture() int64 {
	if c.Filter != "" { // trusted, and may make any size
		return math.MaxInt32
	}
	return max(c.maxPixels(), int64(c.Width)*int64(c.Height))
}

func (c *Capture) inputOptions() opts {
	o := opts{"max_pixels": strconv.FormatInt(c.maxPixels(), 10)}.add(c.Input.options())
	if c.Input.Live {
		// Each frame leaves the decoder as soon as it can, and half a second is enough to find the streams: with the default of
		// 5 s a live source without sound starts that much later.
		o["flags"] = "low_delay"
		o["analyzeduration"] = "500000"
	}
	if c.Input.Scheme == "rtsp" || c.Input.Scheme == "rtsps" {
		o["rtsp_transport"] = orDefault(c.RTSPTransport, "tcp")
	}
	if c.HWAccel != "" {
		o["hwaccel"] = c.HWAccel
	}
	if c.Seek > 0 {
		o["ss"] = seconds(c.Seek)
	}
	if c.Duration > 0 {
		o["t"] = seconds(c.Duration) // an input option: the times of a live source begin anywhere
	}
	if c.Loop != 0 {
		o["stream_loop"] = strconv.Itoa(c.Loop)
	}
	if c.Realtime {
		o["re"] = ""
	}
	return o
}

// seconds writes a time as ffmpeg reads it, without an exponent.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}

// chain is the user's graph, then rate, size, pixel format and showinfo. Size and time are the same on both sides of the
// conversion. To RGB showinfo stands before it, where it sees the source's colours and alpha, all of which are lost on the
// way; to anything else behind it, because a conversion may change the range.
func (c *Capture) chain(v *ff.Stream) *ff.Stream {
	if c.Filter != "" {
		v = v.Filter(userGraph, nil)
	}
	if c.Rate.Known() {
		v = filter(v, "fps", opts{"fps": c.Rate.String()})
	}
	if c.Width > 0 || c.ColorMatrix != "" || c.ScaleFlags != "" {
		o := opts{"flags": orDefault(c.ScaleFlags, "bicubic")}
		if c.Width > 0 {
			o["w"], o["h"] = strconv.Itoa(c.Width), strconv.Itoa(c.Height)
		}
		if c.ColorMatrix != "" {
			o["in_color_matrix"] = c.ColorMatrix
		}
		v = filter(v, "scale", o)
	}
	convert := func() { v = filter(v, "format", opts{"pix_fmts": c.PixelFormat}) }
	show := func() { v = filter(v, "showinfo", opts{"checksum": "0"}) }
	if isRGB(c.PixelFormat) {
		show()
		convert()
	} else {
		convert()
		show()
	}
	if c.Lane > 0 {
		v = filter(v, "frei0r", opts{"filter_name": plugin.Lane, "filter_params": strconv.Itoa(c.Lane)})
	}
	return v
}

// CanLane reports whether frames of a pixel format, by ffmpeg's name, can go through a plug-in: frei0r knows four-byte pixels only.
func CanLane(pixelFormat string) bool { return pixelFormat == "rgba" || pixelFormat == "bgra" }

func (c *Capture) outputOptions() opts {
	tb := c.TimeBase
	if !tb.Known() {
		tb = microseconds
	}
	if c.Lane > 0 {
		return opts{"format": "null", "noautoscale": ""}.add(passthrough(c.FFmpeg))
	}
	o := opts{
		"format":               "nut",
		"c:v":                  "rawvideo",
		"threads:v":            "1", // its frame threads would keep a frame back until the next one comes
		"enc_time_base:v":      tb.String(),
		"write_index":          "0",
		"max_interleave_delta": strconv.Itoa(interleaveMicros),
	}
	if !c.FFmpeg.before(4, 4) {
		o["noautoscale"] = "" // older ones have no such option, and scale to the first size
	}
	return o.add(passthrough(c.FFmpeg))
}

// passthrough is how to say that no frame may be doubled or dropped to make the rate constant.
func passthrough(v Version) opts {
	if v.before(5, 1) {
		return opts{"vsync": "passthrough"}
	}
	return opts{"fps_mode": "passthrough"}
}
