package encode

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/pcm"
)

// soundUnderTest is 1000 samples a second, one channel: a sample is a tick of the
// picture's clock. got is every sample by its time; written values are never 0.
type soundUnderTest struct {
	*sound
	q   *pcm.Queue
	got []byte // one byte a sample
	at  int64  // of the first one
}

func testSound(t *testing.T) *soundUnderTest {
	t.Helper()
	q := pcm.New(0)
	q.Start(1000, 1)
	first := framebuf.Info{TimeBase: framebuf.Rational{Num: 1, Den: 1000}, Rate: framebuf.Rational{Num: 25, Den: 1}}
	c, err := newClock(&first, false)
	require.NoError(t, err)
	u := &soundUnderTest{q: q, at: -1}
	u.sound = newSound(q, pcm.Format{Rate: 1000, Channels: 1}, c, func(sample int64, data []byte) error {
		if u.at < 0 {
			u.at = sample
		}
		require.EqualValues(t, u.at+int64(len(u.got)), sample, "no gap and no overlap")
		for k := 0; k < len(data); k += 2 {
			u.got = append(u.got, data[k])
		}
		return nil
	})
	return u
}

// add gives the queue n samples of value v that begin at pts.
func (u *soundUnderTest) add(pts int64, n int, v byte) {
	u.q.Samples(pts, framebuf.Rational{Num: 1, Den: 1000}, bytes.Repeat([]byte{v, 0}, n))
}

func runs(parts ...any) (b []byte) {
	for k := 0; k < len(parts); k += 2 {
		b = append(b, bytes.Repeat([]byte{byte(parts[k].(int))}, parts[k+1].(int))...)
	}
	return b
}

func TestSoundGoesBeforeTheFramesOfItsTime(t *testing.T) {
	u := testSound(t)
	u.add(0, 40, 1)
	u.add(40, 40, 2)
	u.add(80, 40, 3)
	require.NoError(t, u.upTo(0))
	require.Equal(t, runs(1, 40), u.got)
	require.NoError(t, u.upTo(79))
	require.Equal(t, runs(1, 40, 2, 40), u.got)
	u.q.End()
	require.NoError(t, u.rest(context.Background()))
	require.Equal(t, runs(1, 40, 2, 40, 3, 40), u.got)
}

func TestSoundIsOneStream(t *testing.T) {
	for _, row := range []struct {
		name string
		add  func(*soundUnderTest)
		at   int64
		want []byte
	}{
		{"begins late", func(u *soundUnderTest) { u.add(500, 10, 1) }, 500, runs(1, 10)},
		{"begins before zero", func(u *soundUnderTest) { u.add(-20, 50, 1) }, 0, runs(1, 30)},
		{"before zero only", func(u *soundUnderTest) { u.add(-50, 20, 1); u.add(-30, 30, 2); u.add(0, 5, 3) }, 0, runs(3, 5)},
		{"rounded times", func(u *soundUnderTest) { u.add(0, 40, 1); u.add(41, 40, 2); u.add(79, 40, 3) }, 0, runs(1, 40, 2, 40, 3, 40)},
		{"a gap", func(u *soundUnderTest) { u.add(0, 40, 1); u.add(340, 40, 2) }, 0, runs(1, 40, 0, 300, 2, 40)},
		{"an overlap", func(u *soundUnderTest) { u.add(0, 40, 1); u.add(20, 40, 2) }, 0, runs(1, 40, 2, 20)},
		{"twice the same", func(u *soundUnderTest) { u.add(0, 40, 1); u.add(0, 40, 2); u.add(40, 5, 3) }, 0, runs(1, 40, 3, 5)},
		{"a jump back that no frame explains", func(u *soundUnderTest) { u.add(5000, 40, 1); u.add(0, 40, 2) }, 5000, runs(1, 40, 2, 40)},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := testSound(t)
			row.add(u)
			u.q.End()
			require.NoError(t, u.rest(context.Background()))
			require.Equal(t, row.want, u.got)
			require.Equal(t, row.at, u.at)
		})
	}
}

// After another writer has begun anew, the sound of the old one is finished in
// the old time, and the new sound waits for the first new frame.
func TestSoundFollowsTheClock(t *testing.T) {
	u := testSound(t)
	place := func(pts int64, gen byte, captured time.Duration) int64 {
		at, ok, err := u.clock.place(&framebuf.Info{
			PTS: pts, TimeBase: framebuf.Rational{Num: 1, Den: 1000}, Generation: framebuf.Generation{gen}, Captured: captured,
		})
		require.NoError(t, err)
		require.True(t, ok)
		return at
	}
	u.add(0, 5000, 1)
	u.add(0, 40, 2) // of the next writer
	require.NoError(t, u.upTo(place(0, 0, time.Second)))
	require.NoError(t, u.upTo(place(5000, 0, 6*time.Second)))
	require.Equal(t, runs(1, 5000), u.got, "the new sound waits")
	at := place(0, 1, 7*time.Second)
	require.EqualValues(t, 6000, at)
	require.NoError(t, u.upTo(at))
	require.Equal(t, runs(1, 5000, 0, 1000, 2, 40), u.got)
}

func TestRestEndsWithItsContext(t *testing.T) {
	u := testSound(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, u.rest(ctx), context.Canceled)
}
