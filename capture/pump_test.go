package capture

import (
	"bytes"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

const (
	pumpFrames = 3
	pumpSize   = 8 * 4 * 4 // bytes of a frame of 8x4
)

// pumped runs bytes of a pipe, with what showinfo said, through the inner loop.
func pumped(t *testing.T, pipe []byte, said []shown, resize Resize) (s *session, status *framebuf.Status, err error) {
	t.Helper()
	dir := memory(t)
	format := framebuf.Format{PixelFormat: framebuf.RGBA, Width: 8, Height: 4}
	w, err := framebuf.Create("test", format, &framebuf.Options{Dir: dir, Linger: -1})
	require.NoError(t, err)
	defer w.Close()
	j := newJoiner()
	for _, s := range said {
		j.add(s)
	}
	j.end()
	p := newPump(w, newAudioOut(nil), framebuf.Rational{Num: 1, Den: 1000}, framebuf.Rational{}, framebuf.RGBA)
	p.resize = resize
	s = &session{joiner: j, watch: &stallWatch{flowing: func() {}}, video: -1, placed: make(chan struct{}), firstPTS: framebuf.NoPTS, maxPTS: framebuf.NoPTS}
	err = p.loop(t.Context(), s, iotest.HalfReader(bytes.NewReader(pipe)))
	require.Equal(t, s.frames, p.out.Load())
	status, statErr := framebuf.Stat(dir, "test")
	require.NoError(t, statErr)
	return s, status, err
}

// nutStream is what ffmpeg would send, and where each frame ends in it.
func nutStream(t *testing.T) (stream []byte, ends []int) {
	t.Helper()
	var b bytes.Buffer
	w, err := nut.NewWriter(&b, []nut.Stream{{Class: nut.ClassVideo, Tag: "RGBA", TimeBase: nut.Rational{Num: 1, Den: 1000}, Width: 8, Height: 4}}, nil)
	require.NoError(t, err)
	ends = append(ends, b.Len())
	for i := range pumpFrames {
		require.NoError(t, w.WriteFrame(0, int64(40*i), bytes.Repeat([]byte{byte(i + 1)}, pumpSize)))
		ends = append(ends, b.Len())
	}
	return b.Bytes(), ends
}

// Wherever the pipe is cut, whole frames are published and nothing else.
func TestCutAnywhere(t *testing.T) {
	stream, ends := nutStream(t)
	for cut := 0; cut <= len(stream); cut++ {
		s, status, err := pumped(t, stream[:cut], nil, ResizeFollow)
		require.NoError(t, err, "cut at %d", cut)
		whole, inside := 0, false
		for i, end := range ends[1:] {
			if cut >= end {
				whole = i + 1
			}
			inside = inside || cut < end && cut >= end-pumpSize
		}
		require.EqualValues(t, whole, status.Published, "cut at %d", cut)
		require.EqualValues(t, whole, s.frames)
		if inside {
			require.True(t, s.short, "cut at %d", cut)
			require.EqualValues(t, 1, status.Drops[framebuf.DropShort])
		}
		if cut == len(stream) {
			require.False(t, s.short)
		}
		if whole > 0 {
			require.EqualValues(t, 40*(whole-1), status.Newest.PTS)
		}
	}
}

func TestFramesOfAnotherSize(t *testing.T) {
	stream, _ := nutStream(t)
	turned := func(pts int64) shown {
		s := record(pts, 4)
		s.height = 8
		return s
	}
	upright := func(pts int64) shown {
		s := record(pts, 8)
		s.height = 4
		return s
	}
	t.Run("as many bytes, another shape", func(t *testing.T) {
		_, status, err := pumped(t, stream, []shown{upright(0), turned(40), turned(80)}, ResizeFollow)
		require.NoError(t, err)
		require.Equal(t, "rgba 4x8", status.Newest.Format.String())
	})
	t.Run("not followed", func(t *testing.T) {
		_, status, err := pumped(t, stream, []shown{upright(0), turned(40), turned(80)}, ResizeStop)
		require.ErrorIs(t, err, ErrGeometryChanged)
		require.EqualValues(t, 1, status.Published)
	})
	t.Run("a size that the bytes do not have", func(t *testing.T) {
		wrong := upright(40)
		wrong.width = 9
		_, status, err := pumped(t, stream, []shown{upright(0), wrong}, ResizeFollow)
		var broken *pipeError
		require.ErrorAs(t, err, &broken)
		require.EqualValues(t, 1, status.Published)
	})
}

func TestNotAStream(t *testing.T) {
	_, status, err := pumped(t, bytes.Repeat([]byte("not a NUT stream "), 100), nil, ResizeFollow)
	var broken *pipeError
	require.ErrorAs(t, err, &broken)
	require.Zero(t, status.Published)
}
