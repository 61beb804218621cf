//go:build linux

// C5: sizes that cannot be.

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/framebridge/framebridge/framebuf"
)

func sizeRows() []row {
	return []row{
		{
			id: "C5", fault: "widths, heights, capacities, slots and cells that overflow or exceed the limits",
			must: "refused before anything is allocated; what is allowed is made, with the size that the layout says",
			run:  impossibleSizes,
		},
	}
}

// wish is what Create is asked for.
type wish struct {
	f framebuf.Format
	o framebuf.Options
}

func (w wish) String() string {
	return fmt.Sprintf("%d %dx%d slots %d capacity %d meta %d cells %d max %d", w.f.PixelFormat, w.f.Width, w.f.Height,
		w.o.Slots, w.o.Capacity, w.o.MetaCapacity, w.o.Cells, w.o.MaxBytes)
}

// picture is how many bytes a picture has, by a way of its own; false: none can.
func (w wish) picture() (*big.Int, bool) {
	area := new(big.Int).Mul(big.NewInt(int64(w.f.Width)), big.NewInt(int64(w.f.Height)))
	if w.f.PixelFormat == framebuf.Data {
		return new(big.Int), w.f.Width == 0 && w.f.Height == 0
	}
	if w.f.Width < 1 || w.f.Height < 1 || w.f.Width > 16384 || w.f.Height > 16384 {
		return nil, false
	}
	switch w.f.PixelFormat {
	case framebuf.RGBA, framebuf.BGRA:
		return area.Mul(area, big.NewInt(4)), true
	case framebuf.RGB24, framebuf.BGR24:
		return area.Mul(area, big.NewInt(3)), true
	case framebuf.Gray8:
		return area, true
	case framebuf.YUV420P, framebuf.NV12:
		chroma := int64((w.f.Width+1)/2) * int64((w.f.Height+1)/2)
		return area.Add(area, big.NewInt(2*chroma)), true
	}
	return nil, false
}

// bytes is the size of the data file by LAYOUT.md, without the limits of machine
// integers; false: it must be refused.
func (w wish) bytes() (*big.Int, bool) {
	least, ok := w.picture()
	if !ok {
		return nil, false
	}
	or := func(v, otherwise int) *big.Int {
		if v == 0 {
			v = otherwise
		}
		return big.NewInt(int64(v))
	}
	slots, capacity, align := or(w.o.Slots, 4), least, int64(64<<10)
	if w.f.PixelFormat == framebuf.Data {
		slots, capacity, align = or(w.o.Slots, 64), big.NewInt(16<<10), 4<<10
	}
	if w.o.Capacity != 0 {
		capacity = big.NewInt(int64(w.o.Capacity))
	}
	meta, cells := or(w.o.MetaCapacity, 1536), or(w.o.Cells, 63)
	in := func(v *big.Int, from, to int64) bool {
		return v.Cmp(big.NewInt(from)) >= 0 && v.Cmp(big.NewInt(to)) <= 0
	}
	if !in(slots, 2, 65535) || !in(capacity, 1, 1<<40) || capacity.Cmp(least) < 0 || !in(meta, 0, 1<<20) || !in(cells, 1, 1023) {
		return nil, false
	}
	up := func(v *big.Int, a int64) *big.Int {
		n := new(big.Int).Add(v, big.NewInt(a-1))
		return n.Sub(n, new(big.Int).Mod(n, big.NewInt(a)))
	}
	sum := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	mul := func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
	headers := sum(big.NewInt(256+1280+128), mul(cells, big.NewInt(128)))
	records := mul(slots, up(sum(big.NewInt(512), meta), 128))
	total := sum(up(sum(headers, records), align), mul(slots, up(sum(capacity, big.NewInt(64)), align)))
	limit := w.o.MaxBytes
	if limit == 0 {
		limit = 4 << 30
	}
	return total, total.Cmp(big.NewInt(limit)) <= 0
}

