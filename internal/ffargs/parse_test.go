package ffargs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

func TestParseInput(t *testing.T) {
	cwd, err := os.Getwd()
	require.NoError(t, err)
	for _, tt := range []struct {
		in     string
		kind   ffargs.Kind
		scheme string
		name   string // behind -i
		format string
		live   bool
	}{
		{"clip.mp4", ffargs.File, "", "file:" + cwd + "/clip.mp4", "", false},
		{"/a/b c/../clip.mp4", ffargs.File, "", "file:/a/b c/../clip.mp4", "", false},
		{"./rtsp:x", ffargs.File, "", "file:" + cwd + "/./rtsp:x", "", false},
		{"-f.mp4", ffargs.File, "", "file:" + cwd + "/-f.mp4", "", false},
		{"12:30.mp4", ffargs.File, "", "file:" + cwd + "/12:30.mp4", "", false},
		{"a,b.mp4", ffargs.File, "", "file:" + cwd + "/a,b.mp4", "", false},
		{"file:/x:y.mp4", ffargs.File, "", "file:/x:y.mp4", "", false},
		{"file:///x.mp4", ffargs.File, "", "file:/x.mp4", "", false},
		{"/x/%03d.PNG", ffargs.File, "", "file:/x/%03d.PNG", "png_pipe", false},
		{"-", ffargs.Stdin, "", "pipe:0", "", false},
		{"rtsp://u:p@cam:554/1?x=y", ffargs.URL, "rtsp", "rtsp://u:p@cam:554/1?x=y", "", true},
		{"RTSP://cam/Stream", ffargs.URL, "rtsp", "rtsp://cam/Stream", "", true},
		{"rtmp://h/app/key", ffargs.URL, "rtmp", "rtmp://h/app/key", "", true},
		{"srt://h:9000?mode=caller", ffargs.URL, "srt", "srt://h:9000?mode=caller", "", true},
		{"udp://:5000", ffargs.URL, "udp", "udp://:5000", "", true},
		{"https://h/a.mp4", ffargs.URL, "https", "https://h/a.mp4", "", false},
		{"v4l2:/dev/video0", ffargs.Device, "v4l2", "/dev/video0", "v4l2", true},
		{"x11grab::0.0+10,20", ffargs.Device, "x11grab", ":0.0+10,20", "x11grab", true},
		{"lavfi:testsrc2=d=1,\nhflip", ffargs.Lavfi, "", "testsrc2=d=1,\nhflip", "lavfi", false},
	} {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ffargs.ParseInput(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.kind, got.Kind)
			require.Equal(t, tt.scheme, got.Scheme)
			require.Equal(t, tt.name, got.Name)
			require.Equal(t, tt.format, got.Format)
			require.Equal(t, tt.live, got.Live)
			require.NotContains(t, got.String(), "u:p@")
		})
	}
}

