package main

import (
	"encoding/base64"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a command line with a secret comes to, the secret is not in what is printed: not in an error about the command line
// itself, not in what ffmpeg says, not as JSON, not in --print-command.
func TestSecretsAreNotPrinted(t *testing.T) {
	longRun(t)
	needFFmpeg(t)
	dir := segmentDir(t)
	const secret = "hun%40ter/2-Xy9"
	plain, err := url.PathUnescape(secret)
	require.NoError(t, err)
	forms := []string{secret, plain, url.QueryEscape(secret), url.QueryEscape(plain), base64.StdEncoding.EncodeToString([]byte("user:" + secret)), base64.StdEncoding.EncodeToString([]byte("user:" + plain))}
	good, out := clip(t, "vfr.mp4"), filepath.Join(t.TempDir(), "o.mp4")
	header := "-headers 'Authorization: Bearer #'"
	for name, row := range map[string]struct {
		args string // blanks become arguments; | is a blank in one
		env  []string
		code int
	}{
		"unknown command":        {"rtsp://user:#@127.0.0.1:1/x", nil, 2},
		"argument missing":       {"capture rtsp://user:#@127.0.0.1:1/x", nil, 2},
		"too many":               {"capture a b rtsp://user:#@127.0.0.1:1/x", nil, 2},
		"bad name":               {"capture http://127.0.0.1:1/ rtsp://user:#@h", nil, 2},
		"unknown flag":           {"capture x y --token=#", nil, 2},
		"unknown short flag":     {"capture x y -password #", nil, 2},
		"bad value":              {"capture x y --size http://h/?key=#", nil, 2},
		"scheme forgotten":       {"capture rtsp//user:#@127.0.0.1:1/x cam0", nil, 3},
		"unknown scheme":         {"capture rtspx://user:#@127.0.0.1:1/x cam0", nil, 2},
		"open quote":             {"capture http://127.0.0.1:1/x cam0 --input-args -headers|'Authorization:|Bearer|#", nil, 2},
		"nobody there":           {"capture http://user:#@127.0.0.1:1/x cam0", nil, 3},
		"ffmpeg's own words":     {"capture http://user:#@127.0.0.1:1/x cam0 -v --input-args -loglevel|debug", nil, 3},
		"header":                 {"capture http://127.0.0.1:1/x cam0 -v --input-args " + strings.ReplaceAll(header, " ", "|"), nil, 3},
		"header behind dashes":   {"capture http://127.0.0.1:1/x cam0 -v -- -headers Authorization:|Bearer|#", nil, 3},
		"environment":            {"capture http://127.0.0.1:1/x cam0 -v", []string{"FRAMEBRIDGE_INPUT_ARGS=-headers 'X-Any: " + secret + "'"}, 3},
		"report":                 {"capture http://user:#@127.0.0.1:1/x cam0", []string{"FFREPORT=file=/dev/stderr:level=48"}, 3},
		"JSON":                   {"capture http://127.0.0.1:1/x?token=# cam0 --json", nil, 3},
		"run":                    {"run http://127.0.0.1:1/x?token=# " + out, nil, 3},
		"run to a server":        {"run " + good + " rtmp://127.0.0.1:1/live/#", nil, 4},
		"run to a server, JSON":  {"run " + good + " http://127.0.0.1:1/x.ts?key=# --json", nil, 4},
		"run, print":             {"run " + good + " rtmp://127.0.0.1:1/live/# --print-command", nil, 0},
		"capture, print":         {"capture " + good + " cam0 --print-command --input-args " + strings.ReplaceAll(header, " ", "|"), nil, 0},
		"print with a header":    {"run " + good + " http://127.0.0.1:1/x.ts --print-command --output-args " + strings.ReplaceAll(header, " ", "|"), nil, 0},
		"output without segment": {"encode nosuch rtmp://127.0.0.1:1/live/# --wait 10ms", nil, 5},
		"output of no format":    {"encode nosuch mp4:rtmp://user:#@127.0.0.1:1/live", nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--dir", dir}
			for _, a := range strings.Fields(row.args) {
				args = append(args, strings.NewReplacer("#", secret, "|", " ").Replace(a))
			}
			got := framebridge(t, row.env, args...)
			require.Equal(t, row.code, got.code, "%s%s", got.stdout, got.stderr)
			require.NotEmpty(t, got.stdout+got.stderr)
			for _, form := range forms {
				require.NotContains(t, got.stdout, form)
				require.NotContains(t, got.stderr, form)
			}
		})
	}
}
