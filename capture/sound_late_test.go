package capture

// Sound that begins long after the picture, ends long before it, or is not there
// for a while: ffmpeg must neither hold the picture back for it nor give up.

import (
	"encoding/binary"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

// flashes and beeps begin together, in seconds 1, 3, 5 and so on, for a tenth of a second.
// The frames are as large as it takes: ffmpeg holds some of them whatever happens.
const (
	flashes = `color=black:s=320x240:r=25:d=16,drawbox=c=white:t=fill:enable=between(mod(t\,2)\,1\,1.099)`
	beeps   = `aevalsrc=exprs=if(between(mod(t\,2)\,1\,1.1)\,0.8*sin(2*PI*1000*t)\,0):s=48000:d=16`
)

// flashing makes a clip of flashes and beeps, each through a further filter.
func flashing(t testing.TB, name, picture, sound string, codecs ...string) string {
	args := []string{"-copyts", "-f", "lavfi", "-i", flashes + picture, "-f", "lavfi", "-i", beeps + sound}
	return makeClip(t, name, append(args, codecs...)...)
}

// flashesOf are the times at which the picture becomes white.
func flashesOf(frames []got) (list []float64) {
	light := false
	for _, f := range frames {
		at, _ := f.Time()
		if now := f.light > 127; now != light {
			light = now
			if light {
				list = append(list, at.Seconds())
			}
		}
	}
	return list
}

// requireInStep checks that each beep which has a picture begins with a flash.
func requireInStep(t testing.TB, frames []got, beeps []float64, slack float64) {
	t.Helper()
	flashes := flashesOf(frames)
	require.NotEmpty(t, flashes)
	last, _ := frames[len(frames)-1].Time()
	for _, beep := range beeps {
		nearest := math.Inf(1)
		for _, flash := range flashes {
			nearest = min(nearest, math.Abs(beep-flash))
		}
		if beep > flashes[0]-slack && beep < last.Seconds() {
			require.Less(t, nearest, slack, "the beep at %v; flashes at %v", beep, flashes)
		}
	}
}

func TestSoundInItsPlace(t *testing.T) {
	pcm := []string{"-c:v", "mpeg4", "-c:a", "pcm_s16le"}
	for _, row := range []struct {
		name, file, picture, sound string
		codecs                     []string
		frames, beeps              int
		begin                      float64 // of the sound
	}{
		{"all the time", "clip.mkv", "", "", pcm, 400, 8, 0},
		{"late", "clip.mkv", "", ",atrim=start=12", pcm, 400, 2, 12},
		{"late, with an edit list", "clip.mp4", "", ",atrim=start=12", []string{"-c:v", "mpeg4", "-c:a", "aac"}, 400, 2, 12},
		{"late, and not described before", "clip.ts", "", ",atrim=start=12", []string{"-c:v", "mpeg2video", "-c:a", "aac"}, 400, 2, 12},
		{"ends early", "clip.mkv", "", ",atrim=end=4", pcm, 400, 2, 0},
		{"a gap", "clip.mkv", "", `,aselect=not(between(t\,4\,12))`, pcm, 400, 4, 0},
		{"before the picture", "clip.mkv", ",trim=start=3", "", pcm, 325, 8, 0},
		{"long after the picture", "clip.mkv", ",trim=end=2", "", pcm, 50, 8, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.name != "late, and not described before" && row.name != "before the picture" { // each waits for the other
				longRun(t)
			}
			path := flashing(t, row.file, row.picture, row.sound, row.codecs...)
			sink := &stepSink{}
			got := take(t, path, &Options{AudioSink: sink})
			require.NoError(t, got.err)
			require.Len(t, got.frames, row.frames)
			for i, want := range reference(t, nil, path, "-an") {
				require.Equal(t, want.hash, got.frames[i].hash, "frame %d", i)
			}
			require.Equal(t, 48000, got.source.AudioRate)
			require.Equal(t, 48000, sink.rate)
			require.Len(t, sink.onsets, row.beeps, "%v", sink.onsets)
			require.Zero(t, sink.back)
			require.InDelta(t, row.begin, sink.begin, 0.05)
			requireInStep(t, got.frames, sink.onsets, 0.022) // one block of sound
		})
	}
}

// More sound than is kept waiting for a picture.
func TestSoundLongBeforeThePicture(t *testing.T) {
	path := makeClip(t, "clip.mkv", "-copyts", "-f", "lavfi", "-i", "color=s=64x48:r=5:d=100,trim=start=98", "-f", "lavfi", "-i", "sine=r=48000:d=100",
		"-ac", "2", "-c:v", "mpeg4", "-c:a", "pcm_s16le")
	sink := &stepSink{}
	got := take(t, path, &Options{AudioSink: sink})
	require.NoError(t, got.err)
	require.Len(t, got.frames, 10)
	require.InDelta(t, 100, sink.has(), 0.001)
	require.Zero(t, sink.back)
}

// A source that says it has sound and gives none in the time that is captured, which
// is the picture's: ffmpeg's own bound counts from the first sound.
func TestSoundNeverComes(t *testing.T) {
	sink := &stepSink{}
	got := take(t, flashing(t, "clip.mkv", "", ",atrim=start=12", "-c:v", "mpeg4", "-c:a", "pcm_s16le"), &Options{AudioSink: sink, Duration: 11 * time.Second})
	require.NoError(t, got.err)
	require.Len(t, got.frames, 275)
	require.Zero(t, sink.has())
	require.Equal(t, 1, sink.ends)
}

