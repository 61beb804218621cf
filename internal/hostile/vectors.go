package hostile

// Names that are attacks.

import (
	"fmt"
	"slices"
	"strings"
)

// Outcome is what must come of a name.
type Outcome int

// The outcomes.
const (
	// Refused by the parser: no process is started.
	Refused Outcome = iota
	// Literal is taken for the plain name of a file in the sandbox, which does not exist, or of something that is no video.
	Literal
	// Written is taken for the plain name of a file in the sandbox, which is made: outputs only.
	Written
)

// String names the outcome.
func (o Outcome) String() string { return [...]string{"refused", "literal", "written"}[o] }

// Vector is one attack.
type Vector struct {
	Text string // the name of an input or output
	Want Outcome
}

// each fills the site into lists of names.
func (s *Site) each(want Outcome, lists ...[]string) (v []Vector) {
	for _, text := range slices.Concat(lists...) {
		v = append(v, Vector{Text: s.fill(text), Want: want})
	}
	return v
}

// cross puts each target into each pattern, in the place of #.
func cross(patterns, targets []string) (all []string) {
	for _, p := range patterns {
		for _, t := range targets {
			all = append(all, strings.ReplaceAll(p, "#", t))
		}
	}
	return all
}

// Inputs are names of inputs.
func (s *Site) Inputs() []Vector {
	return slices.Concat(
		s.each(Refused, wrappers(), schemes(), graphs(), devices(), controls("clip", ".mp4"), halfURLs()),
		s.each(Literal, literalInputs()),
	)
}

// Outputs are names of outputs.
func (s *Site) Outputs() []Vector {
	return slices.Concat(
		s.each(Refused, outputWrappers(), schemes(), controls("out", ".mp4"), halfURLs(), badOutputs()),
		s.each(Literal, cross([]string{"[f=mp4]#", "f=mp4:#", "stream_segment:#", "webm_chunk:#", "mp4|mkv:#", "rtp_mpegts:#", "x/#"}, []string{"{C}/w.mp4"})),
		s.each(Written, literalOutputs()),
	)
}

// wrappers are protocols of ffmpeg around a file or an address.
func wrappers() []string {
	files := []string{"{C}/c.mp4", "file:{C}/c.mp4"}
	both := append(slices.Clone(files), "tcp://127.0.0.1:{T}/")
	return slices.Concat(
		cross([]string{"concat:#", "crypto:#", "async:#", "cache:#", "subfile,,start,0,end,0,,:#", "tee:#", "PIPE:#", "data:#"}, both),
		cross([]string{"concat:a.mp4|#", "concatf:#", "crypto+file:#", "SubFile,,start,1,end,9,,:#", "Concat:#", "ipfs:#", "bluray:#", "md5:#", "unix:#", "fd:#"}, files),
		[]string{
			"pipe:", "pipe:0", "pipe:1", "pipe:3", "fd:", "fd:0", "fd:3", "data:,x", "data:video/mp4;base64,AAAA", "data:text/plain,ffconcat version 1.0",
			"unix:{X}", "async:unix:{X}", "cache:udp://127.0.0.1:{U}", "crypto:udp://127.0.0.1:{U}", "concat:udp://127.0.0.1:{U}|tcp://127.0.0.1:{T}",
			"subfile,,start,0,end,9,,:concat:{C}/c.mp4", "concat:subfile,,start,0,end,9,,:{C}/c.mp4", "image2:{C}/%d.png", "concat:{C}/secret.txt",
			"playlist:{C}/c.mp4", "ffconcat:{C}/c.mp4", "sdp:{C}/c.mp4", "hls:{C}/c.mp4", "dash:{C}/c.mp4", "mp4:{C}/c.mp4", "hls+file:{C}/c.mp4", "hls+tcp://127.0.0.1:{T}/", "C:\\x.mp4",
		},
	)
}

