package ffargs_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffargs"
)

func TestRedactorKnowsItsSecrets(t *testing.T) {
	for _, tt := range []struct {
		name    string
		args    []string
		in, out string
	}{
		{"by itself", []string{"rtsp://admin:hunter2@cam/1"}, "wrong password hunter2 for admin", "wrong password *** for admin"},
		{"decoded", []string{"rtsp://admin:hun%2Fter%402@cam/1"}, "password hun/ter@2", "password ***"},
		{"encoded", []string{"rtsp://admin:hun/ter@2@cam/1"}, "open rtsp://cam/?p=hun%2Fter%402 hun%2fter%402", "open rtsp://cam/?p=*** ***"},
		{"HTTP basic", []string{"http://admin:hunter2@cam/1"}, "> Basic YWRtaW46aHVudGVyMg== sent", "> Basic ***== sent"},
		{"quoted", []string{`http://h/?key=hun"ter\2`}, `refused "http://h/" key "hun\"ter\\2"`, `refused "http://h/" key "***"`},
		{"with a space", []string{"rtsp://admin:hun ter2@cam/1"}, "open rtsp://admin:hun ter2@cam/1: no", "open rtsp://admin:***@cam/1: no"},
		{"behind #", []string{"http://h/?key=hunt#er2"}, "fragment hunt#er2", "fragment ***"},
		{"cut at the end", []string{"rtsp://admin:hunter2hunter2@cam/1"}, "Opening 'rtsp://admin:hunter2hunt\nnext", "Opening 'rtsp://admin:***\nnext"},
		{"cut at the beginning", []string{"rtsp://admin:hunter2hunter2@cam/1"}, "nter2@cam/1 failed", "***@cam/1 failed"},
		{"stream key", []string{"rtmp://h/live/k3y-abcd?backup=1"}, "publish k3y-abcd failed, query backup=1", "publish *** failed, query ***"},
		{"stream key that is a word", []string{"rtmp://h/live/stream"}, "no stream in 'stream' of live/stream", "no stream in '***' of live/***"},
		{"header option", []string{"-headers", "X-My: tok-12345\r\nAccept: video/mp4\r\n", "-i", "x"}, "sent tok-12345 for video/mp4", "sent *** for video/mp4"},
		{"header in a quoted command line", []string{`-headers "Authorization: Bearer abcdef" -i x`}, "token abcdef 'abcdef'", "token abcdef '***'"},
		{"bearer", []string{"-headers", "Authorization: Bearer abcdef123"}, "token abcdef123 expired", "token *** expired"},
		{"cookie", []string{"-cookies", "sid=s3cr3t-1; path=/"}, "cookie s3cr3t-1", "cookie ***"},
		{"option", []string{"-decryption_key", "00112233445566778899aabbccddeeff"}, "bad key 00112233445566778899aabbccddeeff", "bad key ***"},
		{"short", []string{"rtsp://a:pw@h/"}, "a pw of pw@ is :pw", "a pw of pw@ is :pw"},
		{"three", []string{"rtsp://a:pwd@h/"}, "no pwd, 'pwd'", "no pwd, '***'"},
		{"nothing", nil, "rtsp://a:hunter2@h/ x", "rtsp://a:***@h/ x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ffargs.NewRedactor(tt.args...)
			require.Equal(t, tt.out, r.Redact(tt.in))
			require.Equal(t, tt.out, r.Redact(tt.out), "twice")
		})
	}
	var none *ffargs.Redactor
	require.Equal(t, "rtsp://a:***@h/", none.Redact("rtsp://a:hunter2@h/"))
}

func TestRedactorArgs(t *testing.T) {
	args := []string{"-headers", "X-My: tok-12345", "-metadata", "comment=tok-12345", "-i", "rtsp://u:p w@h/"}
	got := ffargs.NewRedactor(args...).Args(args)
	require.Equal(t, []string{"-headers", "***", "-metadata", "comment=***", "-i", "rtsp://u:***@h/"}, got)
}

// A secret of the command line does not come out of a text, in whatever form it went in.
func FuzzRedactor(f *testing.F) {
	for _, s := range []string{"hunter2!", "a b c d e", "p@ss/w:rd?&=", "100%25pure", "'quoted\"", "ключ-ключ", "%2F%2f%40%", "a|b|c|d|e", "***x***y", "tok#en-1;2"} {
		f.Add(s, "Error opening ", ": refused\n[tcp @ 0x1] again ")
	}
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < 8 || strings.ContainsAny(secret, "*\r\n") || strings.TrimSpace(secret) != secret || strings.Trim(secret, `'"`) != secret {
			return
		}
		places := map[string][]string{
			"password": {"rtsp://user:" + secret + "@cam:554/1"},
			"key":      {"http://h/x?id=7&key=" + strings.ReplaceAll(secret, "&", "") + "&t=5"},
			"option":   {"-password", secret, "-i", "x"},
			"header":   {"-headers", "X-Custom: " + secret},
		}
		for place, args := range places {
			want := secret
			if place == "key" {
				want = strings.ReplaceAll(secret, "&", "")
			}
			if len(want) < 8 || strings.Contains(before+after, want) || strings.Contains(ffargs.Quote(ffargs.RedactArgs(args)), want) {
				continue // it stands in a harmless place as well
			}
			r := ffargs.NewRedactor(args...)
			quoted := strconv.Quote(want)
			for form, text := range map[string]string{
				"as it is": want, "encoded": url.QueryEscape(want), "path": url.PathEscape(want), "quoted": quoted[1 : len(quoted)-1],
				"base64": base64.StdEncoding.EncodeToString([]byte(want)), "URL": "rtsp://user:" + want + "@cam:554/1",
			} {
				got := r.Redact(before + text + after)
				if strings.Contains(got, want) || strings.Contains(got, text) {
					t.Fatalf("%s, %s: %q became %q", place, form, before+text+after, got)
				}
			}
			for _, shown := range []string{fmt.Sprint(r.Args(args)), r.Redact(strings.Join(args, " "))} {
				if strings.Contains(shown, want) {
					t.Fatalf("%s: %q shown as %q", place, args, shown)
				}
			}
		}
	})
}
