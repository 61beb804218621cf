package cli

// What run, capture and encode say at their end.

import (
	"fmt"
	"text/tabwriter"
)

// summary is the end of a long work. The JSON keys are a promise.
type summary struct {
	FramesIn       uint64       `json:"frames_in"`
	FramesOut      uint64       `json:"frames_out"`
	Dropped        uint64       `json:"dropped"`
	Seconds        float64      `json:"seconds"`
	FPS            float64      `json:"fps"`
	Output         string       `json:"output"`
	Error          *string      `json:"error"`
	Restarts       uint64       `json:"restarts,omitempty"`        // of ffmpeg, because a live output failed; of capture, because the source was lost
	SourceRestarts uint64       `json:"source_restarts,omitempty"` // of run, beside those of its output
	Exec           *execSummary `json:"exec,omitempty"`
	LatencyP50MS   *float64     `json:"latency_p50_ms,omitempty"` // from a frame's arrival to its handing over to the encoder
	LatencyP99MS   *float64     `json:"latency_p99_ms,omitempty"`
}

// summarize prints the summary, as a result of the command.
func (s *session) summarize(sum summary, err error) error {
	if s.json {
		if err != nil && exitCode(err) != codeDone {
			text := message(err)
			sum.Error = &text
		}
		return s.printJSON(sum)
	}
	if s.quiet {
		return nil
	}
	t := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "frames in\t%d\nframes out\t%d\ndropped\t%d\nseconds\t%.2f\nfps\t%.1f\n", sum.FramesIn, sum.FramesOut, sum.Dropped, sum.Seconds, sum.FPS)
	if sum.Restarts+sum.SourceRestarts > 0 {
		fmt.Fprintf(t, "restarts\t%d\n", sum.Restarts+sum.SourceRestarts)
	}
	if e := sum.Exec; e != nil {
		fmt.Fprintf(t, "exec\t%d in, %d out, %d missed, %d restarts\n", e.FramesIn, e.FramesOut, e.Missed, e.Restarts)
	}
	if sum.LatencyP50MS != nil && sum.LatencyP99MS != nil {
		fmt.Fprintf(t, "latency p50\t%.1f ms\nlatency p99\t%.1f ms\n", *sum.LatencyP50MS, *sum.LatencyP99MS)
	}
	fmt.Fprintf(t, "output\t%s\n", printable(sum.Output))
	return t.Flush()
}
