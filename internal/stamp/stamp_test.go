package stamp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A single foreign byte, wherever it is, shows.
func TestWhole(t *testing.T) {
	const n = 0x0102030405060708
	for _, size := range []int{0, 1, 7, 8, 9, 31} {
		b := make([]byte, size)
		Fill(b, n)
		require.True(t, Whole(b, n))
		for i := range b {
			b[i]++
			require.False(t, Whole(b, n), "byte %d of %d", i, size)
			b[i]--
		}
	}
}
