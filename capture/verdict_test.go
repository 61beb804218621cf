package capture

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/ffproc"
)

func TestVerdict(t *testing.T) {
	ms := time.Millisecond
	exit1 := &ffproc.ExitError{Name: "ffmpeg", Code: 1, Stderr: "boom"}
	killed := &ffproc.ExitError{Name: "ffmpeg", Code: -1, Signal: syscall.SIGKILL}
	for _, row := range []struct {
		name string
		end  ending
		want error
	}{
		{"clean", ending{frames: 100, expectFrames: 100, expectEnd: 4000 * ms, end: 4000 * ms, tick: 40 * ms}, nil},
		{"nothing promised", ending{frames: 100, end: 4000 * ms}, nil},
		{"header counts one too many", ending{frames: 242, expectFrames: 243, expectEnd: 8043 * ms, end: 8066 * ms, tick: 33 * ms}, nil},
		{"a container that counts a frame for each tick", ending{frames: 68, expectFrames: 444, expectEnd: 29600 * ms, end: 29600 * ms, tick: 67 * ms}, nil},
		{"the last frame is long", ending{frames: 10, expectFrames: 10, expectEnd: 20000 * ms, end: 10000 * ms, tick: 1000 * ms}, nil},
		{"half of it missing", ending{frames: 50, expectFrames: 100, expectEnd: 4000 * ms, end: 2000 * ms, tick: 40 * ms}, ErrEndedBadly},
		{"2 s missing, number unknown", ending{frames: 50, expectEnd: 4000 * ms, end: 2000 * ms, tick: 40 * ms}, ErrEndedBadly},
		{"0.9 s missing, number unknown", ending{frames: 50, expectEnd: 4000 * ms, end: 3100 * ms, tick: 40 * ms}, nil},
		{"three frames missing at the end of a hundred", ending{frames: 97, expectFrames: 100, expectEnd: 4000 * ms, end: 3880 * ms, tick: 40 * ms}, ErrEndedBadly},
		{"damaged", ending{frames: 100, errors: 3, first: "error while decoding MB 2 3"}, ErrEndedBadly},
		{"errors before the first picture", ending{frames: 100, early: "non-existing PPS 0 referenced"}, nil},
		{"stopped inside a frame", ending{frames: 100, short: true}, ErrEndedBadly},
		{"exit code", ending{frames: 100, exit: exit1}, ErrEndedBadly},
		{"killed", ending{frames: 100, exit: killed, short: true}, ErrEndedBadly},
		{"pipe damaged", ending{frames: 100, pipe: errors.New("checksum")}, ErrEndedBadly},
		{"no frames", ending{}, ErrNoFrames},
		{"no frames, with a reason", ending{exit: exit1, early: "no decoder"}, ErrNoFrames},
		{"no frames came, though some were decoded", ending{exit: exit1, errors: 1, first: "Conversion failed!"}, ErrNoFrames},
		{"killed before the first", ending{exit: killed}, ErrNoFrames},
		{"live, ended", ending{live: true, frames: 100}, ErrSourceLost},
		{"live, as long as asked", ending{live: true, frames: 100, complete: true}, nil},
		{"live, as long as asked, but killed", ending{live: true, frames: 100, complete: true, exit: killed}, ErrSourceLost},
		{"live, never came", ending{live: true, exit: exit1}, ErrSourceLost},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := row.end.verdict()
			if row.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, row.want)
			require.NotContains(t, err.Error(), "%!")
		})
	}
}

func TestComplaints(t *testing.T) {
	for _, row := range []struct {
		name, line string
		want       bool
	}{
		{"decoder", "[mpeg4 @ 0x56] [error] ac-tex damaged at 3 2", true},
		{"ffmpeg itself", "[error] Error while decoding stream #0:0: Invalid data found when processing input", true},
		{"nested contexts", "[swscaler @ 0x1] [swscaler @ 0x2] [fatal] no memory", true},
		{"concealed", "[warning] truncated.avi: corrupt decoded frame in stream 0", true},
		{"seam of a transport stream", "[mpegts @ 0x56] [warning] Packet corrupt (stream = 0, dts = 39600).", false},
		{"times that jump back", "[null @ 0x55] [error] Application provided invalid, non monotonically increasing dts to muxer in stream 0: 2 >= 1", false},
		{"camera", "[mjpeg @ 0x1] [error] unable to decode APP fields: Invalid data found when processing input", false},
		{"information", "[info] error is only a word here", false},
		{"no level", "error is only a word here", false},
		{"no end", "[error", false},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, complains(parseLine([]byte(row.line)))) })
	}
}
