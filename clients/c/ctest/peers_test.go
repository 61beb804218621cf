//go:build linux

package ctest

// C and Go, each reading what the other one writes.

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/clients/conformance"
	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/testbed"
)

// create makes a segment that does not linger, if the options do not say so.
func create(t testing.TB, dir string, f framebuf.Format, o framebuf.Options) *framebuf.Writer {
	t.Helper()
	o.Dir = dir
	if o.Linger == 0 {
		o.Linger = -1
	}
	w, err := framebuf.Create("cam0", f, &o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// The example that reads, beside a writer in Go.
func TestLuma(t *testing.T) {
	luma := program(t, "../examples/luma.c")
	ctx, dir := testbed.Within(t, time.Minute), testbed.Dir(t)
	w := create(t, dir, framebuf.Format{PixelFormat: framebuf.BGRA, Width: 33, Height: 5}, framebuf.Options{})
	cmd := command(t, dir, luma, "cam0", "lossless")
	var out strings.Builder
	cmd.Stdout = &out
	require.NoError(t, cmd.Start())
	require.NoError(t, w.AwaitReaders(ctx, 1))
	for n := range 6 {
		require.NoError(t, w.Publish(ctx, func(s *framebuf.Slot) error {
			b := s.Bytes()
			for i := range b {
				b[i] = byte(50 * n)
			}
			return nil
		}))
	}
	require.NoError(t, w.Close())
	require.NoError(t, cmd.Wait())
	require.Equal(t, "0 0.00\n1 50.00\n2 100.00\n3 150.00\n4 200.00\n5 250.00\n", out.String())
}

// The example that writes, beside a reader in Go.
func TestBars(t *testing.T) {
	bars := program(t, "../examples/bars.c")
	ctx, dir := testbed.Within(t, time.Minute), testbed.Dir(t)
	cmd := command(t, dir, bars, "cam0", "64", "8", "200")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Wait: true, Mode: framebuf.Lossless})
	require.NoError(t, err)
	defer r.Close()
	white, frames := []byte{255, 255, 255, 255}, 0
	for f, err := range r.Frames(ctx) {
		require.NoError(t, err)
		require.Equal(t, framebuf.Rational{Num: 1, Den: 200}, f.TimeBase)
		require.Equal(t, int64(f.Number), f.PTS)
		require.Equal(t, 4*64*8, len(f.Bytes()))
		at := 4 * int((64-f.Number%64)%64) // where the first bar is by now
		require.Equal(t, white, f.Bytes()[at:at+4], "frame %d", f.Number)
		require.Equal(t, f.Bytes()[:4*64], f.Bytes()[4*64*7:], "all lines are alike")
		if frames++; frames == 70 {
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		}
	}
	require.NoError(t, cmd.Wait(), "an orderly end")
	require.GreaterOrEqual(t, frames, 70)
}

// The kit's program under the sanitizers: it writes for Go, through sizes that move
// the segment, and reads what Go writes.
func TestSanitizedWriter(t *testing.T) {
	skipShort(t)
	conform := sanitizedConform.build(t)
	for _, format := range append(framebuf.PixelFormats(), "data") {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			ctx, dir := testbed.Within(t, time.Minute), testbed.Dir(t)
			cmd := command(t, dir, conform, "write", "cam0", "--format", format, "--width", "15", "--height", "7", "--frames", "40",
				"--await", "1", "--linger", "1")
			if format != "data" {
				cmd.Args = append(cmd.Args, "--resize", "5:31x15,10:16x8,20:65x37")
			}
			var told strings.Builder
			cmd.Stdout, cmd.Stderr = &told, &told
			require.NoError(t, cmd.Start())
			r, err := framebuf.Open(ctx, "cam0", &framebuf.ReaderOptions{Dir: dir, Wait: true, Mode: framebuf.Lossless})
			require.NoError(t, err)
			defer r.Close()
			var n uint64
			for f, err := range r.Frames(ctx) {
				require.NoError(t, err, "%s", &told)
				require.Equal(t, n, f.Number)
				require.NoError(t, conformance.Verify(f))
				n++
			}
			require.NoError(t, r.Close())
			require.NoError(t, cmd.Wait(), "%s", &told)
			require.Equal(t, uint64(40), n)
		})
	}
}

func TestSanitizedReader(t *testing.T) {
	skipShort(t)
	conform := sanitizedConform.build(t)
	for _, mode := range []string{"newest", "pinned", "lossless"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			ctx, dir := testbed.Within(t, time.Minute), testbed.Dir(t)
			w := create(t, dir, framebuf.Format{PixelFormat: framebuf.NV12, Width: 15, Height: 7}, framebuf.Options{
				Linger: time.Second, // so that who is still in an older generation finds the last one
			})
			cmd := command(t, dir, conform, "read", "cam0", "--mode", mode)
			var told strings.Builder
			cmd.Stdout, cmd.Stderr = &told, &told
			require.NoError(t, cmd.Start())
			require.NoError(t, w.AwaitReaders(ctx, 1))
			for n := range 100 {
				if n%20 == 10 {
					f := w.Format()
					f.Width += 8
					require.NoError(t, w.SetFormat(ctx, f))
				}
				require.NoError(t, w.Publish(ctx, conformance.Stamp))
			}
			require.NoError(t, w.Close())
			require.NoError(t, cmd.Wait(), "%s", &told)
			require.Contains(t, told.String(), `"number":99,`)
			require.Contains(t, told.String(), `{"end":"eof"}`)
		})
	}
}

// A sealed segment, handed down as two descriptors.
func TestSealed(t *testing.T) {
	skipShort(t)
	conform := sanitizedConform.build(t)
	ctx, dir := testbed.Within(t, time.Minute), testbed.Dir(t)
	w := create(t, dir, framebuf.Format{PixelFormat: framebuf.RGBA, Width: 16, Height: 8}, framebuf.Options{Sealed: true})
	data, control, err := w.HandDown()
	require.NoError(t, err)
	cmd := command(t, dir, conform, "read", framebuf.InheritedName(3, 4), "--mode", "lossless")
	cmd.ExtraFiles = []*os.File{data, control}
	var told strings.Builder
	cmd.Stdout, cmd.Stderr = &told, &told
	require.NoError(t, cmd.Start())
	require.NoError(t, data.Close())
	require.NoError(t, control.Close())
	require.NoError(t, w.AwaitReaders(ctx, 1))
	for range 10 {
		require.NoError(t, w.Publish(ctx, conformance.Stamp))
	}
	require.NoError(t, w.Close())
	require.NoError(t, cmd.Wait(), "%s", &told)
	for n := range 10 {
		require.Contains(t, told.String(), fmt.Sprintf(`"number":%d,`, n))
	}
	require.Contains(t, told.String(), `{"end":"eof"}`)
}