// schemes are addresses of protocols that are not taken, and of none.
func schemes() []string {
	var all []string
	for _, name := range []string{
		"gopher", "gophers", "ftp", "sftp", "smb", "mmsh", "mmst", "icecast", "rist", "amqp", "zmq", "sctp", "srtp", "tls", "udplite", "ffrtmphttp",
		"httpproxy", "prompeg", "ipfs", "ipns", "hls", "async", "cache", "dtls", "ws", "wss", "s3", "gs", "ldap", "jar", "nfs", "sap", "rtmpe", "rtmpte", "mms", "webdav", "php", "expect",
	} {
		all = append(all, name+"://127.0.0.1:{T}/x.mp4")
	}
	return append(all, "zmq:tcp://127.0.0.1:{T}", "hls+http://127.0.0.1:{T}/x.m3u8", "crypto+http://127.0.0.1:{T}/x", "cache:http://127.0.0.1:{T}/x", "view-source:http://127.0.0.1:{T}/")
}

// halfURLs are addresses with a mistake in them: nobody may be called for them.
func halfURLs() []string {
	return []string{
		"tcp:127.0.0.1:{T}", "udp:127.0.0.1:{U}", "http:127.0.0.1:{T}", "http:/127.0.0.1:{T}/", "rtsp:/127.0.0.1:{T}", "rtmp:127.0.0.1:{T}", "tcp://", "udp:///", "http://",
		"https:////", "srt:", "rtp:", "http://127.0.0.1:{T}/a b", "http://127.0.0.1:{T}/ -f lavfi", "rtmp://127.0.0.1:{T}/app live=1 token=x", "tcp://127.0.0.1:{T}\u00a0x", "rtsp://127.0.0.1:{T}/\u2028x",
	}
}

// controls are a name with each control character that can do harm, and some places for it.
func controls(stem, ending string) (all []string) {
	for _, c := range []string{
		"\x00", "\x01", "\x07", "\b", "\t", "\n", "\v", "\f", "\r", "\x1b", "\x7f", "\u0085", "\u009b", "\r\n", "\n-i\n{C}/c.mp4", "\nfile '{C}/c.mp4'", "\x00{C}/c.mp4", "\x1b]0;x\x07",
		"\n[error] forged", "\r[Parsed_showinfo_0 @ 0x1] [info] n: 0 pts: 0 s:9999x9999",
	} {
		all = append(all, stem+c+ending)
	}
	return append(all, "\n"+stem+ending, stem+ending+"\x00", stem+ending+"\n", "rtsp://127.0.0.1:{T}/\r\nX: y", "http://127.0.0.1:{T}/\nHost: x", "file:\x00{C}/c.mp4", "tcp://127.0.0.1:{T}\x00/")
}

