package ffargs

// What a user may name as an output.

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
)

// Output is a parsed output. Make it with ParseOutput.
type Output struct {
	// Format is ffmpeg's name of the container: mp4, mov, matroska, webm, gif, hls, mpegts, flv, nut, rtsp, rtp_mpegts, null.
	Format string

	// URL is what stands at the end of the arguments. It may contain a stream key: show Redact(URL).
	URL string

	Scheme string // of a URL, in lower case; "" for a file
	Path   string // of a local file, absolute; otherwise ""

	Local bool // a file on this machine
	Live  bool // a network stream: whoever reads it wants each frame soon
	Pipe  bool // the child's standard output
}

// endings maps the ending of a file name to the container.
var endings = map[string]string{
	".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".gif": "gif", ".m3u8": "hls",
	".ts": "mpegts", ".m2ts": "mpegts", ".flv": "flv", ".nut": "nut",
}

// formatNames maps what may stand before a colon to the container.
var formatNames = map[string]string{
	"mp4": "mp4", "mov": "mov", "mkv": "matroska", "matroska": "matroska", "webm": "webm", "gif": "gif", "hls": "hls",
	"mpegts": "mpegts", "ts": "mpegts", "flv": "flv", "nut": "nut", "null": "null",
}

// remoteFormats maps the scheme of a URL to its container if none is named.
var remoteFormats = map[string]string{
	"rtmp": "flv", "rtmps": "flv", "rtmpt": "flv", "rtmpts": "flv", "rtsp": "rtsp", "rtsps": "rtsp",
	"srt": "mpegts", "udp": "mpegts", "tcp": "mpegts", "rtp": "rtp_mpegts", "http": "mpegts", "https": "mpegts",
}

// streamable are the containers that can be written without seeking back.
var streamable = map[string]bool{
	"matroska": true, "webm": true, "gif": true, "mpegts": true, "flv": true, "nut": true, "null": true, "rtsp": true, "rtp_mpegts": true, "hls": true,
}

const knownOutputs = "rtmp rtmps rtmpt rtmpts rtsp rtsps srt udp tcp rtp http https, and a format before a colon: " +
	"mp4 mov mkv webm gif hls mpegts flv nut null"

// ParseOutput reads what a user named as the output: a file (its ending says the format), a URL, or a format before a
// colon and then either of them (hls:dir/live, mpegts:udp://host:1234), or - for standard output (mpegts:-). A
// local name that looks like a scheme needs ./ in front. The error is ErrOutput and says what to write instead.
func ParseOutput(s string) (Output, error) {
	if err := checkText(s, ErrOutput, ""); err != nil {
		return Output{}, err
	}
	name, rest := scheme(s)
	if format, ok := formatNames[name]; ok {
		return formatOutput(format, rest)
	}
	return plainOutput("", s)
}

func formatOutput(format, rest string) (Output, error) {
	switch {
	case strings.HasPrefix(rest, "//"):
		return Output{}, fmt.Errorf("%w: %s is a format, not the scheme of an address; for a file write %s:PATH", ErrOutput, format, format)
	case format == "null":
		return Output{Format: "null", URL: "-", Local: true}, nil
	case rest == "-" && (!streamable[format] || format == "hls"):
		return Output{}, fmt.Errorf("%w: %s cannot be written to standard output; mkv, mpegts, flv and nut can", ErrOutput, format)
	case rest == "-":
		return Output{Format: format, URL: "pipe:1", Local: true, Pipe: true}, nil
	case rest == "":
		return Output{}, fmt.Errorf("%w: %s: needs a name behind the colon", ErrOutput, format)
	}
	return plainOutput(format, rest)
}

// plainOutput parses a file or URL; format is "" if none was named.
func plainOutput(format, s string) (Output, error) {
	switch s {
	case "":
		return Output{}, fmt.Errorf("%w: the name is empty", ErrOutput)
	case "-":
		return Output{}, fmt.Errorf("%w: standard output needs a format: mpegts:-, mkv:-, flv:- or nut:-", ErrOutput)
	}
	name, rest := scheme(s)
	if implied, ok := remoteFormats[name]; ok {
		return remoteOutput(format, implied, name, rest)
	}
	if name == "file" {
		if s = fileURL(rest); s == "" {
			return Output{}, fmt.Errorf("%w: the name of the file is empty", ErrOutput)
		}
	} else if name != "" {
		return Output{}, refuse(name, s, ErrOutput, knownOutputs)
	}
	if format == "" {
		if format = endings[strings.ToLower(filepath.Ext(s))]; format == "" {
			return Output{}, fmt.Errorf("%w: the ending of %q says no format; known are %s, or write the format before a colon (mp4:NAME)",
				ErrOutput, RedactName(s), strings.Join(sortedKeys(endings), " "))
		}
	}
	if format == "hls" && strings.Contains(s, "%") {
		return Output{}, fmt.Errorf("%w: %q: hls takes %% in a name for a number; choose another name", ErrOutput, RedactName(s))
	}
	path, err := absolute(s, ErrOutput)
	if err != nil {
		return Output{}, err
	}
	return Output{Format: format, URL: "file:" + path, Path: path, Local: true}, nil
}

func remoteOutput(format, implied, name, rest string) (Output, error) {
	if err := checkRemote(name, rest, ErrOutput); err != nil {
		return Output{}, err
	}
	if format == "" {
		format = implied
		isHTTP := name == "http" || name == "https"
		if path, _, _ := strings.Cut(rest, "?"); isHTTP && strings.HasSuffix(strings.ToLower(path), ".m3u8") {
			format = "hls"
		}
	}
	if !streamable[format] {
		return Output{}, fmt.Errorf("%w: %s cannot be sent to %s://; mpegts, flv and mkv can", ErrOutput, format, name)
	}
	return Output{Format: format, URL: name + ":" + rest, Scheme: name, Live: true}, nil
}

// String is the output as it may be shown: without secrets.
func (o Output) String() string {
	switch {
	case o.Path != "":
		return o.Path
	case o.Pipe:
		return "-"
	}
	return RedactName(o.URL)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
