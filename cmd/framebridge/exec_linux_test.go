package main

// run --exec, where a script does not do: live sources, kills, and processes that stand still.

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/testbed"
)

// execReport is what the tests look at in the summary of a run.
type execReport struct {
	FramesIn  uint64  `json:"frames_in"`
	FramesOut uint64  `json:"frames_out"`
	Dropped   uint64  `json:"dropped"`
	Error     *string `json:"error"`
	Exec      struct {
		Restarts  uint64 `json:"restarts"`
		FramesIn  uint64 `json:"frames_in"`
		FramesOut uint64 `json:"frames_out"`
		Missed    uint64 `json:"missed"`
		Exit      *int   `json:"exit"`
	} `json:"exec"`
}

func reportOf(t testing.TB, cmd *exec.Cmd) (r execReport) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text(cmd.Stdout)), &r), text(cmd.Stdout)+text(cmd.Stderr))
	return r
}

// videoTimes are the times of the frames of a file, in seconds.
func videoTimes(t testing.TB, file string) (times []float64) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0", file).Output()
	require.NoError(t, err)
	for _, line := range strings.Fields(string(out)) {
		at, err := strconv.ParseFloat(strings.TrimRight(line, ","), 64)
		require.NoError(t, err, line)
		times = append(times, at)
	}
	return times
}

// udpAddress is an address that nobody uses.
func udpAddress(t testing.TB) string {
	t.Helper()
	port, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer port.Close()
	return "udp://" + port.LocalAddr().String()
}

// startSender sends 25 small frames a second to an address.
func startSender(t testing.TB, address string) {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=60", "-c:v", "mpeg2video", "-g", "5", "-f", "mpegts", address)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// A live source goes on while its filter dies three times: one output, unbroken, and every frame accounted for.
func TestExecIsStartedAgainForALiveSource(t *testing.T) {
	needFFmpeg(t)
	t.Parallel()
	address := udpAddress(t)
	env, work := []string{"FRAMEBRIDGE_DIR=" + segmentDir(t)}, t.TempDir()
	out := filepath.Join(work, "out.mkv")
	cmd := start(t, env, "run", address, out, "--name", "live", "--json", "-t", "8",
		"--exec", "filter -newest -at 10 -do kill -times "+filepath.Join(work, "count")+":3")
	require.Eventually(t, func() bool {
		return strings.Contains(framebridge(t, env, "info", "live", "--json").stdout, `"label":"filter"`)
	}, time.Minute, 20*time.Millisecond, "the filter reads")
	startSender(t, address)
	require.Equal(t, 0, exitCodeOf(t, cmd), text(cmd.Stderr))
	r := reportOf(t, cmd)
	require.Nil(t, r.Error)
	require.EqualValues(t, 3, r.Exec.Restarts)
	require.Zero(t, *r.Exec.Exit)
	require.Positive(t, r.Exec.Missed, "the pauses are longer than a frame")
	require.Equal(t, r.Exec.FramesIn, r.Exec.FramesOut+r.Exec.Missed)
	require.Greater(t, r.Exec.FramesOut, uint64(3*10))
	require.LessOrEqual(t, r.Exec.FramesOut-r.FramesOut, r.Dropped, "what it published is in the output, or counted")
	times := videoTimes(t, out)
	require.EqualValues(t, r.FramesOut, len(times))
	for k := 1; k < len(times); k++ {
		require.Greater(t, times[k], times[k-1])
	}
	require.Len(t, regexp.MustCompile(`killed by signal 9 \(SIGKILL\) after 10 frames; last words: now I die; starting it again in`).FindAllString(text(cmd.Stderr), -1), 3, text(cmd.Stderr))
	require.Contains(t, text(cmd.Stderr), "is back (restarts: 3)")
}

// What never worked is not tried again, nor what was not to be.
func TestExecThatIsNotStartedAgain(t *testing.T) {
	needFFmpeg(t)
	for _, row := range []struct{ name, command, policy, want string }{
		{"never worked", "filter -newest -early exit:3", "auto", "ended with exit code 3 before its first frame"},
		{"never", "filter -newest -at 3 -do kill", "never", "was killed by signal 9 (SIGKILL) after 3 frames"},
	} {
		t.Run(row.name, func(t *testing.T) {
			address := udpAddress(t)
			env := []string{"FRAMEBRIDGE_DIR=" + segmentDir(t)}
			startSender(t, address)
			cmd := start(t, env, "run", address, filepath.Join(t.TempDir(), "out.mkv"), "--name", "live", "--exec-restart", row.policy, "--exec", row.command)
			require.Equal(t, 1, exitCodeOf(t, cmd), text(cmd.Stderr))
			require.Contains(t, text(cmd.Stderr), row.want)
			require.NotContains(t, text(cmd.Stderr), "starting it again")
		})
	}
}

// One that stands still is named, with what it does not take; the first signal ends that at once, as whoever stood still
// before will not end in order.
func TestExecThatHangs(t *testing.T) {
	needFFmpeg(t)
	for _, row := range []struct{ name, command, want string }{
		{"reading losslessly", "filter -at 17 -do hang", `waiting for 'filter -at 17 -do hang' \(reader \d+\) to take frame 17\n`},
		{"reading the newest", "filter -at 17 -do hang -newest", `'filter -at 17 -do hang -newest' has published nothing for 10s, in which [1-9]\d+ frames came\n`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			env := []string{"FRAMEBRIDGE_DIR=" + segmentDir(t)}
			out := filepath.Join(t.TempDir(), "out.mkv")
			cmd := start(t, env, "run", "lavfi:testsrc2=size=64x48:rate=25", out, "-re", "--name", "h", "--json", "--exec-wait", "9s", "--exec", row.command)
			said := regexp.MustCompile(row.want)
			require.Eventually(t, func() bool { return said.MatchString(text(cmd.Stderr)) }, time.Minute, 50*time.Millisecond)
			require.NotContains(t, text(cmd.Stderr), "which has not moved", "it is named once")
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			require.Equal(t, 130, exitCodeOf(t, cmd), text(cmd.Stderr))
			require.Contains(t, text(cmd.Stderr), "has neither ended nor published a frame for 9s")
			r := reportOf(t, cmd)
			require.EqualValues(t, 17, r.Exec.FramesOut)
			require.GreaterOrEqual(t, r.FramesOut+r.Dropped, uint64(17), "in the output, or counted")
			require.LessOrEqual(t, r.FramesOut, uint64(17))
			require.Len(t, videoTimes(t, out), int(r.FramesOut))
		})
	}
}

