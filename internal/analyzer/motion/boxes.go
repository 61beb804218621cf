// From moving cells to boxes: parts that touch, and boxes that overlap.

package motion

import (
	"cmp"
	"image"
	"slices"
)

// region is a part of the picture that moves, in cells.
type region struct {
	image.Rectangle
	cells  int
	weight int // sum of the differences of its cells
}

// boxes returns what moves, in pixels of a picture of w by h pixels, the
// largest first.
func (d *Detector) boxes(w, h int) []Box {
	regions := merge(d.regions())
	regions = regions[:min(len(regions), d.opts.MaxBoxes)]
	boxes := make([]Box, 0, len(regions))
	cell := d.now.CellPixels
	for _, r := range regions {
		x, y := r.Min.X*cell, r.Min.Y*cell
		boxes = append(boxes, Box{
			X: x, Y: y,
			W:     min(r.Max.X*cell, w) - x,
			H:     min(r.Max.Y*cell, h) - y,
			Score: float64(r.weight*1000/(r.cells*255)) / 1000,
		})
	}
	return boxes
}

// regions returns the parts that are large and fresh enough.
func (d *Detector) regions() []region {
	clear(d.label)
	var found []region
	least := d.opts.minCells(len(d.moving))
	for i := range d.moving {
		if !d.moving[i] || d.label[i] != 0 {
			continue
		}
		// A part is fresh if one in sixteen of its cells is.
		if r, fresh := d.flood(i); r.cells >= least && fresh*16 >= r.cells {
			found = append(found, r)
		}
	}
	return found
}

// flood collects the moving cells that hang together with cell i; a gap of one
// cell does not part them. It returns how many of them are fresh, too.
func (d *Detector) flood(i int) (r region, fresh int) {
	const gap = 1
	cols, rows := d.now.Cols, d.now.Rows
	d.label[i] = 1
	d.queue = append(d.queue[:0], int32(i))
	r.Min, r.Max = image.Pt(cols, rows), image.Pt(0, 0)
	for len(d.queue) > 0 {
		at := int(d.queue[len(d.queue)-1])
		d.queue = d.queue[:len(d.queue)-1]
		x, y := at%cols, at/cols
		r.Min = image.Pt(min(r.Min.X, x), min(r.Min.Y, y))
		r.Max = image.Pt(max(r.Max.X, x+1), max(r.Max.Y, y+1))
		r.cells++
		r.weight += int(abs(d.diff[at]))
		if d.fresh[at] {
			fresh++
		}
		for ny := max(y-1-gap, 0); ny <= min(y+1+gap, rows-1); ny++ {
			for nx := max(x-1-gap, 0); nx <= min(x+1+gap, cols-1); nx++ {
				if n := ny*cols + nx; d.moving[n] && d.label[n] == 0 {
					d.label[n] = 1
					d.queue = append(d.queue, int32(n))
				}
			}
		}
	}
	return r, fresh
}

// maxMerge bounds the work in a picture full of specks.
const maxMerge = 256

// merge makes regions that overlap or touch one, until none do, and returns
// them by size, the largest first. Only the largest maxMerge are looked at.
func merge(rs []region) []region {
	bySize := func(a, b region) int {
		return cmp.Or(cmp.Compare(b.cells, a.cells), cmp.Compare(a.Min.Y, b.Min.Y), cmp.Compare(a.Min.X, b.Min.X))
	}
	slices.SortFunc(rs, bySize)
	rs = rs[:min(len(rs), maxMerge)]
	for i := 0; i < len(rs); i++ {
		for j := i + 1; j < len(rs); j++ {
			if !rs[i].Inset(-1).Overlaps(rs[j].Rectangle) {
				continue
			}
			rs[i].Rectangle = rs[i].Union(rs[j].Rectangle)
			rs[i].cells += rs[j].cells
			rs[i].weight += rs[j].weight
			rs = slices.Delete(rs, j, j+1)
			// The grown region may now reach any other one.
			i, j = -1, len(rs)
		}
	}
	slices.SortFunc(rs, bySize)
	return rs
}