func impossibleSizes(ctx context.Context, t *trial) {
	dir := t.dir()
	made, refused := 0, 0
	try := func(w wish) {
		w.o.Dir, w.o.Linger = dir, -1
		want, allowed := w.bytes()
		writer, err := framebuf.Create("cam0", w.f, &w.o)
		switch {
		case !allowed && (err == nil || !errors.Is(err, framebuf.ErrFormat)):
			t.Errorf("%v: not refused: %v", w, err)
		case allowed && err != nil:
			t.Errorf("%v: %v", w, err)
		case allowed:
			made++
			if st, err := os.Stat(filepath.Join(dir, "cam0")); err != nil || want.Cmp(big.NewInt(st.Size())) != 0 {
				t.Errorf("%v: %v bytes by the layout, %v, %v", w, want, st, err)
			}
		default:
			refused++
		}
		if err == nil {
			if err := writer.Close(); err != nil {
				t.Errorf("%v: %v", w, err)
			}
		}
		if left := listed(dir); len(left) > 0 {
			t.Errorf("%v: left %v", w, left)
			t.FailNow()
		}
	}
	for _, w := range namedSizes() {
		try(w)
	}
	named := made + refused
	edges := []int{
		-1, 0, 1, 2, 3, 15, 16, 63, 64, 100, 255, 256, 1023, 1024, 16384, 16385, 65535, 65536, 1 << 20, 1<<20 + 1, 1 << 31, 1<<31 - 1,
		1 << 32, 1<<32 - 1, 1 << 40, 1<<40 + 1, 1 << 62, math.MaxInt, math.MinInt, math.MaxInt - 63, math.MaxInt - 65535,
	}
	edge := func() int {
		if rand.N(3) == 0 {
			return rand.N(200)
		}
		return edges[rand.N(len(edges))]
	}
	often := func() int { // the default, mostly: else nothing would ever be made
		if rand.N(3) > 0 {
			return 0
		}
		return edge()
	}
	for range t.of(20_000, 1_000_000) {
		if ctx.Err() != nil {
			return
		}
		w := wish{
			framebuf.Format{PixelFormat: framebuf.PixelFormat(rand.N(10)), Width: edge(), Height: edge()},
			framebuf.Options{Slots: often(), Capacity: often(), MetaCapacity: often(), Cells: often(), MaxBytes: 1 << 20},
		}
		if w.f.PixelFormat == framebuf.Data && rand.N(2) == 0 {
			w.f.Width, w.f.Height = 0, 0
		}
		try(w)
	}
	t.reached("%d named and %d random wishes, held against arithmetic without overflow: %d made, %d refused, 0 wrong; as a 32-bit build: not run, the build refuses these systems",
		named, made+refused-named, made, refused)
}

// namedSizes are those that broke others.
func namedSizes() (all []wish) {
	for _, side := range []int{0, -1, 1, 16384, 16385, 65535, 1 << 31, 1<<32 - 1, 1 << 32, math.MaxInt, math.MinInt} {
		all = append(all,
			wish{f: size(side, 1), o: framebuf.Options{MaxBytes: 1 << 20}}, wish{f: size(1, side), o: framebuf.Options{MaxBytes: 1 << 20}},
			wish{f: size(side, side), o: framebuf.Options{MaxBytes: 1 << 20}})
	}
	all = append(all, wish{f: size(65535, 65535)}, wish{f: size(16384, 16384)}, // the second: 4 GiB and some
		wish{f: size(1<<16, 1<<14)}, wish{f: size(1<<15, 1<<15)}, wish{f: size(1<<31, 2)}) // products of 2^32 and 2^34
	for _, slots := range []int{0, 1, 2, 3, 255, 256, 65535, 65536, 1 << 31, -1, math.MaxInt, math.MinInt} {
		all = append(all, wish{f: size(1, 1), o: framebuf.Options{Slots: slots, MaxBytes: 32 << 20}})
	}
	for _, capacity := range []int{1, 3, 4, 5, 1 << 32, 1<<40 + 1, math.MaxInt, math.MaxInt - 64, -1, math.MinInt} {
		all = append(all, wish{f: size(1, 1), o: framebuf.Options{Capacity: capacity}})
	}
	return all
}
