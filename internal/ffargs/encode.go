package ffargs

// The command line of the ffmpeg that encodes: NUT on standard input, a file or a stream as the output.
// The graph of colours and sizes is in encode_graph.go, encoders in encode_codec.go, containers in encode_mux.go.

import (
	"fmt"
	"strconv"

	ff "github.com/u2takey/ffmpeg-go"
)

// Alpha says what the fourth channel of the frames means.
type Alpha int

// What alpha can be.
const (
	AlphaNone          Alpha = iota // there is none, or it is to be ignored
	AlphaStraight                   // colours are as if opaque: ffmpeg's rgba, Go's image.NRGBA
	AlphaPremultiplied              // colours are multiplied by alpha: Go's image.RGBA
)

// Color says how the numbers of a picture are meant, in ffmpeg's words; "" is unknown.
type Color struct {
	Range     string // tv or pc
	Matrix    string // bt709, smpte170m, bt470bg, bt2020nc and so on; of RGB frames: that of the file to write
	Primaries string
	Transfer  string
}

// Video describes the frames that will come. PixelFormat, Width and Height are needed.
type Video struct {
	PixelFormat   string
	Width, Height int
	SampleAspect  Ratio // shape of a pixel; unknown is square
	TimeBase      Ratio // in which the source's times are exact; unknown is one microsecond
	Rate          Ratio // nominal frames per second; unknown is taken for 30
	Color         Color
	Alpha         Alpha
	Crop          Crop       // to be cut off, before anything else
	Rotation      int        // still to be applied, in degrees clockwise: 0, 90, 180 or 270
	FieldOrder    FieldOrder // of interlaced frames
}

// Sound says where the sound comes from.
type Sound int

// The sources of sound.
const (
	NoSound     Sound = iota // the output has none
	NUTSound                 // stream 1 of the NUT on standard input
	SilentSound              // silence as long as the picture, for servers that insist on a sound track
	OtherSound               // Encode.AudioInput
)

// Encode is a request for the arguments of the encoding ffmpeg. Video and Output are needed.
//
// The child reads NUT from standard input: stream 0 raw video in the format of Video, stream 1 PCM if Sound is
// NUTSound. If Output.Pipe is set it writes to its standard output. Warnings and errors go to standard error.
type Encode struct {
	Video  Video
	Output Output

	// Sound says where the sound comes from; AudioInput is used with OtherSound. Default: no sound.
	Sound      Sound
	AudioInput Input

	// Live is for frames that come in real time and are wanted at once: a quick preset, no frames held back, a key frame every
	// 2 s, a sliding window of HLS. Default: as Output.Live.
	Live bool

	// Codec is an encoder of ffmpeg (libx264) or the name of a format (h264, h265, hevc, vp8, vp9, av1, prores). Default: by the container:
	// H.264, for webm VP9, for gif GIF, for mov with alpha ProRes 4444, for nut and null raw frames.
	Codec string

	// Preset, CRF and Tune are the encoder's own; an encoder that has no such thing is an error. Tune also knows low-latency
	// and quality. Default: the encoder's, for Live the preset veryfast and zerolatency.
	Preset, Tune string
	CRF          string

	// PixFmt is the pixel format in the file. Default: yuv420p or what keeps alpha, by the encoder.
	PixFmt string

	// OutputArgs are the user's own, put right before the output's name, where they win over ours. Default: none.
	OutputArgs []string

	// Lane is the descriptor of the socket over which the plug-in framebridge_lane gets the pictures; stream 0 of the NUT then has
	// small pictures, whose first pixel is the number of the real one. The child must be able to load the plug-in (package plugin), and the
	// frames must be of a format that CanLane accepts. Default: 0, frames come through the pipe.
	Lane int

	// Overwrite agrees to replace a file that exists; without it ffmpeg fails.
	Overwrite bool

	// Resume goes on with what an ffmpeg before has left behind: an HLS playlist keeps its numbers, with a discontinuity. Other
	// containers know no such thing, and begin anew.
	Resume bool

	// Abilities are those of the ffmpeg that will run; encoder and container are looked up in them. Default: not looked up.
	Abilities *Abilities
}

// LaneProbe is the least size in bytes of a packet that stands for a picture: the least number of bytes that ffmpeg agrees to
// probe.
const LaneProbe = 32

// Warning is something that a user should be told once about an Encode request.
type Warning string