// Whoever encodes waits to hear what the sound is like before it takes a frame, and
// capture waits for whoever encodes to take one.
func TestLateSoundIsAnnounced(t *testing.T) {
	path := flashing(t, "clip.mkv", "", ",atrim=start=12", "-c:v", "mpeg4", "-c:a", "pcm_s16le")
	ctx, dir, sink := bounded(t), memory(t), &stepSink{}
	c, err := Open(ctx, path, "test", &Options{Dir: dir, Linger: -1, AudioSegment: true, AudioSink: sink})
	require.NoError(t, err)
	defer c.Close()
	sound, err := framebuf.Open(ctx, "test.audio", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	defer sound.Close()
	picture, err := framebuf.Open(ctx, "test", &framebuf.ReaderOptions{Dir: dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	defer picture.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Run(ctx)
		_ = c.Close()
		ended <- err
	}()

	var first framebuf.Info
	require.NoError(t, sound.View(ctx, func(f *framebuf.Frame) error { first = f.Info; return nil }))
	require.Equal(t, framebuf.Audio{Rate: 48000, Channels: 1, Format: framebuf.S16LE, Layout: 4}, first.Audio)
	require.Zero(t, first.PayloadSize)
	at, ok := first.Time()
	require.True(t, ok)
	require.Zero(t, at, "the time of the first picture")
	require.Equal(t, 1, sink.started())

	frames := make(chan int, 1)
	go func() {
		n := 0
		for _, err := range picture.Frames(ctx) {
			if err != nil {
				break
			}
			n++
		}
		frames <- n
	}()
	begin, samples := time.Duration(-1), 0
	for f, err := range sound.Frames(ctx) {
		require.NoError(t, err)
		if samples == 0 {
			begin, _ = f.Time()
		}
		samples += int(f.Audio.Samples)
	}
	require.Equal(t, 12*time.Second, begin)
	require.InDelta(t, 4*48000, samples, 1024)
	require.NoError(t, <-ended)
	require.Equal(t, 400, <-frames)
	require.Equal(t, 1, sink.starts)
}

// beforeSound is how much of an MPEG-TS comes before the first sound.
func beforeSound(t testing.TB, data []byte) int {
	t.Helper()
	const packet, soundPID = 188, 0x101
	for at := 0; at+packet <= len(data); at += packet {
		if binary.BigEndian.Uint16(data[at+1:])&0x1fff == soundPID {
			return at
		}
	}
	t.Fatal("no sound in the clip")
	return 0
}

// A live source goes on without its sound, however long that takes, also one of
// which nobody can know what its sound will be like. If it turns out to be another
// one than was announced, ffmpeg is started again and makes it that.
func TestLiveSoundComesLate(t *testing.T) {
	for _, row := range []struct {
		name, kind string
		lives      int
	}{
		{"as announced", "-ar 48000 -ac 2", 1},
		{"another one", "-ar 44100 -ac 1", 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := flashing(t, "clip.ts", "", ",atrim=start=12", append(strings.Fields(row.kind), "-c:v", "mpeg2video", "-g", "5", "-c:a", "mp2")...)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			early := beforeSound(t, data)
			heard := make(chan struct{})
			s := newServer(t, func(n int, conn net.Conn) {
				if n > 0 {
					send(data, true)(n, conn)
					return
				}
				send(data[:early], false)(n, conn)
				<-heard
				send(data[early:], true)(n, conn)
			})
			sink := &stepSink{}
			x := troubled(t, "tcp://"+s.addr, &Options{AudioSink: sink, StallAfter: -1}) // it ends only for its sound
			x.until(func() bool { return len(x.seen()) > 250 })
			x.until(func() bool { return sink.started() == 1 })
			require.Equal(t, 48000, sink.rate)
			require.Equal(t, 2, sink.channels)
			close(heard)
			x.until(func() bool { sink.mu.Lock(); defer sink.mu.Unlock(); return len(sink.onsets) == 2 })
			x.until(func() bool { return x.flows(row.lives, 380) })
			x.stop()
			require.Equal(t, 1, sink.starts)
			requireInStep(t, x.seen(), sink.onsets, 0.022)
		})
	}
}

// What cannot be sound ends the capture, and not in silence.
func TestSoundPipeIsNoNUT(t *testing.T) {
	ffmpeg, _ := fakeFFmpeg(t, `case "$*" in *pipe:3*) echo no sound at all, whatever it is >&3; exec 3>&-;; esac
exec "$REAL" "$@" 3>/dev/null`)
	sink := &stepSink{}
	got := take(t, clip("late-picture.mkv"), &Options{AudioSink: sink, FFmpeg: ffmpeg})
	require.ErrorContains(t, got.err, "not a NUT stream")
	require.Equal(t, 1, sink.ends)
}

// The end of the pipe is no error of its own, wherever it is.
func TestSoundPipeIsCut(t *testing.T) {
	a := newAudioOut(nil)
	s := &session{watch: &stallWatch{}}
	for _, text := range []string{"", "nut/multi"} {
		require.NoError(t, a.listen(t.Context(), s, strings.NewReader(text), true))
	}
	var broken *pipeError
	require.ErrorAs(t, a.listen(t.Context(), s, io.MultiReader(strings.NewReader("what"), strings.NewReader("ever this is, it is long")), true), &broken)
}
