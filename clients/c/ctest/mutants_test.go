package ctest

// Segments with anything wrong, read under the sanitizers: whatever they say, a reader
// must neither crash nor hang.

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/internal/testbed"
)

// golden is the bytes of a golden segment of the conformance kit.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "conformance", "golden", name+".hex"))
	require.NoError(t, err)
	var b []byte
	for line := range strings.Lines(string(text)) {
		place, digits, ok := strings.Cut(strings.TrimSpace(line), ":")
		require.True(t, ok, line)
		at, err := strconv.ParseUint(place, 16, 32)
		require.NoError(t, err)
		part, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		require.NoError(t, err)
		b = append(b, make([]byte, max(0, int(at)+len(part)-len(b)))...)
		copy(b[at:], part)
	}
	return b
}

// spoil changes a few words of a segment, and signs the header anew: else the checksum
// finds everything.
func spoil(random *rand.Rand, b []byte) {
	size := len(b)
	slots := int(binary.LittleEndian.Uint32(b[52:]))
	places := [][2]int{{8, 256}, {256, 1600}, {slots, slots + 1536}} // static; dynamic and answers; slot records
	values := []uint64{
		0, 1, 2, 3, 5, 63, 64, 127, 255, 4096, 65535, 65536, 1 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 40, 1 << 47, 1 << 63, 1<<64 - 1,
		uint64(size), uint64(size - 1),
	}
	for range 1 + random.IntN(4) {
		place := places[random.IntN(len(places))]
		at := place[0] + 4*random.IntN((min(place[1], size-8)-place[0])/4)
		value := values[random.IntN(len(values))]
		if random.IntN(3) == 0 { // one step off what is right
			value = binary.LittleEndian.Uint64(b[at:]) + uint64(random.IntN(3)) - 1
		}
		if random.IntN(2) == 0 {
			binary.LittleEndian.PutUint32(b[at:], uint32(value))
		} else {
			binary.LittleEndian.PutUint64(b[at:], value)
		}
	}
	if header := int(binary.LittleEndian.Uint32(b[12:])); header >= 24 && header <= len(b) {
		clear(b[20:24])
		binary.LittleEndian.PutUint32(b[20:], crc32.Checksum(b[:header], crc32.MakeTable(crc32.Castagnoli)))
	}
}

func TestMutants(t *testing.T) {
	skipShort(t)
	conform := sanitizedConform.build(t)
	many := 60
	if text := os.Getenv("FRAMEBRIDGE_C_MUTANTS"); text != "" {
		var err error
		many, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	dir := testbed.Dir(t)
	batch := command(t, dir, conform, "batch")
	batch.Env = append(batch.Env, "FRAMEBRIDGE_CONFORM_SECONDS=3600")
	in, err := batch.StdinPipe()
	require.NoError(t, err)
	out, err := batch.StdoutPipe()
	require.NoError(t, err)
	var stderr strings.Builder
	batch.Stderr = &stderr
	require.NoError(t, batch.Start())
	defer func() {
		_ = in.Close()
		_ = batch.Wait()
	}()
	told := bufio.NewScanner(out)
	told.Buffer(nil, 1<<20)
	names := []string{"yuv420p", "padded", "data", "tomorrow", "moved", "left", "facts", "audio"}
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	deadline := time.AfterFunc(50*time.Second+time.Duration(many)*time.Second/5, func() { _ = batch.Process.Kill() })
	defer deadline.Stop()
	for n := range many {
		b := golden(t, names[n%len(names)])
		control := make([]byte, 128*(int(binary.LittleEndian.Uint32(b[48:]))+1))
		copy(control, "FBCELLS\n")
		copy(control[12:], b[48:52])
		copy(control[16:], b[136:144])
		hidden := filepath.Join(dir, ".m."+hex.EncodeToString(reversed(b[136:144])))
		path := filepath.Join(dir, "m")
		spoil(random, b)
		require.NoError(t, os.WriteFile(path, b, 0o600))
		require.NoError(t, os.WriteFile(hidden, control, 0o600))
		for _, command := range []string{"describe\tm\n", "read\tm\t--frames\t2\n", "read\tm\t--mode\tlossless\t--frames\t2\n"} {
			_, err := in.Write([]byte(command))
			require.NoError(t, err, "%s", &stderr)
			for done := false; !done; {
				require.True(t, told.Scan(), "mutant %d of %s: %q ended or hung\n%s", n, names[n%len(names)], command, &stderr)
				done = strings.HasPrefix(told.Text(), `{"done"`)
				if strings.HasPrefix(told.Text(), `{"error"`) {
					refused++
				}
			}
			require.Contains(t, []string{`{"done":0}`, `{"done":1}`}, told.Text())
		}
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.Remove(hidden))
	}
	require.Greater(t, refused, many/2, "most of them should have been noticed")
	require.NoError(t, in.Close())
	require.NoError(t, batch.Wait(), "%s", &stderr)
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i, v := range b {
		out[len(b)-1-i] = v
	}
	return out
}