// graphs are lavfi graphs that would read, write, load or call something.
func graphs() []string {
	all := []string{
		"'movie'={C}/c.mp4", `m\ovie={C}/c.mp4`, `\movie={C}/c.mp4`, "mo'vi'e={C}/c.mp4", "movie@x={C}/c.mp4", " movie={C}/c.mp4", "\nmovie={C}/c.mp4", "[a]movie={C}/c.mp4", "[a] [b] movie={C}/c.mp4",
		"movie=filename={C}/c.mp4", "movie={C}/c.mp4:f=mp4", "movie=http\\\\://127.0.0.1\\\\:{T}/", "movie='http\\://127.0.0.1\\:{T}/'", "movie=udp\\\\://127.0.0.1\\\\:{U}",
		"testsrc2,movie={C}/c.mp4", "testsrc2;movie={C}/c.mp4", "testsrc2 ; movie={C}/c.mp4", "testsrc2[x];movie={C}/c.mp4[y];[x][y]overlay", "color=c=red,  \n movie={C}/c.mp4", "color='c=red',movie={C}/c.mp4",
		"color='a[b],c;d',movie={C}/c.mp4", `color=a\,b,movie={C}/c.mp4`, "color=',',movie={C}/c.mp4", "sws_flags=bicubic;movie={C}/c.mp4", "nullsrc=s=64x48,movie", "movie", "amovie", "drawtext", "testsrc2=/size={C}/secret.txt",
		"testsrc2=s=64x48:/rate={C}/secret.txt", "color= /c={C}/secret.txt", "color=c=red: '/size'={C}/secret.txt", "nosuchfilter", "", "   ", "=", "[", "]", ",", "testsrc2,", "testsrc2;", "'", "\\",
	}
	for _, f := range []string{
		"movie=#", "amovie=#", "testsrc2,drawtext=textfile=#", "testsrc2,drawtext=fontfile=#:text=x", "testsrc2,subtitles=#", "testsrc2,ass=#", "testsrc2,lut3d=#", "testsrc2,lut1d=#",
		"testsrc2,removelogo=#", "testsrc2,find_rect=#", "testsrc2,cover_rect=cover=#", "testsrc2,curves=psfile=#", "testsrc2,nnedi=weights=#", "testsrc2,sendcmd=f=#", "life=filename=#", "cellauto=filename=#",
		"testsrc2,dnn_processing=model=#", "testsrc2,program_opencl=source=#:kernel=k", "openclsrc=source=#:kernel=k", "testsrc2,libplacebo=custom_shader_path=#", "flite=textfile=#", "anullsrc,arnndn=m=#",
		"anullsrc,sofalizer=sofa=#", "anullsrc,ladspa=file=#", "anullsrc,lv2=plugin=#", "frei0r_src=filter_name=#", "testsrc2,frei0r=#", "anullsrc,showcqt=fontfile=#", "anullsrc,asendcmd=f=#",
		"testsrc2,psnr=stats_file=#", "testsrc2,ssim=stats_file=#", "testsrc2,metadata=print:file=#", "testsrc2,signature=filename=#", "testsrc2,vidstabdetect=result=#", "testsrc2,vidstabtransform=input=#",
		"testsrc2,deshake=filename=#", "testsrc2,curves=plot=#", "testsrc2,libvmaf=log_path=#", "anullsrc,ametadata=print:file=#", "testsrc2,haldclut=#",
	} {
		all = append(all, strings.ReplaceAll(f, "#", "{E}/secret.txt"))
	}
	all = append(all, "testsrc2,zmq=bind_address=tcp\\\\://127.0.0.1\\\\:{T}", "anullsrc,azmq=b=tcp\\\\://127.0.0.1\\\\:{T}", "testsrc2,showinfo", "testsrc2,graphmonitor", "buffer=width=1:height=1:pix_fmt=0:time_base=1", "testsrc2,bench", "testsrc2,segment")
	for i := range all {
		all[i] = "lavfi:" + all[i]
	}
	return append(all, "LAVFI:movie={C}/c.mp4", "Lavfi:movie={C}/c.mp4", "lavfi:testsrc2\x00", "lavfi+file:{C}/c.mp4")
}

// devices are names of devices that are none, or that lead elsewhere.
func devices() (all []string) {
	for _, kind := range []string{"v4l2", "video4linux2", "fbdev", "V4L2"} {
		for _, path := range []string{"{C}/c.mp4", "/dev/../{C}/c.mp4", "/dev", "/dev/", "/dev/./..", "video0", "../../dev/video0", "", "-i", "//etc/passwd"} {
			all = append(all, kind+":"+path)
		}
	}
	return append(all,
		"x11grab:", "x11grab:0", "x11grab:unix/{X}:0", "x11grab:tcp/127.0.0.1:0", "x11grab:{X}:0", "x11grab::0 -i {C}/c.mp4", "x11grab::0.0+1,2,3", "x11grab::x", "x11grab:-f:0", "x11grab:/tmp/.X11-unix/X0",
		"alsa:default", "alsa:file:{C}/c.mp4", "pulse:tcp:127.0.0.1:{T}", "jack:x", "oss:/dev/dsp", "openal:x", "sndio:snd@127.0.0.1/0", "dshow:video=x", "gdigrab:desktop", "avfoundation:0",
		"kmsgrab:-", "decklink:x", "iec61883:auto", "libcdio:{C}/c.mp4", "libdc1394:x", "/dev/video0", "/dev/video../../{C}/c.mp4", "file:/dev/video0",
	)
}

