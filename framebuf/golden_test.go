package framebuf

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("update", false, "write the golden files anew: a change of the layout")

// TestGoldenHeaders compares the bytes of headers with what earlier builds wrote.
// Red means: the layout changed. Then the version in layout.go must change too.
func TestGoldenHeaders(t *testing.T) {
	st := newStatic(4, 640*360*4, videoAlign, defaultMeta, defaultCells)
	st.name, st.kind, st.lossless, st.flags = "cam0", Video, LosslessEvict, flagLive
	for i := range st.generation {
		st.generation[i], st.previous[i] = byte(i+1), byte(0x80+i)
	}
	st.controlID, st.firstFrame = 0x1122334455667788, 4711
	st.createdWall, st.createdMono = 1_700_000_000_123_456_789, 987_654_321
	st.writerPID, st.backing, st.taiOffset = 1234, backingTmpfs, 37

	info := Info{
		Number: 4711, Format: Format{PixelFormat: YUV420P, Width: 639, Height: 359},
		PTS: -3003, Duration: 3003, TimeBase: Rational{1, 90000}, Rate: Rational{30000, 1001},
		Captured: 5 * time.Second, CapturedWall: time.Unix(1_700_000_000, 5), Published: 5*time.Second + 7, TAIOffset: 37,
		Flags: FlagKey | FlagCRC, CRC: 0xdeadbeef, SourceSeq: 99, Timecode: 0x01020304,
		Color: Color{Range: RangeLimited, Matrix: 1, Primaries: 1, Transfer: 1, Chroma: 1},
		Alpha: AlphaStraight, FieldOrder: Progressive, Rotation: 90, Aspect: Rational{12, 11},
		Crop:  Crop{1, 2, 3, 4},
		Audio: Audio{Rate: 48000, Channels: 2, Format: S16LE, Layout: 3, Samples: 1024},
		Reference: Reference{
			Set: true, Frame: 42, Generation: 0x0102030405060708, PTS: 126126,
		},
	}
	info.Plane, info.PlaneCount = info.Format.planes()
	info.PayloadSize = info.Format.Size()
	record := make([]byte, srMeta)
	info.store(record, 25)

	for name, b := range map[string][]byte{
		"static-1.0.hex":  st.encode(),
		"record-1.0.hex":  record,
		"control-1.0.hex": encodeControl(defaultCells, st.controlID),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name)
			got := hex.Dump(b)
			if *rewrite {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}

	// And back again: what was written is what is read.
	back, err := decodeStatic(st.encode(), st.fileSize)
	require.NoError(t, err)
	require.Equal(t, st, back)
	var read Info
	meta, ok := read.load(record, int(st.capacity), st.metaCapacity)
	require.True(t, ok)
	require.Equal(t, 25, meta)
	require.Equal(t, info, read)
}
