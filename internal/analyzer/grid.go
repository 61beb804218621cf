// A picture reduced to a grid of luma averages: what motion and scene compare.

package analyzer

import "image"

// Grid is a picture cut into square cells, the last column and row possibly
// narrower, with the luma of each.
type Grid struct {
	CellPixels int     // side of a cell
	Cols, Rows int     // number of cells
	Luma       []uint8 // average of each cell, 0 to 255, row by row

	sums []uint32 // one row of cells, while it is summed up
}

// samplesPerSide is how many pixels of a cell are looked at, across and down.
// Noise is averaged over 16 pixels, and a 1080p picture takes half a million
// looks instead of two million.
const samplesPerSide = 4

// Fill makes g the reduced copy of img, whose corner is at the origin, with
// cells of the given side in pixels. It uses g's memory again where it can.
// Luma is that of BT.601: for comparing, any fixed weights do.
func (g *Grid) Fill(img *image.RGBA, cellPixels int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	g.CellPixels = cellPixels
	g.Cols, g.Rows = (w+cellPixels-1)/cellPixels, (h+cellPixels-1)/cellPixels
	g.Luma = sized(g.Luma, g.Cols*g.Rows)
	g.sums = sized(g.sums, g.Cols)
	step := max(cellPixels/samplesPerSide, 1)
	for row := range g.Rows {
		clear(g.sums)
		top, bottom := row*cellPixels, min((row+1)*cellPixels, h)
		lines := uint32(0)
		for y := top + step/2; y < bottom; y += step {
			g.addLine(img.Pix[y*img.Stride:][:4*w], step)
			lines++
		}
		if lines == 0 { // a last row thinner than half a step
			g.addLine(img.Pix[top*img.Stride:][:4*w], step)
			lines = 1
		}
		out := g.Luma[row*g.Cols:][:g.Cols]
		for col := range out {
			n := lines * uint32(columnSamples(min(cellPixels, w-col*cellPixels), step))
			out[col] = uint8((g.sums[col] + n*128) / (n * 256))
		}
	}
}

// addLine adds the samples of one line of pixels to the cells they lie in.
func (g *Grid) addLine(line []uint8, step int) {
	wr, wg, wb := BT601.Weights()
	cellBytes, stepBytes := 4*g.CellPixels, 4*step
	for col := range g.sums {
		cell := line[col*cellBytes:]
		cell = cell[:min(cellBytes, len(cell))]
		var sum uint32
		i := step / 2 * 4
		if i >= len(cell) {
			i = 0
		}
		for ; i+3 < len(cell); i += stepBytes {
			p := cell[i : i+3 : i+3]
			sum += wr*uint32(p[0]) + wg*uint32(p[1]) + wb*uint32(p[2])
		}
		g.sums[col] += sum
	}
}

// columnSamples is how many pixels addLine looks at in a cell of width pixels.
func columnSamples(width, step int) int {
	if width <= step/2 {
		return (width + step - 1) / step
	}
	return (width - step/2 + step - 1) / step
}

// sized returns a slice of n elements, s itself if it is large enough.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
