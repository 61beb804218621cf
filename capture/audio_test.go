package capture

import (
	"encoding/binary"
	"net"
	"os"
	"sync"
	"testing"
	"time"

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

// stepSink notes when sound is loud, and that its time only rises.
type stepSink struct {
	mu       sync.Mutex
	rate     int
	channels int
	samples  int     // of each channel
	begin    float64 // of all
	ends     int
	end      float64 // of what has come
	back     int     // jumps back
	starts   int
	onsets   []float64
	lastLoud float64
}

func (s *stepSink) Start(rate, channels int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate, s.channels = rate, channels
	s.starts++
	s.end, s.lastLoud = -1, -1
}

func (s *stepSink) Samples(pts int64, tb framebuf.Rational, pcm []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := float64(pts) * tb.Float()
	if s.samples == 0 {
		s.begin = at
	}
	if at < s.end-0.002 {
		s.back++
	}
	unit := 2 * s.channels
	s.samples += len(pcm) / unit
	for k := 0; k+1 < len(pcm); k += unit {
		now := at + float64(k/unit)/float64(s.rate)
		if v := int16(binary.LittleEndian.Uint16(pcm[k:])); v > 2000 || v < -2000 {
			if now-s.lastLoud > 0.3 {
				s.onsets = append(s.onsets, now)
			}
			s.lastLoud = now
		}
	}
	s.end = at + float64(len(pcm)/unit)/float64(s.rate)
}

func (s *stepSink) End() { s.ends++ }

// started is how often Start was called.
func (s *stepSink) started() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}

// has is how much sound has come, in seconds.
func (s *stepSink) has() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(s.samples) / float64(max(s.rate, 1))
}

// flashes are the times at which the picture becomes white.
func (x *outage) flashes(white string) (list []float64) {
	last := ""
	for _, f := range x.seen() {
		if f.hash == white && last != white {
			at, _ := f.Time()
			list = append(list, at.Seconds())
		}
		last = f.hash
	}
	return list
}

// Sound and picture are in step in each of the source's lives: white pictures and
// beeps begin together. The sound begins half a second before the picture.
func TestSoundInStepOverRestarts(t *testing.T) {
	needFFmpeg(t)
	data, err := os.ReadFile(clip("late-picture.mkv"))
	require.NoError(t, err)
	once := take(t, clip("late-picture.mkv"), nil)
	white := ""
	for _, f := range once.frames {
		if at, _ := f.Time(); at >= time.Second && white == "" {
			white = f.hash
		}
	}
	s := newServer(t, func(n int, conn net.Conn) { send(data, n == 3)(n, conn) })
	sink := &stepSink{}
	x := prepared(t, "tcp://"+s.addr, &Options{AudioSink: sink, AudioSegment: true})
	x.schedule.First, x.schedule.Longest = 100*time.Millisecond, 100*time.Millisecond
	sound, err := framebuf.Open(bounded(t), "test.audio", &framebuf.ReaderOptions{Dir: x.dir, Mode: framebuf.Lossless})
	require.NoError(t, err)
	type piece struct{ begin, end float64 }
	var pieces []piece
	heard := make(chan error, 1)
	marks := 0
	go func() {
		defer sound.Close()
		for f, err := range sound.Frames(bounded(t)) {
			if err != nil {
				heard <- err
				return
			}
			begin := float64(f.PTS) * f.TimeBase.Float()
			pieces = append(pieces, piece{begin, begin + float64(f.Duration)*f.TimeBase.Float()})
			if f.Flags&framebuf.FlagDiscontinuity != 0 {
				marks++
			}
		}
		heard <- nil
	}()
	x.run()
	x.until(func() bool { return len(x.flashes(white)) == 8 })
	x.until(func() bool { sink.mu.Lock(); defer sink.mu.Unlock(); return len(sink.onsets) == 8 })
	x.stop()
	require.NoError(t, <-heard)
	require.Equal(t, 1, sink.starts)
	require.Zero(t, sink.back, "sound never jumps back")
	flashes := x.flashes(white)
	require.Len(t, flashes, 8)
	for i := range flashes {
		require.InDelta(t, flashes[i], sink.onsets[i], 0.005, "beep %d", i)
	}
	require.Equal(t, 3, marks, "the first sound after each gap is marked")
	for i := range pieces[1:] {
		require.GreaterOrEqual(t, pieces[i+1].begin, pieces[i].end-0.002)
	}
}

// A live source of which nobody knew whether it has sound.
func TestLiveSourceWithoutSound(t *testing.T) {
	needFFmpeg(t)
	sink := &soundSink{}
	x := troubled(t, "tcp://"+newServer(t, send(liveClip(t, "64x48", 4), true)).addr, &Options{AudioSink: sink, AudioSegment: true})
	x.until(func() bool { return len(x.seen()) > 10 })
	_, err := framebuf.Stat(x.dir, "test.audio")
	require.ErrorIs(t, err, framebuf.ErrNotFound, "whoever waits for sound learns that there is none")
	x.stop()
	require.Equal(t, 1, sink.ends)
	require.Zero(t, sink.rate)
}

// Sound that comes back as another one is made what it was.
func TestSoundChangesWhileAway(t *testing.T) {
	needFFmpeg(t)
	var clips [][]byte
	for _, rate := range []string{"44100", "22050", "44100"} {
		path := makeClip(t, "sound.ts", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1", "-ar", rate,
			"-c:v", "mpeg2video", "-c:a", "mp2")
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		clips = append(clips, data)
	}
	sink := &stepSink{}
	s := newServer(t, func(n int, conn net.Conn) { send(clips[min(n, 2)], n == 2)(n, conn) })
	x := troubled(t, "tcp://"+s.addr, &Options{AudioSink: sink})
	x.until(func() bool { return x.flows(3, 15) && sink.has() > 2.5 })
	x.stop()
	require.Equal(t, 1, sink.starts)
	require.Equal(t, 44100, sink.rate)
	require.Zero(t, sink.back)
}