// literalInputs are plain names of files, however they look.
func literalInputs() []string {
	return slices.Concat([]string{
		"./concat:{S}/a.mp4", "./subfile,,start,0,end,9,,:x", "./data:,x", "./pipe:0", "./tcp:127.0.0.1:{T}", "./lavfi:movie=x", "file:concat:{C}/c.mp4", "file:subfile,,start,0,end,0,,:{C}/c.mp4",
		"file:crypto:{C}/c.mp4", "file:pipe:0", "file:-", "file:-i", "file:file:{C}/c.mp4", "file:tcp://127.0.0.1:{T}/", "file:http://127.0.0.1:{T}/", "FILE:x.mp4", "file://x/y.mp4", "file:%2e%2e/canary/c.mp4", "file:a|b",
		"-i", "--", "-f", "-y", "-version", "-protocol_whitelist", "-f lavfi -i testsrc2", "-filter_complex", "-dump_attachment:t", "-report", "--help", "-vf", "-1", "-/i", "-i.mp4", "- ", " -", " -i",
		"a.mp4 -i {C}/c.mp4", "a.mp4' -i '{C}/c.mp4", `a.mp4" -i "{C}/c.mp4`, "$(cat {C}/secret.txt)", "`cat {C}/secret.txt`", "${HOME}", "~/x.mp4", "a;cat {C}/secret.txt", "a&&b", "a|{C}/c.mp4", "a>b", "<{C}/c.mp4",
		"%d.png", "%03d.jpg", "{S}/%d.png", "{S}/../canary/%d.png", "../canary/%d.png", "../canary/%01d.PNG", "../canary/*.png", "../canary/?.png", "../canary/[0-9].png", "../canary/{1,2}.png", "%s%s%s%n", "%1$s.mp4",
		"..", ".", "...", "/", "//", "", "./", "../", " ", "[f=mp4]x", "x,subfile", ",,,,", ":", ":0", "::", "|", "||", "@", "#", "?", "=", "a=b", "x.mp4?key=1", "x.mp4#t=5", "hls+{C}/c.mp4", "crypto+{C}/c.mp4", "f=mp4:{C}/c.mp4", "1tcp://127.0.0.1:{T}", ".tcp://127.0.0.1:{T}", "+http://127.0.0.1:{T}",
		"file：{C}/c.mp4", "ｈｔｔｐ：//127.0.0.1:{T}/", "h\u0442tp://127.0.0.1:{T}/", "http\u200b://127.0.0.1:{T}/", "\ufeffhttp://127.0.0.1:{T}/", "\u202e4pm.x", "\u2028x.mp4", "\xff\xfe.mp4", "\xc0\xaf..\xc0\xafcanary", "\xf0\x28\x8c\x28", "é.mp4", "e\u0301.mp4", "🎬.mp4", "\U0010ffff",
		"/proc/self/environ", "/proc/self/cmdline", "/proc/self/fd/99", "/dev/null", "/dev/zero", "/dev/full", "/dev/stdin/x", "/dev/fd/77", "/etc/hostname",
	}, []string{
		strings.Repeat("a", 256), strings.Repeat("a", 5000), strings.Repeat("a/", 3000) + "x", strings.Repeat("../", 2000) + "x", strings.Repeat("é", 300), strings.Repeat("%d", 500), "file:" + strings.Repeat("x", 70000), strings.Repeat("-", 4097),
	})
}

