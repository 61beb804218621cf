package ffargs

// What a user may name as an input, and what ffmpeg may touch while it reads it.

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Kind says what an Input is.
type Kind int

// The kinds of inputs.
const (
	File   Kind = iota // a local file
	Stdin              // standard input
	URL                // a network address
	Device             // a camera or a screen
	Lavfi              // a graph of ffmpeg's own sources
)

// String is the name of the kind.
func (k Kind) String() string {
	return [...]string{"file", "stdin", "url", "device", "lavfi"}[k]
}

// Input is a parsed input. Make it with ParseInput.
type Input struct {
	Kind   Kind
	Scheme string // of a URL or device, in lower case: rtsp, v4l2; otherwise ""
	Path   string // of a file, absolute; otherwise ""
	Graph  string // of a lavfi source; otherwise ""

	// Name is what stands behind -i. It may contain a password: show Redact(Name).
	Name string

	// Format is the demuxer to name with -f; "" lets ffmpeg find it among those allowed.
	Format string

	// Live is true if the source goes on whether or not we read: a device and most URLs. It is false for http and
	// https, where only a probe can tell (no duration), and for standard input.
	Live bool

	formats, protocols string // white lists
}

// fileFormats are the demuxers for files and for bytes from elsewhere. Each reads the one file that it is given. Left out on
// purpose: hls, dash, concat, imf and image2, which open what their input names; sdp, rtp and rtsp, which
// open connections; devices; scripts (vapoursynth, avisynth); rare formats of old games.
const fileFormats = "mov,matroska,avi,flv,live_flv,mpeg,mpegts,mpegvideo,m4v,h264,hevc,vvc,evc,h263,h261,av1,obu,ivf,ogg,asf,asf_o," +
	"rm,nut,yuv4mpegpipe,mjpeg,mjpeg_2000,mpjpeg,gif,apng,mxf,gxf,dv,wtv,cavsvideo,dirac,vc1,vc1test,dnxhd,nuv,rawvideo," +
	"png_pipe,jpeg_pipe,jpegls_pipe,jpegxl_pipe,jpegxl_anim,bmp_pipe,webp_pipe,tiff_pipe,gif_pipe,ppm_pipe,pgm_pipe,pbm_pipe,pam_pipe," +
	"qoi_pipe,exr_pipe,hdr_pipe,dpx_pipe,sgi_pipe,j2k_pipe,pcx_pipe,psd_pipe," +
	"wav,w64,flac,mp3,aac,ac3,eac3,dts,aiff,au,caf,amr,ape,tta,wv"

// remote is what may be opened on behalf of one scheme.
type remote struct {
	protocols, formats string
	live               bool
}

// remotes are the URLs that are taken. No list has "file": nothing from the network may read a local file; and "file"
// inputs have nothing else.
var remotes = map[string]remote{
	"rtsp":   {"rtsp,rtp,srtp,udp,tcp,tls", "rtsp", true},
	"rtsps":  {"rtsp,rtsps,rtp,srtp,udp,tcp,tls", "rtsp", true},
	"rtmp":   {"rtmp,tcp", "flv,live_flv", true},
	"rtmps":  {"rtmps,tls,tcp", "flv,live_flv", true},
	"rtmpt":  {"rtmpt,ffrtmphttp,http,tcp", "flv,live_flv", true},
	"rtmpts": {"rtmpts,ffrtmphttp,https,tls,tcp", "flv,live_flv", true},
	"srt":    {"srt", fileFormats + ",mpegtsraw", true},
	"udp":    {"udp", fileFormats + ",mpegtsraw", true},
	"tcp":    {"tcp", fileFormats + ",mpegtsraw", true},
	"rtp":    {"rtp,udp", "rtp,mpegts", true},
	"http":   {"http,https,httpproxy,tcp,tls,crypto", fileFormats + ",hls,dash", false},
	"https":  {"http,https,httpproxy,tcp,tls,crypto", fileFormats + ",hls,dash", false},
}

const knownInputs = "rtsp rtsps rtmp rtmps rtmpt rtmpts srt udp tcp rtp http https, v4l2 x11grab fbdev, lavfi"

// stillFormats are the demuxers for endings that ffmpeg would otherwise give to image2, which takes '%' and '*' in
// a name for a pattern and then reads other files.
var stillFormats = map[string]string{
	".jpg": "jpeg_pipe", ".jpeg": "jpeg_pipe", ".png": "png_pipe", ".bmp": "bmp_pipe", ".tif": "tiff_pipe", ".tiff": "tiff_pipe",
	".ppm": "ppm_pipe", ".pgm": "pgm_pipe", ".pbm": "pbm_pipe", ".pam": "pam_pipe", ".jp2": "j2k_pipe", ".exr": "exr_pipe", ".dpx": "dpx_pipe",
}

