// Package ffargs turns typed requests into argument lists for ffmpeg and ffprobe. It starts
// nothing, opens nothing and looks at no file: text in, text out.
//
// It is the only importer of ffmpeg-go, of which it uses the graph builder and GetArgs. That
// library panics on mistakes, leaves the values of filter options unescaped, and lets two inputs with the same
// option values become one; build turns the first into errors, escape does the second, and build checks
// the third by counting.
//
// The parts: ParseInput and ParseOutput read what a user typed; Capture and Encode build the two
// command lines; Probe builds the one for ffprobe; Abilities holds what an ffmpeg can do; Redact, Redactor and Quote
// make text fit to be shown.
//
// What a caller hands over falls into two kinds. Names of inputs and outputs are hostile until
// parsed, the graph behind lavfi: included. The filter graph (Capture.Filter) and extra arguments are trusted configuration: they can
// read any file, so they must never come from a frame, a segment or another program. No function here takes them from there.
//
// What remains: an input of HTTP may name other addresses of HTTP, in playlists and redirects, as an RTSP server may send
// to another one. Where that must not be, the network has to forbid it. The command line, secrets included, can be read by every
// user of the machine while ffmpeg runs.
package ffargs
