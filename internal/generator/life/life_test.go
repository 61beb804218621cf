package life

import (
	"fmt"
	"image"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parse makes a field of lines in which # lives.
func parse(lines ...string) field {
	f := sow(len(lines[0]), len(lines), 0)
	for y, line := range lines {
		for x, c := range line {
			f.cells[y*f.cols+x] = 0
			if c == '#' {
				f.cells[y*f.cols+x] = alive
			}
		}
	}
	return f
}

func text(f field) string {
	var b strings.Builder
	for i, c := range f.cells {
		if i > 0 && i%f.cols == 0 {
			b.WriteByte('\n')
		}
		b.WriteByte(".#"[c>>7])
	}
	return b.String()
}

func TestRules(t *testing.T) {
	for _, tc := range []struct {
		name  string
		start []string
		steps int
		want  []string
	}{
		{"block stays", []string{"....", ".##.", ".##.", "...."}, 1, []string{"....", ".##.", ".##.", "...."}},
		{"blinker turns", []string{".....", "..#..", "..#..", "..#..", "....."}, 1, []string{".....", ".....", ".###.", ".....", "....."}},
		{"alone dies", []string{"...", ".#.", "..."}, 1, []string{"...", "...", "..."}},
		{"crowd dies", []string{".....", ".###.", ".###.", ".###.", "....."}, 1, []string{"..#..", ".#.#.", "#...#", ".#.#.", "..#.."}},
		{"glider goes round the edges", []string{".#...", "..#..", "###..", ".....", "....."}, 20, []string{".#...", "..#..", "###..", ".....", "....."}},
		{"glider in one period", []string{".#...", "..#..", "###..", ".....", "....."}, 4, []string{".....", "..#..", "...#.", ".###.", "....."}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := parse(tc.start...)
			for range tc.steps {
				f.step()
			}
			require.Equal(t, strings.Join(tc.want, "\n"), text(f))
		})
	}
}

func TestAges(t *testing.T) {
	f := parse("....", ".##.", ".##.", "....")
	for range 300 {
		f.step()
	}
	require.Equal(t, uint8(255), f.cells[5], "the age stays at its top")
	f = parse("...", ".#.", "...")
	f.step()
	require.Equal(t, uint8(glow), f.cells[4])
	f.step()
	require.Equal(t, uint8(glow-fade), f.cells[4])
	for range 200 {
		f.step()
	}
	require.Equal(t, uint8(0), f.cells[4])
}

// Fields stay lively to the end of an epoch, and differ from one to the next.
func TestEpochs(t *testing.T) {
	l, img := New(nil), image.NewRGBA(image.Rect(0, 0, 320, 180))
	require.NoError(t, l.Draw(img, EpochFrames-1, 0))
	last := text(l.field)
	require.Greater(t, strings.Count(last, "#"), len(last)/100)
	require.NoError(t, l.Draw(img, EpochFrames, 0))
	second := text(l.field)
	require.NoError(t, l.Draw(img, 0, 0))
	require.NotEqual(t, second, text(l.field))
	require.InDelta(t, 0.3, float64(strings.Count(second, "#"))/float64(len(l.field.cells)), 0.03)
}

func TestSeedAndCells(t *testing.T) {
	a, b := New(&Options{Seed: 1 << 40, CellPixels: 10}), New(&Options{CellPixels: 10})
	img := image.NewRGBA(image.Rect(0, 0, 95, 41))
	require.NoError(t, a.Draw(img, 0, 0))
	require.NoError(t, b.Draw(img, 0, 0))
	require.NotEqual(t, text(a.field), text(b.field))
	require.Equal(t, []int{10, 5}, []int{a.field.cols, a.field.rows})
}

func Example() {
	frame := image.NewRGBA(image.Rect(0, 0, 320, 180))
	l := New(&Options{Seed: 7})
	for n := range uint64(3) {
		if err := l.Draw(frame, n, 0); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(l.Name(), frame.RGBAAt(0, 0).A)
	// Output: life 255
}
