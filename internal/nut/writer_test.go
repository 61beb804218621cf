// Tests of the Writer, against our Reader. ffmpeg_test.go has them against
// ffmpeg.

package nut

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var streams []Stream
		for range rapid.IntRange(1, 5).Draw(t, "streams") {
			if rapid.Bool().Draw(t, "sound") {
				s := sound(rapid.Int64Range(1, 192000).Draw(t, "rate"), rapid.IntRange(1, 8).Draw(t, "channels"))
				streams = append(streams, s)
				continue
			}
			s := video(rapid.IntRange(1, 9).Draw(t, "w"), rapid.IntRange(1, 9).Draw(t, "h"), drawRational(t, "base"))
			if rapid.Bool().Draw(t, "aspect and rate") {
				s.SampleAspect, s.FrameRate = drawRational(t, "aspect"), drawRational(t, "rate")
			}
			streams = append(streams, s)
		}
		seekable := rapid.Bool().Draw(t, "seekable")
		var out bytes.Buffer
		w, err := NewWriter(&out, streams, &WriterOptions{Seekable: seekable})
		require.NoError(t, err)
		want := frames{}
		for range rapid.IntRange(0, 30).Draw(t, "frames") {
			i := rapid.IntRange(0, len(streams)-1).Draw(t, "stream")
			pts := rapid.Int64Range(0, w.streams[i].maxPTS).Draw(t, "pts")
			size := streams[i].Width * streams[i].Height
			if streams[i].Class == ClassAudio {
				size = 2 * streams[i].Channels * rapid.IntRange(1, 20_000).Draw(t, "samples")
			}
			payload := strings.Repeat(string(rune('a'+i)), size)
			if rapid.Bool().Draw(t, "split") {
				h, err := w.FrameHeader(i, pts, int64(size))
				require.NoError(t, err)
				out.Write(h)
				out.WriteString(payload)
			} else {
				require.NoError(t, w.WriteFrame(i, pts, []byte(payload)))
			}
			want.add(i, pts, payload)
		}
		checkDistances(t, out.Bytes(), seekable)

		r := NewReader(&out, nil)
		_, err = r.ReadHeader()
		require.NoError(t, err)
		got, err := drain(r)
		require.NoError(t, err)
		require.Equal(t, want.list.String(), got)
		read, err := r.ReadHeader()
		require.NoError(t, err)
		for i, s := range streams {
			s.TimeBase = s.TimeBase.reduced()
			if s.SampleAspect.positive() {
				s.SampleAspect = s.SampleAspect.reduced()
			}
			if got == "" {
				s.FrameRate = Rational{} // it comes with the first frame
				read[i].FrameRate = Rational{}
			}
			require.Equal(t, s, read[i])
		}
	})
}

// checkDistances looks at the places of the startcodes in a stream whose
// payloads have none: see max_distance in the format's description.
func checkDistances(t require.TestingT, p []byte, seekable bool) {
	sync := binary.BigEndian.AppendUint64(nil, startSyncpoint)
	var at []int
	for i := 0; ; i += len(sync) {
		j := bytes.Index(p[i:], sync)
		if j < 0 {
			break
		}
		i += j
		at = append(at, i)
	}
	if !seekable {
		require.LessOrEqual(t, len(at), 1, "in pipe mode there is one syncpoint")
		return
	}
	for i, from := range at {
		to := len(p)
		if i+1 < len(at) {
			to = at[i+1]
		}
		if to-from <= maxDistance {
			continue
		}
		// Then it must be a syncpoint and a single frame.
		n := 0
		r := NewReader(io.MultiReader(bytes.NewReader(p[:at[0]]), bytes.NewReader(p[from:to])), nil)
		for {
			if _, err := r.Next(); err != nil {
				require.Equal(t, io.EOF, err)
				break
			}
			n++
		}
		require.Equal(t, 1, n, "frames between the syncpoints at %d and %d", from, to)
	}
}

// TestBackPointers: a syncpoint leads back to the one from which every stream
// can be had.
func TestBackPointers(t *testing.T) {
	var out bytes.Buffer
	w, err := NewWriter(&out, []Stream{video(200, 200, Rational{1, 25}), sound(8000, 1)}, &WriterOptions{Seekable: true})
	require.NoError(t, err)
	var syncs []int64 // places
	var backs []int64 // where the back pointers lead
	frame := func(stream int, pts int64, size int) {
		at := int64(out.Len())
		h, err := w.FrameHeader(stream, pts, int64(size))
		require.NoError(t, err)
		out.Write(h)
		out.Write(make([]byte, size))
		if binary.BigEndian.Uint64(h) != startSyncpoint {
			return
		}
		c := cursor{p: h[9:]}
		c.uvar()
		back := int64(c.uvar())*16 + 15
		syncs = append(syncs, at)
		backs = append(backs, at-back)
	}
	frame(0, 0, 40_000) // syncpoint 0
	frame(1, 0, 100)    // 1
	frame(1, 100, 100)
	frame(0, 1, 40_000)   // 2
	frame(0, 2, 40_000)   // 3
	frame(1, 200, 40_000) // 4
	frame(0, 3, 40_000)   // 5
	require.Len(t, syncs, 6)
	for i, leadsTo := range []int{0, 0, 0, 1, 1, 3} {
		require.LessOrEqual(t, backs[i], syncs[leadsTo], "syncpoint %d", i)
		require.Greater(t, backs[i], syncs[leadsTo]-16, "syncpoint %d", i)
	}
}

