package ffargs_test

// Fuzz targets for the names of inputs and outputs. More first inputs are in testdata/fuzz.

import (
	"regexp"
	"strings"
	"testing"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/hostile"
)

// nowhere is a place for attacks that nobody runs.
var nowhere = hostile.Site{Sandbox: "/s", Canary: "/c", TCP: 1, UDP: 2, Socket: "/x"}

// harmful are filters that read, write, load or call. Of a graph without quotes it is plain where they stand.
var harmful = regexp.MustCompile(`(^|[,;\]])\s*(\[[^\]]*\]\s*)*(a?movie|drawtext|subtitles|ass|frei0r(_src)?|ladspa|lv2|a?zmq|a?sendcmd|lut[13]d|a?metadata|life|cellauto|showinfo|curves|psnr|ssim)\s*(@[^=,;\[]*)?([=,;\[]|$)`)

// No name makes an argument that ffmpeg would take for an option, a protocol of its own choice, or more than one line.
func FuzzParseInput(f *testing.F) {
	for _, s := range []string{"a.mp4", "-i", "file:x.mp4", "subfile,,start,1,,:x", "rtsp://h", "v4l2:/dev/video0", "lavfi:testsrc", "lavfi:[a]color,hflip[out0];sine[out1]", "x11grab::0.0+1,2"} {
		f.Add(s)
	}
	for _, v := range nowhere.Inputs() {
		if len(v.Text) < 200 {
			f.Add(v.Text)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		in, err := ffargs.ParseInput(s)
		if err != nil {
			return
		}
		bad := in.Kind != ffargs.Lavfi && strings.ContainsAny(in.Name, "\n\r\x00") || strings.ContainsRune(in.Name, 0)
		switch in.Kind {
		case ffargs.File:
			bad = bad || !strings.HasPrefix(in.Name, "file:/")
		case ffargs.URL:
			bad = bad || !strings.HasPrefix(in.Name, in.Scheme+"://") || strings.Contains(in.Scheme, "+")
		case ffargs.Device:
			bad = bad || strings.HasPrefix(in.Name, "-") || in.Scheme != "x11grab" && !strings.HasPrefix(in.Name, "/")
		case ffargs.Lavfi:
			plain := !strings.ContainsAny(in.Name, `'\`) // a quote could make it text
			bad = bad || plain && harmful.MatchString(in.Name)
		case ffargs.Stdin:
			bad = bad || s != "-" || in.Name != "pipe:0"
		}
		if bad {
			t.Fatalf("%q became %q", s, in.Name)
		}
		args := (&ffargs.Probe{Input: in}).Args()
		if n := len(args); args[n-2] != "-i" || args[n-1] != in.Name || count(args, "-i") > 1 && in.Name != "-i" {
			t.Fatalf("%q became %q", s, args)
		}
	})
}

func count(args []string, want string) (n int) {
	for _, a := range args {
		if a == want {
			n++
		}
	}
	return n
}

// The same for outputs, which stand where ffmpeg looks for options.
func FuzzParseOutput(f *testing.F) {
	for _, s := range []string{"a.mp4", "hls:x", "mkv:-", "mp4:file:-x", "mpegts:udp://h:1", "null:", "https://h/live.m3u8?x=1"} {
		f.Add(s)
	}
	for _, v := range nowhere.Outputs() {
		f.Add(v.Text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := ffargs.ParseOutput(s)
		if err != nil {
			return
		}
		ok := o.Local && strings.HasPrefix(o.URL, "file:/") || o.Live && strings.HasPrefix(o.URL, o.Scheme+"://") || o.Pipe && o.URL == "pipe:1" || o.URL == "-" && o.Format == "null"
		if !ok || o.Format == "" || strings.ContainsAny(o.URL, "\n\r\x00") || o.Format == "hls" && o.Local && strings.Contains(o.URL, "%") {
			t.Fatalf("%q became %q", s, o.URL)
		}
		e := ffargs.Encode{Video: ffargs.Video{PixelFormat: "rgba", Width: 64, Height: 48}, Output: o}
		args, _, err := e.Args()
		if err == nil && args[len(args)-1] != o.URL {
			t.Fatalf("%q became %q", s, args)
		}
	})
}
