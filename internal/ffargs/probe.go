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

	// Analyze bounds how much of the stream is looked at, in its own time. Default: ffmpeg's 5 s, of a live source 0.5 s.
	Analyze time.Duration
}

// Args builds the argument list, without the program's name.
func (p *Probe) Args() []string {
	c := Capture{Input: p.Input, RTSPTransport: p.RTSPTransport}
	o := c.inputOptions()
	if p.Analyze > 0 {
		o["analyzeduration"] = strconv.FormatInt(p.Analyze.Microseconds(), 10)
	}
	args := []string{"-hide_banner", "-loglevel", "error", "-print_format", "json", "-show_format", "-show_streams"}
	for _, key := range sortedKeys(o) {
		args = append(args, "-"+key)
		if o[key] != "" {
			args = append(args, o[key])
		}
	}
	return append(append(args, p.InputArgs...), "-i", p.Input.Name)
}
