package encode

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

const skipped = int64(-1)

func TestClock(t *testing.T) {
	other, none := framebuf.Generation{1}, nut.Rational{}
	at := func(pts ...int64) (list []framebuf.Info) {
		for k, p := range pts {
			list = append(list, framebuf.Info{
				Number: uint64(k), PTS: p, TimeBase: framebuf.Rational{Num: 1, Den: 1000}, Rate: framebuf.Rational{Num: 25, Den: 1},
			})
		}
		return list
	}
	from := func(k int, list []framebuf.Info, change func(*framebuf.Info)) []framebuf.Info {
		for j := k; j < len(list); j++ {
			change(&list[j])
		}
		return list
	}
	for _, row := range []struct {
		name   string
		frames []framebuf.Info
		zero   bool
		gap    nut.Rational
		merge  bool
		want   []int64
		moved  uint64
	}{
		{"own times", at(500, 540, 541, 2000), false, none, false, []int64{500, 540, 541, 2000}, 0},
		{"from zero", at(500, 540, 2000), true, none, false, []int64{0, 40, 1500}, 0},
		{"negative times are shifted", at(-80, -40, 0), false, none, false, []int64{0, 40, 80}, 0},
		{"equal times", at(0, 0, 40, 40), false, none, false, []int64{0, 1, 40, 41}, 2},
		{"disorder", at(0, 40, 20, 80), false, none, false, []int64{0, 40, 41, 80}, 1},
		{"closer than the output can", at(0, 4, 40), false, nut.Rational{Num: 1, Den: 100}, false, []int64{0, 10, 40}, 1},
		{"closer, merged", at(0, 4, 40), false, nut.Rational{Num: 1, Den: 50}, true, []int64{0, skipped, 40}, 0},
		{"a jump back goes on", at(5000, 5040, 0, 40), false, none, false, []int64{5000, 5040, 5080, 5120}, 0},
		{
			"another writer, with the pause",
			from(2, at(0, 40, 0, 40), func(i *framebuf.Info) {
				i.Generation, i.Captured = other, 10*time.Second+3*time.Second
			}), false, none, false,
			[]int64{0, 40, 80, 120},
			0,
		},
		{"a moved segment goes on", from(2, at(0, 40, 80, 120), func(i *framebuf.Info) { i.Generation = other }), false, none, false, []int64{0, 40, 80, 120}, 0},
		{
			"another time base",
			from(1, at(0, 2, 3), func(i *framebuf.Info) { i.TimeBase = framebuf.Rational{Num: 1, Den: 25} }), false, none, false,
			[]int64{0, 80, 120},
			0,
		},
		{"one without a time", at(0, 40, framebuf.NoPTS, 120), false, none, false, []int64{0, 40, 80, 120}, 0},
		{"none has a time", at(framebuf.NoPTS, framebuf.NoPTS), false, none, false, []int64{0, 1}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := newClock(&row.frames[0], row.zero)
			require.NoError(t, err)
			if row.gap.Num > 0 {
				require.NoError(t, c.limit(row.gap, row.merge))
			}
			var got []int64
			for k := range row.frames {
				pts, ok, err := c.place(&row.frames[k])
				require.NoError(t, err)
				if !ok {
					pts = skipped
				}
				got = append(got, pts)
			}
			require.Equal(t, row.want, got)
			require.Equal(t, row.moved, c.retimed)
		})
	}
}

func TestClockKeepsThePauseBetweenWriters(t *testing.T) {
	frame := framebuf.Info{TimeBase: framebuf.Rational{Num: 1, Den: 1000}, Rate: framebuf.Rational{Num: 25, Den: 1}, PTS: 7000, Captured: 10 * time.Second}
	c, err := newClock(&frame, false)
	require.NoError(t, err)
	_, _, err = c.place(&frame)
	require.NoError(t, err)
	next := frame
	next.Generation, next.PTS, next.Captured = framebuf.Generation{1}, 0, 13*time.Second
	at, ok, err := c.place(&next)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, int64(10000), at, "3 s after the last frame")
	require.Equal(t, 1, c.epoch)
}

func TestClockRefusesTimesThatCannotBe(t *testing.T) {
	frame := framebuf.Info{TimeBase: framebuf.Rational{Num: 1, Den: 1000}, PTS: 1 << 62}
	_, err := newClock(&frame, false)
	require.ErrorIs(t, err, nut.ErrRange)
}

func TestNominalRate(t *testing.T) {
	for _, row := range []struct {
		name       string
		rate, base framebuf.Rational
		want       nut.Rational
	}{
		{"told", framebuf.Rational{Num: 30000, Den: 1001}, framebuf.Rational{Num: 1, Den: 90000}, nut.Rational{Num: 30000, Den: 1001}},
		{"of the time base", framebuf.Rational{}, framebuf.Rational{Num: 1, Den: 25}, nut.Rational{Num: 25, Den: 1}},
		{"time base too fine", framebuf.Rational{}, framebuf.Rational{Num: 1, Den: 90000}, nut.Rational{Num: 30, Den: 1}},
		{"nothing known", framebuf.Rational{}, framebuf.Rational{}, nut.Rational{Num: 30, Den: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, nominalRate(&framebuf.Info{Rate: row.rate, TimeBase: row.base}))
		})
	}
}
