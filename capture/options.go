package capture

import (
	"io"
	"time"

	"github.com/framebridge/framebridge/framebuf"
)

// Pace says how fast a source is read.
type Pace int

// The paces.
const (
	PaceFast   Pace = 0 // as fast as it goes
	PaceSource Pace = 1 // at the speed of the source's own times, ffmpeg's -re
)

// Resize says what happens when the frame size changes in mid-stream.
type Resize int

// What can happen.
const (
	ResizeFollow Resize = 0 // frames have their new size
	ResizeScale  Resize = 1 // frames are scaled to the first size
	ResizeStop   Resize = 2 // the capture ends with ErrGeometryChanged
)

// Transport says how pixels travel from ffmpeg into the segment. Frames, times,
// counters and errors are the same either way.
type Transport int

// The transports.
const (
	TransportAuto   Transport = 0 // by the plug-in where that is possible, else through the pipe
	TransportPlugin Transport = 1 // by a plug-in inside ffmpeg, which copies them once; ErrFFmpeg where that is not possible
	TransportPipe   Transport = 2 // through a pipe
)

// Options of Open. The zero value, or nil, means the defaults.
type Options struct {
	// Dir is the directory of segments. Default: framebuf.DefaultDir.
	Dir string
	// Group, a name or number, may read the segment, see framebuf.Options. Default: none.
	Group string
	// Sealed makes a segment without a name, for child processes only, see
	// framebuf.Options; its frames can never become larger than the first. The sound
	// of AudioSegment has a name all the same. Default: false.
	Sealed bool
	// Slots is the number of slots, from 2. Default: 4.
	Slots int
	// NewestOnly refuses lossless readers, so that nobody ever holds the source back.
	// Default: false.
	NewestOnly bool
	// EvictAfter is how long a lossless reader may stand still before the writer goes
	// on without it; negative: for ever. Default: 5 s for live sources, else for ever.
	EvictAfter time.Duration
	// Linger is how long Close keeps the segment for late readers. Default: 5 s;
	// negative: not at all.
	Linger time.Duration
	// Checksum stores a CRC-32C with each frame. Default: false.
	Checksum bool
	// OnWait is called when the writer has waited 5 s for a lossless reader, and
	// every 5 s after that. Default: nil.
	OnWait func(framebuf.Waiting)

	// Width and Height scale the frames. Default: the source's size.
	Width, Height int
	// FPS makes the frame rate constant: frames are repeated and left out. Default:
	// the source's frames, at their own times.
	FPS framebuf.Rational
	// Seek starts so far into the source. Default: 0.
	Seek time.Duration
	// Duration ends the capture after so much of the source. Default: 0, its end.
	Duration time.Duration
	// Loop plays a file so many times more, -1 for ever. Default: 0.
	Loop int
	// Pace is how fast the source is read. Default: PaceFast. Live sources set
	// their own.
	Pace Pace
	// Filter is a graph of ffmpeg's filters with one input and one output. It is
	// trusted: filters can read files. Default: none.
	Filter string
	// PixelFormat of the frames, not framebuf.Data. Default: framebuf.RGBA.
	PixelFormat framebuf.PixelFormat
	// OnResize says what happens when the frame size changes in mid-stream. Default:
	// ResizeFollow, and with Width and Height every frame has that size.
	OnResize Resize

	// Transport is how pixels travel. The plug-in takes frames in RGBA and BGRA, to
	// segments that are not sealed; it is looked for in $FRAMEBRIDGE_PLUGIN, or beside
	// the program, in plugins, ../libexec/framebridge and ../lib/framebridge.
	// Default: TransportAuto.
	Transport Transport
	// HWAccel is ffmpeg's name of a hardware decoder: "auto", "vaapi", "cuda".
	// Default: none.
	HWAccel string
	// MaxPixels is the size in pixels of the largest picture that is decoded: a small
	// file can claim, or become, any size. Default: 8192 x 4320; framebuf takes no more
	// than 16384 x 16384.
	MaxPixels int64
	// RTSPTransport is tcp, udp or another of ffmpeg's names. Default: tcp.
	RTSPTransport string
	// InputArgs are further arguments of ffmpeg for the input. They are trusted.
	// Default: none.
	InputArgs []string
	// FFmpeg and FFprobe are the programs. Default: "ffmpeg" and "ffprobe" in PATH.
	FFmpeg, FFprobe string
	// Stdin is what the input "-" reads: NUT or YUV4MPEG2. It stays the caller's; if
	// reading it can block, closing it is what ends a Run that waits for it. Default: none.
	Stdin io.Reader

	// AudioSink takes the source's sound, if it has any. Default: nil.
	AudioSink AudioSink
	// AudioSegment publishes the source's sound, if it has any, as the segment
	// NAME.audio. Where the sound begins half a second or more after the picture, the
	// first frame there has no samples: it says what the sound will be like. Default:
	// false.
	AudioSegment bool

	// Restart says what happens when the source is lost or falls silent. Default:
	// RestartAuto.
	Restart Restart
	// StallAfter is how long a source may give no frame before it counts as stalled;
	// with restarts, ffmpeg is then started again. A source that is slow to give its
	// first frame gets twice the time with each try, up to 30 s, and one that is a
	// sender which ffmpeg listens for (udp, rtp, listen=1, mode=listener) all the time
	// it needs. Default: 5 s; negative: for ever.
	StallAfter time.Duration
	// GiveUp ends the capture when no frame has come for so long. Default: 0, never.
	GiveUp time.Duration
	// Placeholder is what readers get while the source is away. Default:
	// PlaceholderNone.
	Placeholder Placeholder
	// OnEvent is called when the state of the source changes, in order and one call
	// at a time, on a goroutine of the Capture. It must not block, as frames wait
	// meanwhile, and must not call Close. Default: nil.
	OnEvent func(Event)

	// OnLine gets each line that ffmpeg prints, other than those about single
	// frames, with secrets masked. It must not block. Default: nil.
	OnLine func(line string)
}

// segment is what the segment is made with.
func (o *Options) segment(live bool) *framebuf.Options {
	s := &framebuf.Options{
		Dir: o.Dir, Group: o.Group, Sealed: o.Sealed, Slots: o.Slots, Live: live, Linger: o.Linger, Checksum: o.Checksum, OnWait: o.OnWait,
		Lossless: framebuf.LosslessWait,
	}
	switch {
	case o.NewestOnly:
		s.Lossless = framebuf.LosslessRefuse
	case o.EvictAfter > 0 || o.EvictAfter == 0 && live:
		s.Lossless, s.EvictAfter = framebuf.LosslessEvict, o.EvictAfter
	}
	return s
}
