package plugintest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// endless is an ffmpeg that taps an endless source in real time, and may be stopped with q.
func endless(t testing.TB, dir, parameters string) *child {
	t.Helper()
	return start(t, dir, append([]string{"-re"}, append(lavfi("testsrc2=s=64x48:r=100"),
		"-vf", "format=rgba,frei0r=framebridge_tap:filter_params='"+parameters+"'", "-progress", "pipe:1", "-stats_period", "0.05", "-f", "null", "-")...)...)
}

// goesOn waits until ffmpeg has had some more frames.
func (c *child) goesOn() {
	c.t.Helper()
	before := strings.Count(c.stdout.String(), "frame=")
	eventually(c.t, func() bool { return strings.Count(c.stdout.String(), "frame=") > before+2 }, "ffmpeg stands still; it said:\n%s", c.stderr.String())
}

// quit ends ffmpeg as its user does.
func (c *child) quit() {
	c.t.Helper()
	_, err := c.stdin.Write([]byte("q"))
	require.NoError(c.t, err)
	require.NoError(c.t, c.wait())
}

// The second tap on a name says so, passes its frames on, and takes over when the first has ended.
func TestTapBusy(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	first := endless(t, dir, "cam0")
	reader := collect(t, dir, "cam0", framebuf.Newest, nil)
	eventually(t, func() bool { return reader.count.Load() > 0 }, "no frames; ffmpeg said:\n%s", first.stderr.String())
	second := endless(t, dir, "cam0")
	second.says("frames pass by unpublished")
	second.goesOn()
	require.Len(t, lines(second.stderr.String()), 1)
	first.quit()
	reader.wait()
	reader = collect(t, dir, "cam0", framebuf.Newest, nil)
	eventually(t, func() bool { return reader.count.Load() > 0 }, "nobody took over; ffmpeg said:\n%s", second.stderr.String())
	second.quit()
	reader.wait()
	require.Len(t, lines(second.stderr.String()), 2)
	require.Contains(t, lines(second.stderr.String())[1], "are published now")
}

// Two taps of one ffmpeg on one name.
func TestTapTwice(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	reader := collect(t, dir, "cam0", framebuf.Lossless, nil)
	input := lavfi("testsrc2=s=64x48:r=25:d=0.4")
	_, stderr := run(t, dir, append(input, "-vf", "format=rgba,frei0r=framebridge_tap:cam0|lossless|await=30,frei0r=framebridge_tap:cam0", "-f", "null", "-")...)
	require.Len(t, lines(stderr), 1)
	require.Equal(t, ownHashes(t, input, "format=rgba"), sums(reader.wait()))
}

// kill -9: readers see a death, and the next writer goes on with the numbers.
func TestTapKilled(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	first := endless(t, dir, "cam0|lossless")
	reader := collect(t, dir, "cam0", framebuf.Lossless, nil)
	eventually(t, func() bool { return reader.count.Load() > 5 }, "no frames; ffmpeg said:\n%s", first.stderr.String())
	first.kill()
	<-reader.done
	require.ErrorIs(t, reader.err, framebuf.ErrWriterDied)
	last := reader.frames[len(reader.frames)-1].Number

	second := endless(t, dir, "cam0|lossless")
	second.goesOn() // it has taken over by then
	reader = collect(t, dir, "cam0", framebuf.Lossless, nil)
	eventually(t, func() bool { return reader.count.Load() > 5 }, "no frames; ffmpeg said:\n%s", second.stderr.String())
	second.quit()
	frames := reader.wait()
	require.Greater(t, frames[0].Number, last)
	numbersFrom(t, frames[0].Number, frames)
	require.Empty(t, lines(second.stderr.String()))
}

// A lossless reader that stands still is left behind at the deadline.
func TestTapReaderStandsStill(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	c := endless(t, dir, "cam0|lossless|deadline=200ms")
	r, err := framebuf.Open(within(t), "cam0", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless, Wait: true})
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	f, err := r.Next(within(t))
	require.NoError(t, err)
	number := f.Number
	reader := collect(t, dir, "cam0", framebuf.Newest, nil)
	eventually(t, func() bool { return reader.count.Load() > 20 }, "it waits for ever; ffmpeg said:\n%s", c.stderr.String())
	require.ErrorIs(t, f.Release(), framebuf.ErrEvicted, "of frame %d", number)
	c.quit()
	reader.wait()
}

// A lossless reader that is killed holds nobody up. The reader is an ffmpeg, too.
func TestTapReaderKilled(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	c := endless(t, dir, "cam0|lossless|deadline=3600")
	c.goesOn()
	reader := start(t, dir, "-f", "lavfi", "-i", "frei0r_src=size=64x48:framerate=100:filter_name=framebridge_src:filter_params=cam0|lossless",
		"-progress", "pipe:1", "-stats_period", "0.05", "-f", "null", "-")
	reader.goesOn()
	reader.kill()
	c.goesOn()
	c.quit()
	require.Empty(t, lines(c.stderr.String()))
}

