// Tests with the real ffmpeg: our Writer into its demuxer.

package nut

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pattern is a payload that differs from frame to frame and byte to byte.
func pattern(frame, size int) []byte {
	p := make([]byte, size)
	x := uint32(frame)*2654435761 + 1
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return p
}

func TestToFFmpeg(t *testing.T) {
	needFFmpeg(t)
	regular := func(step int64) func(int) int64 { return func(i int) int64 { return int64(i) * step } }
	for _, tt := range []struct {
		name   string
		format string
		w, h   int
		size   int
		base   Rational
		rate   Rational
		pts    func(i int) int64
		sound  bool
	}{
		{"rgba", "rgba", 320, 240, 320 * 240 * 4, Rational{1, 25}, Rational{25, 1}, regular(1), false},
		{"bgra, odd", "bgra", 63, 47, 63 * 47 * 4, Rational{1, 25}, Rational{}, regular(1), false},
		{"rgb24, odd", "rgb24", 63, 47, 63 * 47 * 3, Rational{1, 25}, Rational{}, regular(1), false},
		{"bgr24", "bgr24", 64, 48, 64 * 48 * 3, Rational{1, 25}, Rational{}, regular(1), false},
		{"gray, odd", "gray", 63, 47, 63 * 47, Rational{1, 25}, Rational{}, regular(1), false},
		{"yuv420p, odd", "yuv420p", 63, 47, 63*47 + 2*32*24, Rational{1, 25}, Rational{}, regular(1), false},
		{"nv12, odd", "nv12", 63, 47, 63*47 + 2*32*24, Rational{1, 25}, Rational{}, regular(1), false},
		{"one pixel", "gray", 1, 1, 1, Rational{1, 25}, Rational{}, regular(1), false},
		{"1/15360", "gray", 64, 48, 64 * 48, Rational{1, 15360}, Rational{30, 1}, regular(512), false},
		{"1001/30000", "gray", 64, 48, 64 * 48, Rational{1001, 30000}, Rational{30000, 1001}, regular(1), false},
		{
			"variable rate in microseconds", "gray", 64, 48, 64 * 48,
			Rational{1, 1000000},
			Rational{30, 1},
			func(i int) int64 { return int64(i)*33333 + int64(i*i%7)*1001 }, false,
		},
		{
			"variable rate, rate unknown", "gray", 64, 48, 64 * 48,
			Rational{1, 1000000},
			Rational{},
			func(i int) int64 { return int64(i)*33333 + int64(i*i%7)*1001 }, false,
		},
		{
			"starts late, in nanoseconds", "gray", 64, 48, 64 * 48,
			Rational{1, 1000000000},
			Rational{30, 1},
			func(i int) int64 { return 86_400_000_000_001 + int64(i)*33_333_333 }, false,
		},
		{"with sound", "rgba", 160, 120, 160 * 120 * 4, Rational{1, 25}, Rational{25, 1}, regular(1), true},
		{
			"variable rate with sound", "yuv420p", 160, 120, 160 * 120 * 3 / 2,
			Rational{1, 90000},
			Rational{25, 1},
			func(i int) int64 { return int64(i)*3600 + int64(i%3)*77 }, true,
		},
	} {
		for _, seekable := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, seekable %v", tt.name, seekable), func(t *testing.T) {
				tag, ok := PixelFormatTag(tt.format)
				require.True(t, ok)
				streams := []Stream{{Class: ClassVideo, Tag: tag, Width: tt.w, Height: tt.h, TimeBase: tt.base, FrameRate: tt.rate}}
				args := []string{
					"-v", "error", "-f", "nut", "-fpsprobesize", "0", "-copyts", "-i", "pipe:0", "-map", "0",
					"-fps_mode", "passthrough", "-enc_time_base:v", tt.base.String(), "-c:v", "rawvideo", "-c:a", "pcm_s16le", "-f", "framemd5", "-",
				}
				if tt.sound {
					streams = append(streams, sound(48000, 2))
				}
				var out bytes.Buffer
				w, err := NewWriter(&out, streams, &WriterOptions{Seekable: seekable})
				require.NoError(t, err)
				var want []listed
				write := func(stream int, pts int64, p []byte) {
					require.NoError(t, w.WriteFrame(stream, pts, p))
					want = append(want, listed{
						stream, exactTime(pts, streams[stream].TimeBase), int64(len(p)), fmt.Sprintf("%x", md5.Sum(p)),
					})
				}
				for i := range 30 {
					write(0, tt.pts(i), pattern(i, tt.size))
					if tt.sound {
						write(1, int64(i)*1920, pattern(i+1000, 1920*4))
					}
				}
				sameFrames(t, want, parseFramemd5(t, ff(t, &out, "ffmpeg", args...)))
			})
		}
	}
}

// TestSoundToFFmpeg: every sample arrives, and starts at its time.
func TestSoundToFFmpeg(t *testing.T) {
	needFFmpeg(t)
	for _, seekable := range []bool{false, true} {
		var out, all bytes.Buffer
		w, err := NewWriter(&out, []Stream{video(64, 64, Rational{1, 25}), sound(48000, 2)}, &WriterOptions{Seekable: seekable})
		require.NoError(t, err)
		for i := range 50 {
			require.NoError(t, w.WriteFrame(0, int64(i), pattern(i, 64*64)))
			p := pattern(i, 1920*4)
			all.Write(p)
			require.NoError(t, w.WriteFrame(1, 24000+int64(i)*1920, p))
		}
		in := out.Bytes()
		got := ff(t, bytes.NewReader(in), "ffmpeg", "-v", "error", "-f", "nut", "-i", "pipe:0", "-map", "0:a", "-c:a", "pcm_s16le", "-f", "s16le", "-")
		require.Equal(t, md5.Sum(all.Bytes()), md5.Sum(got))
		list := parseFramemd5(t, ff(t, bytes.NewReader(in), "ffmpeg", "-v", "error", "-f", "nut", "-copyts", "-i", "pipe:0", "-map", "0:a", "-c", "copy", "-f", "framemd5", "-"))
		require.Len(t, list, 50)
		require.Equal(t, "1/2", list[0].at)
		require.Equal(t, "123/50", list[49].at)
	}
}

