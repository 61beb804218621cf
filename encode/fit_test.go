package encode

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/framebridge/framebridge/framebuf"
)

func picture(f framebuf.Format) (framebuf.Info, []byte) {
	i := framebuf.Info{Format: f, PayloadSize: f.Size(), PlaneCount: len(f.Planes())}
	copy(i.Plane[:], f.Planes())
	return i, make([]byte, f.Size())
}

func everyFormat(t testing.TB) (list []framebuf.PixelFormat) {
	for _, name := range framebuf.PixelFormats() {
		p, err := framebuf.ParsePixelFormat(name)
		require.NoError(t, err)
		list = append(list, p)
	}
	return list
}

func TestFitSendsWhatFitsAsItIs(t *testing.T) {
	for _, p := range everyFormat(t) {
		i, b := picture(framebuf.Format{PixelFormat: p, Width: 33, Height: 17})
		f, err := newFitter(&i)
		require.NoError(t, err)
		got, err := f.fit(&i, append(b, 1, 2, 3)) // slack after the payload
		require.NoError(t, err)
		require.Len(t, got, len(b))
		require.Same(t, &b[:1][0], &b[0])
		require.Zero(t, f.resized)
	}
}

func TestFitPacksPaddedRows(t *testing.T) {
	for _, p := range everyFormat(t) {
		t.Run(p.String(), func(t *testing.T) {
			i, packed := picture(framebuf.Format{PixelFormat: p, Width: 5, Height: 3})
			for k := range packed {
				packed[k] = byte(k + 1)
			}
			padded := i
			var b []byte
			for k := range i.PlaneCount {
				pl := &padded.Plane[k]
				pl.Offset, pl.Stride = uint64(len(b)), pl.Stride+7
				for row := range int(pl.Rows) {
					from := int(i.Plane[k].Offset) + row*int(i.Plane[k].Stride)
					b = append(b, packed[from:from+int(i.Plane[k].Stride)]...)
					b = append(b, 255, 255, 255, 255, 255, 255, 255)
				}
			}
			padded.PayloadSize = len(b)
			f, err := newFitter(&i)
			require.NoError(t, err)
			got, err := f.fit(&padded, b)
			require.NoError(t, err)
			require.Equal(t, packed, got)
			require.Zero(t, f.resized)
		})
	}
}

// A picture of one colour keeps that colour, and the bars beside it are black, in
// every pixel format and for sizes that chroma planes do not divide.
func TestFitScalesIntoTheMiddle(t *testing.T) {
	for _, p := range everyFormat(t) {
		for _, size := range []struct {
			name                 string
			w, h, x0, y0, x1, y1 int
		}{
			{"smaller, same proportions", 20, 10, 0, 0, 40, 20},
			{"larger", 160, 80, 0, 0, 40, 20},
			{"tall", 10, 20, 14, 0, 24, 20},
			{"wide", 80, 10, 0, 6, 40, 11},
			{"odd", 7, 5, 6, 0, 34, 20},
		} {
			t.Run(p.String()+" "+size.name, func(t *testing.T) {
				first, _ := picture(framebuf.Format{PixelFormat: p, Width: 40, Height: 20})
				f, err := newFitter(&first)
				require.NoError(t, err)
				i, b := picture(framebuf.Format{PixelFormat: p, Width: size.w, Height: size.h})
				fill(b, 200)
				got, err := f.fit(&i, b)
				require.NoError(t, err)
				require.EqualValues(t, 1, f.resized)

				inside := got[size.y0*int(f.planes[0].Stride):]
				comps, _ := planeShape(p, 0)
				require.Equal(t, bytes.Repeat([]byte{200}, (size.x1-size.x0)*comps), inside[size.x0*comps:size.x1*comps], "the picture")
				black := []byte{0}
				switch {
				case len(f.planes) > 1:
					black = []byte{16}
				case comps == 4:
					black = []byte{0, 0, 0, 255}
				}
				if size.x0 > 0 {
					require.Equal(t, black, inside[:len(black)], "left of it")
				}
				if size.y0 > 0 {
					require.Equal(t, black, got[:len(black)], "above it")
				}
			})
		}
	}
}

func TestScalePlaneKeepsRamps(t *testing.T) {
	src := []byte{0, 100, 200}
	dst := make([]byte, 6)
	scalePlane(dst, 6, 1, 6, src, 3, 1, 3, 1)
	require.Equal(t, []byte{0, 25, 75, 125, 175, 200}, dst)
}

func TestFitRefuses(t *testing.T) {
	first, _ := picture(framebuf.Format{PixelFormat: framebuf.RGBA, Width: 4, Height: 4})
	f, err := newFitter(&first)
	require.NoError(t, err)

	other, b := picture(framebuf.Format{PixelFormat: framebuf.RGB24, Width: 4, Height: 4})
	_, err = f.fit(&other, b)
	require.ErrorIs(t, err, framebuf.ErrFormat)
	require.ErrorContains(t, err, "rgb24")

	narrow, b := picture(framebuf.Format{PixelFormat: framebuf.RGBA, Width: 4, Height: 4})
	narrow.Plane[0].Stride = 8
	_, err = f.fit(&narrow, b)
	require.ErrorIs(t, err, framebuf.ErrFormat)

	_, err = newFitter(&framebuf.Info{})
	require.ErrorIs(t, err, framebuf.ErrFormat)
}
