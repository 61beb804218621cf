package capture

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// Lines of ffmpeg 5.1 that came before a first frame.
func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name     string
		lines    []string
		want     error
		says     string
		hopeless bool
	}{
		{"nothing said", nil, ErrNoFrames, "", false},
		{"nobody there", []string{"[tcp @ 0x5] [error] Connection to tcp://127.0.0.1:9 failed: Connection refused", "[error] rtsp://127.0.0.1:9/x: Connection refused"}, ErrUnreadable, "refused", false},
		{"password", []string{"[rtsp @ 0x5] [error] method DESCRIBE failed: 401 Unauthorized", "[error] rtsp://c/x: Server returned 401 Unauthorized (authorization failed)"}, ErrUnreadable, "401", true},
		{"forbidden", []string{"[error] http://c/x: Server returned 403 Forbidden (access denied)"}, ErrUnreadable, "403", true},
		{"not found", []string{"[error] rtsp://c/x: Server returned 404 Not Found"}, ErrMissing, "404", false},
		{"server at its limit", []string{"[error] http://c/x: Server returned 5XX Server Error reply"}, ErrUnreadable, "5XX", false},
		{"no such device", []string{"[video4linux2,v4l2 @ 0x5] [error] Cannot open video device /dev/video7: No such file or directory"}, ErrMissing, "video7", false},
		{"not a video", []string{"[error] tcp://c:1: Invalid data found when processing input"}, ErrNotMedia, "Invalid data", false},
		{"sound only", []string{"[fatal] Stream map 'V:0' matches no streams."}, ErrNoPicture, "matches no streams", false},
		{"option", []string{"[error] Unrecognized option 'nosuchopt'.", "[fatal] Error splitting the argument list: Option not found"}, ErrNoFrames, "nosuchopt", true},
		{"decoder", []string{"[fatal] Unknown decoder 'nosuch'"}, ErrNoFrames, "nosuch", true},
		{"filter", []string{"[AVFilterGraph @ 0x5] [error] No such filter: 'nosuch'", "[error] Error reinitializing filters!", "[fatal] Error while processing the decoded data for stream #0:0"}, ErrNoFrames, "No such filter: 'nosuch'", true},
		{"protocol", []string{"[tcp @ 0x5] [error] Protocol 'tcp' not on whitelist 'udp'!", "[error] tcp://c:1: Invalid argument"}, ErrNoFrames, "whitelist", true},
		{"a title that says so", []string{"[info]     title           : 401 Unauthorized"}, ErrNoFrames, "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var d diagnosis
			for _, line := range row.lines {
				d.line(parseLine([]byte(line)))
			}
			err := d.refusal(ErrNoFrames)
			require.ErrorIs(t, err, row.want)
			require.Contains(t, err.Error(), row.says)
			require.Equal(t, row.hopeless, d.hopeless())
		})
	}
	var d diagnosis // it said nothing
	why := errors.New("explained")
	require.Equal(t, why, d.refusal(why))
}

func TestBanner(t *testing.T) {
	var b banner
	for _, line := range []string{
		"[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'http://127.0.0.1/x':",
		"[info]   Duration: N/A, start: 1.422456, bitrate: N/A",
		"[info]   Stream #0:0[0x100]: Video: mpeg2video (Main) ([2][0][0][0] / 0x0002), yuv420p(tv, bt709, progressive), 64x48 [SAR 1:1 DAR 4:3], 29.97 fps, 29.97 tbr, 90k tbn",
		"[info]   Stream #0:1[0x101](eng): Audio: mp2 ([3][0][0][0] / 0x0003), 44100 Hz, mono, fltp, 384 kb/s",
		"[info] Stream mapping:",
		"[info]   Stream #0:0: Video: rawvideo (RGBA / 0x41424752), rgba(pc, gbr/unknown/unknown, progressive), 640x480",
	} {
		b.line(parseLine([]byte(line)))
	}
	require.Equal(t, SourceInfo{
		Container: "mov,mp4,m4a,3gp,3g2,mj2", Codec: "mpeg2video", PixelFormat: "yuv420p", Width: 64, Height: 48,
		AudioCodec: "mp2", AudioRate: 44100, AudioChannels: 1,
		Color: framebuf.Color{},
	}, b.said())
}
