package plugintest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// framebridge is the path of framebridge's own command, built once.
func framebridge(t testing.TB) string {
	t.Helper()
	path, err := buildFramebridge()
	require.NoError(t, err)
	return path
}

var buildFramebridge = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built.dir, "framebridge")
	out, err := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "../../../cmd/framebridge").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, err
})

// endlessTrip is an ffmpeg that sends an endless source on a round trip in real time, and may be stopped with q.
func endlessTrip(t testing.TB, dir, parameters string) *child {
	t.Helper()
	return start(t, dir, append([]string{"-re"}, append(lavfi("testsrc2=s=64x48:r=100"),
		"-vf", "format=rgba,frei0r=framebridge_trip:filter_params='"+parameters+"'", "-progress", "pipe:1", "-stats_period", "0.05", "-f", "null", "-")...)...)
}

// analyzer is framebridge's own as a partner, in a process of its own.
func analyzer(t testing.TB, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(framebridge(t), "analyze", "cam0", "cam0.out", "--follow", "--wait", "30s")
	cmd.Env = append(os.Environ(), "FRAMEBRIDGE_DIR="+dir)
	said := &tail{}
	cmd.Stderr = said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the partner said:\n%s", said)
		}
	})
	return cmd
}

// saysAgain waits until the child has written text as many times.
func (c *child) saysAgain(text string, times int) {
	c.t.Helper()
	ended := false
	eventually(c.t, func() bool {
		select {
		case <-c.done:
			ended = true
		default:
		}
		return ended || strings.Count(c.stderr.String(), text) >= times
	}, "%q was not said %d times", text, times)
	require.GreaterOrEqual(c.t, strings.Count(c.stderr.String(), text), times, "%q; it ended: %v; it said:\n%s", text, ended, c.stderr.String())
}

// A partner that is killed, and one that ends, is a line, and the next one is welcome.
func TestTripPartnerGoes(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	c := endlessTrip(t, dir, "cam0|deadline=5|late=last")
	first := analyzer(t, dir)
	c.saysAgain(partnerCame, 1)
	require.NoError(t, first.Process.Kill())
	c.saysAgain("the original goes on", 1)
	c.goesOn()
	second := analyzer(t, dir)
	c.saysAgain(partnerCame, 2)
	c.goesOn()
	require.NoError(t, second.Process.Signal(os.Interrupt))
	c.saysAgain("the original goes on", 2)
	c.goesOn()
	c.quit()
	said, counts := tripSaid(t, c.stderr.String())
	require.Len(t, said, 4, "%v", said)
	require.NotZero(t, counts.annotated)
	require.NotZero(t, counts.original)
}

// ffmpeg is killed: the partner sees a death, and answers the next one, whose numbers go on.
func TestTripKilled(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	answer(t, dir, partnerOptions{width: 64, height: 48, follow: true})
	first := endlessTrip(t, dir, "cam0|deadline=5")
	reader := collect(t, dir, "cam0", framebuf.Newest, nil)
	first.says(partnerCame)
	eventually(t, func() bool { return reader.count.Load() > 5 }, "no frames; ffmpeg said:\n%s", first.stderr.String())
	first.kill()
	<-reader.done
	require.ErrorIs(t, reader.err, framebuf.ErrWriterDied)
	second := endlessTrip(t, dir, "cam0|deadline=5")
	second.says(partnerCame)
	second.goesOn()
	second.goesOn()
	status, err := framebuf.Stat(dir, "cam0")
	require.NoError(t, err)
	require.Greater(t, status.FirstFrame, reader.frames[len(reader.frames)-1].Number)
	second.quit()
	said, counts := tripSaid(t, second.stderr.String())
	require.Len(t, said, 1, "%v", said)
	require.NotZero(t, counts.annotated)
}

// The second round trip on a name says so once, and takes over when the first has ended.
func TestTripBusy(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	first := endlessTrip(t, dir, "cam0")
	eventually(t, func() bool { _, err := framebuf.Stat(dir, "cam0"); return err == nil }, "no segment")
	plain, got, stderr := trip(t, dir, lavfi("testsrc2=s=64x48:r=25:d=2"), "format=rgba,frei0r=framebridge_trip:cam0")
	require.Equal(t, strings.Repeat("o", 50), fate(t, plain, got, 4*64*48))
	said, _ := tripSaid(t, stderr)
	require.Len(t, said, 1)
	second := endlessTrip(t, dir, "cam0")
	second.says("the original goes on")
	first.quit()
	second.says("frames are offered now")
	second.quit()
}

// The files of both segments are taken away, or cut off: ffmpeg goes on.
func TestTripFilesGo(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct {
		name string
		do   func(testing.TB, string)
	}{
		{"removed", func(t testing.TB, path string) { require.NoError(t, os.Remove(path)) }},
		{"cut off", func(t testing.TB, path string) { require.NoError(t, os.Truncate(path, 4096)) }},
	} {
		for _, segment := range []string{"cam0", "cam0.out"} {
			t.Run(row.name+" "+segment, func(t *testing.T) {
				t.Parallel()
				dir := testbed.Dir(t)
				t.Cleanup(func() { // their owners cannot find them any more
					left, err := filepath.Glob(filepath.Join(dir, "."+segment+".*"))
					require.NoError(t, err)
					for _, path := range append(left, filepath.Join(dir, segment)) {
						_ = os.Remove(path)
					}
				})
				c := endlessTrip(t, dir, "cam0|deadline=100ms|late=last")
				analyzer(t, dir)
				c.says(partnerCame)
				c.goesOn()
				row.do(t, filepath.Join(dir, segment))
				c.goesOn()
				if row.name+segment == "removedcam0" {
					c.says("somebody removed it; it is made again")
					c.saysAgain(partnerCame, 2) // as it follows
				}
				c.goesOn()
				c.quit()
				_, counts := tripSaid(t, c.stderr.String())
				require.LessOrEqual(t, counts.vainMS, 500.0)
			})
		}
	}
}
