package encode

import (
	"encoding/binary"
	"math"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pcm"
)

const testRate = 48000

// beeps is n samples of silence with a loud tone from each of the given samples on,
// for a tenth of a second.
func beeps(n int, at ...int) []byte {
	b := make([]byte, 2*n)
	for _, from := range at {
		for k := from; k < min(from+testRate/10, n); k++ {
			v := 20000 * math.Sin(float64(k)*2*math.Pi*1000/testRate)
			binary.LittleEndian.PutUint16(b[2*k:], uint16(int16(v)))
		}
	}
	return b
}

// produce gives the queue samples that begin at pts, in pieces of 1024.
func produce(q *pcm.Queue, pts int64, b []byte) {
	for len(b) > 0 {
		n := min(len(b), 2048)
		q.Samples(pts, framebuf.Rational{Num: 1, Den: testRate}, b[:n])
		pts += int64(n / 2)
		b = b[n:]
	}
}

// onsets are the times, in seconds, at which the sound of a file becomes loud, on
// the file's own clock.
func onsets(t testing.TB, path string) (list []float64) {
	t.Helper()
	b, err := exec.Command("ffmpeg", "-v", "error", "-copyts", "-i", path, "-map", "0:a", "-af", "aresample=async=1:first_pts=0",
		"-ac", "1", "-ar", strconv.Itoa(testRate), "-f", "s16le", "-").Output()
	require.NoError(t, err)
	quiet := testRate
	for k := range len(b) / 2 {
		v := int16(binary.LittleEndian.Uint16(b[2*k:]))
		switch loud := v > 6000 || v < -6000; {
		case loud && quiet >= testRate/20:
			list = append(list, float64(k)/testRate)
			quiet = 0
		case loud:
			quiet = 0
		default:
			quiet++
		}
	}
	return list
}

// brightAt are the times at which the picture of a file becomes bright.
func brightAt(t testing.TB, path string) (list []float64) {
	t.Helper()
	const w, h = 64, 48
	b, err := exec.Command("ffmpeg", "-v", "error", "-copyts", "-i", path, "-map", "0:v", "-fps_mode", "passthrough",
		"-pix_fmt", "gray", "-f", "rawvideo", "-").Output()
	require.NoError(t, err)
	times := probe(t, path).times(t, "video")
	require.Len(t, b, len(times)*w*h)
	bright := false
	for k, at := range times {
		now := b[k*w*h+w*h/2] > 150
		if now && !bright {
			list = append(list, at)
		}
		bright = now
	}
	return list
}

// flashing is a clip whose picture begins half a second after its sound, with a
// white picture and a beep together at 1.02 s and 2.02 s.
func flashing() (c clip, sound []byte) {
	c = testClip(0)
	for k := range 50 {
		c.pts = append(c.pts, 500+int64(k)*40)
	}
	c.paint = func(b []byte, k int) {
		ms := c.pts[k]
		v := byte(16)
		if ms >= 1020 && ms < 1120 || ms >= 2020 && ms < 2120 {
			v = 255
		}
		fill(b, v)
	}
	return c, beeps(testRate*5/2, testRate*102/100, testRate*202/100)
}

// The picture begins 0.5 s after the sound: what belongs together stays together.
func TestSoundIsInStep(t *testing.T) {
	for _, row := range []struct {
		name  string
		codec string
	}{
		{"out.mp4", "aac"}, {"out.mov", "aac"}, {"out.mkv", "aac"}, {"out.ts", "aac"}, {"out.webm", "opus"}, {"out.flv", "aac"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.name != "out.mp4" {
				longRun(t)
			}
			c, sound := flashing()
			q := NewAudioQueue(0)
			q.Start(testRate, 1)
			go func() { produce(q, 0, sound); q.End() }()
			path, r := encodeClip(t, c, row.name, &Options{Audio: Audio{Queue: q}})
			require.EqualValues(t, 50, r.FramesOut)
			require.Zero(t, r.LostSound)
			p := probe(t, path)
			require.Len(t, p.Streams, 2)
			codecs := []string{p.Streams[0].CodecName, p.Streams[1].CodecName}
			require.Contains(t, codecs, row.codec)
			pictures, tones := brightAt(t, path), onsets(t, path)
			require.Len(t, pictures, 2)
			require.Len(t, tones, 2)
			for k := range pictures {
				// Where there are no negative times, the sound encoder's delay and the
				// reordering of pictures move everything.
				require.InDelta(t, float64(k)+1.02, pictures[k], 0.05, "picture %d", k)
				require.InDelta(t, pictures[k], tones[k], 0.01, "sound %d", k)
			}
		})
	}
}

