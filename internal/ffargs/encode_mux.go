package ffargs

// Containers: in which unit they count time, and what they must be told.

import (
	"strconv"
)

// finestTimescale bounds the time scale of a track in mp4 and mov.
const finestTimescale = 10_000_000

// chooseTimeBase gives the encoder the unit of the container, so that nothing is rounded twice.
func (b *encoding) chooseTimeBase() Ratio {
	source := b.Video.TimeBase
	if !source.Known() || source.Den > finestTimescale {
		source = microseconds
	}
	switch b.Output.Format {
	case "matroska", "webm", "flv":
		return Ratio{1, 1000}
	case "mpegts", "hls", "rtsp", "rtp_mpegts":
		return Ratio{1, 90000}
	case "gif":
		return Ratio{1, 100}
	}
	if b.codec == "mpeg4" && source.Den > 65535 {
		return Ratio{1, 65535} // the finest that MPEG-4 part 2 can write
	}
	return source
}

func (b *encoding) muxOptions() opts {
	o := opts{}
	if b.Output.Scheme == "srt" {
		o["linger"] = "3" // seconds to send what is left at the end
	}
	switch b.Output.Format {
	case "mp4", "mov":
		o["video_track_timescale"] = strconv.FormatInt(b.timeBase.Den, 10)
		if !b.version().before(5, 1) {
			o["movie_timescale"] = o["video_track_timescale"] // the unit of the first frame's time; otherwise 1/1000
		}
		o["movflags"] = "+faststart"
	case "flv":
		if b.Output.Live || b.Output.Pipe {
			o["flvflags"] = "no_duration_filesize" // nobody can seek back to write them
		}
	case "mpegts", "rtp_mpegts":
		o["muxdelay"], o["muxpreload"] = "0", "0" // times begin as the source's, not 1.4 s later
	case "hls":
		b.hlsOptions(o)
	case "rtsp":
		o["rtsp_transport"] = "tcp"
	case "gif":
		o["loop"] = "0"
	case "nut":
		o["write_index"] = "0"
	}
	return o
}

// hlsOptions: a recording keeps all segments, a live stream the last twelve seconds, with a little more on disk for players
// that lag.
func (b *encoding) hlsOptions(o opts) {
	o["hls_time"] = strconv.Itoa(keyFrameSeconds)
	o["muxdelay"], o["muxpreload"] = "0", "0"
	o["hls_flags"] = "independent_segments"
	o["hls_list_size"] = "0"
	o["hls_playlist_type"] = "event"
	if b.live {
		delete(o, "hls_playlist_type")
		o["hls_list_size"] = "6"
		o["hls_delete_threshold"] = "3"
		o["hls_flags"] = "independent_segments+delete_segments"
	} else {
		o["force_key_frames"] = "expr:gte(t,n_forced*" + strconv.Itoa(keyFrameSeconds) + ")"
	}
	if b.Resume {
		o["hls_flags"] += "+append_list"
	}
	if b.Output.Scheme != "" {
		o["method"] = "PUT"
	}
}
