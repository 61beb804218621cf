package ffargs

// The command line of ffprobe.

import (
	"strconv"
	"time"
)

// Probe is a request for the arguments of ffprobe: streams and container as JSON on standard output.
type Probe struct {
	Input Input

	// InputArgs are the user's own, put right before -i. Default: none.
	InputArgs []string

	// RTSPTransport is tcp, udp, http or https. Default: tcp.
	RTSPTransport string

	// MaxPixels refuses larger pictures: their size is 0 in the answer. Default: DefaultMaxPixels.
	MaxPixels int64

	// Analyze bounds how much of the stream is looked at, in its own time. Default: ffmpeg's 5 s, of a live source 0.5 s.
	Analyze time.Duration
}

// probeStreams is how many streams an input may have.
const probeStreams = "256"

// probeEntries are what is read of the answer, and nothing else: what an input says of itself (titles, comments, pictures) never
// comes into this process.
const probeEntries = "format=format_name,duration,start_time" +
	":stream=index,codec_type,codec_name,profile,width,height,sample_aspect_ratio,pix_fmt,bits_per_raw_sample,color_range,color_space," +
	"color_primaries,color_transfer,field_order,time_base,avg_frame_rate,r_frame_rate,nb_frames,duration,start_time,sample_rate,channels,channel_layout" +
	":stream_disposition=attached_pic,timed_thumbnails:stream_tags=rotate:stream_side_data=rotation"

// Args builds the argument list, without the program's name.
func (p *Probe) Args() []string {
	c := Capture{Input: p.Input, RTSPTransport: p.RTSPTransport, MaxPixels: p.MaxPixels}
	o := c.inputOptions()
	if p.Analyze > 0 {
		o["analyzeduration"] = strconv.FormatInt(p.Analyze.Microseconds(), 10)
	}
	o["max_streams"] = probeStreams
	args := []string{"-hide_banner", "-loglevel", "error", "-max_alloc", maxAlloc(c.maxPixels()), "-print_format", "json", "-show_entries", probeEntries}
	args = append(args, o.list()...)
	return append(append(args, p.InputArgs...), "-i", p.Input.Name)
}

// PixelLimit is the number of pixels that a picture may have.
func (p *Probe) PixelLimit() int64 { return (&Capture{MaxPixels: p.MaxPixels}).maxPixels() }