// ParseInput reads what a user named as the input: a file, - for standard input, a URL, a device (v4l2:/dev/video0,
// x11grab::0, fbdev:/dev/fb0) or lavfi:GRAPH, of sources and filters that touch nothing but frames. A local name that looks
// like a scheme needs ./ in front. It does not look whether the input exists. The error is ErrInput and says what to write instead.
func ParseInput(s string) (Input, error) {
	allowed := ""
	if strings.HasPrefix(s, "lavfi:") {
		allowed = "\n\t" // a graph may be written on several lines
	}
	if err := checkText(s, ErrInput, allowed); err != nil {
		return Input{}, err
	}
	switch s {
	case "":
		return Input{}, fmt.Errorf("%w: the name is empty", ErrInput)
	case "-":
		return Input{Kind: Stdin, Name: "pipe:0", protocols: "pipe", formats: fileFormats}, nil
	}
	name, rest := scheme(s)
	if name == "" {
		return fileInput(s)
	}
	if r, ok := remotes[name]; ok {
		if err := checkRemote(name, rest, ErrInput); err != nil {
			return Input{}, err
		}
		return Input{Kind: URL, Scheme: name, Name: name + ":" + rest, Live: r.live, protocols: r.protocols, formats: r.formats}, nil
	}
	switch name {
	case "file":
		return fileInput(fileURL(rest))
	case "lavfi":
		if strings.TrimSpace(rest) == "" {
			return Input{}, fmt.Errorf("%w: lavfi needs a graph, such as lavfi:testsrc2=size=640x360:rate=30", ErrInput)
		}
		if err := checkLavfi(rest); err != nil {
			return Input{}, err
		}
		return Input{Kind: Lavfi, Graph: rest, Name: rest, Format: "lavfi", formats: "lavfi"}, nil
	case "v4l2", "video4linux2", "fbdev", "x11grab":
		return deviceInput(name, rest)
	case "alsa", "pulse", "jack", "oss", "sndio", "openal":
		return Input{}, fmt.Errorf("%w: %s has sound but no picture; name it with --audio", ErrInput, name)
	}
	return Input{}, refuse(name, s, ErrInput, knownInputs)
}

func fileInput(path string) (Input, error) {
	if path == "" {
		return Input{}, fmt.Errorf("%w: the name of the file is empty", ErrInput)
	}
	if strings.HasPrefix(path, "/dev/video") {
		return Input{}, fmt.Errorf("%w: a camera is named v4l2:%s", ErrInput, path)
	}
	full, err := absolute(path, ErrInput)
	if err != nil {
		return Input{}, err
	}
	return Input{
		Kind: File, Path: full, Name: "file:" + full, Format: stillFormats[strings.ToLower(filepath.Ext(full))],
		protocols: "file", formats: fileFormats,
	}, nil
}

// display is what X calls one: host, number, screen, and for x11grab the corner. X takes more (a path, a protocol), we do not.
var display = regexp.MustCompile(`^[A-Za-z0-9.-]*:[0-9]{1,5}(\.[0-9]{1,3})?(\+[0-9]{1,5},[0-9]{1,5})?$`)

func deviceInput(name, device string) (Input, error) {
	if name == "video4linux2" {
		name = "v4l2"
	}
	in := Input{Kind: Device, Scheme: name, Name: device, Format: name, Live: true, formats: name}
	switch {
	case name == "x11grab" && (!display.MatchString(device) || strings.HasPrefix(device, "-")):
		return Input{}, fmt.Errorf("%w: x11grab needs a display: x11grab::0, or x11grab::0.0+10,20", ErrInput)
	case name == "x11grab":
	case !filepath.IsAbs(device):
		return Input{}, fmt.Errorf("%w: %s needs the path of a device, such as %s:/dev/video0", ErrInput, name, name)
	case !strings.HasPrefix(filepath.Clean(device), "/dev/"):
		return Input{}, fmt.Errorf("%w: %s: a device is in /dev", ErrInput, name)
	}
	return in, nil
}

// options are what must stand before -i for every reader of in, ffprobe too.
func (in Input) options() map[string]string {
	o := map[string]string{}
	if in.Format != "" {
		o["f"] = in.Format
	}
	if in.protocols != "" {
		o["protocol_whitelist"] = in.protocols
	}
	if in.formats != "" {
		o["format_whitelist"] = in.formats
	}
	return o
}

// String is the input as it may be shown: without secrets.
func (in Input) String() string {
	if in.Kind == File {
		return in.Path
	}
	if in.Kind == Stdin {
		return "-"
	}
	if in.Kind == Lavfi || in.Kind == Device {
		return in.Format + ":" + Redact(in.Name)
	}
	return RedactName(in.Name)
}
