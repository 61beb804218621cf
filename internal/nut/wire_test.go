// Tests of numbers, checksum, fractions and tags.

package nut

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCRC(t *testing.T) {
	// The check value of CRC-32/CKSUM without its final inversion.
	require.Equal(t, uint32(0x89A1897F), crcUpdate(0, []byte("123456789")))
	require.Equal(t, crcUpdate(0, []byte("123456789")), crcUpdate(crcUpdate(0, []byte("1234")), []byte("56789")))
}

func TestNumbersOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name string
		got  []byte
		want []byte
	}{
		{"0", appendVar(nil, 0), []byte{0}},
		{"127", appendVar(nil, 127), []byte{0x7F}},
		{"128", appendVar(nil, 128), []byte{0x81, 0}},
		{"51200, as ffmpeg writes it", appendVar(nil, 51200), []byte{0x83, 0x90, 0}},
		{"largest", appendVar(nil, math.MaxUint64), []byte{0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}},
		{"signed 0", appendSigned(nil, 0), []byte{0}},
		{"signed 1", appendSigned(nil, 1), []byte{1}},
		{"signed -1", appendSigned(nil, -1), []byte{2}},
		{"signed 2", appendSigned(nil, 2), []byte{3}},
		{"string", appendString(nil, "ab"), []byte{2, 'a', 'b'}},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, tt.got) })
	}
}

func TestNumbersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.Uint64().Draw(t, "u")
		s := rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "s")
		stuffing := rapid.SliceOfN(rapid.Just(byte(0x80)), 0, 8).Draw(t, "stuffing")
		b := appendSigned(appendVar(stuffing, u), s)
		c := cursor{p: b}
		require.Equal(t, u, c.uvar())
		require.Equal(t, s, c.svar())
		require.False(t, c.bad)
		require.Empty(t, c.p)
		c.uvar()
		require.True(t, c.bad, "nothing is left to read")
	})
}

func TestNumberTooLong(t *testing.T) {
	c := cursor{p: []byte{0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}}
	c.uvar()
	require.True(t, c.bad, "65 bits")
}

func TestRescale(t *testing.T) {
	for _, tt := range []struct {
		name     string
		ticks    int64
		from, to Rational
		want     int64
		exact    bool
		wantErr  error
	}{
		{"ffmpeg's 1/51200 back to 1/25", 6144, Rational{1, 51200}, Rational{1, 25}, 3, true, nil},
		{"rounds to nearest", 1, Rational{1, 3}, Rational{1, 10}, 3, false, nil},
		{"half goes up", 1, Rational{1, 2}, Rational{1, 1}, 1, false, nil},
		{"half goes down below zero", -1, Rational{1, 2}, Rational{1, 1}, -1, false, nil},
		{"ntsc", 30000, Rational{1001, 30000}, Rational{1, 1000}, 1001000, true, nil},
		{"smallest number", math.MinInt64, Rational{1, 2}, Rational{1, 1}, math.MinInt64 / 2, true, nil},
		{"too large", math.MaxInt64, Rational{1, 1}, Rational{1, 2}, 0, false, ErrRange},
		{"just too large", math.MinInt64, Rational{1, 1}, Rational{1, 1}, 0, false, ErrRange},
		{"zero denominator", 1, Rational{1, 0}, Rational{1, 1}, 0, false, ErrRange},
		{"negative target", 1, Rational{1, 1}, Rational{-1, 1}, 0, false, ErrRange},
		{"term of 2^31", 1, Rational{1, 1 << 31}, Rational{1, 1}, 0, false, ErrRange},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, exact, err := Rescale(tt.ticks, tt.from, tt.to)
			require.ErrorIs(t, err, tt.wantErr)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.exact, exact)
		})
	}
}

// TestRescaleIsExact compares with arithmetic of unbounded precision.
func TestRescaleIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := drawRational(t, "from"), drawRational(t, "to")
		ticks := rapid.Int64().Draw(t, "ticks")
		want := new(big.Rat).Mul(new(big.Rat).SetInt64(ticks),
			new(big.Rat).Quo(big.NewRat(from.Num, from.Den), big.NewRat(to.Num, to.Den)))
		got, exact, err := Rescale(ticks, from, to)
		limit := new(big.Rat).SetFloat64(math.MaxInt64) // 2^63
		if err != nil {
			require.GreaterOrEqual(t, new(big.Rat).Add(new(big.Rat).Abs(want), big.NewRat(1, 2)).Cmp(limit), 0)
			return
		}
		diff := new(big.Rat).Sub(want, new(big.Rat).SetInt64(got))
		require.LessOrEqual(t, diff.Abs(diff).Cmp(big.NewRat(1, 2)), 0)
		require.Equal(t, diff.Sign() == 0, exact)
	})
}

func drawRational(t *rapid.T, label string) Rational {
	term := rapid.Int64Range(1, maxTerm)
	return Rational{term.Draw(t, label+" num"), term.Draw(t, label+" den")}
}

func TestTagsAreOneToOne(t *testing.T) {
	for _, list := range [][]format{pixelFormats(), pcmCodecs()} {
		tags, names := map[string]bool{}, map[string]bool{}
		for _, f := range list {
			require.False(t, tags[f.tag], f.tag)
			require.False(t, names[f.name], f.name)
			tags[f.tag], names[f.name] = true, true
		}
	}
	for _, f := range pixelFormats() {
		name, ok := PixelFormat(f.tag)
		require.True(t, ok)
		tag, ok := PixelFormatTag(name)
		require.True(t, ok)
		require.Equal(t, f.tag, tag)
	}
	for _, f := range pcmCodecs() {
		name, ok := PCMCodec(f.tag)
		require.True(t, ok)
		tag, ok := PCMTag(name)
		require.True(t, ok)
		require.Equal(t, f.tag, tag)
		require.Positive(t, f.sampleBytes)
	}
	tag, ok := PixelFormatTag("gray8")
	require.True(t, ok)
	require.Equal(t, "Y800", tag)
	_, ok = PixelFormatTag("p010le")
	require.False(t, ok)
	_, ok = PixelFormat("RGB\x0f")
	require.False(t, ok, "ffmpeg's tag of rgb555le, and of all that it has no tag for")
	_, ok = PCMCodec("RGBA")
	require.False(t, ok)
}