func TestSoundFromItsSegment(t *testing.T) {
	needFFmpeg(t)
	dir := segmentDir(t)
	c, sound := flashing()
	ctx := within(t)
	w, err := framebuf.Create("cam.audio", framebuf.Format{PixelFormat: framebuf.Data}, &framebuf.Options{
		Dir: dir, Kind: framebuf.AudioKind, Capacity: 8192, Linger: -1,
	})
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			defer func() { _ = w.Close() }()
			if err := w.AwaitReaders(ctx, 1); err != nil {
				return err
			}
			for at := 0; at < len(sound); at += 2048 {
				piece := sound[at:min(at+2048, len(sound))]
				err := w.Publish(ctx, func(s *framebuf.Slot) error {
					s.Info.PTS, s.Info.TimeBase = int64(at/2), framebuf.Rational{Num: 1, Den: testRate}
					s.Info.Audio = framebuf.Audio{Rate: testRate, Channels: 1, Format: framebuf.S16LE, Samples: uint32(len(piece) / 2)}
					if err := s.SetLength(len(piece)); err != nil {
						return err
					}
					copy(s.Bytes(), piece)
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	c.publish(t, dir, "cam")
	path := output(t, "out.mkv")
	e, err := Open(ctx, "cam", path, &Options{Dir: dir, Audio: Audio{Segment: true}})
	require.NoError(t, err)
	r, err := e.Run(ctx)
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.NoError(t, <-done)
	require.EqualValues(t, 50, r.FramesOut)
	tones := onsets(t, path)
	require.InDeltaSlice(t, []float64{1.02, 2.02}, tones, 0.03)
}

func TestOtherSound(t *testing.T) {
	t.Run("silent", func(t *testing.T) {
		path, r := encodeClip(t, testClip(25), "out.mp4", &Options{Audio: Audio{Silent: true}})
		require.EqualValues(t, 25, r.FramesOut)
		require.NotEmpty(t, probe(t, path).times(t, "audio"))
		require.Empty(t, onsets(t, path))
	})
	t.Run("a file", func(t *testing.T) {
		needFFmpeg(t)
		wav := output(t, "sound.wav")
		require.NoError(t, exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1:r=48000", "-af", "volume=10dB", wav).Run())
		path, r := encodeClip(t, testClip(25), "out.mp4", &Options{Audio: Audio{Input: wav}})
		require.EqualValues(t, 25, r.FramesOut)
		require.NotEmpty(t, probe(t, path).times(t, "audio"))
	})
	t.Run("a queue without any", func(t *testing.T) {
		q := NewAudioQueue(0)
		q.End()
		path, _ := encodeClip(t, testClip(5), "out.mp4", &Options{Audio: Audio{Queue: q}})
		require.Empty(t, probe(t, path).times(t, "audio"))
	})
	t.Run("a queue into gif", func(t *testing.T) {
		q := NewAudioQueue(0)
		q.Start(testRate, 1)
		_, r := encodeClip(t, testClip(5), "out.gif", &Options{Audio: Audio{Queue: q}})
		require.EqualValues(t, 5, r.FramesOut)
	})
}

// Sound that begins long after the picture. ffmpeg by itself gives up with "Too
// many packets buffered": it holds frames until every stream has begun.
func TestLateSound(t *testing.T) {
	c := testClip(0)
	c.format.Width, c.format.Height = 640, 480
	for k := range 250 {
		c.pts = append(c.pts, int64(k)*40)
	}
	for _, row := range []struct {
		name string
		pace Pace
		at   float64 // where the sound begins, seconds
	}{{"fast", PaceFast, 8}, {"live", PaceLive, 8}, {"never", PaceFast, 0}} {
		t.Run(row.name, func(t *testing.T) {
			if row.name != "live" {
				longRun(t)
			}
			q := NewAudioQueue(0)
			q.Start(testRate, 1)
			frames := 0
			path, r := encodeClip(t, c, "out.nut", &Options{Pace: row.pace, Audio: Audio{Queue: q}, OnFrame: func(*framebuf.Info, time.Time) {
				frames++
				if row.at > 0 && frames == int(row.at*25) {
					produce(q, int64(row.at*testRate), beeps(testRate, testRate/2))
				}
				if frames == len(c.pts) {
					q.End()
				}
			}})
			require.EqualValues(t, 250, r.FramesOut)
			p := probe(t, path)
			require.InDelta(t, 0, p.times(t, "audio")[0], 0.001)
			if row.at > 0 {
				require.InDeltaSlice(t, []float64{row.at + 0.5}, onsets(t, path), 0.001)
			}
		})
	}
}