// outputWrappers are protocols and muxers that write elsewhere, or to several places.
func outputWrappers() []string {
	return slices.Concat(
		cross([]string{
			"tee:#", "tee:x.mp4|#", "md5:#", "crypto:#", "concat:#", "subfile,,start,0,end,9,,:#", "async:#", "cache:#", "unix:#", "fd:#", "pipe:#", "data:#", "image2:#", "segment:#", "ssegment:#", "dash:#", "fifo:#",
			"hash:#", "framemd5:#", "framecrc:#", "ffmetadata:#", "rawvideo:#", "smoothstreaming:#", "avi:#", "mp4:tee:#", "mp4:pipe:#", "mkv:crypto:#", "mov:subfile,,start,0,end,9,,:#", "hls:async:#", "gif:concat:#",
		},
			[]string{"{C}/w.mp4"}),
		[]string{
			"tee:[f=mp4]{C}/w.mp4|[f=mpegts]udp://127.0.0.1:{U}", "tee:udp://127.0.0.1:{U}", "pipe:1", "pipe:2", "fd:1", "fd:3", "unix:{X}", "mpegts:unix:{X}", "mpegts:gopher://127.0.0.1:{T}/", "mkv:icecast://127.0.0.1:{T}/x", "hls:ftp://127.0.0.1:{T}/x.m3u8",
			"mp4://127.0.0.1:{T}/x.mp4", "hls://127.0.0.1:{T}/x", "null://127.0.0.1:{T}/", "mkv:////x", "mp4:rtmp://127.0.0.1:{T}/a/k", "mov:tcp://127.0.0.1:{T}", "mp4:http://127.0.0.1:{T}/x.mp4", "mp4:udp://127.0.0.1:{U}", "mp4:pipe:1", "hls:-", "mp4:-", "mov:-", "-",
		},
	)
}

// badOutputs have no format, or a name that its muxer would not take as it is.
func badOutputs() []string {
	return []string{
		"", " ", "x", "x.", ".", "..", "/", "x.avi", "x.exe", "x.sh", "x.so", "x.png", "x%d.png", "x.jpg", "x.txt", "x.m3u", "x.mpd", "x.conf", "-y", "-f", "-i", "--", "-version", "-report", "-progress", "-o", "-filter_script:v", "mp4:", "hls:", "mkv:",
		"%d.m3u8", "%Y.m3u8", "live%03d.m3u8", "hls:%d", "hls:100%/live", "{S}/%s.m3u8", "hls:{S}/%t/live.m3u8", "file:", "file:x", "file:%d.m3u8", "mp4:file:", "x.mp4/", "x.mp4 -f null", "x.mp4\u2028",
	}
}

// literalOutputs are plain names of files in the sandbox, however they look.
func literalOutputs() []string {
	return []string{
		"-y.mp4", "-i.mkv", "--.ts", "-f mp4 -y.mp4", "%d.mp4", "%03d.mkv", "a|b.mp4", "a;b.ts", "$(x).mp4", "`x`.mkv", "a b.mp4", "[f=mp4]x.mkv", "tee.mp4", "./tee:x.mp4", "./rtmp:x.mkv", "./pipe:1.ts",
		"'q'.mp4", `"q".mp4`, `b\s.mp4`, "x.mp4?key=1.mkv", "a@b.ts", "\u202e4pm.mp4", "é.mkv", "🎬.mp4", "\xff.mkv", "mp4:-z", "mkv:--help", "ts:file:-i", "file:tcp:127.0.0.1:{T}.mp4", "file:file:x.mkv", "12:30.mp4",
		"nut:-copyts", "x,y.mp4", "x=y.ts", "~.mp4", "#.mp4", "*.mp4", "{a,b}.mp4", "hls:-l.m3u8",
	}
}

// Count says how many vectors there are of each outcome.
func Count(v []Vector) string {
	n := map[Outcome]int{}
	for _, one := range v {
		n[one.Want]++
	}
	return fmt.Sprintf("%d refused by the parser, %d taken for a plain name", n[Refused], n[Literal]+n[Written])
}