// Args builds the argument list, without the program's name. The warnings say what happens to the
// picture that was not asked for. Errors are ErrRequest, ErrNoEncoder and ErrNoMuxer.
func (e *Encode) Args() ([]string, []Warning, error) {
	b, err := e.resolve()
	if err != nil {
		return nil, nil, fmt.Errorf("ffargs: encode: %w", err)
	}
	p := plan{
		global:     []string{"-hide_banner", "-nostdin", "-loglevel", "level+warning", "-nostats", "-copyts"},
		inputs:     1,
		mainInput:  "pipe:0",
		outputArgs: e.OutputArgs,
	}
	replace := "-n"
	if e.Overwrite {
		replace = "-y"
	}
	p.global = append(p.global, replace)
	if e.Sound == SilentSound || e.Sound == OtherSound {
		p.inputs = 2
	}
	args, err := p.build(func() *ff.Stream {
		from := opts{"f": "nut", "fpsprobesize": "0", "protocol_whitelist": "pipe", "format_whitelist": "nut"}
		if p.inputs > 1 {
			// Raw frames: more would be gigabytes. With one input ffmpeg 5 reads without a
			// thread, unless it is given a queue, which doubled its own time for a frame.
			from["thread_queue_size"] = "8"
		}
		if e.Lane > 0 {
			// The header says it all, but ffmpeg would read packets until each stream has begun, and nobody sends one before the
			// last picture was drawn.
			from["probesize"] = strconv.Itoa(LaneProbe)
		}
		in := ff.Input("pipe:0", from.kwargs())
		streams := []*ff.Stream{b.chain(b.draw(in.Get("v:0")))}
		if sound := e.sound(in); sound != nil {
			streams = append(streams, sound)
		}
		return ff.Output(streams, e.Output.URL, b.options().kwargs())
	})
	if err != nil {
		return nil, nil, err
	}
	return args, b.warnings, nil
}

// sound adds the input that the sound comes from. Its queue has another size than that of the frames, also because
// ffmpeg-go takes two inputs with the same set of values for one.
func (e *Encode) sound(in *ff.Stream) *ff.Stream {
	switch e.Sound {
	case NUTSound:
		return in.Get("a:0")
	case SilentSound:
		return ff.Input("anullsrc=r=48000:cl=stereo", opts{"f": "lavfi", "thread_queue_size": "64"}.kwargs()).Get("a:0")
	case OtherSound:
		return ff.Input(e.AudioInput.Name, opts{"thread_queue_size": "512"}.add(e.AudioInput.options()).kwargs()).Get("a:0")
	case NoSound:
	}
	return nil
}

// encoding is a request with everything decided.
type encoding struct {
	*Encode   // its Video is what is to be seen
	sent      Video
	live      bool
	codec     string // an encoder of ffmpeg
	pixFmt    string // in the file; "" leaves it to the encoder
	keepAlpha bool
	color     Color // in the file
	rate      Ratio
	timeBase  Ratio // of the encoder
	warnings  []Warning
}

func (e *Encode) resolve() (*encoding, error) {
	v := e.Video
	switch {
	case e.Output.URL == "" || e.Output.Format == "":
		return nil, fmt.Errorf("%w: no output", ErrRequest)
	case v.PixelFormat == "" || v.Width <= 0 || v.Height <= 0:
		return nil, fmt.Errorf("%w: frames of %dx%d in %q", ErrRequest, v.Width, v.Height, v.PixelFormat)
	case e.Lane != 0 && (e.Lane <= 2 || !CanLane(v.PixelFormat)):
		return nil, fmt.Errorf("%w: %s through the plug-in, by descriptor %d", ErrRequest, v.PixelFormat, e.Lane)
	case e.Sound == OtherSound && e.AudioInput.Name == "":
		return nil, fmt.Errorf("%w: no input for the sound", ErrRequest)
	case e.Sound == OtherSound && e.AudioInput.Kind == Stdin:
		return nil, fmt.Errorf("%w: standard input carries the frames, the sound must come from elsewhere", ErrRequest)
	case e.Sound != NoSound && e.Output.Format == "gif":
		return nil, fmt.Errorf("%w: gif has no sound", ErrRequest)
	}
	b := &encoding{Encode: e, sent: v, live: e.Live || e.Output.Live, rate: v.Rate}
	b.orient()
	v = b.Video
	if !b.rate.Known() {
		b.rate = Ratio{30, 1} // ffmpeg would guess up to 1,000,000 frames a second from fine ticks, and choose the level for that
	}
	if !e.Abilities.hasMuxer(e.Output.Format) {
		return nil, fmt.Errorf("%w: %s (ffmpeg %s)", ErrNoMuxer, e.Output.Format, e.Abilities.Version)
	}
	if err := b.chooseCodec(); err != nil {
		return nil, err
	}
	b.choosePixels()
	b.color = fileColor(v, b.pixFmt)
	b.timeBase = b.chooseTimeBase()
	return b, nil
}

func (b *encoding) version() Version {
	if b.Abilities == nil {
		return Version{}
	}
	return b.Abilities.Version
}

func (b *encoding) warn(format string, args ...any) {
	b.warnings = append(b.warnings, Warning(fmt.Sprintf(format, args...)))
}

// options are those of the output, in no order: the user's own come behind them.
func (b *encoding) options() opts {
	o := opts{"format": b.Output.Format, "c:v": b.codec, "enc_time_base:v": b.timeBase.String()}
	o.add(passthrough(b.version()))
	if b.pixFmt != "" {
		o["pix_fmt"] = b.pixFmt
	}
	o.add(b.colorTags()).add(b.codecOptions()).add(b.muxOptions())
	if b.Sound != NoSound {
		o["c:a"] = b.audioCodec()
	}
	if b.Sound == SilentSound {
		o["shortest"] = ""
	}
	return o
}
