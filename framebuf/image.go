// Frames and slots as pictures of package image.

package framebuf

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
)

// RGBA is the slot as a picture to draw on, without a copy. image/draw is fast on
// it. It is for RGBA segments: the error matches ErrFormat otherwise. Make every
// pixel opaque, or say in Info.Alpha that it is AlphaPremultiplied.
func (s *Slot) RGBA() (*image.RGBA, error) { return asRGBA(s.shape(), s.Bytes()) }

// shape is Info with the format and planes that the slot has, whatever Info the
// caller copied from elsewhere.
func (s *Slot) shape() *Info {
	i := s.Info
	i.Format = s.format
	i.Plane, i.PlaneCount = s.format.planes()
	return &i
}

// Image is the slot as a picture to draw on, for every packed pixel format and
// gray. The error matches ErrFormat for yuv420p and nv12, whose pixels cannot be
// set one by one.
func (s *Slot) Image() (draw.Image, error) {
	img, err := asImage(s.shape(), s.Bytes())
	if err != nil {
		return nil, err
	}
	d, ok := img.(draw.Image)
	if !ok {
		return nil, fmt.Errorf("framebuf: draw: %w: %v cannot be drawn on", ErrFormat, s.Info.PixelFormat)
	}
	return d, nil
}

// RGBA is the frame as a picture without a copy, for RGBA frames: the error
// matches ErrFormat otherwise. The picture lives until Release and must not be
// drawn on: for a view that ends the process. If Info.Alpha is AlphaStraight, the
// bytes are those of an image.NRGBA.
func (f *Frame) RGBA() (*image.RGBA, error) {
	if f.data == nil {
		return nil, errReleased()
	}
	return asRGBA(&f.Info, f.data)
}

// Image is the frame as a picture without a copy, for every pixel format; colours
// of yuv420p and nv12 are converted as Info.Color says, unknown being BT.601 below
// 720 lines and BT.709 from there, limited range. The picture lives until Release
// and must not be drawn on. The error matches ErrFormat for Data.
func (f *Frame) Image() (image.Image, error) {
	if f.data == nil {
		return nil, errReleased()
	}
	return asImage(&f.Info, f.data)
}

func errReleased() error {
	return fmt.Errorf("framebuf: picture: %w: the frame was released", ErrClosed)
}

func asRGBA(i *Info, b []byte) (*image.RGBA, error) {
	if i.PixelFormat != RGBA {
		return nil, fmt.Errorf("framebuf: picture: %w: %v is not rgba", ErrFormat, i.PixelFormat)
	}
	return &image.RGBA{Pix: i.plane(b, 0), Stride: int(i.Plane[0].Stride), Rect: image.Rect(0, 0, i.Width, i.Height)}, nil
}

func asImage(i *Info, b []byte) (image.Image, error) {
	rect := image.Rect(0, 0, i.Width, i.Height)
	p, stride := i.plane(b, 0), int(i.Plane[0].Stride)
	switch i.PixelFormat {
	case RGBA:
		if i.Alpha == AlphaStraight {
			return &image.NRGBA{Pix: p, Stride: stride, Rect: rect}, nil
		}
		return &image.RGBA{Pix: p, Stride: stride, Rect: rect}, nil
	case Gray8:
		return &image.Gray{Pix: p, Stride: stride, Rect: rect}, nil
	case BGRA:
		return &packed{p, stride, rect, 4, 2, 1, 0, i.Alpha == AlphaStraight}, nil
	case RGB24:
		return &packed{p, stride, rect, 3, 0, 1, 2, false}, nil
	case BGR24:
		return &packed{p, stride, rect, 3, 2, 1, 0, false}, nil
	case YUV420P:
		return &yuv{
			rect: rect, y: p, yStride: stride, u: i.plane(b, 1), v: i.plane(b, 2), step: 1,
			uStride: int(i.Plane[1].Stride), vStride: int(i.Plane[2].Stride), m: matrixOf(i),
		}, nil
	case NV12:
		uv := i.plane(b, 1)
		return &yuv{
			rect: rect, y: p, yStride: stride, u: uv, v: uv[min(1, len(uv)):], step: 2,
			uStride: int(i.Plane[1].Stride), vStride: int(i.Plane[1].Stride), m: matrixOf(i),
		}, nil
	}
	return nil, fmt.Errorf("framebuf: picture: %w: %v is no picture", ErrFormat, i.PixelFormat)
}

