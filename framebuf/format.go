// Pixel formats and the shape of a frame.

package framebuf

import (
	"fmt"
	"slices"
	"strings"
)

// PixelFormat says how the bytes of a payload make a picture. The numbers are
// part of the layout.
type PixelFormat uint32

// The pixel formats. The names are ffmpeg's.
const (
	Data    PixelFormat = 0 // plain bytes, no picture
	RGBA    PixelFormat = 1 // R G B A, 8 bits each, straight alpha unless Info.Alpha says otherwise
	BGRA    PixelFormat = 2 // B G R A
	RGB24   PixelFormat = 3 // R G B
	BGR24   PixelFormat = 4 // B G R
	Gray8   PixelFormat = 5 // Y
	YUV420P PixelFormat = 6 // planes Y, U, V; U and V have half the width and height, rounded up
	NV12    PixelFormat = 7 // plane Y, plane of U V pairs with half the width and height, rounded up
)

type pixelFormat struct {
	name   string
	fourCC string // V4L2's, from include/uapi/linux/videodev2.h
	bytes  int    // bytes a pixel of plane 0
	alpha  bool
}

var pixelFormats = [...]pixelFormat{
	Data:    {"data", "\x00\x00\x00\x00", 0, false},
	RGBA:    {"rgba", "AB24", 4, true},
	BGRA:    {"bgra", "AR24", 4, true},
	RGB24:   {"rgb24", "RGB3", 3, false},
	BGR24:   {"bgr24", "BGR3", 3, false},
	Gray8:   {"gray8", "GREY", 1, false},
	YUV420P: {"yuv420p", "YU12", 1, false},
	NV12:    {"nv12", "NV12", 1, false},
}

// PixelFormats lists the names of all picture formats.
func PixelFormats() []string {
	var names []string
	for _, p := range pixelFormats[1:] {
		names = append(names, p.name)
	}
	return names
}

// ParsePixelFormat finds a pixel format by ffmpeg's name; gray is gray8. The
// error matches ErrFormat and lists the names.
func ParsePixelFormat(name string) (PixelFormat, error) {
	if name == "gray" {
		return Gray8, nil
	}
	i := slices.IndexFunc(pixelFormats[:], func(p pixelFormat) bool { return p.name == name })
	if i < 0 {
		return 0, fmt.Errorf("framebuf: %w: pixel format %q; known: %s", ErrFormat, name, strings.Join(PixelFormats(), ", "))
	}
	return PixelFormat(i), nil
}

// String is ffmpeg's name, or a number for a format of a later layout.
func (p PixelFormat) String() string {
	if int(p) < len(pixelFormats) {
		return pixelFormats[p].name
	}
	return fmt.Sprintf("pixelformat(%d)", uint32(p))
}

// HasAlpha reports whether pixels have an alpha component.
func (p PixelFormat) HasAlpha() bool {
	return int(p) < len(pixelFormats) && pixelFormats[p].alpha
}

// Plane is one plane of a payload: Rows rows that start Stride bytes apart, the
// first one Offset bytes into the payload.
type Plane struct {
	Offset uint64 // bytes
	Stride uint32 // bytes
	Rows   uint32
}

// Format is the shape of a frame: its pixel format and its size in pixels. For
// Data the size is 0 by 0.
type Format struct {
	PixelFormat   PixelFormat
	Width, Height int
}

// String is like "rgba 1920x1080".
func (f Format) String() string {
	if f.PixelFormat == Data {
		return "data"
	}
	return fmt.Sprintf("%v %dx%d", f.PixelFormat, f.Width, f.Height)
}

// check refuses what no segment can hold, before any arithmetic with it.
func (f Format) check() error {
	switch {
	case int(f.PixelFormat) >= len(pixelFormats):
		return fmt.Errorf("%w: %v", ErrFormat, f.PixelFormat)
	case f.PixelFormat == Data:
		if f.Width != 0 || f.Height != 0 {
			return fmt.Errorf("%w: a data segment has no width and height, got %dx%d", ErrFormat, f.Width, f.Height)
		}
	case f.Width < 1 || f.Height < 1 || f.Width > maxDimension || f.Height > maxDimension:
		return fmt.Errorf("%w: size %dx%d; each side goes from 1 to %d pixels", ErrFormat, f.Width, f.Height, maxDimension)
	}
	return nil
}

// Size is the number of bytes of a frame, planes packed without padding as
// ffmpeg's rawvideo has them; 0 for Data and for a format that is not possible.
func (f Format) Size() int {
	p, n := f.planes()
	if n == 0 {
		return 0
	}
	last := p[n-1]
	return int(last.Offset) + int(last.Stride)*int(last.Rows)
}

// Planes is where the planes of such a frame lie, packed without padding; empty
// for Data.
func (f Format) Planes() []Plane {
	p, n := f.planes()
	return p[:n:n]
}

func (f Format) planes() (p [maxPlanes]Plane, n int) {
	if f.check() != nil || f.PixelFormat == Data {
		return p, 0
	}
	w, h := uint32(f.Width), uint32(f.Height)
	cw, ch := (w+1)/2, (h+1)/2
	p[0] = Plane{Stride: w * uint32(pixelFormats[f.PixelFormat].bytes), Rows: h}
	luma := uint64(w) * uint64(h)
	switch f.PixelFormat {
	case YUV420P:
		p[1] = Plane{Offset: luma, Stride: cw, Rows: ch}
		p[2] = Plane{Offset: luma + uint64(cw)*uint64(ch), Stride: cw, Rows: ch}
		return p, 3
	case NV12:
		p[1] = Plane{Offset: luma, Stride: 2 * cw, Rows: ch}
		return p, 2
	}
	return p, 1
}

// Rational is a fraction. The zero value and 0/1 mean unknown.
type Rational struct {
	Num, Den int32
}

// Float is the fraction as a float; 0 if it is unknown.
func (r Rational) Float() float64 {
	if r.Den == 0 {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}

// String is like "30000/1001".
func (r Rational) String() string { return fmt.Sprintf("%d/%d", r.Num, r.Den) }
