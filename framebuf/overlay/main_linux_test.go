package overlay_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/framebuf/overlay"
	"github.com/framebridge/framebridge/framebuf/results"
	"github.com/framebridge/framebridge/internal/testbed"
)

// The test binary is also the detector: a process of its own, told by its environment.
const (
	childDir   = "FRAMEBRIDGE_TEST_DIR"
	childVideo = "FRAMEBRIDGE_TEST_VIDEO" // look at every sixth frame of it; empty: publish what stdin says
	childDie   = "FRAMEBRIDGE_TEST_DIE"   // kill -9 itself after the record of this frame
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := detect(context.Background(), dir, os.Getenv(childVideo), os.Getenv(childDie)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/framebridge/framebridge/internal/ffproc.runStarter"))
}

const (
	interval  = 6                      // a detector of 5 pictures a second, for video of 30
	inference = 100 * time.Millisecond // what it takes for each
)

// found is what the detector says of a frame: where the box stands tells which.
func found(number uint64) results.Boxes {
	return results.Boxes{Analyzer: "test", Width: 640, Height: 360, Boxes: []results.Box{
		{X: 20 + 4*float64(number), Y: 100, W: 200, H: 150, Label: fmt.Sprint("frame ", number)},
	}}
}

func detect(ctx context.Context, dir, video, die string) (err error) {
	w, err := results.Create("boxes", &results.Options{Dir: dir, Linger: -1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if video == "" {
		return publish(ctx, w)
	}
	r, err := framebuf.Open(ctx, video, &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless, Wait: true})
	if err != nil {
		return err
	}
	defer r.Close()
	for f, err := range r.Frames(ctx) {
		if err != nil {
			return err
		}
		if f.Number%interval != 0 {
			continue
		}
		time.Sleep(inference)
		if err := w.Put(ctx, &f.Info, found(f.Number)); err != nil {
			return err
		}
		if die == strconv.FormatUint(f.Number, 10) {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		}
	}
	return nil
}

// publish puts a record for each frame that stdin tells, and says so.
func publish(ctx context.Context, w *results.Writer) error {
	in := json.NewDecoder(os.Stdin)
	for {
		var info framebuf.Info
		switch err := in.Decode(&info); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := w.Put(ctx, &info, found(info.Number)); err != nil {
			return err
		}
		fmt.Println("put", info.Number)
	}
}

// detector is a running process.
type detector struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startDetector starts one that looks at video until that ends, or, without one,
// does as put tells.
func startDetector(t *testing.T, dir, video, die string) *detector {
	t.Helper()
	d := &detector{cmd: exec.Command(os.Args[0])}
	d.cmd.Env = append(os.Environ(), childDir+"="+dir, childVideo+"="+video, childDie+"="+die)
	d.cmd.Stderr = os.Stderr
	var err error
	d.in, err = d.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := d.cmd.StdoutPipe()
	require.NoError(t, err)
	d.out = bufio.NewReader(out)
	require.NoError(t, d.cmd.Start())
	t.Cleanup(d.kill)
	return d
}

// put has the detector publish a record, and returns when it is there.
func (d *detector) put(t *testing.T, info framebuf.Info) {
	t.Helper()
	require.NoError(t, json.NewEncoder(d.in).Encode(info))
	line, err := d.out.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("put %d\n", info.Number), line)
}

func (d *detector) kill() {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
}

// segmentDir is an empty directory of segments in memory. At the end nothing may be
// left in it but what killed left, which is named.
func segmentDir(t testing.TB, killed ...string) string {
	t.Helper()
	dir := testbed.Dir(t)
	t.Cleanup(func() {
		for _, name := range killed {
			_ = framebuf.Remove(dir, name)
		}
	})
	return dir
}

func within(t testing.TB) context.Context {
	t.Helper()
	return testbed.Within(t, 2*time.Minute)
}

// frame is frame n of a video of 30 a second.
func frame(n uint64) framebuf.Info {
	return framebuf.Info{
		Number: n, Generation: framebuf.Generation{7}, PTS: int64(n) * 1001, TimeBase: framebuf.Rational{Num: 1, Den: 30000},
		Rate:   framebuf.Rational{Num: 30000, Den: 1001},
		Format: framebuf.Format{PixelFormat: framebuf.RGBA, Width: 320, Height: 180},
	}
}

// drawn is what a layer draws on a frame: the picture, and whether there was anything.
func drawn(ctx context.Context, l *overlay.Layer, info framebuf.Info) (*image.RGBA, bool) {
	img := blank(320, 180)
	draw := l.Frame(ctx, &info)
	if draw != nil {
		draw(img)
	}
	return img, draw != nil
}

// showing reads from the picture which of the records of found is on it.
func showing(t testing.TB, img *image.RGBA) (number uint64) {
	t.Helper()
	for x := range img.Rect.Max.X {
		if img.RGBAAt(x, 100) != ground {
			return uint64(x-10) / 2
		}
	}
	t.Fatal("no box on the picture")
	return 0
}
