package ffargs

// The sound of a capture, which travels in an output of its own.
//
// In one output with the frames ffmpeg writes nothing before it has the first sound, holds all frames until then (a gigabyte
// of large ones), and in the end gives up: sound that begins seconds after the picture was the end of such a capture. An
// output whose streams have all begun holds nothing.

import (
	"slices"
	"strconv"
	"time"
)

// SoundOffset is added to all times of the sound, and only to those. NUT knows no times before 0, so ffmpeg would move a
// stream that begins there by as much as it takes, and say nothing. With this nothing lies before 0.
const SoundOffset = 24 * time.Hour

// AudioFormat is what sound is like. The zero value is unknown.
type AudioFormat struct {
	Rate   int    // samples a second
	Layout string // ffmpeg's name of the channel layout; one that is not a usual one is taken as unknown
}

// layouts are those that the filter aformat takes by name in all versions, and that say the number of channels.
var layouts = []string{
	"mono", "stereo", "2.1", "3.0", "3.0(back)", "3.1", "4.0", "4.1", "quad", "quad(side)", "5.0", "5.0(side)", "5.1", "5.1(side)",
	"6.0", "6.1", "7.0", "7.1",
}

// filter is the graph that holds the sound to what it is said to be; "" if nothing is known.
func (f AudioFormat) filter() string {
	if f.Rate <= 0 {
		return ""
	}
	graph := "aformat=sample_rates=" + strconv.Itoa(f.Rate)
	if slices.Contains(layouts, f.Layout) {
		graph += ":channel_layouts=" + f.Layout
	}
	return graph
}

// args is the second output: PCM (s16le) in NUT on descriptor 3, if the input has sound.
//
// ffmpeg refuses an output without a stream, and whether a live source has sound is not known before. So there is a picture of
// one small frame in it, which comes from nowhere and belongs to nobody. Nothing waits for a second one: at most one packet of
// sound is held back until the next.
func (f AudioFormat) args() []string {
	const nobody = "[framebridgenobody]"
	args := []string{
		"-filter_complex", "color=size=16x16:duration=0.04" + nobody, "-map", nobody, "-map", "0:a:0?",
		"-f", "nut", "-c:v", "rawvideo", "-c:a", "pcm_s16le",
	}
	if graph := f.filter(); graph != "" {
		args = append(args, "-filter:a", graph)
	}
	offset := strconv.FormatInt(int64(SoundOffset/time.Second), 10)
	return append(args, "-max_interleave_delta", "1", "-output_ts_offset", offset, "-write_index", "0", "pipe:3")
}

// Listen is a request for the arguments of an ffmpeg that says what the first sound stream of a file is like, as decoded: it
// writes the first of it, as PCM in NUT, to standard output. A probe does not know when the sound begins late.
type Listen struct {
	Input Input

	// InputArgs are the user's own, put right before -i. Default: none.
	InputArgs []string
}

// Args builds the argument list, without the program's name.
func (l *Listen) Args() []string {
	c := Capture{Input: l.Input}
	args := []string{"-hide_banner", "-nostdin", "-loglevel", "error", "-max_alloc", maxAlloc(c.maxPixels())}
	args = append(append(args, c.inputOptions().list()...), l.InputArgs...)
	return append(args, "-i", l.Input.Name, "-map", "0:a:0", "-frames:a", "1", "-f", "nut", "-c:a", "pcm_s16le", "-write_index", "0", "pipe:1")
}