// TestFrameRateToFFmpeg: the nominal rate reaches ffmpeg, so that a fine time
// base is not taken for it.
func TestFrameRateToFFmpeg(t *testing.T) {
	needFFmpeg(t)
	for _, tt := range []struct {
		name string
		rate Rational
		want string
	}{
		{"told", Rational{30000, 1001}, "30000/1001"},
		{"not told", Rational{}, "1000000/1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := video(64, 48, Rational{1, 1000000})
			s.FrameRate, s.SampleAspect = tt.rate, Rational{4, 3}
			var out bytes.Buffer
			w, err := NewWriter(&out, []Stream{s}, nil)
			require.NoError(t, err)
			for i := range 30 {
				require.NoError(t, w.WriteFrame(0, int64(i)*33333+int64(i%3), pattern(i, 64*48)))
			}
			got := ff(t, &out, "ffprobe", "-v", "error", "-f", "nut", "-fpsprobesize", "0",
				"-show_entries", "stream=sample_aspect_ratio,r_frame_rate", "-of", "csv=p=0", "pipe:0")
			require.Equal(t, "4:3,"+tt.want, strings.TrimSpace(string(got)))
		})
	}
}

// TestLiveThroughFFmpeg: ffmpeg hands every frame on before it gets the next
// one. It needs -threads:v 1 for that: its rawvideo encoder has frame threads,
// and is otherwise now and then a frame behind.
func TestLiveThroughFFmpeg(t *testing.T) {
	needFFmpeg(t)
	for _, seekable := range []bool{false, true} {
		t.Run(fmt.Sprintf("seekable %v", seekable), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "nut", "-fpsprobesize", "0", "-copyts", "-i", "pipe:0",
				"-fps_mode", "passthrough", "-enc_time_base:v", "1/1000000", "-c:v", "rawvideo", "-threads:v", "1", "-flush_packets", "1",
				"-f", "nut", "-write_index", "0", "pipe:1")
			var errs bytes.Buffer
			cmd.Stderr = &errs
			stdin, err := cmd.StdinPipe()
			require.NoError(t, err)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { cancel(); _ = cmd.Wait() })

			const size = 320 * 240
			s := video(320, 240, Rational{1, 1000000})
			s.FrameRate = Rational{30, 1}
			w, err := NewWriter(stdin, []Stream{s}, &WriterOptions{Seekable: seekable})
			require.NoError(t, err)
			r := NewReader(stdout, nil)
			pts := func(i int) int64 { return 500_000 + int64(i)*33333 }
			slot := make([]byte, size)
			readOne := func(i int) {
				p, err := r.Next()
				require.NoError(t, err, "frame %d: %s", i, &errs)
				streams, err := r.ReadHeader()
				require.NoError(t, err)
				at, exact, err := Rescale(p.PTS, streams[0].TimeBase, s.TimeBase)
				require.NoError(t, err)
				require.True(t, exact)
				require.Equal(t, pts(i), at)
				require.Equal(t, int64(size), p.Size)
				require.NoError(t, r.Payload(slot))
				require.Equal(t, pattern(i, size), slot)
			}
			const frames = 20
			out := make(chan struct{}, frames)
			written := make(chan error, 1)
			go func() {
				defer stdin.Close()
				for i := range frames {
					if err := w.WriteFrame(0, pts(i), pattern(i, size)); err != nil {
						written <- err
						return
					}
					select {
					case <-out:
					case <-ctx.Done():
					}
				}
				written <- nil
			}()
			for i := range frames {
				readOne(i)
				out <- struct{}{}
			}
			require.NoError(t, <-written, &errs)
			_, err = r.Next()
			require.Equal(t, io.EOF, err)
			require.NoError(t, cmd.Wait(), &errs)
		})
	}
}

// TestSeekInFFmpeg: a seekable stream in a file can be entered in its middle.
func TestSeekInFFmpeg(t *testing.T) {
	needFFmpeg(t)
	file := t.TempDir() + "/seek.nut"
	var out bytes.Buffer
	w, err := NewWriter(&out, []Stream{video(64, 48, Rational{1, 25}), sound(8000, 1)}, &WriterOptions{Seekable: true})
	require.NoError(t, err)
	for i := range 250 {
		require.NoError(t, w.WriteFrame(0, int64(i), pattern(i, 64*48)))
		require.NoError(t, w.WriteFrame(1, int64(i)*320, pattern(i, 640)))
	}
	writeFile(t, file, out.Bytes())
	list := parseFramemd5(t, ff(t, nil, "ffmpeg", "-nostdin", "-v", "error", "-ss", "8", "-i", file, "-map", "0:v", "-c:v", "rawvideo", "-f", "framemd5", "-"))
	require.Len(t, list, 50)
	require.Equal(t, fmt.Sprintf("%x", md5.Sum(pattern(200, 64*48))), list[0].md5)
}
