package ffargs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
	"github.com/framebridge/framebridge/internal/ffproc"
)

func TestRedact(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"password", "rtsp://admin:hunter2@cam.local:554/h264", "rtsp://admin:***@cam.local:554/h264"},
		{"password with @ and /", "rtsp://admin:hun/ter@2@cam/h264", "rtsp://admin:***@cam/h264"},
		{"token as user", "https://hunter2@host/a.m3u8", "https://***@host/a.m3u8"},
		{"rtmp key", "rtmp://a.rtmp.host/live2/hunter2", "rtmp://a.rtmp.host/live2/***"},
		{"rtmp key with query", "rtmps://host/app/hunter2?backup=1", "rtmps://host/app/***"},
		{"rtmp app only", "rtmp://host/hunter2", "rtmp://host/***"},
		{"srt", "srt://h:9000?mode=caller&passphrase=hunter2&streamid=pub/hunter2", "srt://h:9000?mode=caller&passphrase=***&streamid=***"},
		{"query names", "http://h/x.ts?id=7&X-Amz-Signature=hunter2&access_key=hunter2#f", "http://h/x.ts?id=7&X-Amz-Signature=***&access_key=***#f"},
		{"error line", "[flv @ 0x55] rtmp://h/live/hunter2: Input/output error", "[flv @ 0x55] rtmp://h/live/***: Input/output error"},
		{"output line", "Output #0, flv, to 'rtmp://h/live/hunter2':", "Output #0, flv, to 'rtmp://h/live/***':"},
		{"two in a line", "from rtsp://u:hunter2@h/1 to rtmp://h/a/hunter2 now", "from rtsp://u:***@h/1 to rtmp://h/a/*** now"},
		{"tee", "[f=flv]rtmp://h/a/hunter2|[f=mpegts]srt://h:1?passphrase=hunter2", "[f=flv]rtmp://h/a/***|[f=mpegts]srt://h:1?passphrase=***"},
		{"pair without URL", "[f=mpegts:passphrase=hunter2]x", "[f=mpegts:passphrase=***]x"},
		{"header", "Authorization: Bearer hunter2\r\nAccept: x", "Authorization: ***\r\nAccept: x"},
		{"cookie", "< set-cookie: sid=hunter2; path=/", "< set-cookie: ***"},
		{"option in text", `ffmpeg -headers 'X: hunter2 x' -password hunter2 -i x`, `ffmpeg -headers *** -password *** -i x`},
		{"scheme forgotten", "open rtsp//admin:hun/ter2@cam/1", "open rtsp//admin:***@cam/1"},
		{"slash forgotten", "open rtsp:/admin:hun/ter2@cam/1", "open rtsp:/admin:***@cam/1"},
		{"bare", "admin:hunter2@cam refused", "admin:***@cam refused"},
		{"filter graph", "[0:V:0]crop=10:20:1:2,scale@big=640:-2[s0];[s0]hflip@x [h264 @ 0x55]", "[0:V:0]crop=10:20:1:2,scale@big=640:-2[s0];[s0]hflip@x [h264 @ 0x55]"},
		{"nothing secret", "file:/clips/a b.mp4 keyint=30 http://host:8080/a.mp4?t=5", "file:/clips/a b.mp4 keyint=30 http://host:8080/a.mp4?t=5"},
		{"user agent stays", "ffmpeg -user_agent Lavf -i x", "ffmpeg -user_agent Lavf -i x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ffargs.Redact(tt.in)
			require.Equal(t, tt.want, got)
			require.Equal(t, got, ffargs.Redact(got), "twice")
		})
	}
}

func TestRedactArgs(t *testing.T) {
	in := []string{"-headers", "Authorization: Basic hunter2\r\n", "-password", "-hunter2", "-i", "rtsp://u:hunter2@h/", "-key:v", "hunter2", "-c", "copy"}
	got := ffargs.RedactArgs(in)
	require.Equal(t, []string{"-headers", "***", "-password", "***", "-i", "rtsp://u:***@h/", "-key:v", "***", "-c", "copy"}, got)
	require.Equal(t, "-hunter2", in[3], "the caller's list must not change")
}

// Whatever stands around a URL, its password and its key are hidden.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"rtmp://h/a/k", "a://b:c@d?key=e f://@", "-key x", "Cookie: a", "x=://y:z@", "|[", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "hunter2") {
			return
		}
		for _, text := range []string{s + " rtsp://u:hunter2@h/ " + s, s + " 'rtmp://h/a/hunter2': " + s, s + "\nCookie: hunter2\r\n" + s} {
			if got := ffargs.Redact(text); strings.Contains(got, "hunter2") {
				t.Fatalf("%q became %q", text, got)
			}
		}
	})
}

func TestQuoteReadsBackInAShell(t *testing.T) {
	args := []string{
		"-i", "", "a b", "it's", `back\slash`, "$HOME", "`id`", "*", "?", "~", "a=b", "new\nline", "tab\t", "[0:v]scale=320:-2[s0];[s0]x", "#no", "!x", "{a,b}",
		`"double"`, "-", "--", "é", "a;b|c&d", "(x)", "^x", "%d", "\x01", "end\\",
	}
	path, sh := ffproc.Shell(`printf '%s\0' ` + ffargs.Quote(args))
	out, err := ffproc.Output(t.Context(), path, sh, 1<<16, &ffproc.Options{Dir: os.TempDir()})
	require.NoError(t, err)
	require.Equal(t, args, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
	require.Equal(t, "ffmpeg -i file:/a.mp4 '-a=b'", ffargs.Quote([]string{"ffmpeg", "-i", "file:/a.mp4", "-a=b"}))
}
