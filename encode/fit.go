// Fitting frames into the one size of the output: packing rows, and scaling
// frames of another size.

package encode

import (
	"fmt"

	"github.com/framebridge/framebridge/framebuf"
)

// fitter brings every frame into the form of the first one: planes packed
// without padding, and one size. It is for one goroutine.
type fitter struct {
	want    framebuf.Format
	aspect  float64 // of a pixel, width to height
	limited bool    // 16 is black
	planes  []framebuf.Plane
	buf     []byte

	resized uint64 // frames that had another size
}

func newFitter(first *framebuf.Info) (*fitter, error) {
	f := &fitter{
		want:    first.Format,
		aspect:  pixelAspect(first),
		limited: first.Color.Range != framebuf.RangeFull,
		planes:  first.Format.Planes(),
	}
	if first.PixelFormat == framebuf.Data || first.Format.Size() == 0 {
		return nil, fmt.Errorf("%w: %v is no picture", framebuf.ErrFormat, first.Format)
	}
	return f, nil
}

func pixelAspect(i *framebuf.Info) float64 {
	if a := i.Aspect.Float(); a > 0 {
		return a
	}
	return 1
}

// fits reports whether the payload of such a frame can be sent as it is.
func (f *fitter) fits(i *framebuf.Info) bool {
	if i.Format != f.want || i.PlaneCount != len(f.planes) || i.PayloadSize < f.want.Size() {
		return false
	}
	for k, p := range f.planes {
		if i.Plane[k] != p {
			return false
		}
	}
	return true
}

// fit returns the frame's picture in the wanted form: the payload b itself, or a
// picture that is valid until the next call.
func (f *fitter) fit(i *framebuf.Info, b []byte) ([]byte, error) {
	if f.fits(i) {
		return b[:f.want.Size()], nil
	}
	if i.PixelFormat != f.want.PixelFormat {
		return nil, fmt.Errorf("%w: frame %d is %v, the output began with %v; only the size may change in mid-stream",
			framebuf.ErrFormat, i.Number, i.Format, f.want)
	}
	if i.PlaneCount != len(f.planes) || i.Width < 1 || i.Height < 1 {
		return nil, fmt.Errorf("%w: frame %d: %d planes for %v", framebuf.ErrFormat, i.Number, i.PlaneCount, i.Format)
	}
	if f.buf == nil {
		f.buf = make([]byte, f.want.Size())
	}
	x, y, w, h := 0, 0, f.want.Width, f.want.Height
	scaled := i.Width != w || i.Height != h
	if scaled {
		f.resized++
		x, y, w, h = f.box(i)
		f.blacken()
	}
	for k, dst := range f.planes {
		comps, half := planeShape(i.PixelFormat, k)
		src := i.Plane[k]
		sw, sh := shrunk(i.Width, half), shrunk(i.Height, half)
		from := b[src.Offset:][:uint64(src.Stride)*uint64(src.Rows)]
		if sh > int(src.Rows) || sw*comps > int(src.Stride) {
			return nil, fmt.Errorf("%w: frame %d: plane %d is too small for %v", framebuf.ErrFormat, i.Number, k, i.Format)
		}
		dx, dy := shrunk(x, half), shrunk(y, half)
		dw, dh := shrunk(x+w, half)-dx, shrunk(y+h, half)-dy
		to := f.buf[int(dst.Offset)+dy*int(dst.Stride)+dx*comps:]
		if scaled {
			scalePlane(to, dw, dh, int(dst.Stride), from, sw, sh, int(src.Stride), comps)
			continue
		}
		for row := range sh {
			copy(to[row*int(dst.Stride):][:sw*comps], from[row*int(src.Stride):])
		}
	}
	return f.buf, nil
}

// box is where a frame of another size goes: as large as possible in its own
// proportions, in the middle, on even pixels.
func (f *fitter) box(i *framebuf.Info) (x, y, w, h int) {
	W, H := f.want.Width, f.want.Height
	proportion := float64(i.Width) * pixelAspect(i) / float64(i.Height) / f.aspect
	w, h = W, int(float64(W)/proportion+0.5)
	if h > H {
		w, h = int(float64(H)*proportion+0.5), H
	}
	w, h = min(max(w, 2), W), min(max(h, 2), H)
	x, y = (W-w)/2&^1, (H-h)/2&^1
	return x, y, w, h
}

// blacken paints the whole picture black and opaque.
func (f *fitter) blacken() {
	switch f.want.PixelFormat {
	case framebuf.YUV420P, framebuf.NV12:
		luma := f.buf[:f.planes[1].Offset]
		black := byte(0)
		if f.limited {
			black = 16
		}
		fill(luma, black)
		fill(f.buf[len(luma):], 128)
	case framebuf.RGBA, framebuf.BGRA:
		fill(f.buf, 0)
		for k := 3; k < len(f.buf); k += 4 {
			f.buf[k] = 255
		}
	default:
		fill(f.buf, 0)
	}
}

func fill(b []byte, v byte) {
	for k := range b {
		b[k] = v
	}
}

// planeShape is how many bytes a pixel of plane k has, and whether the plane has
// half the width and height.
func planeShape(p framebuf.PixelFormat, k int) (comps int, half bool) {
	switch p {
	case framebuf.RGBA, framebuf.BGRA:
		return 4, false
	case framebuf.RGB24, framebuf.BGR24:
		return 3, false
	case framebuf.YUV420P:
		return 1, k > 0
	case framebuf.NV12:
		return 1 + min(k, 1), k > 0
	default:
		return 1, false
	}
}

func shrunk(n int, half bool) int {
	if half {
		return (n + 1) / 2
	}
	return n
}

// tap is where a row or column of the result lies between two of the source.
type tap struct {
	a, b   int // positions
	weight int // of b, in 1/256
}

func taps(dst, src int) []tap {
	t := make([]tap, dst)
	for k := range t {
		// The middles of both pictures' pixels lie on each other.
		at := ((2*k+1)*src*256/dst - 256) / 2
		at = min(max(at, 0), (src-1)*256)
		t[k] = tap{a: at >> 8, b: min(at>>8+1, src-1), weight: at & 255}
	}
	return t
}

// scalePlane scales a plane, bilinearly.
func scalePlane(dst []byte, dw, dh, dstStride int, src []byte, sw, sh, srcStride, comps int) {
	xs := taps(dw, sw)
	for y, v := range taps(dh, sh) {
		up, low := src[v.a*srcStride:][:sw*comps], src[v.b*srcStride:][:sw*comps]
		row := dst[y*dstStride:][:dw*comps]
		for x, h := range xs {
			for c := range comps {
				a, b := h.a*comps+c, h.b*comps+c
				top := int(up[a])*(256-h.weight) + int(up[b])*h.weight
				bottom := int(low[a])*(256-h.weight) + int(low[b])*h.weight
				row[x*comps+c] = byte((top*(256-v.weight) + bottom*v.weight + 1<<15) >> 16)
			}
		}
	}
}
