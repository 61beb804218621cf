// The set of states seen: hash to number, in one array. Half the time of an
// exploration is spent here.

package model

// table is an open-addressed map from hashes, none of which is 0, to numbers.
type table struct {
	hashes []uint64
	ids    []uint32
	n      int
}

func newTable() *table {
	const size = 1 << 12
	return &table{hashes: make([]uint64, size), ids: make([]uint32, size)}
}

// put returns the number of h, which is id if h is new.
func (t *table) put(h uint64, id uint32) (got uint32, fresh bool) {
	if 2*t.n >= len(t.hashes) {
		t.grow()
	}
	h = max(h, 1)
	i := t.at(h)
	if t.hashes[i] == h {
		return t.ids[i], false
	}
	t.hashes[i], t.ids[i] = h, id
	t.n++
	return id, true
}

// at is where h is, or belongs.
func (t *table) at(h uint64) uint64 {
	mask := uint64(len(t.hashes) - 1)
	i := h & mask
	for t.hashes[i] != 0 && t.hashes[i] != h {
		i = (i + 1) & mask
	}
	return i
}

func (t *table) grow() {
	old := *t
	t.hashes, t.ids = make([]uint64, 2*len(old.hashes)), make([]uint32, 2*len(old.ids))
	for j, h := range old.hashes {
		if h != 0 {
			i := t.at(h)
			t.hashes[i], t.ids[i] = h, old.ids[j]
		}
	}
}
