package capture

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
	"github.com/framebridge/framebridge/internal/nut"
)

// record is one of showinfo's at pts, in ms. Its width names it.
func record(pts int64, name int) shown {
	return shown{pts: pts, timeBase: framebuf.Rational{Num: 1, Den: 1000}, width: name}
}

// joins runs the join of one list with another: the names of the records that
// the frames got, 0 for none. Times in the pipe are in 1/64000.
func joins(t *testing.T, records []shown, frames []int64) (names []int, j *joiner) {
	t.Helper()
	j = newJoiner()
	j.setPipe(nut.Rational{Num: 1, Den: 64000}, nut.Rational{Num: 1, Den: 1000})
	for _, r := range records {
		j.add(r)
	}
	j.end()
	for _, pts := range frames {
		s, _ := j.take(t.Context(), pts)
		names = append(names, s.width)
	}
	return names, j
}

func TestJoin(t *testing.T) {
	const none int64 = framebuf.NoPTS
	for _, row := range []struct {
		name    string
		records []shown
		frames  []int64
		want    []int
	}{
		{"in step", []shown{record(0, 1), record(40, 2), record(80, 3)}, []int64{0, 2560, 5120}, []int{1, 2, 3}},
		{"ffmpeg moved all times", []shown{record(-80, 1), record(-40, 2), record(0, 3)}, []int64{0, 2560, 5120}, []int{1, 2, 3}},
		{"equal times leave a tick apart", []shown{record(0, 1), record(0, 2), record(40, 3), record(40, 4)}, []int64{0, 1, 2560, 2561}, []int{1, 2, 3, 4}},
		{
			"times jump back",
			[]shown{record(80, 1), record(120, 2), record(0, 3), record(40, 4), record(160, 5)},
			[]int64{5120, 7680, 7681, 7682, 10240},
			[]int{1, 2, 3, 4, 5},
		},
		{"times unknown", []shown{record(none, 1), record(none, 2)}, []int64{0, 64}, []int{1, 2}},
		{"rounded by the encoder", []shown{record(0, 1), record(33, 2), record(67, 3)}, []int64{0, 2133, 4267}, []int{1, 2, 3}},
		{"ffmpeg dropped one that showinfo saw", []shown{record(0, 1), record(40, 2), record(80, 3), record(120, 4)}, []int64{0, 5120, 7680}, []int{1, 3, 4}},
		{"the last frame was not announced", []shown{record(0, 1)}, []int64{0, 2560}, []int{1, 0}},
		{"nothing fits: by order", []shown{record(0, 1), record(1000, 2), record(2000, 3)}, []int64{0, 2560, 5120}, []int{1, 2, 3}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, j := joins(t, row.records, row.frames)
			require.Equal(t, row.want, got)
			require.Equal(t, row.name == "nothing fits: by order", j.blind > 0, "by order alone")
		})
	}
}

func TestJoinKnowsTheShift(t *testing.T) {
	_, j := joins(t, []shown{record(-80, 1)}, []int64{640})
	shift, ok := j.shift()
	require.True(t, ok)
	require.EqualValues(t, 640+80*64, shift)
}

// The line of a frame may be read after the frame.
func TestJoinWaitsForItsLine(t *testing.T) {
	j := newJoiner()
	j.setPipe(nut.Rational{Num: 1, Den: 1000}, nut.Rational{Num: 1, Den: 1000})
	looked := make(chan struct{})
	got := make(chan shown)
	go func() {
		close(looked)
		s, _ := j.take(context.Background(), 40)
		got <- s
	}()
	<-looked
	j.add(record(40, 7))
	require.Equal(t, 7, (<-got).width)
}

func TestJoinEndsWithItsContext(t *testing.T) {
	j := newJoiner()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, ok := j.take(ctx, 0)
	require.False(t, ok)
}

func TestJoinIsBounded(t *testing.T) {
	j := newJoiner()
	j.setPipe(nut.Rational{Num: 1, Den: 1000}, nut.Rational{Num: 1, Den: 1000})
	j.add(record(0, 1))
	_, ok := j.take(t.Context(), 0)
	require.True(t, ok)
	for i := range 3 * joinCapacity {
		j.add(record(40*int64(i+1), i+2))
	}
	require.Len(t, j.queue, joinCapacity)
	require.LessOrEqual(t, cap(j.queue), 2*joinCapacity)
	// What is still there is found by its time.
	s, ok := j.take(t.Context(), 40*3*joinCapacity)
	require.True(t, ok)
	require.Equal(t, 3*joinCapacity+1, s.width)
}