func TestParseInputRefuses(t *testing.T) {
	for in, says := range map[string]string{
		"":                                     "empty",
		"file:":                                "empty",
		"a\nb.mp4":                             "control character",
		"a\x00.mp4":                            "control character",
		"rtsp://h/\r\nX: y":                    "control character",
		"lavfi:":                               "lavfi:testsrc2",
		"lavfi:a\x00":                          "control character",
		"lavfi:movie=/etc/passwd":              `"movie"`,
		"lavfi:testsrc2,drawtext=text=x":       "--vf",
		"lavfi:testsrc2=/size=/etc/passwd":     "read from a file",
		"lavfi:sws_flags=bilinear;testsrc2":    "sws_flags",
		"lavfi:testsrc2=s=1x1]x":               "not understood",
		"v4l2:/dev/../etc/passwd":              "in /dev",
		"fbdev:/etc/passwd":                    "in /dev",
		"x11grab:/tmp/socket:0":                "x11grab::0",
		"x11grab:-f:0":                         "x11grab::0",
		"concat:a.mp4|b.mp4":                   "./concat:",
		"concatf:list":                         "./concatf:",
		"subfile,,start,0,end,9,,:/etc/passwd": "./subfile,",
		"data:video/mp4;base64,AAAA":           "./data:",
		"fd:3":                                 "./fd:",
		"pipe:0":                               "standard input is -",
		"PIPE:":                                "standard input is -",
		"crypto:a.mp4":                         "./crypto:",
		"crypto+file:/etc/passwd":              "./crypto+file:",
		"tee:a|b":                              "./tee:",
		"cache:http://h/":                      "./cache:",
		"async:http://h/":                      "./async:",
		"hls+http://h/a":                       "./hls+http:",
		"unix:/run/x":                          "./unix:",
		"ftp://h/x":                            "./ftp:",
		"clip:1.mp4":                           "./clip:1.mp4",
		"rtsp:cam":                             "rtsp://host/path",
		"rtsp://":                              "rtsp://host/path",
		"http:///":                             "http://host/path",
		"http://h/a b":                         "%20",
		"v4l2:video0":                          "v4l2:/dev/video0",
		"/dev/video0":                          "v4l2:/dev/video0",
		"x11grab:0":                            "x11grab::0",
		"alsa:hw:0":                            "no picture",
		"pulse:default":                        "no picture",
		"s3://b/k":                             "known are",
	} {
		t.Run(in, func(t *testing.T) {
			got, err := ffargs.ParseInput(in)
			require.ErrorIs(t, err, ffargs.ErrInput)
			require.ErrorContains(t, err, says)
			require.Zero(t, got)
		})
	}
	_, err := ffargs.ParseInput("foo://u:hunter2@h")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestWhiteLists(t *testing.T) {
	value := func(in, option string) string {
		args := (&ffargs.Probe{Input: input(t, in)}).Args()
		for i, a := range args {
			if a == option {
				return "," + args[i+1] + ","
			}
		}
		return ""
	}
	for _, in := range []string{"/a.mp4", "-", "rtsp://h", "rtsps://h", "rtmp://h", "rtmps://h", "rtmpt://h", "rtmpts://h", "srt://h:1", "udp://:1", "tcp://h:1", "rtp://h:1", "http://h", "https://h"} {
		protocols, formats := value(in, "-protocol_whitelist"), value(in, "-format_whitelist")
		require.NotEmpty(t, protocols, in)
		require.NotEmpty(t, formats, in)
		if in == "/a.mp4" {
			require.Equal(t, ",file,", protocols)
		} else {
			require.NotContains(t, protocols, ",file,", in)
		}
		for _, never := range []string{",concat,", ",image2,", ",sdp,", ",lavfi,"} {
			require.NotContains(t, formats, never, in)
		}
		isHTTP := strings.HasPrefix(in, "http")
		require.Equal(t, isHTTP, strings.Contains(formats, ",hls,"), in)
		require.Equal(t, isHTTP || in == "rtmpt://h", strings.Contains(protocols, ",http,"), in)
	}
	require.Equal(t, ",lavfi,", value("lavfi:color", "-format_whitelist"))
	require.Equal(t, ",v4l2,", value("v4l2:/dev/video0", "-format_whitelist"))
}

func TestParseOutput(t *testing.T) {
	cwd, err := os.Getwd()
	require.NoError(t, err)
	local := func(format, path string) ffargs.Output {
		return ffargs.Output{Format: format, URL: "file:" + path, Path: path, Local: true}
	}
	remote := func(format, scheme, url string) ffargs.Output {
		return ffargs.Output{Format: format, URL: url, Scheme: scheme, Live: true}
	}
	for _, tt := range []struct {
		in   string
		want ffargs.Output
	}{
		{"o.mp4", local("mp4", filepath.Join(cwd, "o.mp4"))},
		{"-o.MKV", local("matroska", filepath.Join(cwd, "-o.MKV"))},
		{"/d/o.m3u8", local("hls", "/d/o.m3u8")},
		{"/d/o.ts", local("mpegts", "/d/o.ts")},
		{"/d/o.gif", local("gif", "/d/o.gif")},
		{"file:/d/o.webm", local("webm", "/d/o.webm")},
		{"./rtmp:x.mov", local("mov", cwd+"/./rtmp:x.mov")},
		{"hls:/d/live", local("hls", "/d/live")},
		{"mkv:/d/x.mp4", local("matroska", "/d/x.mp4")},
		{"mp4:file:/d/x", local("mp4", "/d/x")},
		{"rtmp://h/app/key", remote("flv", "rtmp", "rtmp://h/app/key")},
		{"rtsp://h/x", remote("rtsp", "rtsp", "rtsp://h/x")},
		{"srt://h:1?streamid=x", remote("mpegts", "srt", "srt://h:1?streamid=x")},
		{"mpegts:udp://h:1", remote("mpegts", "udp", "udp://h:1")},
		{"mkv:tcp://h:1", remote("matroska", "tcp", "tcp://h:1")},
		{"rtp://h:1", remote("rtp_mpegts", "rtp", "rtp://h:1")},
		{"https://h/live.m3u8?x=1", remote("hls", "https", "https://h/live.m3u8?x=1")},
		{"mpegts:-", ffargs.Output{Format: "mpegts", URL: "pipe:1", Local: true, Pipe: true}},
		{"null:", ffargs.Output{Format: "null", URL: "-", Local: true}},
	} {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ffargs.ParseOutput(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.NotContains(t, got.String(), "key")
		})
	}
}

func TestParseOutputRefuses(t *testing.T) {
	for in, says := range map[string]string{
		"":                   "empty",
		"-":                  "mpegts:-",
		"o":                  ".mkv",
		"o.avi":              ".mkv",
		"o.mp4\n":            "control character",
		"o\x00.mp4":          "control character",
		"mp4:":               "needs a name",
		"mp4:-":              "standard output",
		"hls:-":              "standard output",
		"mp4:rtmp://h/a/k":   "cannot be sent",
		"tee:a.mp4|b.mp4":    "./tee:",
		"mp4:tee:a|b":        "./tee:",
		"pipe:1":             "./pipe:",
		"concat:x.mp4":       "./concat:",
		"md5:x":              "./md5:",
		"s3://b/k.mp4":       "known are",
		"rtmp:host":          "rtmp://host",
		"/d/100%d/live.m3u8": "another name",
		"x11:1.mp4":          "./x11:1.mp4",
		"mp4://host/x.mp4":   "mp4:PATH",
		"hls://host/x":       "hls:PATH",
		"mp4:file:":          "empty",
	} {
		t.Run(in, func(t *testing.T) {
			_, err := ffargs.ParseOutput(in)
			require.ErrorIs(t, err, ffargs.ErrOutput)
			require.ErrorContains(t, err, says)
		})
	}
}
