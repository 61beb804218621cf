package plugintest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// python is a Python that has numpy.
func python(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "import numpy").Run() == nil {
			return path
		}
	}
	if os.Getenv("FRAMEBRIDGE_NEED_FFMPEG") != "" {
		t.Fatal("no Python with numpy here")
	}
	t.Skip("no Python with numpy here")
	return ""
}

// recipes are the commands of docs/ffmpeg.md, by name.
func recipes(t testing.TB) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/ffmpeg.md")
	require.NoError(t, err)
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)<!-- recipe: ([a-z]+) -->\n```sh\n(.*?)\n```\n").FindAllStringSubmatch(string(page), -1) {
		found[m[1]] = m[2]
	}
	return found
}

// kitchen is where a recipe is cooked: a folder of files and one of segments.
type kitchen struct {
	t         testing.TB
	dir, segs string
	env       []string
}

func newKitchen(t testing.TB) *kitchen {
	t.Helper()
	needPlugins(t)
	if testing.Short() {
		t.Skip("the recipes run other programs only")
	}
	k := &kitchen{t: t, dir: t.TempDir(), segs: testbed.Dir(t)}
	ffmpeg, err := exec.LookPath(ffmpegName())
	require.NoError(t, err)
	client, err := filepath.Abs("../../python")
	require.NoError(t, err)
	bin := filepath.Join(k.dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o700))
	for name, path := range map[string]string{"ffmpeg": ffmpeg, "python3": python(t), "framebridge": framebridge(t)} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nexec "+path+` "$@"`+"\n"), 0o700))
	}
	k.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "FREI0R_PATH="+built.dir, "FRAMEBRIDGE_DIR="+k.segs, "PYTHONPATH="+client, "PYTHONDONTWRITEBYTECODE=1")
	return k
}

// cook runs a recipe as a user who pastes it, with other names of files and servers, and other lengths. Every replacement must be used.
func (k *kitchen) cook(name string, replacements ...string) {
	k.t.Helper()
	commands, ok := recipes(k.t)[name]
	require.True(k.t, ok, "docs/ffmpeg.md has no recipe %s", name)
	for i := 0; i < len(replacements); i += 2 {
		require.Contains(k.t, commands, replacements[i])
		commands = strings.ReplaceAll(commands, replacements[i], replacements[i+1])
	}
	cmd := exec.CommandContext(within(k.t), "bash", "-c", commands)
	cmd.Dir, cmd.Env = k.dir, k.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // all that it starts ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	k.t.Logf("%s said:\n%s", name, out)
	require.NoError(k.t, err)
}

func (k *kitchen) path(name string) string { return filepath.Join(k.dir, name) }

// ffmpeg runs ffmpeg in the kitchen and returns what it wrote.
func (k *kitchen) ffmpeg(args ...string) string {
	k.t.Helper()
	out, _ := run(k.t, k.segs, args...)
	return out
}

