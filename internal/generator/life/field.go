// The game: a field of cells and one step of it.

package life

// A cell of alive or more lives, and the excess is its age in frames, up to
// 127. One below alive is dead; the number says how long it still glows.
const (
	alive = 128
	glow  = 120 // of a cell that has just died
	fade  = 4   // glow lost with each frame
)

type field struct {
	cols, rows int
	cells      []uint8
	next       []uint8
	columns    []uint8 // living cells of three rows, for each column
}

// sow returns a field in which three cells of ten live.
func sow(cols, rows int, seed uint64) field {
	f := field{
		cols: cols, rows: rows,
		cells:   make([]uint8, cols*rows),
		next:    make([]uint8, cols*rows),
		columns: make([]uint8, cols),
	}
	// splitmix64 (Steele, Lea, Flood 2014): its output for a seed is fixed,
	// which the standard library does not promise of its own sources.
	state := seed
	for i := range f.cells {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		if (z^z>>31)>>32*10>>32 < 3 {
			f.cells[i] = alive
		}
	}
	return f
}

// step plays one generation.
func (f *field) step() {
	for row := range f.rows {
		above := f.row((row + f.rows - 1) % f.rows)
		here := f.row(row)
		below := f.row((row + 1) % f.rows)
		for x := range f.columns {
			f.columns[x] = above[x]>>7 + here[x]>>7 + below[x]>>7
		}
		out := f.next[row*f.cols:][:f.cols]
		left := f.columns[f.cols-1]
		for x, cell := range here {
			mid, right := f.columns[x], f.columns[0]
			if x+1 < f.cols {
				right = f.columns[x+1]
			}
			out[x] = rule(cell, left+mid+right-cell>>7)
			left = mid
		}
	}
	f.cells, f.next = f.next, f.cells
}

// rule says what becomes of a cell with so many living neighbours.
func rule(cell, neighbours uint8) uint8 {
	living := cell >= alive
	switch {
	case living && (neighbours == 2 || neighbours == 3):
		return max(cell+1, cell) // 255 stays: cell+1 is 0 there
	case living:
		return glow
	case neighbours == 3:
		return alive
	default:
		return cell - min(cell, fade)
	}
}

func (f *field) row(y int) []uint8 { return f.cells[y*f.cols:][:f.cols] }
