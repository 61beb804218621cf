package hostile

// Command lines with secrets in them, none of which works.

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
)

// Leak is a command line that fails, and what must not be seen of it.
type Leak struct {
	Name    string   // what kind it is
	Text    string   // the name of the input or output
	Args    []string // further arguments of ffmpeg
	Output  bool     // Text is an output
	Secrets []string // in every form
}

// secretValues are passwords and keys, as people have them.
func secretValues() []string {
	return []string{
		"hunter2-Xy9", "p%40ss%2Fw0rd%3A1", "Zm9v/YmFy+QUJD=", "k3y.with.dots-and_more", "a:b:c:d1234", "pa$$w0rd!&x", "percent%25twice%2525", "кл\u044eч-42", "semi;colon,comma1", "q'uo\"te`d9", "0123456789abcdef0123456789abcdef",
	}
}

// secretForms are the ways in which a secret could be printed.
func secretForms(secret string) []string {
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte("user:" + secret))}
	if plain, err := url.PathUnescape(secret); err == nil {
		forms = append(forms, plain, url.QueryEscape(plain), base64.StdEncoding.EncodeToString([]byte(plain)), base64.StdEncoding.EncodeToString([]byte("user:"+plain)))
	}
	return forms
}

// Leaks are n command lines at most. port is of 127.0.0.1, where nobody answers.
func Leaks(port string, n int) []Leak {
	places := []struct {
		name, text string
		args       []string
		output     bool
	}{
		{"userinfo rtsp", "rtsp://user:#@127.0.0.1:P/cam", nil, false},
		{"userinfo http", "http://user:#@127.0.0.1:P/live.ts", nil, false},
		{"user only", "http://#@127.0.0.1:P/live.ts", nil, false},
		{"query key", "http://127.0.0.1:P/live.m3u8?id=7&key=#", nil, false},
		{"query token", "https://127.0.0.1:P/x?token=#&id=7", nil, false},
		{"query signature", "http://127.0.0.1:P/x?X-Amz-Signature=#", nil, false},
		{"srt passphrase", "srt://127.0.0.1:P?passphrase=#&mode=caller&connect_timeout=100&x={n}", nil, false},
		{"srt streamid", "srt://127.0.0.1:P?streamid=#&connect_timeout=100", nil, false},
		{"rtmp key", "rtmp://127.0.0.1:P/live/#", nil, false},
		{"rtmp userinfo", "rtmp://user:#@127.0.0.1:P/live/x1", nil, false},
		{"headers", "http://127.0.0.1:P/x{n}.ts", []string{"-headers", "Authorization: Bearer #\r\nX-Other: y\r\n"}, false},
		{"own header", "http://127.0.0.1:P/x{n}.ts", []string{"-headers", "X-Custom: #"}, false},
		{"cookies", "http://127.0.0.1:P/x{n}.ts", []string{"-cookies", "sid=#; path=/; domain=127.0.0.1;"}, false},
		{"debug log", "http://user:#@127.0.0.1:P/x{n}.ts", []string{"-loglevel", "debug"}, false},
		{"unknown option", "http://user:#@127.0.0.1:P/x{n}.ts", []string{"-nosuchoption", "1"}, false},
		{"option", "http://127.0.0.1:P/x{n}.ts", []string{"-decryption_key", "#"}, false},
		{"scheme forgotten", "rtsp//user:#@127.0.0.1:P/cam", nil, false},
		{"slash forgotten", "rtsp:/user:#@127.0.0.1:P/cam", nil, false},
		{"unknown scheme", "rtspx://user:#@127.0.0.1:P/cam", nil, false},
		{"with a space", "rtsp://user:# #@127.0.0.1:P/cam", nil, false},
		{"with a line break", "rtsp://user:#@127.0.0.1:P/cam\n", nil, false},
		{"no such host", "rtsp://user:#@nosuchhost.invalid/cam", nil, false},
		{"no port", "rtmp://user:#@127.0.0.1:99999/live/x1", nil, false},
		{"long", "http://user:#@127.0.0.1:P/" + strings.Repeat("x", 1500), nil, false},
		{"behind much", "http://127.0.0.1:P/" + strings.Repeat("x", 150) + "?key=#", nil, false},
		{"output rtmp", "rtmp://127.0.0.1:P/out{n}/#", nil, true},
		{"output rtsp", "rtsp://user:#@127.0.0.1:P/out{n}", nil, true},
		{"output http", "https://user:#@127.0.0.1:P/out{n}.ts", nil, true},
		{"output srt", "srt://127.0.0.1:P?passphrase=#&connect_timeout=100&x={n}", nil, true},
		{"output without format", "nosuch://user:#@127.0.0.1:P/x", nil, true},
		{"output of a bad format", "mp4:rtmp://user:#@127.0.0.1:P/live/x", nil, true},
		{"output header", "http://127.0.0.1:P/x{n}.ts", []string{"-headers", "Authorization: Basic #"}, true},
	}
	var all []Leak
	for round := 0; len(all) < n; round++ {
		for _, p := range places {
			for i, secret := range secretValues() {
				if len(all) == n {
					return all
				}
				if round > 0 { // another secret of the same kind
					secret += strings.Repeat(string(rune('A'+(round+i)%26)), round)
				}
				put := func(s string) string {
					return strings.NewReplacer("#", secret, ":P", ":"+port, "{n}", strconv.Itoa(len(all))).Replace(s)
				}
				l := Leak{Name: p.name, Text: put(p.text), Output: p.output, Secrets: secretForms(secret)}
				for _, a := range p.args {
					l.Args = append(l.Args, put(a))
				}
				all = append(all, l)
			}
		}
	}
	return all
}
