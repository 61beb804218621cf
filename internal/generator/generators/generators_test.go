package generators_test

import (
	"fmt"
	"image"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/framebridge/framebridge/internal/generator"
	"github.com/framebridge/framebridge/internal/generator/generators"
	"github.com/framebridge/framebridge/internal/picture"
	"github.com/framebridge/framebridge/internal/picture/golden"
)

func make1(t testing.TB, name string) generator.Generator {
	t.Helper()
	g, err := generators.New(name)
	require.NoError(t, err)
	require.Equal(t, name, g.Name())
	return g
}

// at30 is the time of frame n at 30 frames a second.
func at30(n uint64) time.Duration { return time.Duration(n) * time.Second / 30 }

// drawn returns a frame of a new generator on a picture full of rubbish.
func drawn(t testing.TB, name string, w, h int, n uint64) *image.RGBA {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7)
	}
	require.NoError(t, make1(t, name).Draw(img, n, at30(n)))
	return img
}

func TestUnknownNameListsTheKnown(t *testing.T) {
	_, err := generators.New("colck")
	require.ErrorIs(t, err, generator.ErrUnknown)
	require.EqualError(t, err, `unknown generator "colck": choose one of clock, bars, life`)
}

func TestGolden(t *testing.T) {
	for _, name := range generators.Names() {
		for _, n := range []uint64{0, 137} {
			t.Run(fmt.Sprint(name, "-", n), func(t *testing.T) {
				golden.Equal(t, fmt.Sprint(name, "-", n), drawn(t, name, 320, 180, n))
			})
		}
	}
	t.Run("clock-portrait", func(t *testing.T) { golden.Equal(t, "clock-portrait", drawn(t, "clock", 180, 321, 59)) })
}

// A frame depends on its number, time and size alone, in whatever order frames
// and sizes come.
func TestOrderDoesNotMatter(t *testing.T) {
	for _, name := range generators.Names() {
		t.Run(name, func(t *testing.T) {
			g := make1(t, name)
			for _, step := range []struct {
				n    uint64
				w, h int
			}{{5, 64, 48}, {6, 64, 48}, {6, 64, 48}, {9, 64, 48}, {3, 64, 48}, {4, 48, 64}, {4, 64, 48}, {899, 64, 48}, {900, 64, 48}, {901, 64, 48}} {
				img := image.NewRGBA(image.Rect(0, 0, step.w, step.h))
				require.NoError(t, g.Draw(img, step.n, at30(step.n)))
				require.Equal(t, drawn(t, name, step.w, step.h, step.n).Pix, img.Pix, "frame %d at %dx%d", step.n, step.w, step.h)
			}
		})
	}
}

func TestFramesDiffer(t *testing.T) {
	for _, name := range generators.Names() {
		t.Run(name, func(t *testing.T) {
			for n := range uint64(5) {
				require.NotEqual(t, drawn(t, name, 160, 90, n).Pix, drawn(t, name, 160, 90, n+1).Pix, "frames %d and %d", n, n+1)
			}
		})
	}
}

// No size, number or time makes a generator panic, draw outside of its
// picture, or leave a pixel that is not opaque.
func TestAnySize(t *testing.T) {
	const margin = 3
	for _, name := range generators.Names() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				w, h := rapid.IntRange(1, 140).Draw(rt, "w"), rapid.IntRange(1, 140).Draw(rt, "h")
				n := rapid.OneOf(rapid.Uint64Range(0, 99), rapid.Uint64()).Draw(rt, "n")
				at := time.Duration(rapid.Int64().Draw(rt, "t"))
				whole := image.NewRGBA(image.Rect(0, 0, w+2*margin, h+2*margin))
				inner := image.Rect(margin, margin, w+margin, h+margin)
				require.NoError(rt, make1(t, name).Draw(whole.SubImage(inner).(*image.RGBA), n, at))
				for y := range whole.Rect.Dy() {
					for x := range whole.Rect.Dx() {
						want := uint8(0)
						if image.Pt(x, y).In(inner) {
							want = 255
						}
						if got := whole.RGBAAt(x, y).A; got != want {
							rt.Fatalf("alpha at (%d, %d) is %d, want %d", x, y, got, want)
						}
					}
				}
			})
		})
	}
}

func TestLargestSize(t *testing.T) {
	for _, name := range generators.Names() {
		img := drawn(t, name, 3840, 2160, math.MaxUint64)
		require.Equal(t, uint8(255), img.RGBAAt(3839, 2159).A, name)
	}
}

func TestUnusablePicture(t *testing.T) {
	for _, name := range generators.Names() {
		g := make1(t, name)
		require.ErrorIs(t, g.Draw(nil, 1, 0), picture.ErrUnusable)
		err := g.Draw(&image.RGBA{}, 7, 0)
		require.ErrorIs(t, err, picture.ErrUnusable)
		require.ErrorContains(t, err, name+": frame 7: unusable picture: size 0x0")
	}
}

func TestNamesAreNewEachTime(t *testing.T) {
	names := generators.Names()
	names[0] = "changed"
	require.False(t, slices.Contains(generators.Names(), "changed"))
}

func BenchmarkDraw1080p(b *testing.B) {
	for _, name := range generators.Names() {
		b.Run(name, func(b *testing.B) {
			g, img := make1(b, name), image.NewRGBA(image.Rect(0, 0, 1920, 1080))
			b.SetBytes(int64(len(img.Pix)))
			b.ReportAllocs()
			n := uint64(0)
			for b.Loop() {
				require.NoError(b, g.Draw(img, n, at30(n)))
				n++
			}
		})
	}
}