// The files are taken away under the tap: ffmpeg goes on, readers see an end in order, and there is another segment.
func TestTapRemoved(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	dir := testbed.Dir(t)
	c := endless(t, dir, "cam0")
	reader := collect(t, dir, "cam0", framebuf.Newest, nil)
	eventually(t, func() bool { return reader.count.Load() > 0 }, "no frames; ffmpeg said:\n%s", c.stderr.String())
	empty(t, dir)
	c.goesOn()
	reader.wait()
	again := collect(t, dir, "cam0", framebuf.Newest, nil)
	eventually(t, func() bool { return again.count.Load() > 0 }, "no new segment; ffmpeg said:\n%s", c.stderr.String())
	c.quit()
	again.wait()
	require.Len(t, lines(c.stderr.String()), 1)
	require.Contains(t, lines(c.stderr.String())[0], "somebody removed it")
}

func empty(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, e := range entries {
		require.NoError(t, os.Remove(filepath.Join(dir, e.Name())))
	}
}

// The memory is taken away under the tap: one line, no crash, and another segment.
func TestTapTruncated(t *testing.T) {
	needPlugins(t)
	t.Parallel()
	for _, row := range []struct {
		name string
		size int64
	}{
		{"to nothing", 0},
		{"to the headers", 64 << 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			c := endless(t, dir, "cam0")
			reader := collect(t, dir, "cam0", framebuf.Newest, nil)
			eventually(t, func() bool { return reader.count.Load() > 0 }, "no frames; ffmpeg said:\n%s", c.stderr.String())
			require.NoError(t, os.Truncate(filepath.Join(dir, "cam0"), row.size))
			c.says("frames pass by unpublished")
			c.goesOn()
			<-reader.done
			eventually(t, func() bool { return len(lines(c.stderr.String())) == 2 }, "it does not say that what is left is no segment")
			empty(t, dir)
			c.says("are published now")
			again := collect(t, dir, "cam0", framebuf.Newest, nil)
			eventually(t, func() bool { return again.count.Load() > 0 }, "no new segment; ffmpeg said:\n%s", c.stderr.String())
			c.quit()
			again.wait()
			require.Len(t, lines(c.stderr.String()), 3)
		})
	}
}

// Where no segment can be made, ffmpeg goes on, with one line.
func TestTapNoPlace(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct {
		name string
		make func(t testing.TB, dir string) string
	}{
		{"missing", func(_ testing.TB, dir string) string { return filepath.Join(dir, "missing", "more") }},
		{"a file", func(t testing.TB, dir string) string {
			path := filepath.Join(dir, "file")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			return path
		}},
		{"anyone may write there", func(t testing.TB, dir string) string {
			path := filepath.Join(dir, "open")
			require.NoError(t, os.Mkdir(path, 0o700))
			require.NoError(t, os.Chmod(path, 0o777)) //nolint:gosec // this is what is refused
			return path
		}},
		{"nobody may write there", func(t testing.TB, _ string) string {
			if _, err := os.Stat("/proc/self"); err != nil {
				t.Skip("no folder where not even root may write")
			}
			return "/proc/self"
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			input := lavfi("testsrc2=s=64x48:r=25:d=0.4")
			out, stderr := run(t, row.make(t, t.TempDir()), append(input, "-vf", "format=rgba,frei0r=framebridge_tap:cam0", "-f", "framemd5", "-")...)
			require.Equal(t, ownHashes(t, input, "format=rgba"), hashes(out))
			require.Len(t, lines(stderr), 1)
			require.Contains(t, lines(stderr)[0], "frames pass by unpublished")
		})
	}
}

// What is under the name is no segment, or one of another version: it stays as it is.
func TestTapForeignFile(t *testing.T) {
	needPlugins(t)
	for _, row := range []struct{ name, content string }{
		{"text", "this is not a segment"},
		{"another version", "FBRIDGE\n\x09\x00\x01\x00" + strings.Repeat("\x00", 5000)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := testbed.Dir(t)
			path := filepath.Join(dir, "cam0")
			require.NoError(t, os.WriteFile(path, []byte(row.content), 0o600))
			_, stderr := run(t, dir, append(lavfi("testsrc2=s=64x48:r=25:d=0.4"), "-vf", "format=rgba,frei0r=framebridge_tap:cam0", "-f", "null", "-")...)
			require.Len(t, lines(stderr), 1)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, row.content, string(after))
			require.NoError(t, os.Remove(path))
		})
	}
}