// plane is plane k of a payload. Info.load has checked that it lies inside.
func (i *Info) plane(b []byte, k int) []byte {
	p := i.Plane[k]
	end := p.Offset + uint64(p.Stride)*uint64(p.Rows)
	return b[p.Offset:end:end]
}

// packed is a picture with 3 or 4 bytes a pixel in an order that package image
// does not have.
type packed struct {
	pix      []byte
	stride   int
	rect     image.Rectangle
	bytes    int
	r, g, b  int // offsets within a pixel; alpha is the fourth byte
	straight bool
}

func (p *packed) ColorModel() color.Model {
	if p.straight {
		return color.NRGBAModel
	}
	return color.RGBAModel
}

func (p *packed) Bounds() image.Rectangle { return p.rect }

func (p *packed) At(x, y int) color.Color {
	if !(image.Point{X: x, Y: y}).In(p.rect) {
		return color.RGBA{}
	}
	px := p.pix[y*p.stride+x*p.bytes:][:p.bytes]
	a := byte(255)
	if p.bytes == 4 {
		a = px[3]
	}
	if p.straight {
		return color.NRGBA{R: px[p.r], G: px[p.g], B: px[p.b], A: a}
	}
	return color.RGBA{R: px[p.r], G: px[p.g], B: px[p.b], A: a}
}

func (p *packed) Set(x, y int, c color.Color) {
	if !(image.Point{X: x, Y: y}).In(p.rect) {
		return
	}
	px := p.pix[y*p.stride+x*p.bytes:][:p.bytes]
	if p.straight {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		px[p.r], px[p.g], px[p.b], px[3] = n.R, n.G, n.B, n.A
		return
	}
	n := color.RGBAModel.Convert(c).(color.RGBA)
	px[p.r], px[p.g], px[p.b] = n.R, n.G, n.B
	if p.bytes == 4 {
		px[3] = n.A
	}
}

// yuv is a read-only picture of planes with half-size chroma.
type yuv struct {
	rect                      image.Rectangle
	y, u, v                   []byte
	yStride, uStride, vStride int
	step                      int // bytes from one chroma sample to the next
	m                         matrix
}

func (i *yuv) ColorModel() color.Model { return color.RGBAModel }

func (i *yuv) Bounds() image.Rectangle { return i.rect }

func (i *yuv) At(x, y int) color.Color {
	if !(image.Point{X: x, Y: y}).In(i.rect) {
		return color.RGBA{}
	}
	cx, cy := x/2*i.step, y/2
	return i.m.rgb(i.y[y*i.yStride+x], i.u[cy*i.uStride+cx], i.v[cy*i.vStride+cx])
}

// matrix converts Y'CbCr to R'G'B' in 16.16 fixed point.
type matrix struct {
	offset, scale  int32 // luma
	rv, gu, gv, bu int32
}

// matrixOf follows ITU-R BT.601 and BT.709: R = Y + 2(1-Kr)·Cr and so on.
func matrixOf(i *Info) matrix {
	kr, kb := 0.299, 0.114
	if m := i.Color.Matrix; m == 1 || m == MatrixUnknown && i.Height >= 720 {
		kr, kb = 0.2126, 0.0722
	}
	luma, chroma, offset := 255.0/219, 255.0/224, int32(16)
	if i.Color.Range == RangeFull {
		luma, chroma, offset = 1, 1, 0
	}
	kg := 1 - kr - kb
	fix := func(v float64) int32 { return int32(v*65536 + 0.5) }
	return matrix{
		offset: offset, scale: fix(luma),
		rv: fix(2 * (1 - kr) * chroma), bu: fix(2 * (1 - kb) * chroma),
		gu: fix(2 * (1 - kb) * kb / kg * chroma), gv: fix(2 * (1 - kr) * kr / kg * chroma),
	}
}

func (m matrix) rgb(y, u, v byte) color.RGBA {
	l := (int32(y)-m.offset)*m.scale + 1<<15
	cb, cr := int32(u)-128, int32(v)-128
	return color.RGBA{
		R: clamp((l + m.rv*cr) >> 16),
		G: clamp((l - m.gu*cb - m.gv*cr) >> 16),
		B: clamp((l + m.bu*cb) >> 16),
		A: 255,
	}
}

func clamp(v int32) uint8 { return uint8(min(max(v, 0), 255)) }