// pictures decodes a file, with a filter in between, to raw RGB.
func (k *kitchen) pictures(name, filter string) string {
	k.t.Helper()
	return k.ffmpeg("-i", k.path(name), "-vf", filter, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
}

// isNear requires that a picture of one colour is that colour, about.
func isNear(t testing.TB, picture string, r, g, b int) {
	t.Helper()
	require.NotEmpty(t, picture)
	for i := range picture {
		require.InDelta(t, [3]int{r, g, b}[i%3], int(picture[i]), 40)
	}
}

// Each recipe of the page has a test here.
func TestRecipesKnown(t *testing.T) {
	var names []string
	for name := range recipes(t) {
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{"tap", "trip", "side", "rtmp", "scores"}, names)
}

func TestRecipeTap(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	source := k.path("camera.mov")
	k.ffmpeg("-t", "2", "-i", clip("motion.mov"), "-c", "copy", source)
	k.cook("tap", "rtsp://camera.local/stream", source)
	k.ffmpeg("-y", "-i", source, "-map", "0:v", "-map", "0:a?", "-c:v", "libx264", "-c:a", "copy", k.path("plain.mkv"))
	recorded := hashes(k.ffmpeg("-i", k.path("recording.mkv"), "-f", "framemd5", "-"))
	require.Equal(t, hashes(k.ffmpeg("-i", k.path("plain.mkv"), "-f", "framemd5", "-")), recorded, "the recording is not what it is without the tap")
	require.Greater(t, len(recorded), 100, "60 pictures, and sound")
	found, err := os.ReadFile(k.path("found.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(found), `"analyzer":"motion"`)
}

func TestRecipeTrip(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	source, err := filepath.Abs(clip("ntsc.mp4"))
	require.NoError(t, err)
	k.cook("trip", "in.mp4", source)
	drawn := k.pictures("out.mp4", "crop=64:8:18:16")
	require.Len(t, drawn, 30*64*8*3, "frames")
	isNear(t, drawn, 255, 160, 0)
}

func TestRecipeSideBySide(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	k.cook("side", "rtsp://left.local/stream", "lavfi:color=red:size=640x360:rate=25,realtime",
		"rtsp://right.local/stream", "lavfi:color=blue:size=640x360:rate=25,realtime", "-t 3600", "-t 8") // capture takes its time to start on a busy machine
	both := k.pictures("side.mkv", "select='eq(n,199)',scale=8:2:flags=area")
	require.Len(t, both, 8*2*3, "there are 200 frames")
	for row := range 2 {
		isNear(t, both[row*24:row*24+9], 255, 0, 0)
		isNear(t, both[row*24+15:row*24+24], 0, 0, 255)
	}
}

func TestRecipeRTMP(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	address := freeAddress(t)
	server := start(t, k.segs, "-nostdin", "-listen", "1", "-f", "flv", "-i", "rtmp://"+address+"/live/key", "-c", "copy", k.path("got.mkv"))
	eventually(t, func() bool { return listens(address) }, "the server does not listen; it said:\n%s", server.stderr.String())
	k.cook("rtmp", "server.local", address, "-t 3600", "-t 2")
	require.NoError(t, server.wait(), server.stderr.String())
	pictures := k.pictures("got.mkv", "scale=2:2")
	require.Len(t, pictures, 60*2*2*3, "2 s of pictures")
	require.Contains(t, k.ffmpeg("-i", k.path("got.mkv"), "-map", "0:a", "-f", "framemd5", "-"), "\n0, ")
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// listens says whether somebody listens at an address. It looks, as the first who knocks is the one who is let in.
func listens(address string) bool {
	table, _ := os.ReadFile("/proc/net/tcp")
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return regexp.MustCompile(fmt.Sprintf(`: [0-9A-F]{8}:%04X 00000000:0000 0A`, n)).Match(table)
}

func TestRecipeScores(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	in := k.path("cuts.mkv")
	k.ffmpeg("-f", "lavfi", "-i", "color=black:s=160x120:r=25:d=0.4[a];testsrc2=s=160x120:r=25:d=0.8[b];color=white:s=160x120:r=25:d=0.4[c];[a][b][c]concat=n=3",
		"-c:v", "ffv1", in)
	seen := watch(t, k.segs, "cam0.scored")
	k.cook("scores", "in.mp4", in)

	// What ffmpeg itself says.
	var want []float64
	printed := k.ffmpeg("-i", in, "-vf", "select='gte(scene,0)',metadata=print:key=lavfi.scene_score:file=-", "-f", "null", "-")
	for line := range strings.Lines(printed) {
		if score, ok := strings.CutPrefix(strings.TrimSpace(line), "lavfi.scene_score="); ok {
			f, err := strconv.ParseFloat(score, 64)
			require.NoError(t, err)
			want = append(want, f)
		}
	}
	require.Len(t, want, 40)
	cuts, found := map[int]float64{}, map[int]float64{}
	for number, score := range want {
		if score > 0.4 {
			cuts[number] = score
		}
	}
	require.Len(t, cuts, 2)
	got, err := os.ReadFile(k.path("cuts.txt"))
	require.NoError(t, err)
	for line := range strings.Lines(string(got)) {
		var number int
		var score float64
		_, err := fmt.Sscan(line, &number, &score)
		require.NoError(t, err)
		found[number] = score
	}
	require.Equal(t, cuts, found)

	// The score of a frame is with the picture that it is about.
	pictures := ownHashes(t, []string{"-i", in}, "format=rgba")
	frames := seen()
	require.NotEmpty(t, frames)
	for number, f := range frames {
		require.Equal(t, pictures[number], f.md5, "picture %d", number)
		require.InDelta(t, want[number], f.Scene, 1e-9, "score of %d", number)
	}
}

// scoredFrame is a frame and what its meta says.
type scoredFrame struct {
	Scene float64 `json:"scene"`
	md5   string
}

// watch looks at a segment as somebody of whom its writer knows nothing. The frames it saw, by number, come at the segment's end.
func watch(t testing.TB, dir, name string) (frames func() map[uint64]scoredFrame) {
	t.Helper()
	found := map[uint64]scoredFrame{}
	done := make(chan error, 2)
	ctx := within(t)
	go func() {
		r, err := framebuf.Open(ctx, name, &framebuf.ReaderOptions{Dir: dir, ReadOnly: true, Wait: true})
		if err != nil {
			done <- err
			return
		}
		for f, err := range r.Frames(ctx) {
			if errors.Is(err, framebuf.ErrOverrun) {
				continue
			}
			if err != nil {
				done <- err
				break
			}
			sum := md5.Sum(f.Bytes())
			s := scoredFrame{md5: hex.EncodeToString(sum[:])}
			if err := json.Unmarshal(f.Meta(), &s); err != nil {
				done <- err
				break
			}
			found[f.Number] = s
		}
		done <- r.Close()
	}()
	return func() map[uint64]scoredFrame {
		require.NoError(t, <-done)
		return found
	}
}