func TestWriterRefuses(t *testing.T) {
	good := video(4, 2, Rational{1, 25})
	with := func(change func(*Stream)) []Stream { s := good; change(&s); return []Stream{s} }
	audio := func(change func(*Stream)) []Stream { s := sound(8000, 2); change(&s); return []Stream{s} }
	for _, tt := range []struct {
		name    string
		streams []Stream
	}{
		{"no streams", nil},
		{"251 streams", make([]Stream, 251)},
		{"no tag", with(func(s *Stream) { s.Tag = "" })},
		{"a tag of 3 bytes", with(func(s *Stream) { s.Tag = "RGB" })},
		{"no time base", with(func(s *Stream) { s.TimeBase = Rational{} })},
		{"time base 1/2^31", with(func(s *Stream) { s.TimeBase.Den = 1 << 31 })},
		{"no width", with(func(s *Stream) { s.Width = 0 })},
		{"negative height", with(func(s *Stream) { s.Height = -1 })},
		{"half a sample aspect", with(func(s *Stream) { s.SampleAspect.Num = 1 })},
		{"half a frame rate", with(func(s *Stream) { s.FrameRate.Num = 30 })},
		{"subtitles", with(func(s *Stream) { s.Class = ClassSubtitle })},
		{"no sample rate", audio(func(s *Stream) { s.SampleRate = Rational{} })},
		{"no channels", audio(func(s *Stream) { s.Channels = 0 })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			_, err := NewWriter(&out, tt.streams, nil)
			require.ErrorIs(t, err, ErrStream)
			require.Zero(t, out.Len())
		})
	}

	var out bytes.Buffer
	w, err := NewWriter(&out, []Stream{good, sound(8000, 2)}, nil)
	require.NoError(t, err)
	require.NoError(t, w.WriteFrame(0, 0, make([]byte, 8)))
	before := out.Len()
	for _, tt := range []struct {
		name   string
		stream int
		pts    int64
		size   int
		want   error
	}{
		{"stream 2 of 2", 2, 0, 8, ErrStream},
		{"stream -1", -1, 0, 8, ErrStream},
		{"negative PTS", 0, -1, 8, ErrPTS},
		{"PTS past the end of time", 0, maxPTS, 8, ErrPTS},
		{"another size", 0, 1, 9, ErrFrameSize},
		{"PTS past the end of time in the other time base", 0, maxPTS / 300, 8, ErrPTS},
		{"no payload", 0, 1, 0, ErrFrameSize},
		{"a sample and a half", 1, 0, 6, ErrFrameSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := w.WriteFrame(tt.stream, tt.pts, make([]byte, tt.size))
			require.ErrorIs(t, err, tt.want)
			require.Equal(t, before, out.Len(), "nothing written")
		})
	}
	t.Run("a frame of 2 GiB", func(t *testing.T) {
		_, err := w.FrameHeader(1, 0, 1<<31)
		require.ErrorIs(t, err, ErrFrameSize)
	})
	require.NoError(t, w.WriteFrame(0, 1, make([]byte, 8)), "no error of these is final")
	got, err := drain(NewReader(&out, nil))
	require.NoError(t, err)
	want := frames{}
	require.Equal(t, want.add(0, 0, strings.Repeat("\x00", 8)).add(0, 1, strings.Repeat("\x00", 8)).list.String(), got)
}

func TestWriterReduces(t *testing.T) {
	var out bytes.Buffer
	s := video(4, 2, Rational{2, 60})
	s.SampleAspect = Rational{20, 10}
	w, err := NewWriter(&out, []Stream{s, video(2, 2, Rational{1, 30})}, nil)
	require.NoError(t, err)
	require.Equal(t, []Rational{{1, 30}}, w.bases, "equal time bases are one")
	read, err := NewReader(&out, nil).ReadHeader()
	require.NoError(t, err)
	require.Equal(t, Rational{1, 30}, read[0].TimeBase)
	require.Equal(t, Rational{2, 1}, read[0].SampleAspect)
}

// failing takes some bytes and then fails.
type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriterOutputFails(t *testing.T) {
	streams := []Stream{video(4, 2, Rational{1, 25})}
	_, err := NewWriter(&failing{10}, streams, nil)
	require.ErrorIs(t, err, errFull)
	out := &failing{400}
	w, err := NewWriter(out, streams, nil)
	require.NoError(t, err)
	for i := int64(0); err == nil; i++ {
		err = w.WriteFrame(0, i, make([]byte, 8))
	}
	require.ErrorIs(t, err, errFull)
	out.left = 1 << 20
	require.ErrorIs(t, w.WriteFrame(0, 99, make([]byte, 8)), errFull, "half a frame may be out there: final")
}
