package conformance

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hexLine is how many bytes a line of a golden file holds.
const hexLine = 32

// toHex writes bytes as `xxd -r -c 32` reads them back. Lines of zeros are left out,
// but for the last one, which says how long the file is.
func toHex(b []byte) string {
	var out strings.Builder
	for at := 0; at < len(b); at += hexLine {
		line := b[at:min(at+hexLine, len(b))]
		if at+hexLine < len(b) && len(bytes.Trim(line, "\x00")) == 0 {
			continue
		}
		fmt.Fprintf(&out, "%08x:", at)
		for len(line) > 0 {
			n := min(8, len(line))
			fmt.Fprintf(&out, " %x", line[:n])
			line = line[n:]
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func fromHex(text string) (b []byte, err error) {
	for line := range strings.Lines(text) {
		place, digits, _ := strings.Cut(strings.TrimSpace(line), ":")
		at, err := strconv.ParseUint(place, 16, 32)
		if err != nil {
			return nil, err
		}
		part, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			return nil, err
		}
		if grow := int(at) + len(part) - len(b); grow > 0 {
			b = append(b, make([]byte, grow)...)
		}
		copy(b[at:], part)
	}
	return b, nil
}

func readHex(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	b, err := fromHex(string(text))
	require.NoError(t, err, path)
	return b
}

func TestHexFiles(t *testing.T) {
	for _, row := range []struct {
		name string
		b    []byte
		want string
	}{
		{"zeros in the middle", append(append(make([]byte, 32), 1), make([]byte, 63)...), "00000020: 0100000000000000 0000000000000000 0000000000000000 0000000000000000\n" +
			"00000040: 0000000000000000 0000000000000000 0000000000000000 0000000000000000\n"},
		{"an odd end", []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, "00000000: 0102030405060708 09\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, toHex(row.b))
			back, err := fromHex(row.want)
			require.NoError(t, err)
			require.Equal(t, row.b, back)
		})
	}
}
