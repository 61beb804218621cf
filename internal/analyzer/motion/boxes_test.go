package motion

import (
	"image"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMerge(t *testing.T) {
	of := func(x0, y0, x1, y1 int) region {
		r := image.Rect(x0, y0, x1, y1)
		return region{Rectangle: r, cells: r.Dx() * r.Dy(), weight: 1}
	}
	for _, tc := range []struct {
		name     string
		in, want []region
	}{
		{"none", nil, nil},
		{"apart, the largest first", []region{of(0, 0, 2, 2), of(4, 0, 9, 9)}, []region{of(4, 0, 9, 9), of(0, 0, 2, 2)}},
		{"equal ones from the top", []region{of(5, 5, 6, 6), of(9, 1, 10, 2), of(1, 1, 2, 2)}, []region{of(1, 1, 2, 2), of(9, 1, 10, 2), of(5, 5, 6, 6)}},
		{"overlapping", []region{of(0, 0, 4, 4), of(3, 3, 6, 6)}, []region{{image.Rect(0, 0, 6, 6), 25, 2}}},
		{"touching", []region{of(0, 0, 4, 4), of(4, 0, 6, 4)}, []region{{image.Rect(0, 0, 6, 4), 24, 2}}},
		{"a chain", []region{of(0, 0, 3, 30), of(10, 20, 12, 22), of(2, 12, 11, 14), of(11, 0, 12, 1)}, []region{{image.Rect(0, 0, 12, 30), 90 + 4 + 18 + 1, 4}}},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, merge(tc.in)) })
	}
}
