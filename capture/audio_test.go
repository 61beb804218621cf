package capture

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// soundSink collects sound.
type soundSink struct {
	rate, channels int
	begin          float64 // seconds
	next           float64
	gaps           int
	pcm            []byte
	ends           int
}

func (s *soundSink) Start(rate, channels int) { s.rate, s.channels = rate, channels }

func (s *soundSink) Samples(pts int64, tb framebuf.Rational, pcm []byte) {
	at := float64(pts) * tb.Float()
	if len(s.pcm) == 0 {
		s.begin, s.next = at, at
	}
	if d := at - s.next; d > 0.002 || d < -0.002 {
		s.gaps++
	}
	s.next = at + float64(len(pcm)/(2*s.channels))/float64(s.rate)
	s.pcm = append(s.pcm, pcm...)
}

func (s *soundSink) End() { s.ends++ }

// loudFrom returns the time of the first sample of the beep that begins after
// from: the ear's clock.
func (s *soundSink) loudFrom(from float64) float64 {
	step := 2 * s.channels
	for i := int((from-s.begin)*float64(s.rate)) * step; i+1 < len(s.pcm); i += step {
		if v := int16(binary.LittleEndian.Uint16(s.pcm[i:])); v > 2000 || v < -2000 {
			return s.begin + float64(i/step)/float64(s.rate)
		}
	}
	return -1
}

// The picture begins 0.5 s after the sound; at 1 s and 2 s a white picture and a
// beep begin together.
func TestSoundInStep(t *testing.T) {
	for _, row := range []struct {
		name  string
		slack float64
	}{{"late-picture.mkv", 0.003}, {"late-picture.mp4", 0.03}} {
		t.Run(row.name, func(t *testing.T) {
			sink := &soundSink{}
			got := take(t, clip(row.name), &Options{AudioSink: sink})
			require.NoError(t, got.err)
			require.Len(t, got.frames, 40)
			first, _ := got.frames[0].Time()
			require.InDelta(t, 0.5, first.Seconds(), 0.01)
			require.Equal(t, 1, sink.ends)
			require.Zero(t, sink.gaps)
			require.InDelta(t, 0, sink.begin, row.slack)
			require.InDelta(t, 1, sink.loudFrom(0.8), row.slack)
			require.InDelta(t, 2, sink.loudFrom(1.8), row.slack)
			require.NotZero(t, got.result.AudioSamples)
		})
	}
}

func TestNoSound(t *testing.T) {
	sink := &soundSink{}
	got := take(t, clip("gray.mkv"), &Options{AudioSink: sink})
	require.NoError(t, got.err)
	require.Equal(t, 1, sink.ends)
	require.Zero(t, sink.rate)
}

// Sound that ends long before the picture, or begins long after it, must not
// make ffmpeg hold the picture back for long, nor give it up.
func TestSoundElsewhere(t *testing.T) {
	for _, row := range []struct {
		name string
		args []string
	}{
		{"ends early", []string{"-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=12", "-f", "lavfi", "-i", "sine=d=1", "-map", "0:v", "-map", "1:a"}},
		{"begins late", []string{"-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=12", "-f", "lavfi", "-itsoffset", "10", "-i", "sine=d=1", "-map", "0:v", "-map", "1:a"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := makeClip(t, "sound.mkv", append(row.args, "-c:v", "mpeg4", "-c:a", "pcm_s16le")...)
			sink := &soundSink{}
			got := take(t, path, &Options{AudioSink: sink})
			require.NoError(t, got.err)
			require.Len(t, got.frames, 300)
			require.Len(t, sink.pcm, 2*44100)
		})
	}
}

func TestAudioSegment(t *testing.T) {
	needFFmpeg(t)
	ctx := bounded(t)
	dir := memory(t)
	sink := &soundSink{}
	c, err := Open(ctx, clip("motion.mov"), "test", &Options{Dir: dir, Linger: -1, AudioSegment: true, AudioSink: sink})
	require.NoError(t, err)
	defer c.Close()
	s, err := framebuf.Stat(dir, "test.audio")
	require.NoError(t, err)
	require.Equal(t, framebuf.AudioKind, s.Kind)
	picture, err := framebuf.Stat(dir, "test")
	require.NoError(t, err)
	require.True(t, s.Created.Before(picture.Created), "who finds the picture finds the sound, too")

	r, err := framebuf.Open(ctx, "test.audio", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	defer r.Close()
	read := make(chan []byte, 1)
	go func() {
		var pcm []byte
		for f, err := range r.Frames(ctx) {
			if err != nil || int(f.Audio.Samples)*int(f.Audio.Channels)*2 != f.PayloadSize || f.Audio.Format != framebuf.S16LE || f.PTS == framebuf.NoPTS {
				break
			}
			pcm = append(pcm, f.Bytes()...)
		}
		read <- pcm
	}()
	_, err = c.Run(ctx)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.Equal(t, sink.pcm, <-read)
	require.NotEmpty(t, sink.pcm)
}
