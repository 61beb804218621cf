package lane

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse: what comes is either refused, or understood so that it can be said again.
func FuzzParse(f *testing.F) {
	whole := message{kind: fill, status: statusFault, frame: 3, width: 16384, height: 63, memory: 2, offset: 1 << 40, length: 1 << 30, stride: 65536}
	f.Add(whole.bytes())
	f.Add(whole.bytes()[:messageSize-1])
	f.Add(append(whole.bytes(), 0))
	f.Add((&message{kind: done, frame: 1}).bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil {
			require.ErrorIs(t, err, ErrPlugin)
			require.Zero(t, m)
			return
		}
		const said = 52 // the rest is reserved
		require.True(t, bytes.Equal(b[:said], m.bytes()[:said]))
		if err := m.status.err(); err != nil {
			require.NotEmpty(t, err.Error())
		}
	})
}