// The whole process group ends with us, however we end, and the next run needs no cleaning by hand.
func TestExecEndsWithUs(t *testing.T) {
	needFFmpeg(t)
	dir, work := segmentDir(t), t.TempDir()
	env := []string{"FRAMEBRIDGE_DIR=" + dir}
	command := "sleep 1000 & sh -c 'sleep 1000; true' & filter | cat"
	cmd := start(t, env, "run", "lavfi:testsrc2=size=64x48:rate=25", filepath.Join(work, "out.mkv"), "-re", "--name", "k", "--exec", command)
	require.Eventually(t, func() bool {
		return strings.Contains(framebridge(t, env, "info", "k.out", "--json").stdout, `"label":"encode"`)
	}, time.Minute, 20*time.Millisecond)
	pid := regexp.MustCompile(`exec: pid (\d+)`).FindStringSubmatch(text(cmd.Stderr))
	require.Len(t, pid, 2)
	number, err := strconv.Atoi(pid[1])
	require.NoError(t, err)
	group, err := syscall.Getpgid(number)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(testbed.Group(group)), 6, "shells, sleepers, cat and the filter")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return len(testbed.Group(group)) == 0 }, time.Minute, 10*time.Millisecond, "%v", testbed.Group(group))
	got := framebridge(t, env, "run", "lavfi:testsrc2=size=64x48:rate=25", filepath.Join(work, "next.mkv"), "-t", "1", "--name", "k", "--exec", "filter", "--json")
	require.Equal(t, 0, got.code, got.stderr)
	require.Contains(t, got.stdout, `"exec":{"restarts":0,"frames_in":25,"frames_out":25,"missed":0,"exit":0}`)
}

// How often the source was started again stands in the summary.
func TestSummaryCountsSourceRestarts(t *testing.T) {
	needFFmpeg(t)
	for _, row := range []struct {
		name, want string
		args       []string
	}{
		{"capture", `"restarts":[1-9]`, []string{"capture", clip(t, "vfr.mp4"), "s", "--await-readers", "0"}},
		{"run", `"source_restarts":[1-9]`, []string{"run", clip(t, "vfr.mp4"), filepath.Join(t.TempDir(), "out.mkv"), "--name", "s"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			env := []string{"FRAMEBRIDGE_DIR=" + segmentDir(t)}
			cmd := start(t, env, append(row.args, "--restart", "always", "--json")...)
			require.Eventually(t, func() bool {
				return regexp.MustCompile(`"restarts":[1-9]`).MatchString(framebridge(t, env, "info", "s", "--json").stdout)
			}, time.Minute, 50*time.Millisecond)
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			require.Equal(t, 130, exitCodeOf(t, cmd), text(cmd.Stderr))
			require.Regexp(t, row.want, text(cmd.Stdout))
		})
	}
}
